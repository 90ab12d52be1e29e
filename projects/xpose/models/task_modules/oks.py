# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Object keypoint similarity with per-category sigmas, differentiable."""

import torch
from torch import Tensor


def object_keypoint_similarity(
    keypoints: Tensor,
    gt_keypoints: Tensor,
    weights: Tensor,
    sigmas: Tensor,
    areas: Tensor,
) -> Tensor:
    """COCO's OKS: exp(-d^2 / (2 s^2 k^2)), k = 2 sigma, s^2 = area.

    mmpose's OKSLoss holds one list of sigmas for the whole model; here
    every object brings its own.

    Args:
        keypoints (Tensor): (..., K, 2) in any unit.
        gt_keypoints (Tensor): (..., K, 2) in the same unit.
        weights (Tensor): (..., K) 1 = labelled.
        sigmas (Tensor): (..., K) > 0.
        areas (Tensor): (...,) in the squared unit.

    Returns:
        Tensor: (...,) mean over labelled keypoints, 0 where none is.
    """
    similarity = keypoint_similarity(keypoints, gt_keypoints, sigmas, areas)
    count = weights.sum(-1).clamp(min=1)
    return (similarity * weights).sum(-1) / count


def keypoint_similarity(
    keypoints: Tensor, gt_keypoints: Tensor, sigmas: Tensor, areas: Tensor
) -> Tensor:
    """Every keypoint's share of the OKS, before the mean.

    Args:
        keypoints (Tensor): (..., K, 2) in any unit.
        gt_keypoints (Tensor): (..., K, 2) in the same unit.
        sigmas (Tensor): (..., K) > 0.
        areas (Tensor): (...,) in the squared unit.

    Returns:
        Tensor: (..., K) in 0..1.
    """
    squared = (keypoints - gt_keypoints).square().sum(-1)
    scale = areas.clamp(min=torch.finfo(areas.dtype).eps)[..., None]
    return torch.exp(-squared / (2 * scale * (2 * sigmas).square()))
