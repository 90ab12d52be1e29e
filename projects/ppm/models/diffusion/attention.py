# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""From queries and keys to maps: Eq. 2 and 3 of the PPM paper.

B pictures, T = h * w places, S context tokens, C channels in H heads.
"""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

#: Readings of "Avg, the average along the channel dimension" in Eq. 2:
#: the logits of the heads are averaged, then the sigmoid; the sigmoid of
#: every head, then their average; the product of query and key is averaged
#: over all channels instead of summed.
AVERAGES = ('heads', 'head_maps', 'channels')


def check_average(average: str) -> None:
    """Raise ValueError if there is no such reading."""
    if average not in AVERAGES:
        raise ValueError(
            f'The average of attention is {average!r}; choose one of '
            f'{", ".join(map(repr, AVERAGES))}.'
        )


def attention_maps(
    query: Tensor, key: Tensor, heads: int, average: str = 'heads'
) -> Tensor:
    """Map of every context token over the places of one layer, Eq. 2.

    A softmax over the tokens, as the layer itself uses, is 1 everywhere for
    a single token; the sigmoid of the logits is not.

    Args:
        query: (B, T, C), the picture's side.
        key: (B, S, C), the context's side.
        heads: H, divides C.
        average: One of ``AVERAGES``.

    Returns:
        Tensor: (B, S, T) float32 in 0..1.
    """
    channels = query.shape[-1]
    # Half precision is too coarse for a sum over hundreds of channels.
    query, key = query.float(), key.float()
    if average == 'head_maps':
        query, key = (x.unflatten(-1, (heads, -1)) for x in (query, key))
        logits = torch.einsum('bthd,bshd->bhst', query, key)
        return (logits / math.sqrt(channels / heads)).sigmoid().mean(1)
    logits = torch.einsum('btc,bsc->bst', query, key)
    if average == 'heads':
        # The mean over heads of sums over their channels.
        return (logits / (heads * math.sqrt(channels / heads))).sigmoid()
    return (logits / (channels * math.sqrt(channels))).sigmoid()


def layer_shape(tokens: int, latent_shape: Sequence[int]) -> tuple[int, int]:
    """(h, w) of a layer with T = h * w places.

    Args:
        tokens: T.
        latent_shape: (h, w) of the latents; every level of the UNet halves
            it, rounding up.

    Raises:
        ValueError: If no level has so many places.
    """
    height, width = latent_shape
    while height * width > tokens:
        height, width = -(-height // 2), -(-width // 2)
    if height * width != tokens:
        raise ValueError(
            f'An attention layer has {tokens} places, which no halving of '
            f'latents of {tuple(latent_shape)} (h, w) gives; only UNets that '
            'halve the picture from level to level are supported.'
        )
    return height, width


def mean_map(maps: Mapping[str, Tensor], size: int) -> Tensor:
    """Mean of all layers' maps, each enlarged to the picture, Eq. 3.

    Args:
        maps: Layer names to (B, S, h, w).
        size: Side of the square picture in pixels.

    Returns:
        Tensor: (B, S, size, size).
    """
    groups: dict[torch.Size, list[Tensor]] = defaultdict(list)
    for layer in maps.values():
        groups[layer.shape].append(layer)
    # Enlarging is linear: once for a resolution is as good as once a layer.
    enlarged = [
        F.interpolate(
            torch.stack(group).sum(0), size=(size, size), mode='bilinear'
        )
        for group in groups.values()
    ]
    return torch.stack(enlarged).sum(0) / len(maps)
