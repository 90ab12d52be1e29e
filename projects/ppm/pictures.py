# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Pictures and points between crops and the diffusion model."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from projects.common.structures import SupportShot


def normalize(images: Tensor) -> Tensor:
    """(..., 3, H, W) BGR in 0..255 to RGB in -1..1, float32."""
    return images.float().flip(-3) / 127.5 - 1


def to_pictures(shots: Sequence[SupportShot]) -> Tensor:
    """Shots of one size as pictures (S, 3, side, side), RGB in -1..1.

    Raises:
        ValueError: If they differ in size.
    """
    sizes = sorted({shot.image.shape[-1] for shot in shots})
    if len(sizes) != 1:
        raise ValueError(
            f'The shots of a category have sides of {sizes} pixels; cut all '
            'to one size (crop_support).'
        )
    return normalize(torch.stack([shot.image for shot in shots]))


def resize_points(points: Tensor, image: Tensor, size: int) -> Tensor:
    """Points (..., 2) of a square image, in pixels of it resized to ``size``.

    Whole numbers are pixel centres in both, as in resizing itself.
    """
    ratio = size / image.shape[-1]
    return (points.float() + 0.5) * ratio - 0.5
