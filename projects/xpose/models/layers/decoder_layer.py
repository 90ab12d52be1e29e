# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Decoder layer shared by the object and the keypoint stage.

Dims: B batch, N queries, G groups (kept objects), K keypoints, C categories,
T image tokens, L levels, D channels.
"""

from typing import Any

import torch
from mmdet.models.layers.transformer.grounding_dino_layers import (
    GroundingDinoTransformerDecoderLayer,
)
from torch import Tensor

from projects.common.models.layers import DeformableAttention


class PromptDecoderLayer(GroundingDinoTransformerDecoderLayer):
    """Self-attention, prompt attention, deformable image attention, FFN.

    In the keypoint stage self-attention runs inside each object's group
    [box, keypoint 1..K] alone, as a batch of B * G short sequences instead
    of one dense masked matrix.
    """

    def _init_layers(self) -> None:
        super()._init_layers()
        self.cross_attn = DeformableAttention(**self.cross_attn_cfg)

    def forward(
        self,
        query: Tensor,
        query_pos: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None,
        reference_points: Tensor,
        object_prompts: Tensor,
        category_mask: Tensor,
        self_attn_mask: Tensor | None = None,
        group_mask: Tensor | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """Update the queries.

        Args:
            query (Tensor): (B, N, D); in the keypoint stage
                N = G * (1 + K), group by group.
            query_pos (Tensor): (B, N, D).
            value (Tensor): (B, T, D) memory.
            key_padding_mask (Tensor, optional): (B, T) True = padding.
            reference_points (Tensor): (B, N, L, 4) cx, cy, w, h in 0..1
                of the padded picture.
            object_prompts (Tensor): (B, C, D) enhanced prompts.
            category_mask (Tensor): (B, C) True = real.
            self_attn_mask (Tensor, optional): (N, N), in the keypoint
                stage (1 + K, 1 + K), True = blocked.
            group_mask (Tensor, optional): (B, G, 1 + K) True = real slot;
                given in the keypoint stage.
            kwargs: ``spatial_shapes`` and ``level_start_index``.

        Returns:
            Tensor: (B, N, D).
        """
        shape = query.shape
        padding = None
        if group_mask is not None:
            padding = ~group_mask.flatten(0, 1)  # (B * G, 1 + K)
        grouped = (-1, *(shape if padding is None else padding.shape)[1:2])
        query = self.self_attn(
            query=query.reshape(*grouped, shape[-1]),
            query_pos=query_pos.reshape(*grouped, shape[-1]),
            key_pos=query_pos.reshape(*grouped, shape[-1]),
            attn_mask=self_attn_mask,
            key_padding_mask=padding,
        ).view(shape)
        query = self.norms[0](query)
        query = self.cross_attn_text(
            query=query,
            query_pos=query_pos,
            key=object_prompts,
            value=object_prompts,
            # Else mmcv adds query_pos to the prompts if N happens to be C.
            key_pos=torch.zeros_like(object_prompts),
            key_padding_mask=~category_mask,
        )
        query = self.norms[1](query)
        query = self.cross_attn(
            query=query,
            query_pos=query_pos,
            value=value,
            key_padding_mask=key_padding_mask,
            reference_points=reference_points,
            **kwargs,
        )
        query = self.norms[2](query)
        return self.norms[3](self.ffn(query))
