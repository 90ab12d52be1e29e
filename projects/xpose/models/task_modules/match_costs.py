# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Keypoint costs of the Hungarian matching (paper 3.3, as in ED-Pose).

Dims: G groups (kept objects), N ground-truth objects, K keypoints.
"""

from typing import Any

import torch
from mmdet.models.task_modules.assigners.match_cost import BaseMatchCost
from mmengine.structures import InstanceData
from mmpose.registry import TASK_UTILS
from torch import Tensor

from .oks import object_keypoint_similarity

# Larger than any sum of the other costs: a group that was expanded with
# the keypoints of another category can never explain an object.
FORBIDDEN = 1e4


@TASK_UTILS.register_module()
class KeypointL1Cost(BaseMatchCost):
    """Mean L1 distance of labelled keypoints, in units of the picture.

    Pairs of different categories cost :data:`FORBIDDEN` on top.
    """

    def __call__(
        self,
        pred_instances: InstanceData,
        gt_instances: InstanceData,
        img_meta: dict | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """Return (G, N) costs.

        Args:
            pred_instances (InstanceData): ``keypoints`` (G, K, 2) in 0..1,
                ``labels`` (G,) the category each group was expanded for.
            gt_instances (InstanceData): ``keypoints`` (N, K, 2) in 0..1,
                ``keypoint_weights`` (N, K), ``labels`` (N,).
            img_meta (dict, optional): Not used.
            kwargs: Not used.
        """
        weights = gt_instances.keypoint_weights
        distance = (
            pred_instances.keypoints[:, None] - gt_instances.keypoints
        ).abs()
        cost = (distance.sum(-1) * weights).sum(-1)
        cost = cost / weights.sum(-1).clamp(min=1)
        other = pred_instances.labels[:, None] != gt_instances.labels
        return cost * self.weight + other * FORBIDDEN


@TASK_UTILS.register_module()
class OKSCost(BaseMatchCost):
    """Negative OKS of each pair."""

    def __call__(
        self,
        pred_instances: InstanceData,
        gt_instances: InstanceData,
        img_meta: dict | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """Return (G, N) costs.

        Args:
            pred_instances (InstanceData): ``keypoints`` (G, K, 2) in 0..1.
            gt_instances (InstanceData): ``keypoints`` (N, K, 2) in 0..1,
                ``keypoint_weights``, ``sigmas`` (N, K), ``areas`` (N,) in
                input pixels.
            img_meta (dict): ``img_shape`` (h, w) of the input.
            kwargs: Not used.
        """
        height, width = img_meta['img_shape']
        size = torch.tensor(
            [width, height], device=pred_instances.keypoints.device
        )
        oks = object_keypoint_similarity(
            pred_instances.keypoints[:, None] * size,
            gt_instances.keypoints * size,
            gt_instances.keypoint_weights,
            gt_instances.sigmas,
            gt_instances.areas,
        )
        return -oks * self.weight
