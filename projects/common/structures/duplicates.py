# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Which boxes are second guesses about one object."""

import torch
from torch import Tensor
from torchvision.ops import box_iou

#: Boxes of two categories that overlap (IoU) more are one object. It is high:
#: things of two kinds may share a place, a rider and a horse say.
ANY_KIND_IOU = 0.7
#: Objects of one category whose keypoints are nearer than this on average, as
#: a share of the longest side of both boxes, are one object.
SAME_POSE_DISTANCE = 0.15


def best_of_each_object(
    boxes: Tensor,
    scores: Tensor,
    labels: Tensor,
    same_kind_iou: float,
    any_kind_iou: float = ANY_KIND_IOU,
    keypoints: Tensor | None = None,
    keypoint_mask: Tensor | None = None,
) -> list[int]:
    """Leave out boxes that overlap a better one which stays.

    A box inside another may overlap it little; if both have the same
    keypoints they are one object all the same.

    Args:
        boxes (Tensor): (N, 4) xyxy.
        scores (Tensor): (N,).
        labels (Tensor): (N,) categories.
        same_kind_iou (float): Largest overlap of two boxes of one category;
            1 keeps all, also those of the same keypoints.
        any_kind_iou (float): Largest overlap of any two boxes; not less than
            ``same_kind_iou`` counts.
        keypoints (Tensor, optional): (N, K, 2) in the frame of the boxes.
        keypoint_mask (Tensor, optional): (N, K) True = real; given with
            ``keypoints``.

    Returns:
        list[int]: Indices of what is left, by descending score.
    """
    overlaps = box_iou(boxes.float(), boxes.float())
    same = labels[:, None] == labels
    rivals = (overlaps > max(same_kind_iou, any_kind_iou)) | (
        same & (overlaps > same_kind_iou)
    )
    if keypoints is not None and same_kind_iou < 1:
        rivals |= same & _same_pose(boxes, keypoints, keypoint_mask)
    kept: list[int] = []
    for index in torch.argsort(scores, descending=True, stable=True).tolist():
        if not rivals[index, kept].any():
            kept.append(index)
    return kept


def _same_pose(boxes: Tensor, keypoints: Tensor, mask: Tensor) -> Tensor:
    """(N, N) whether keypoints are as good as the same."""
    side = (boxes[:, 2:] - boxes[:, :2]).amax(1)
    distance = (keypoints[:, None] - keypoints).norm(dim=-1)  # (N, N, K)
    shared = mask[:, None] & mask
    mean = (distance * shared).sum(-1) / shared.sum(-1).clamp(min=1)
    near = mean < SAME_POSE_DISTANCE * torch.maximum(side[:, None], side)
    return near & shared.any(-1)
