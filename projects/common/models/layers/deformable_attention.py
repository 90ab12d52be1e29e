# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Multi-scale deformable attention with interchangeable back ends.

    value (B, T, H, D/H), locations (B, Q, H, L, P, 2), weights (B, Q, H, L, P)
                 |  back end: interpolate the L * P points, weighted sum
                 v
    output (B, Q, D)

Dims: B batch, Q queries, T image tokens of L levels, H heads, P points per
level and head, D channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmcv.ops import MultiScaleDeformableAttention
from mmcv.ops.multi_scale_deform_attn import (
    MultiScaleDeformableAttnFunction,
    multi_scale_deformable_attn_pytorch,
)
from torch import Tensor

from projects.common.models.layers.row_sum import weighted_row_sum

IM2COL_STEP = 64  # mmcv's default; pictures that one kernel call handles
BACKENDS = ('auto', 'embedding_bag', 'grid_sample', 'compiled')


class DeformableAttention(MultiScaleDeformableAttention):
    """mmcv's layer (same weights, same result) with a choice of operator.

    Args:
        args: Arguments of mmcv's MultiScaleDeformableAttention.
        backend (str): 'embedding_bag', PyTorch's fused weighted sum of rows,
            the fastest on CPUs; 'grid_sample', PyTorch on any device;
            'compiled', the operator of full mmcv; 'auto' takes the first on
            the CPU, on CUDA the third where it exists, else the second. All
            compute in float32 at least, whatever the tensors' type.
        kwargs: As ``args``.

    Raises:
        ValueError: If ``backend`` is none of these, or ``batch_first`` false.
    """

    def __init__(
        self, *args: Any, backend: str = 'auto', **kwargs: Any
    ) -> None:
        if backend not in BACKENDS:
            raise ValueError(
                f'DeformableAttention: backend is {backend!r}; choose one of '
                f'{", ".join(map(repr, BACKENDS))}.'
            )
        super().__init__(*args, **kwargs)
        if not self.batch_first:
            raise ValueError(
                'DeformableAttention takes (B, Q, D) alone; set '
                'batch_first=True.'
            )
        self.backend = backend

    def forward(
        self,
        query: Tensor,
        value: Tensor,
        reference_points: Tensor,
        spatial_shapes: Tensor,
        level_start_index: Tensor,
        identity: Tensor | None = None,
        query_pos: Tensor | None = None,
        key_padding_mask: Tensor | None = None,
        **unused: Any,
    ) -> Tensor:
        """Attend to the image tokens around the reference points.

        Args:
            query (Tensor): (B, Q, D).
            value (Tensor): (B, T, D).
            reference_points (Tensor): (B, Q, L, 2) xy or (B, Q, L, 4)
                cx, cy, w, h in 0..1 of the padded picture.
            spatial_shapes (Tensor): (L, 2) (h, w).
            level_start_index (Tensor): (L,) first token of each level.
            identity (Tensor, optional): (B, Q, D), added to the result; by
                default ``query``.
            query_pos (Tensor, optional): (B, Q, D), added to ``query``.
            key_padding_mask (Tensor, optional): (B, T) True = padding.
            unused: ``key`` and masks that mmdet's layers pass.

        Returns:
            Tensor: (B, Q, D).
        """
        if identity is None:
            identity = query
        if query_pos is not None:
            query = query + query_pos
        batch, num_queries, _ = query.shape
        points = (self.num_heads, self.num_levels, self.num_points)
        value = self.value_proj(value)
        if key_padding_mask is not None:
            value = value.masked_fill(key_padding_mask[..., None], 0.0)
        value = value.unflatten(-1, (self.num_heads, -1))
        offsets = self.sampling_offsets(query).view(
            batch, num_queries, *points, 2
        )
        weights = self.attention_weights(query).view(
            batch, num_queries, self.num_heads, -1
        )
        weights = weights.softmax(-1).view(batch, num_queries, *points)
        # (B, Q, 1, L, 1, 2 or 4)
        reference = reference_points[:, :, None, :, None]
        if reference.shape[-1] == 2:
            unit = 1 / spatial_shapes.flip(-1)[:, None]
        else:
            unit = reference[..., 2:] / (2 * self.num_points)
        locations = reference[..., :2] + offsets * unit
        output = self._operator(value)(
            value, spatial_shapes, level_start_index, locations, weights
        )
        return self.dropout(self.output_proj(output)) + identity

    def _operator(self, value: Tensor) -> Any:
        backend = self.backend
        if backend == 'auto':
            backend = _automatic(value)
        return {
            'embedding_bag': _embedding_bag,
            'grid_sample': _grid_sample,
            'compiled': _compiled,
        }[backend]


def _automatic(value: Tensor) -> str:
    if value.device.type == 'cpu':
        return 'embedding_bag'
    if value.is_cuda and _has_compiled():
        return 'compiled'
    return 'grid_sample'


def _has_compiled() -> bool:
    import mmcv._ext

    return 'IS_ANYKEYPOINT_COMPAT' not in vars(mmcv._ext)


def embedding_bag_attention(
    value: Tensor,
    spatial_shapes: Sequence[Sequence[int]],
    locations: Tensor,
    weights: Tensor,
) -> Tensor:
    """Deformable attention as one weighted sum of rows per query and head.

    Each point is the mean of its four neighbours, so an output row is a
    sum of 4 * L * P rows of the value table: nothing of the size
    (B, Q, H, L * P, D / H) is ever stored. It computes in float32 at least.

    Args:
        value (Tensor): (B, T, H, D / H).
        spatial_shapes (Sequence): L pairs (h, w).
        locations (Tensor): (B, Q, H, L, P, 2) xy in 0..1 of the picture;
            tokens outside it count as zero.
        weights (Tensor): (B, Q, H, L, P).

    Returns:
        Tensor: (B, Q, D).
    """
    batch, num_tokens, num_heads, _ = value.shape
    num_queries = locations.shape[1]
    dtype = torch.promote_types(value.dtype, torch.float32)
    shapes = torch.tensor(spatial_shapes, device=value.device)  # (L, 2)
    area = shapes.prod(-1)
    first = area.cumsum(0) - area  # (L,)
    sizes = shapes.flip(-1)[:, None].to(dtype)  # (L, 1, 2) as (w, h)

    # Token centres lie at (i + 0.5) / size.
    position = locations.to(dtype) * sizes - 0.5
    low = position.detach().floor()
    share = position - low  # NaN stays NaN in the result
    low = low.nan_to_num()
    neighbours = []  # along x and y: index, share, both (B, Q, H, L, P, 2)
    for index, part in ((low, 1 - share), (low + 1, share)):
        clamped = index.clamp(min=0).minimum(sizes - 1)
        # Whole numbers as floats: comparing integers is several times slower.
        neighbours.append((clamped.int(), part * (index == clamped)))
    # Row of head h of token t of picture b in the table: (b * T + t) * H + h.
    picture = torch.arange(batch, device=value.device) * num_tokens
    token = picture[:, None, None] + first  # (B, 1, L)
    head = torch.arange(num_heads, device=value.device)[:, None]
    start = (token * num_heads + head).int()[:, None, ..., None]
    line = (shapes[:, 1:] * num_heads).int()  # (L, 1) from line to line
    rows, shares = [], []
    for iy, part_y in neighbours:
        row = iy[..., 1] * line + start
        weighted = part_y[..., 1] * weights
        for ix, part_x in neighbours:
            rows.append(row + ix[..., 0] * num_heads)
            shares.append(part_x[..., 0] * weighted)
    output = weighted_row_sum(
        torch.stack(rows, -1).flatten(3).flatten(0, 2),
        value.to(dtype).flatten(0, 2),
        torch.stack(shares, -1).flatten(3).flatten(0, 2),
    )
    return output.view(batch, num_queries, -1).to(value.dtype)


def _embedding_bag(
    value: Tensor, shapes: Tensor, start: Tensor, *points: Tensor
) -> Tensor:
    return embedding_bag_attention(value, shapes.tolist(), *points)


def _grid_sample(
    value: Tensor, shapes: Tensor, start: Tensor, *points: Tensor
) -> Tensor:
    # Places in half precision would be off by a part of a token.
    dtype = torch.promote_types(value.dtype, torch.float32)
    output = multi_scale_deformable_attn_pytorch(
        value.to(dtype), shapes.tolist(), *(p.to(dtype) for p in points)
    )
    return output.to(value.dtype)


def _compiled(
    value: Tensor,
    shapes: Tensor,
    start: Tensor,
    locations: Tensor,
    weights: Tensor,
) -> Tensor:
    # As the others, in float32 at least; the operator has no bfloat16.
    dtype = torch.promote_types(value.dtype, torch.float32)
    tensors = (value.to(dtype), shapes, start, locations, weights.to(dtype))
    output = MultiScaleDeformableAttnFunction.apply(*tensors, IM2COL_STEP)
    return output.to(value.dtype)
