# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Bi-directional attention between image tokens and object prompts.

Dims: B batch, T image tokens, C categories, H heads, D channels, d channels
of a head, E = H * d.
"""

from typing import Any

from mmdet.models.utils.vlfuse_helper import (
    MAX_CLAMP_VALUE,
    BiMultiHeadAttention,
    SingleScaleBiAttentionBlock,
)
from torch import Tensor, nn
from torch.nn.functional import dropout


class BiDirectionalAttention(BiMultiHeadAttention):
    """mmdet's bi-directional attention, masked and reordered.

    The parent adds 1 to a boolean prompt mask instead of masking it, so
    padded prompts would take part. And there are far more tokens than
    prompts: projections of tokens that are next multiplied by something of
    the prompts are moved over to the prompts, (v A) b = v (A b), so that no
    token is ever projected to the E channels of the attention. The result
    is the same.
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
        tokens = vision[:, None]  # (B, 1, T, D)
        logits = self._logits(tokens, lang)
        over_prompts, over_tokens = logits, logits.transpose(2, 3)
        if attention_mask_l is not None:
            over_prompts = over_prompts.masked_fill(
                attention_mask_l[:, None, None], float('-inf')
            )
        if attention_mask_v is not None:
            over_tokens = over_tokens.masked_fill(
                attention_mask_v[:, None, None], float('-inf')
            )
        return (
            self._to_tokens(self._drop(over_prompts.softmax(-1)), lang),
            self._to_prompts(self._drop(over_tokens.softmax(-1)), tokens),
        )

    def _logits(self, tokens: Tensor, lang: Tensor) -> Tensor:
        """(B, H, T, C) similarity of queries (tokens) and keys (prompts)."""
        keys = self._split(self.l_proj(lang) * self.scale)  # (B, H, C, d)
        weight, bias = self._heads(self.v_proj)  # (H, d, D), (H, d, 1)
        logits = tokens @ (keys @ weight).transpose(2, 3)
        logits = logits + (keys @ bias).transpose(2, 3)
        return logits.clamp(-MAX_CLAMP_VALUE, MAX_CLAMP_VALUE)

    def _to_tokens(self, attention: Tensor, lang: Tensor) -> Tensor:
        """(B, T, D) from attention (B, H, T, C)."""
        values = self._split(self.values_l_proj(lang))  # (B, H, C, d)
        weight = self.out_v_proj.weight.unflatten(1, (self.num_heads, -1))
        values = values @ weight.permute(1, 2, 0)  # (B, H, C, D)
        # One product over heads and prompts at once.
        attention = attention.transpose(1, 2).flatten(2)
        return attention @ values.flatten(1, 2) + self.out_v_proj.bias

    def _to_prompts(self, attention: Tensor, tokens: Tensor) -> Tensor:
        """(B, C, D) from attention (B, H, C, T)."""
        weight, bias = self._heads(self.values_v_proj)
        # Dropout leaves rows that do not add up to one.
        total = attention.sum(-1, keepdim=True)
        values = (attention @ tokens) @ weight.transpose(1, 2)
        values = values + total * bias.transpose(1, 2)  # (B, H, C, d)
        return self.out_l_proj(values.transpose(1, 2).flatten(2))

    def _heads(self, linear: nn.Linear) -> tuple[Tensor, Tensor]:
        """Weight (H, d, D) and bias (H, d, 1) of each head."""
        heads = (self.num_heads, -1)
        return (
            linear.weight.unflatten(0, heads),
            linear.bias.unflatten(0, heads)[..., None],
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
