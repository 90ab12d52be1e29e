# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""PCK of category-agnostic pose estimation, as published for MP-100."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmpose.registry import METRICS

from projects.common.datasets.episodes import (
    BOX_RULES,
    EpisodeQuery,
    clipped_box,
)
from projects.common.evaluation.cape_scores import (
    QueryErrors,
    half_width,
    keypoint_shares,
    normalised_mean_error,
    query_scores,
)
from projects.common.evaluation.pck import box_iou
from projects.common.utils.files import write_json

_EMPTY_RULES = ('zero', 'skip')
#: Which of several predicted instances answers for a query.
_INSTANCE_RULES = {
    'score': 'highest score',
    'fit': "highest score x IoU with the query's box, else nearest to it",
}
_FRAMES = {
    'crop': "crop (square of the query's box x 1.25)",
    'picture': 'picture (the whole one)',
}


@METRICS.register_module()
class CapePCK(BaseMetric):
    """Scores of the queries of an :class:`EpisodeDataset`.

    A keypoint counts if it is labelled in the query and in every support. It
    is correct if its distance, in pixels of the picture, is less than ``t *
    max(w, h)`` of the query's clipped box. The share of correct keypoints of
    a query, then the mean over queries: every query weighs the same. A query
    without a prediction has no correct keypoint.

    Of several predicted instances one is taken, see ``instance``.

    Keys of the result, values 0..1: ``PCK@<t>``, ``mPCK`` (mean over the
    thresholds), ``AUC`` (area under PCK(t), 0 < t < ``auc_range``), ``NME``
    (mean error in units of max(w, h), without empty and unanswered queries);
    ``<key>/ci95``, half the width of the 95 % confidence interval (normal
    approximation over episodes within categories; absent where a category
    has one episode only, for NME one with errors only);
    ``<key>/<category>`` and ``<key>/super/<supercategory>``, without
    intervals; ``num_queries``, ``num_queries_total``, ``num_empty``,
    ``num_unanswered``; and as texts ``protocol`` and ``episodes_sha256``.

    Args:
        thresholds: Of PCK, in units of the box's longer side.
        box: Rule that clips the query's box, see :func:`clipped_box`.
        empty: 'zero': a query without a keypoint that counts scores 0, as in
            the published code; 'skip': it is left out.
        instance: 'score': the instance with the highest score; 'fit': the
            one with the highest product of score and IoU with the query's
            box, which is given in this protocol, or where no box overlaps
            it the one whose centre is nearest; None: 'score' inside the
            query's crop, 'fit' on whole pictures.
        auc_range: Largest threshold of AUC.
        outfile: Json file for all scores, also those of every keypoint;
            ``tools/test.py`` adds the checkpoint's path and hash.
        collect_device: ``cpu`` or ``gpu``, see mmengine's ``BaseMetric``.
        prefix: Put in front of every key.

    Raises:
        ValueError: If an argument is out of its range; on use, if a
            prediction does not fit its query.
    """

    default_prefix = ''

    def __init__(
        self,
        thresholds: Sequence[float] = (0.05, 0.1, 0.15, 0.2, 0.25),
        box: str = 'official',
        empty: str = 'zero',
        instance: str | None = None,
        auc_range: float = 0.2,
        outfile: str | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        for name, value, allowed in (
            ('box', box, BOX_RULES),
            ('empty', empty, _EMPTY_RULES),
            ('instance', instance, (None, *_INSTANCE_RULES)),
        ):
            if value not in allowed:
                raise ValueError(
                    f'CapePCK: {name} is {value!r}; choose one of '
                    f'{", ".join(map(repr, allowed))}.'
                )
        if not thresholds or min(*thresholds, auc_range) <= 0:
            raise ValueError(
                f'CapePCK: thresholds is {thresholds} and auc_range '
                f'{auc_range}; give one or more positive numbers.'
            )
        self.thresholds = [float(t) for t in thresholds]
        self.box = box
        self.empty = empty
        self.instance = instance
        self.auc_range = float(auc_range)
        self.outfile = outfile

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the errors of a batch of queries.

        Args:
            data_batch: Not used.
            data_samples: Pose data samples as dicts, with ``episode``
                (:class:`EpisodeQuery`), ``prompts`` and ``pred_instances``
                in pixels of the episode's frame.
        """
        for sample in data_samples:
            query: EpisodeQuery = sample['episode']
            category = sample['prompts']['categories'][0]
            counted = (query.keypoints[:, 2] > 0) & query.support_visible
            self.results.append(
                QueryErrors(
                    episode=query.episode,
                    query=query.query,
                    category=category.name,
                    supercategory=category.supercategory,
                    names=category.keypoints,
                    errors=self._errors(query, sample['pred_instances']),
                    counted=counted,
                )
            )

    def _errors(
        self, query: EpisodeQuery, predicted: Mapping[str, Any]
    ) -> np.ndarray:
        """(K,) distances in units of the box's longer side."""
        count = len(query.keypoints)
        keypoints = _array(predicted['keypoints'])
        if len(keypoints) == 0:
            return np.full(count, np.inf)
        chosen = keypoints[self._choose(query, predicted)]
        where = f'The prediction for annotation {query.annotation_id}'
        if chosen.ndim != 2 or len(chosen) < count:
            raise ValueError(
                f'{where} has keypoints of shape {chosen.shape}, but its '
                f'category has {count}; predict (instances, K, 2).'
            )
        chosen = chosen[:count]
        if not np.isfinite(chosen).all():
            raise ValueError(f'{where} has a coordinate that is not finite.')
        matrix = query.to_picture
        placed = chosen @ matrix[:, :2].T + matrix[:, 2]
        box = clipped_box(query.bbox, query.picture_shape, self.box)
        offset = placed - query.keypoints[:, :2].astype(np.float64)
        return np.linalg.norm(offset, axis=-1) / max(box[2:])

    def _choose(
        self, query: EpisodeQuery, predicted: Mapping[str, Any]
    ) -> int:
        """Which instance answers for the query."""
        if len(predicted['keypoints']) == 1:
            return 0
        if self._instance_rule(query.frame) == 'score':
            return int(_array(predicted['scores']).argmax())
        matrix = query.to_picture
        corners = _array(predicted['bboxes']).reshape(-1, 2, 2)
        boxes = (corners @ matrix[:, :2].T + matrix[:, 2]).reshape(-1, 4)
        x, y, width, height = query.given_bbox
        truth = np.array([[x, y, x + width, y + height]])
        fit = box_iou(boxes, truth)[:, 0] * _array(predicted['scores'])
        if fit.max() > 0:
            return int(fit.argmax())
        offset = boxes.reshape(-1, 2, 2).mean(1) - truth.reshape(2, 2).mean(0)
        return int(np.linalg.norm(offset, axis=1).argmin())

    def _instance_rule(self, frame: str) -> str:
        return self.instance or ('score' if frame == 'crop' else 'fit')

    def compute_metrics(
        self, results: list[QueryErrors]
    ) -> dict[str, float | int | str]:
        """Aggregate; see the class for the keys.

        The order of ``results`` and doubles (a padded batch) do not matter.
        """
        found = {(r.episode, r.query): r for r in results}
        queries = [found[key] for key in sorted(found)]
        empty = [query for query in queries if query.is_empty]
        if self.empty == 'skip':
            queries = [query for query in queries if not query.is_empty]
        if not queries:
            raise ValueError(
                'CapePCK: there is no query to score; check the episodes.'
            )
        metrics = self._aggregate(queries)
        about = (self.dataset_meta or {}).get('episodes') or {}
        total = about.get('num_queries', len(found))
        if len(found) < total:
            print_log(
                f'partial: {len(found)} of {total} queries were evaluated.',
                logger='current',
                level=logging.WARNING,
            )
        unanswered = [q for q in queries if np.isinf(q.errors).all()]
        metrics['num_queries'] = len(found)
        metrics['num_queries_total'] = total
        metrics['num_empty'] = len(empty)
        metrics['num_unanswered'] = len(unanswered)
        metrics['protocol'] = self._protocol(about, len(found), total)
        metrics['episodes_sha256'] = about.get('sha256', '')
        if self.outfile is not None:
            keypoints = keypoint_shares(queries, self.thresholds)
            write_json(self.outfile, {**metrics, 'keypoints': keypoints})
        return metrics

    def _aggregate(self, queries: Sequence[QueryErrors]) -> dict[str, Any]:
        names = [f'PCK@{t:g}' for t in self.thresholds] + ['mPCK', 'AUC']
        scores = np.stack(
            [query_scores(q, self.thresholds, self.auc_range) for q in queries]
        )
        episodes = np.array([query.episode for query in queries])
        categories = np.array([query.category for query in queries])
        groups = np.array([query.supercategory for query in queries])
        metrics: dict[str, Any] = {}

        def add(suffix: str, rows: np.ndarray) -> None:
            means = scores[rows].mean(0)
            for name, value in zip(names, means):
                metrics[name + suffix] = float(value)
            metrics['NME' + suffix] = normalised_mean_error(
                [queries[i] for i in np.flatnonzero(rows)]
            )

        every = np.ones(len(queries), bool)
        add('', every)
        errors = np.array([normalised_mean_error([q]) for q in queries])
        for keys, values, rows in (
            (names, scores, every),
            (['NME'], errors[:, None], errors >= 0),
        ):
            if not rows.any():
                continue
            width = half_width(values[rows], episodes[rows], categories[rows])
            if width is not None:
                for name, value in zip(keys, width):
                    metrics[f'{name}/ci95'] = float(value)
        for group in dict.fromkeys(groups):
            if group:
                add(f'/super/{group}', groups == group)
        for category in dict.fromkeys(categories):
            add(f'/{category}', categories == category)
        return metrics

    def _protocol(
        self, about: Mapping[str, Any], count: int, total: int
    ) -> str:
        """One line that says what the figures mean."""
        parts = [
            "CAPE: distance < t * max(w, h) of the query's box"
            f' ({self.box} clipping), in picture pixels',
            'labelled in query and all supports',
            f'empty query: {self.empty}',
            'mean over keypoints, then queries',
            'mPCK over t = ' + ', '.join(f'{t:g}' for t in self.thresholds),
            f'AUC up to t = {self.auc_range:g}',
            'ci95: normal, over episodes within categories',
        ]
        if about:
            frame = about['frame']
            rule = self._instance_rule(frame)
            parts += [
                f'frame: {_FRAMES[frame]}, instance by {rule} '
                f'({_INSTANCE_RULES[rule]})',
                f'{about["shots"]}-shot, {about["num_episodes"]} of '
                f'{about["num_episodes_total"]} episodes ({about["rule"]}) '
                f'of {about["annotation_file"]}, sha256 '
                f'{about["sha256"] or "none: drawn anew"}',
            ]
            if about.get('perturbation'):
                parts.append(f'PERTURBED: {about["perturbation"]}')
            if about.get('partial'):
                parts.append(about['partial'])
        if count < total:
            parts.append(f'PARTIAL: {count} of {total} queries')
        return '; '.join(parts)


def _array(value: Any) -> np.ndarray:
    if hasattr(value, 'detach'):
        value = value.detach().cpu().numpy()
    return np.asarray(value, np.float64)
