# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Which boxes are second guesses about one object."""

import torch
from torch import Tensor
from torchvision.ops import box_iou

#: Boxes of two categories that overlap (IoU) more are one object. It is high:
#: things of two kinds may share a place, a rider and a horse say.
ANY_KIND_IOU = 0.7


def best_of_each_object(
    boxes: Tensor,
    scores: Tensor,
    labels: Tensor,
    same_kind_iou: float,
    any_kind_iou: float = ANY_KIND_IOU,
) -> list[int]:
    """Leave out boxes that overlap a better one which stays.

    Args:
        boxes (Tensor): (N, 4) xyxy.
        scores (Tensor): (N,).
        labels (Tensor): (N,) categories.
        same_kind_iou (float): Largest overlap of two boxes of one category;
            1 keeps all.
        any_kind_iou (float): Largest overlap of any two boxes; not less than
            ``same_kind_iou`` counts.

    Returns:
        list[int]: Indices of what is left, by descending score.
    """
    overlaps = box_iou(boxes.float(), boxes.float())
    same = labels[:, None] == labels
    rivals = (overlaps > max(same_kind_iou, any_kind_iou)) | (
        same & (overlaps > same_kind_iou)
    )
    kept: list[int] = []
    for index in torch.argsort(scores, descending=True, stable=True).tolist():
        if not rivals[index, kept].any():
            kept.append(index)
    return kept
