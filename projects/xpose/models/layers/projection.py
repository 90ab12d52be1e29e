# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""From the channels of the prompt encoder to those of the model."""

from mmdet.models.layers import MLP
from torch import nn


def prompt_projection(
    width: int, embed_dims: int, normalized: bool
) -> nn.Module:
    """Three-layer MLP on the last axis.

    Args:
        width (int): Channels of the prompt encoder.
        embed_dims (int): D.
        normalized (bool): Normalise before and after it, so that encoders
            of any scale start with prompts that differ.
    """
    mlp = MLP(width, embed_dims, embed_dims, 3)
    if not normalized:
        return mlp
    return nn.Sequential(nn.LayerNorm(width), mlp, nn.LayerNorm(embed_dims))
