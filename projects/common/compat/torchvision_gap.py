# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Gap 2: torchvision's compiled operators do not load.

torchvision decides itself whether they do (``extension._has_ops``); nothing
here acts where they do.
"""

from types import ModuleType

import torch
from torch import Tensor

NMS_SCHEMA = '(Tensor dets, Tensor scores, float iou_threshold) -> Tensor'

# A library takes its operators with it when it is garbage collected.
_library: torch.library.Library | None = None


def nms(dets: Tensor, scores: Tensor, iou_threshold: float) -> Tensor:
    """Greedy non-maximum suppression in plain PyTorch.

    Runs on the CPU whatever the device of the boxes, since every step
    depends on the one before. Memory is linear in N.

    Args:
        dets (Tensor): (N, 4) boxes xyxy.
        scores (Tensor): (N,) scores.
        iou_threshold (float): A box that overlaps a kept one by more than
            this intersection over union is dropped.

    Returns:
        Tensor: (M,) long, indices of the kept boxes by falling score.
    """
    order = scores.detach().cpu().sort(descending=True, stable=True).indices
    boxes = dets.detach().cpu()[order]
    if boxes.dtype != torch.float64:
        boxes = boxes.float()
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1)
    rest = torch.arange(len(boxes))
    kept = []
    while rest.numel():
        first, rest = rest[0], rest[1:]
        kept.append(first)
        top_left = torch.maximum(boxes[first, :2], boxes[rest, :2])
        bottom_right = torch.minimum(boxes[first, 2:], boxes[rest, 2:])
        inter = (bottom_right - top_left).clamp(min=0).prod(dim=1)
        iou = inter / (areas[first] + areas[rest] - inter)
        # Not `iou <= threshold`: 0 / 0 of empty boxes keeps both.
        rest = rest[~(iou > iou_threshold)]
    if not kept:
        return torch.zeros(0, dtype=torch.long, device=dets.device)
    return order[torch.stack(kept)].to(dets.device)


def repair_extension(module: ModuleType) -> None:
    """Declare what ``import torchvision`` asks for if it did not load.

    Args:
        module (module): ``torchvision.extension`` after it ran.
    """
    global _library
    if module._has_ops() or hasattr(torch.ops.torchvision, 'nms'):
        return
    _library = torch.library.Library('torchvision', 'FRAGMENT')
    _library.define('nms' + NMS_SCHEMA)
    _library.define('qnms' + NMS_SCHEMA)
    for key in ('CPU', 'CUDA', 'MPS', 'XPU'):
        _library.impl('nms', nms, key)


def repair_boxes(module: ModuleType) -> None:
    """Let ``torchvision.ops.nms`` reach the operator declared above.

    The module's only guarded operator is nms, which now works without the
    compiled library; other modules keep their guard and its message.

    Args:
        module (module): ``torchvision.ops.boxes`` after it ran.
    """
    from torchvision import extension

    if not extension._has_ops():
        module._assert_has_ops = lambda: None
