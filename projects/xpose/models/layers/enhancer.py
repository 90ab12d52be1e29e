# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Cross-modality enhancer: image tokens and object prompts (paper 3.1).

Dims: B batch, T image tokens of all levels, C categories, D channels.
"""

from typing import Any

import torch
from mmdet.models.layers import DetrTransformerEncoderLayer
from mmdet.models.layers.transformer.deformable_detr_layers import (
    DeformableDetrTransformerEncoder,
    DeformableDetrTransformerEncoderLayer,
)
from mmdet.models.layers.transformer.utils import get_text_sine_pos_embed
from mmengine.config import ConfigDict
from mmengine.model import ModuleList
from torch import Tensor

from projects.common.models.layers import DeformableAttention

from .fusion import PromptImageFusion


class EnhancerImageLayer(DeformableDetrTransformerEncoderLayer):
    """mmdet's layer with our choice of operators."""

    def _init_layers(self) -> None:
        super()._init_layers()
        self.self_attn = DeformableAttention(**self.self_attn_cfg)


class CrossModalityEnhancer(DeformableDetrTransformerEncoder):
    """Layers of fusion, prompt self-attention, deformable self-attention.

    Args:
        fusion_cfg (dict): Arguments of :class:`PromptImageFusion`.
        prompt_layer_cfg (dict): Arguments of mmdet's
            DetrTransformerEncoderLayer for the prompts.
        prompt_self_attention (str): ``'isolated'`` lets every prompt
            attend to itself alone (the released model), ``'full'`` to all
            prompts of its picture (the paper's text).
        kwargs: Arguments of DeformableDetrTransformerEncoder.

    Raises:
        ValueError: If ``prompt_self_attention`` is neither of the two.
    """

    def __init__(
        self,
        fusion_cfg: ConfigDict,
        prompt_layer_cfg: ConfigDict,
        prompt_self_attention: str = 'isolated',
        **kwargs: Any,
    ) -> None:
        if prompt_self_attention not in ('isolated', 'full'):
            raise ValueError(
                'prompt_self_attention must be "isolated" or "full", '
                f'got "{prompt_self_attention}".'
            )
        self.fusion_cfg = fusion_cfg
        self.prompt_layer_cfg = prompt_layer_cfg
        self.prompt_self_attention = prompt_self_attention
        super().__init__(**kwargs)

    def _init_layers(self) -> None:
        count = range(self.num_layers)
        self.fusion_layers = ModuleList(
            PromptImageFusion(**self.fusion_cfg) for _ in count
        )
        self.prompt_layers = ModuleList(
            DetrTransformerEncoderLayer(**self.prompt_layer_cfg) for _ in count
        )
        self.layers = ModuleList(
            EnhancerImageLayer(**self.layer_cfg) for _ in count
        )
        self.embed_dims = self.layers[0].embed_dims

    def forward(
        self,
        query: Tensor,
        query_pos: Tensor,
        key_padding_mask: Tensor | None,
        spatial_shapes: Tensor,
        level_start_index: Tensor,
        valid_ratios: Tensor,
        object_prompts: Tensor,
        category_mask: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Enhance image tokens and object prompts together.

        Args:
            query (Tensor): (B, T, D) image tokens.
            query_pos (Tensor): (B, T, D) their positions.
            key_padding_mask (Tensor, optional): (B, T) True = padding.
            spatial_shapes (Tensor): (L, 2) (h, w) of the levels.
            level_start_index (Tensor): (L,) first token of each level.
            valid_ratios (Tensor): (B, L, 2) unpadded share (w, h).
            object_prompts (Tensor): (B, C, D) projected object prompts.
            category_mask (Tensor): (B, C) True = real.

        Returns:
            tuple[Tensor, Tensor]: Memory (B, T, D) and enhanced object
            prompts (B, C, D).
        """
        reference_points = self.get_encoder_reference_points(
            spatial_shapes, valid_ratios, device=query.device
        )
        prompt_pos = self._prompt_position(object_prompts)
        blocked = self._blocked_prompts(category_mask)
        for fusion, prompt_layer, layer in zip(
            self.fusion_layers, self.prompt_layers, self.layers, strict=True
        ):
            query, object_prompts = fusion(
                query,
                object_prompts,
                attention_mask_v=key_padding_mask,
                attention_mask_l=~category_mask,
            )
            object_prompts = prompt_layer(
                query=object_prompts,
                query_pos=prompt_pos,
                key_padding_mask=None,
                attn_mask=blocked,
            )
            query = layer(
                query=query,
                query_pos=query_pos,
                reference_points=reference_points,
                spatial_shapes=spatial_shapes,
                level_start_index=level_start_index,
                key_padding_mask=key_padding_mask,
            )
        return query, object_prompts

    def _prompt_position(self, object_prompts: Tensor) -> Tensor:
        """Sine embedding of the constant position 1: prompts have no order."""
        ones = object_prompts.new_ones(1, 1, 1)
        embedding = get_text_sine_pos_embed(
            ones, num_pos_feats=self.embed_dims, exchange_xy=False
        )
        return embedding.to(object_prompts).expand_as(object_prompts)

    def _blocked_prompts(self, category_mask: Tensor) -> Tensor:
        """(B * heads, C, C) True where a prompt may not look."""
        num = category_mask.shape[1]
        index = torch.arange(num, device=category_mask.device)
        alone = index[:, None] == index  # onnxruntime has no boolean eye
        if self.prompt_self_attention == 'isolated':
            allowed = alone.expand(len(category_mask), num, num)
        else:  # a padded prompt sees itself, or its softmax would be empty
            allowed = category_mask[:, None] | alone
        heads = self.prompt_layers[0].self_attn.num_heads
        return ~allowed.repeat_interleave(heads, 0)
