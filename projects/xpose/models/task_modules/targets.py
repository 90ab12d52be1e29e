# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Ground truth of a batch in the units of the losses.

Dims: N objects of a picture, K keypoints, C categories.
"""

import torch
from mmdet.structures.bbox import bbox_xyxy_to_cxcywh
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample
from torch import Tensor
from torch.nn.functional import pad


def build_targets(
    samples: list[PoseDataSample], num_keypoints: int = 0
) -> list[InstanceData]:
    """Collect what matching and losses need.

    Args:
        samples (list[PoseDataSample]): With ``gt_instances`` and
            ``prompts``, ``img_shape`` (h, w).
        num_keypoints (int): K of the predictions, at least that of every
            category present; 0 leaves the keypoints empty.

    Returns:
        list[InstanceData]: Per picture ``labels`` (N,), ``bboxes`` (N, 4)
        xyxy input px, ``boxes`` (N, 4) cx, cy, w, h in 0..1,
        ``keypoints`` (N, K, 2) in 0..1, ``keypoint_weights`` (N, K) 1 =
        labelled, ``sigmas`` (N, K), ``areas`` (N,) input px^2.
    """
    return [_targets_of(sample, num_keypoints) for sample in samples]


def _targets_of(sample: PoseDataSample, num_keypoints: int) -> InstanceData:
    gt = sample.gt_instances
    height, width = sample.img_shape
    size = gt.bboxes.new_tensor([width, height])
    visible = (gt.keypoints_visible > 0) & gt.keypoint_mask
    return InstanceData(
        labels=gt.labels,
        bboxes=gt.bboxes,
        boxes=bbox_xyxy_to_cxcywh(gt.bboxes) / size.repeat(2),
        keypoints=fit_slots(gt.keypoints / size, num_keypoints),
        keypoint_weights=fit_slots(visible.float(), num_keypoints),
        sigmas=_sigmas(sample, num_keypoints)[gt.labels],
        areas=gt.areas,
    )


def fit_slots(values: Tensor, num_keypoints: int) -> Tensor:
    """Cut or zero-pad dim 1 of (N, K', ...) to (N, K, ...)."""
    missing = num_keypoints - values.shape[1]
    if missing <= 0:
        return values[:, :num_keypoints]
    return pad(values, (0, 0) * (values.dim() - 2) + (0, missing))


def _sigmas(sample: PoseDataSample, num_keypoints: int) -> Tensor:
    """(C, K) sigmas of the picture's categories, 1 where padded."""
    categories = sample.prompts.categories
    table = torch.ones(len(categories), num_keypoints)
    for row, category in zip(table, categories, strict=True):
        count = min(num_keypoints, category.num_keypoints)
        row[:count] = torch.tensor(category.sigmas[:count])
    return table.to(sample.gt_instances.bboxes)
