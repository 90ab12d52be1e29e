# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The metric of prompted detection: OKS AP, box AP and PCK per category."""

import json
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmpose.registry import METRICS

from projects.common.datasets.selection import Selection
from projects.common.evaluation.instances import (
    MatchedPicture,
    by_category,
    matched_pictures,
)
from projects.common.evaluation.keypoint_quality import (
    keypoint_quality,
    keypoint_samples,
)
from projects.common.evaluation.nme import NormalisedError
from projects.common.evaluation.oks_ap import (
    box_average_precision,
    keypoint_average_precision,
)
from projects.common.evaluation.pck import pck_counts
from projects.common.evaluation.prediction_records import (
    OPTIONAL_FIELDS,
    prediction_record,
)
from projects.common.evaluation.supports import merge_supports
from projects.common.evaluation.threshold import best_score_threshold
from projects.common.evaluation.truth import KeypointTruth, read_truth
from projects.common.evaluation.views import VIEWS, label_accuracy
from projects.common.structures import KeypointCategory
from projects.common.utils.files import write_text

# xtcocotools drops detections whose keypoint scores are all 0; COCO does not.
MIN_KEYPOINT_SCORE = 1e-6
AP_KEYS = ('AP', 'AP50', 'AP75', 'AP_M', 'AP_L')


@METRICS.register_module()
class PromptKeypointMetric(BaseMetric):
    """OKS AP, box AP, PCK, NME, honesty of keypoint scores; any mix of K.

    Protocol. Each category is evaluated with its own K and sigmas by COCO's
    evaluation code (OKS 0.50:0.05:0.95, ground-truth ``area``, at most 20
    detections per picture and category; 100 for boxes); means are taken over
    the categories that have ground truth. Crowd annotations and, for
    keypoints, annotations without a labelled keypoint are ignored.

    PCK: detections are matched to the ground truth of their category one to
    one, greedily by score, at box IoU >= 0.5; a keypoint is correct if it is
    nearer than ``threshold * max(w, h)`` of the ground-truth box; labelled
    keypoints (v > 0) count; those of an unmatched instance are wrong. The
    share is taken per category, then the mean over categories;
    ``PCK_all@<t>`` is the share of the keypoints of all categories together.

    NME, if asked for, is over the same matches, see
    :class:`NormalisedError`.

    Keypoint quality, over all keypoints of the detections that PCK matched:
    ``keypoint/score_ECE`` is the expected calibration error (15 bins) of
    ``keypoint_scores`` against the keypoint's own OKS, exp(-d^2 / (2 s^2
    k^2)) where it is labelled and 0 where it is not (v = 0): what the score
    claims to expect. ``keypoint/visibility_AUC`` is the probability that
    ``keypoints_visible`` is higher at a visible keypoint (v = 2) than at
    another (v < 2). Instances without a labelled keypoint and keypoints
    outside ``keypoint_mask`` are left out. Neither number is reported if
    there is nothing to compare, and no AUC without ``keypoints_visible``.

    ``keypoint/score_thr``: see ``best_score_threshold``.

    ``views`` evaluate the detections once more as :mod:`views` makes them:
    ``one_label`` (each object its best label only), ``given_class`` (without
    detections of a wrong class) and ``given_box`` (the best box of each
    object alone). Their keys are ``<view>/keypoint/{AP,AP50,AP75}`` and
    ``<view>/PCK@<t>``, and say which step loses the accuracy;
    ``one_label/label_accuracy`` is the share of found objects whose best
    scored box has the right label.

    Predictions meet the annotation file by category *name* (upper and lower
    case alike) and image id. Keys of the result: ``keypoint/{AP,AP50,AP75,
    AP_M,AP_L,AR}`` (COCO's medium and large objects, by area),
    ``keypoint/AP/<category>``, ``keypoint/AP/super/<supercategory>``,
    ``bbox/{AP,AP50,AP75,AP_M,AP_L}``, ``PCK@<t>``, ``PCK@<t>/<category>``,
    ``PCK_all@<t>``, ``NME/<normalisation>`` and ``NME/found``,
    ``num_images`` and ``num_images_total`` (a smaller first number is a
    partial evaluation, over the pictures that were seen only; it is also
    logged). Values are 0..1; -1 where there was nothing to find.

    Args:
        ann_file: Path of the COCO-style annotation file, or what was read
            from it.
        pck_thr: One or several PCK thresholds, shares of the box.
        nme: Normalisation of NME, see :class:`NormalisedError`; by default
            there is none.
        views: Names of further evaluations, see above; by default none.
        select: Arguments of :class:`Selection`: evaluate a part of the
            file. Predictions for its other pictures and categories are left
            out.
        outfile_prefix: If given, the predictions are also written to
            ``<outfile_prefix>.keypoints.json`` in COCO's results form and,
            if categories were prompted by example, the annotation ids of
            these to ``<outfile_prefix>.supports.json``.
        collect_device: ``cpu`` or ``gpu``, see mmengine's ``BaseMetric``.
        prefix: Put in front of every key.

    Raises:
        FileNotFoundError: If ``ann_file`` does not exist.
        ValueError: If the file is not a usable keypoint annotation file, an
            argument is out of its range, or predictions do not fit.
    """

    # Empty, not None: the keys carry their own first part.
    default_prefix = ''

    def __init__(
        self,
        ann_file: str | KeypointTruth,
        pck_thr: float | Sequence[float] = 0.2,
        nme: str | Sequence[str] | None = None,
        views: str | Sequence[str] = (),
        select: Mapping[str, Sequence[str]] | None = None,
        outfile_prefix: str | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        thresholds = [pck_thr] if np.isscalar(pck_thr) else list(pck_thr)
        if not thresholds or min(thresholds) <= 0:
            raise ValueError(
                f'pck_thr must be one or more positive numbers, got {pck_thr}'
            )
        self.views = (views,) if isinstance(views, str) else tuple(views)
        unknown = sorted(set(self.views) - set(VIEWS))
        if unknown:
            raise ValueError(
                f'views has the unknown names {unknown}; choose from '
                f'{", ".join(VIEWS)}.'
            )
        self.pck_thr = [float(t) for t in thresholds]
        self.nme = None if nme is None else NormalisedError(nme)
        self.outfile_prefix = outfile_prefix
        if not isinstance(ann_file, KeypointTruth):
            ann_file = KeypointTruth(
                ann_file, read_truth(ann_file), Selection(**(select or {}))
            )
        self.truth = ann_file

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep what is needed of a batch of predictions, as numpy arrays.

        Args:
            data_batch: Not used.
            data_samples: Pose data samples as dicts, with ``img_id``,
                ``prompts`` and ``pred_instances`` (image pixels), of which
            ``keypoints_visible`` and ``keypoint_mask`` may be missing.
        """
        self.results.extend(map(prediction_record, data_samples))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Evaluate the collected predictions.

        Args:
            results: What :meth:`process` stored, of all processes.

        Returns:
            dict: The values named in the class's docstring.
        """
        truth = self.truth
        # A padded batch repeats pictures.
        seen = {
            r['img_id']: r
            for r in results
            if r['img_id'] not in truth.other_images
        }
        unknown = sorted(set(seen) - set(truth.images))
        if unknown:
            raise ValueError(
                f'Predictions for image ids {unknown[:5]} '
                f'({len(unknown)} in all) that {truth.path} does not '
                'have. Give the metric the annotation file of the data set '
                'that is evaluated.'
            )
        images = [i for i in truth.images if i in seen]
        if len(images) < len(truth.images):
            _warn(
                f'partial: {len(images)} of {len(truth.images)} pictures of '
                f'{truth.path} were evaluated.'
            )
        detections = self._to_coco(seen.values())
        if self.outfile_prefix is not None:
            self._dump('keypoints', detections)
            supports = merge_supports(r['supports'] for r in seen.values())
            if supports:
                self._dump('supports', supports)
        metrics = self._keypoint_metrics(images, detections)
        boxes = box_average_precision(
            images, list(truth.categories), truth.annotations, detections
        )
        for key in AP_KEYS:
            metrics[f'bbox/{key}'] = -1.0 if boxes is None else boxes[key]
        metrics.update(self._pck_metrics(images, detections))
        if self.nme is not None:
            matched = self._matched(images, detections)
            metrics.update(self.nme.compute(matched))
        metrics.update(self._quality_metrics(images, detections))
        shown = set(images)
        metrics['keypoint/score_thr'] = best_score_threshold(
            detections,
            [a for a in truth.annotations if a['image_id'] in shown],
        )
        for name in self.views:
            metrics.update(self._view_metrics(name, images, detections))
        metrics['num_images'] = len(images)
        metrics['num_images_total'] = len(truth.images)
        return metrics

    def _to_coco(self, results: Sequence[dict]) -> list[dict]:
        """Predictions as COCO results; foreign category names are dropped."""
        detections, foreign = [], set()
        for result in results:
            ids = self._label_ids(result['categories'])
            foreign.update(
                name
                for (name, _), i in zip(result['categories'], ids)
                if i is None and name.casefold() not in self.truth.other_names
            )
            for index, label in enumerate(result['labels']):
                if ids[label] is None:
                    continue
                num = self.truth.categories[ids[label]].num_keypoints
                scores = result['keypoint_scores'][index, :num]
                keypoints = np.concatenate(
                    [
                        result['keypoints'][index, :num],
                        np.maximum(scores, MIN_KEYPOINT_SCORE)[:, None],
                    ],
                    axis=1,
                )
                x1, y1, x2, y2 = result['bboxes'][index].tolist()
                detections.append(
                    {
                        'image_id': result['img_id'],
                        'category_id': ids[label],
                        'bbox': [x1, y1, x2 - x1, y2 - y1],
                        'score': float(result['scores'][index]),
                        'keypoints': keypoints.ravel().tolist(),
                        **{
                            key: result[key][index, :num].tolist()
                            for key in OPTIONAL_FIELDS
                            if key in result
                        },
                    }
                )
        if foreign:
            _warn(
                f'{self.truth.path} has no categories named '
                f'{sorted(foreign)[:5]} ({len(foreign)} in all); '
                'detections of these prompts are not evaluated.'
            )
        return detections

    def _label_ids(self, prompts: Sequence[tuple]) -> list[int | None]:
        """COCO category id of each prompted category, None if foreign."""
        known = self.truth.category_ids
        ids = [known.get(name.casefold()) for name, _ in prompts]
        for (name, num), category_id in zip(prompts, ids):
            if category_id is None:
                continue
            truth = self.truth.categories[category_id].num_keypoints
            if num != truth:
                raise ValueError(
                    f'The prompt "{name}" has {num} keypoints, but '
                    f'{self.truth.path} has {truth} for this category. '
                    "Evaluate with the data set's own keypoint names."
                )
        return ids

    def _dump(self, name: str, records: list | dict) -> None:
        path = f'{self.outfile_prefix}.{name}.json'
        write_text(path, json.dumps(records))
        print_log(f'Wrote {len(records)} {name} to {path}.', 'current')

    def _keypoint_metrics(
        self, images: list[int], detections: list[dict]
    ) -> dict[str, float]:
        """OKS AP per category, per super-category and their means."""
        truth = by_category(self.truth.annotations)
        found = by_category(detections)
        rows = {}
        for category_id, category in self.truth.categories.items():
            row = keypoint_average_precision(
                images,
                category_id,
                category.sigmas,
                truth[category_id],
                found[category_id],
            )
            if row is not None:
                rows[category_id] = row
        metrics = {}
        for key in (*AP_KEYS, 'AR'):
            values = [row[key] for row in rows.values() if row[key] > -1]
            metrics[f'keypoint/{key}'] = _mean(values)
        supers = defaultdict(list)
        for category_id, row in rows.items():
            category = self.truth.categories[category_id]
            metrics[f'keypoint/AP/{category.name}'] = row['AP']
            supers[category.supercategory].append(row['AP'])
        for name, values in supers.items():
            if name:
                metrics[f'keypoint/AP/super/{name}'] = _mean(values)
        return metrics

    def _view_metrics(
        self, name: str, images: list[int], detections: list[dict]
    ) -> dict[str, float]:
        """Means over categories of one of the views."""
        seen = VIEWS[name](detections, self.truth.annotations)
        metrics = self._keypoint_metrics(images, seen)
        metrics.update(self._pck_metrics(images, seen))
        keys = [f'keypoint/{key}' for key in ('AP', 'AP50', 'AP75')]
        keys += [f'PCK@{thr:g}' for thr in self.pck_thr]
        if name == 'one_label':
            keys.append('label_accuracy')
            metrics['label_accuracy'] = label_accuracy(
                detections, self.truth.annotations
            )
        return {f'{name}/{key}': metrics[key] for key in keys}

    def _pck_metrics(
        self, images: list[int], detections: list[dict]
    ) -> dict[str, float]:
        """PCK per category, its mean and that of all, per threshold."""
        shares, metrics, total = [], {}, 0
        all_correct = np.zeros(len(self.pck_thr), np.int64)
        for category, pictures in self._matched(images, detections):
            correct, labelled = np.zeros(len(self.pck_thr), np.int64), 0
            for picture in pictures:
                hits, count = pck_counts(
                    picture.found_keypoints[..., :2],
                    picture.keypoints[..., :2],
                    picture.keypoints[..., 2],
                    picture.sizes,
                    picture.matched,
                    self.pck_thr,
                )
                correct, labelled = correct + hits, labelled + count
            all_correct, total = all_correct + correct, total + labelled
            if labelled:
                shares.append(correct / labelled)
                for thr, share in zip(self.pck_thr, shares[-1]):
                    metrics[f'PCK@{thr:g}/{category.name}'] = float(share)
        for index, thr in enumerate(self.pck_thr):
            metrics[f'PCK@{thr:g}'] = _mean([s[index] for s in shares])
            of_all = float(all_correct[index] / total) if total else -1.0
            metrics[f'PCK_all@{thr:g}'] = of_all
        return metrics

    def _quality_metrics(
        self, images: list[int], detections: list[dict]
    ) -> dict[str, float]:
        """Calibration of scores and AUC of visibilities, where defined."""
        samples = [
            keypoint_samples(picture, category.sigmas)
            for category, pictures in self._matched(images, detections)
            for picture in pictures
        ]
        values = keypoint_quality([s for s in samples if s is not None])
        return {f'keypoint/{key}': value for key, value in values.items()}

    def _matched(
        self, images: list[int], detections: list[dict]
    ) -> Iterator[tuple[KeypointCategory, Iterator[MatchedPicture]]]:
        """Every category with its matched pictures."""
        truth = by_category(self.truth.annotations)
        found = by_category(detections)
        for index, category in self.truth.categories.items():
            yield (
                category,
                matched_pictures(
                    images, truth[index], found[index], category.num_keypoints
                ),
            )


def _mean(values: Sequence[float]) -> float:
    """Mean, -1 (as COCO) where there is no value."""
    return float(np.mean(values)) if len(values) else -1.0


def _warn(message: str) -> None:
    print_log(message, logger='current', level=logging.WARNING)
