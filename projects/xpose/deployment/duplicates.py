# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Removal of duplicates without loops over detections.

The same as ``projects.xpose.models.heads.post_processing``, in operators
that a graph can hold. Dims: G detections by descending score, K keypoints.
"""

import torch
from torch import Tensor


def first_of_each(rivals: Tensor, alive: Tensor) -> Tensor:
    """Greedy suppression: who survives removes the rivals behind it.

    Args:
        rivals (Tensor): (G, G) bool, symmetric.
        alive (Tensor): (G,) bool: who takes part.

    Returns:
        Tensor: (G,) bool.
    """
    behind = rivals.triu(1)
    kept = alive
    # Step i settles detection i: those before it are settled already.
    for _ in range(len(alive) - 1):
        kept = alive & ~(behind & kept[:, None]).any(0)
    return kept


def pose_similarity(
    keypoints: Tensor, mask: Tensor, boxes: Tensor, sigmas: Tensor
) -> Tensor:
    """OKS of all pairs, as mmpose's ``oks_iou``.

    Args:
        keypoints (Tensor): (G, K, 2).
        mask (Tensor): (G, K) True = real.
        boxes (Tensor): (G, 4) xyxy in the same unit.
        sigmas (Tensor): (G, K) of each one's category.

    Returns:
        Tensor: (G, G); row i by the keypoints of i, so it means nothing
        where categories differ.
    """
    areas = (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(1)
    area = (areas[:, None] + areas) / 2 + torch.finfo(torch.float32).eps
    distance = (keypoints[:, None] - keypoints).square().sum(-1)  # (G, G, K)
    variance = (2 * sigmas).square()[:, None]
    similarity = torch.exp(-distance / variance / area[..., None] / 2)
    mask = mask[:, None]
    return (similarity * mask).sum(-1) / mask.sum(-1).clamp(min=1)
