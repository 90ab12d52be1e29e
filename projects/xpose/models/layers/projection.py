# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""From the channels of the prompt encoder to those of the model."""

import torch
from mmdet.models.layers import MLP
from torch import Tensor, nn


class PromptWhitening(nn.Module):
    """Spreads prompt embeddings evenly over all directions (ZCA).

    Sentence encoders give the names of a category's keypoints nearly the
    same vector: what tells "left front paw" from "right front paw" is a
    hundredth of it. Statistics of a vocabulary say which directions hardly
    vary there, and stretch them. They are buffers and travel in the
    checkpoint; until they are fitted nothing changes.

    Args:
        width (int): E, channels of the prompt encoder.
        floor (float): Added to the variance of every direction, in units of
            their mean, so that noise is not stretched without bound.
    """

    mean: Tensor  # (E,)
    matrix: Tensor  # (E, E)

    def __init__(self, width: int, floor: float = 0.02) -> None:
        super().__init__()
        self.floor = floor
        self.register_buffer('mean', torch.zeros(width))
        self.register_buffer('matrix', torch.eye(width))

    @torch.no_grad()
    def fit(self, embeddings: Tensor) -> None:
        """Take the statistics of (V, E) embeddings."""
        embeddings = embeddings.double()
        mean = embeddings.mean(0)
        centred = embeddings - mean
        variance, directions = torch.linalg.eigh(
            centred.T @ centred / len(centred)
        )
        variance = variance.clamp(min=0)
        variance = variance + self.floor * variance.mean()
        self.mean.copy_(mean)
        self.matrix.copy_(directions * variance.rsqrt() @ directions.T)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Whiten (..., E) embeddings, in float32: differences are small."""
        with torch.autocast(embeddings.device.type, enabled=False):
            white = (embeddings.float() - self.mean) @ self.matrix
        return white.to(embeddings)


def prompt_projection(
    width: int,
    embed_dims: int,
    normalized: bool,
    whitening: dict | None = None,
) -> nn.Module:
    """Three-layer MLP on the last axis.

    Args:
        width (int): Channels of the prompt encoder.
        embed_dims (int): D.
        normalized (bool): Normalise before and after it, so that encoders
            of any scale start with prompts that differ.
        whitening (dict, optional): Arguments of :class:`PromptWhitening`
            besides ``width``, which then comes first.
    """
    layers = nn.Sequential()
    if whitening is not None:
        layers.add_module('whitening', PromptWhitening(width, **whitening))
    mlp = MLP(width, embed_dims, embed_dims, 3)
    if not normalized:
        return layers.append(mlp) if len(layers) else mlp
    steps = [nn.LayerNorm(width), mlp, nn.LayerNorm(embed_dims)]
    for number, step in enumerate(steps):  # names as without whitening
        layers.add_module(str(number), step)
    return layers
