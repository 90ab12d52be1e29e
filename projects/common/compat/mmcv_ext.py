# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Gap 1: ``mmcv._ext`` for mmcv-lite. Imported under that name by the hook.

Operators have the signatures that ``mmcv/ops/*.py`` of mmcv 2.1 calls.
Those not written here exist too (mmcv asks for all of them at import) and
raise when called.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

IS_ANYKEYPOINT_COMPAT = True


def nms(
    boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int
) -> Tensor:
    """Non-maximum suppression.

    Args:
        boxes (Tensor): (N, 4) xyxy.
        scores (Tensor): (N,).
        iou_threshold (float): Overlaps above it are dropped.
        offset (int): 1 if x2, y2 name the last pixel inside the box, else 0.

    Returns:
        Tensor: (M,) long, kept indices by falling score.
    """
    import torchvision  # noqa: F401  (registers the operator, real or ours)

    if boxes.dtype not in (torch.float32, torch.float64):
        boxes, scores = boxes.float(), scores.float()
    shifted = boxes + boxes.new_tensor([0, 0, offset, offset])
    return torch.ops.torchvision.nms(shifted, scores, iou_threshold)


def ms_deform_attn_forward(
    value: Tensor,
    value_spatial_shapes: Tensor,
    value_level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
    im2col_step: int,
) -> Tensor:
    """Multi-scale deformable attention through grid_sample, on any device.

    Args:
        value (Tensor): (B, sum of H*W, heads, D / heads).
        value_spatial_shapes (Tensor): (L, 2) as (h, w).
        value_level_start_index (Tensor): (L,), not needed here.
        sampling_locations (Tensor): (B, Q, heads, L, points, 2) xy in 0..1.
        attention_weights (Tensor): (B, Q, heads, L, points).
        im2col_step (int): A tuning value of the compiled operator, ignored.

    Returns:
        Tensor: (B, Q, D).
    """
    from mmcv.ops.multi_scale_deform_attn import (
        multi_scale_deformable_attn_pytorch,
    )

    # A list: one copy off the device instead of one per level and use.
    return multi_scale_deformable_attn_pytorch(
        value,
        value_spatial_shapes.tolist(),
        sampling_locations,
        attention_weights,
    )


def ms_deform_attn_backward(
    value: Tensor,
    value_spatial_shapes: Tensor,
    value_level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
    grad_output: Tensor,
    grad_value: Tensor,
    grad_sampling_loc: Tensor,
    grad_attn_weight: Tensor,
    im2col_step: int,
) -> None:
    """Gradients of the above by recomputation, written into the grad_* args.

    Args are those of the forward, ``grad_output`` (B, Q, D) and one tensor
    of the input's shape for each gradient.
    """
    inputs = [
        tensor.detach().requires_grad_()
        for tensor in (value, sampling_locations, attention_weights)
    ]
    with torch.enable_grad():
        output = ms_deform_attn_forward(
            inputs[0],
            value_spatial_shapes,
            value_level_start_index,
            inputs[1],
            inputs[2],
            im2col_step,
        )
    grads = torch.autograd.grad(output, inputs, grad_output)
    for into, grad in zip(
        (grad_value, grad_sampling_loc, grad_attn_weight), grads, strict=True
    ):
        into.copy_(grad)


def roi_align_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """RoIAlign with average pooling, written into ``output``.

    Args:
        input (Tensor): (B, D, H, W) feature maps.
        rois (Tensor): (R, 5) as (index into B, x1, y1, x2, y2).
        output (Tensor): (R, D, aligned_height, aligned_width), filled.
        argmax_y (Tensor): Only for max pooling.
        argmax_x (Tensor): Only for max pooling.
        aligned_height (int): Bins per RoI.
        aligned_width (int): Bins per RoI.
        spatial_scale (float): Feature pixels per unit of ``rois``.
        sampling_ratio (int): Samples per bin and axis; 0 adapts to the size.
        pool_mode (int): 1 average; 0 (max) is not provided.
        aligned (bool): Shift by half a pixel, as Detectron2 does.

    Raises:
        RuntimeError: For max pooling.
    """
    _require_average(pool_mode)
    size = (aligned_height, aligned_width)
    for i, roi in enumerate(rois):
        rows, cols = _roi_weights(
            roi, input, size, spatial_scale, sampling_ratio, aligned
        )
        output[i] = rows @ input[int(roi[0])] @ cols.T  # (D, h, w)


def roi_align_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    grad_input: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Gradient of RoIAlign for the feature maps, added to ``grad_input``.

    Args are those of the forward; ``grad_output`` is (R, D, h, w) and
    ``grad_input`` (B, D, H, W).

    Raises:
        RuntimeError: For max pooling.
    """
    _require_average(pool_mode)
    size = (aligned_height, aligned_width)
    for i, roi in enumerate(rois):
        rows, cols = _roi_weights(
            roi, grad_input, size, spatial_scale, sampling_ratio, aligned
        )
        grad_input[int(roi[0])] += rows.T @ grad_output[i] @ cols


def _require_average(pool_mode: int) -> None:
    if pool_mode != 1:
        raise RuntimeError(_missing_message('roi_align (pool_mode max)'))


def _roi_weights(
    roi: Tensor,
    feature: Tensor,
    size: tuple[int, int],
    scale: float,
    ratio: int,
    aligned: bool,
) -> tuple[Tensor, Tensor]:
    """Pooling is linear and separable: (h, H) and (w, W) weight matrices."""
    x1, y1, x2, y2 = (roi[1:] * scale - (0.5 if aligned else 0)).tolist()
    height, width = y2 - y1, x2 - x1
    if not aligned:
        height, width = max(height, 1.0), max(width, 1.0)
    rows = _axis_weights(y1, height, size[0], feature.shape[2], ratio)
    cols = _axis_weights(x1, width, size[1], feature.shape[3], ratio)
    return rows.to(feature), cols.to(feature)


def _axis_weights(
    start: float, extent: float, bins: int, length: int, ratio: int
) -> Tensor:
    """(bins, length) weights of the pixels in each bin's mean, one axis."""
    per_bin = ratio if ratio > 0 else math.ceil(extent / bins)
    if per_bin <= 0:
        return torch.zeros(bins, length)
    samples = bins * per_bin
    where = start + (torch.arange(samples) + 0.5) * (extent / samples)
    inside = (where >= -1) & (where <= length)
    where = where.clamp(0, length - 1)
    low = where.floor().long()
    high = (low + 1).clamp(max=length - 1)
    weights = torch.zeros(samples, length)
    weights.scatter_add_(1, low[:, None], (1 - (where - low))[:, None])
    weights.scatter_add_(1, high[:, None], (where - low)[:, None])
    weights *= inside[:, None]
    return weights.view(bins, per_bin, length).mean(dim=1)


def get_compiler_version() -> str:
    """What mmcv's environment report prints as the compiler."""
    return 'none (PyTorch operators of AnyKeypoint)'


def get_compiling_cuda_version() -> str:
    """What mmcv's environment report prints as the CUDA it was built with."""
    return 'none (PyTorch operators of AnyKeypoint)'


def _missing_message(name: str) -> str:
    return (
        f'The operator {name} of mmcv is not available: mmcv-lite has no '
        'compiled operators, and AnyKeypoint provides only nms, '
        'ms_deform_attn and roi_align (average) in PyTorch. Install the full '
        'mmcv: pip uninstall mmcv-lite, then pip install '
        '--no-build-isolation mmcv==2.1.0 (needs a C++ compiler).'
    )


def __getattr__(name: str) -> Callable[..., Any]:
    if name.startswith('__'):
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')

    def missing(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(_missing_message(name))

    missing.__name__ = name
    return missing
