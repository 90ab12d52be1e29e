# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Bi-directional attention between image tokens and object prompts.

Dims: B batch, T image tokens, C categories, H heads, D channels.
"""

from typing import Any

from mmdet.models.utils.vlfuse_helper import (
    MAX_CLAMP_VALUE,
    BiMultiHeadAttention,
    SingleScaleBiAttentionBlock,
)
from torch import Tensor
from torch.nn.functional import dropout


class BiDirectionalAttention(BiMultiHeadAttention):
    """mmdet's bi-directional attention with both paddings masked out.

    The parent adds 1 to a boolean prompt mask instead of masking it, so
    padded prompts would take part; only the forward pass differs here.
    """

    def forward(
        self,
        vision: Tensor,
        lang: Tensor,
        attention_mask_v: Tensor | None = None,
        attention_mask_l: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Exchange information between image tokens and prompts.

        Args:
            vision (Tensor): (B, T, D) image tokens.
            lang (Tensor): (B, C, D) object prompts.
            attention_mask_v (Tensor, optional): (B, T) True = padding.
            attention_mask_l (Tensor, optional): (B, C) True = padding.

        Returns:
            tuple[Tensor, Tensor]: Updates of the tokens (B, T, D) and of
            the prompts (B, C, D), without residual.
        """
        query = self._split(self.v_proj(vision) * self.scale)
        key = self._split(self.l_proj(lang))
        logits = query @ key.transpose(2, 3)  # (B, H, T, C)
        logits = logits.clamp(-MAX_CLAMP_VALUE, MAX_CLAMP_VALUE)

        over_prompts, over_tokens = logits, logits.transpose(2, 3)
        if attention_mask_l is not None:
            over_prompts = over_prompts.masked_fill(
                attention_mask_l[:, None, None], float('-inf')
            )
        if attention_mask_v is not None:
            over_tokens = over_tokens.masked_fill(
                attention_mask_v[:, None, None], float('-inf')
            )
        to_tokens = self._drop(over_prompts.softmax(-1)) @ self._split(
            self.values_l_proj(lang)
        )
        to_prompts = self._drop(over_tokens.softmax(-1)) @ self._split(
            self.values_v_proj(vision)
        )
        return (
            self.out_v_proj(to_tokens.transpose(1, 2).flatten(2)),
            self.out_l_proj(to_prompts.transpose(1, 2).flatten(2)),
        )

    def _split(self, tensor: Tensor) -> Tensor:
        """(B, N, H * d) -> (B, H, N, d)."""
        return tensor.unflatten(2, (self.num_heads, -1)).transpose(1, 2)

    def _drop(self, attention: Tensor) -> Tensor:
        return dropout(attention, self.dropout, self.training)


class PromptImageFusion(SingleScaleBiAttentionBlock):
    """Pre-norm fusion of image tokens and object prompts (paper 3.1).

    Both sides are normalised, attend to each other and are updated with
    learned per-channel scales; the residual is the normalised input, as
    in the released model.
    """

    def __init__(
        self,
        v_dim: int,
        l_dim: int,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(v_dim, l_dim, embed_dim, num_heads, dropout, **kwargs)
        self.attn = BiDirectionalAttention(
            v_dim, l_dim, embed_dim, num_heads, dropout
        )
