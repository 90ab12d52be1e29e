# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""How alike prompts and the regions that they name are (X-Pose, table 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmpose.registry import METRICS
from torch.nn.functional import cosine_similarity


@METRICS.register_module()
class PromptAlignment(BaseMetric):
    """Text-to-region similarity of labelled objects and keypoints.

    What is compared, always an annotated object or keypoint with its own
    prompt, as cosine times 100 (the paper's "CLIP score"):

    - plain CLIP (:class:`CLIPRegions`): CLIP's image embedding of a square
      cut around the annotated box with its text embedding of the category;
      that of a smaller square around the annotated keypoint with the text
      embedding of the keypoint. Given the annotation, nothing is located.
    - X-Pose (:class:`XPoseRegions`): the last decoder layer's query of the
      object that the model found there (box IoU >= 0.5 with the annotated
      box) with the category's enhanced prompt, both as the object-level
      alignment compares them; the keypoint's query of that object with the
      keypoint's projected prompt, as the keypoint-level alignment does.

    The paper does not say more. Cosines of two spaces are no measure of
    which model is better: ``keypoint_top1`` is the share of keypoints that
    are more like their own prompt than like any other keypoint's of their
    category, which can be compared.

    Keys of the result, with the prefix ``alignment/``: ``instance`` (mean
    over objects), ``keypoint`` and ``keypoint_top1`` (mean over labelled
    keypoints, v > 0), ``found`` (share of objects that were found; means
    are over these), ``num_instances`` and ``num_keypoints`` (annotated).
    Means are -1 where nothing was found or there is nothing.

    Args:
        collect_device: ``cpu`` or ``gpu``, see mmengine's ``BaseMetric``.
        prefix: Put in front of every key, by default 'alignment'.
    """

    default_prefix = 'alignment'

    def __init__(
        self, collect_device: str = 'cpu', prefix: str | None = None
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Add up the similarities of a batch.

        Args:
            data_batch: Not used.
            data_samples: Pose data samples as dicts, with ``gt_instances``
                of N objects and, in the same order, ``pred_instances``:
                ``found`` (N,) bool, ``embeddings`` and ``prompts`` (N, D),
                ``keypoint_embeddings`` and ``keypoint_prompts`` (N, K, D).
        """
        self.results.extend(map(_sums, data_samples))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Means over all pictures.

        Args:
            results: What :meth:`process` stored, of all processes.

        Returns:
            dict: The values named in the class's docstring.
        """
        total = np.sum([np.zeros(7), *results], axis=0)
        instance, found, objects, keypoint, top1, located, keypoints = total
        return {
            'instance': _share(100 * instance, found),
            'keypoint': _share(100 * keypoint, located),
            'keypoint_top1': _share(top1, located),
            'found': _share(found, objects),
            'num_instances': int(objects),
            'num_keypoints': int(keypoints),
        }


def _sums(sample: Mapping[str, Any]) -> np.ndarray:
    """What is added up of a picture, in the order it is taken apart."""
    pred, truth = sample['pred_instances'], sample['gt_instances']
    found = pred['found']
    similar = cosine_similarity(pred['embeddings'], pred['prompts'], dim=-1)
    real = truth['keypoint_mask']
    labelled = (truth['keypoints_visible'] > 0) & real
    count = pred['keypoint_embeddings'].shape[1]
    real, shown = real[:, :count], labelled[:, :count] & found[:, None]
    table = cosine_similarity(  # (N, K regions, K prompts)
        pred['keypoint_embeddings'][:, :, None].float(),
        pred['keypoint_prompts'][:, None].float(),
        dim=-1,
    ).masked_fill(~real[:, None], -2)
    own = table.diagonal(dim1=1, dim2=2)
    best = table.amax(-1) if count else own
    values = (
        similar[found].sum(),
        found.sum(),
        len(found),
        own[shown].sum(),
        (own >= best)[shown].sum(),
        shown.sum(),
        labelled.sum(),
    )
    return np.array([float(value) for value in values])


def _share(value: float, count: float) -> float:
    return float(value / count) if count else -1.0
