# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""A small image tower on a convolutional backbone, trained with the model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmpose.registry import MODELS
from torch import Tensor, nn

from projects.common.models.prompt_encoders.visual.base_keypoint_tower import (
    KeypointTower,
)


@MODELS.register_module()
class ConvImageTower(KeypointTower):
    """A few transformer blocks on the features of a backbone.

    All levels of the backbone, brought to one grid and projected together,
    make the patches. Patches and keypoints get the same Fourier embedding of
    their place, so that a keypoint finds its patch from the first step on.

    Embeddings have length one. ``sampled_content`` is our addition: a visible
    keypoint's token also gets the features at its place, from all levels at
    their own resolution. In the paper it starts as its place alone (False),
    which suffices for a large tower but leaves a small one to learn the
    look-up from little data.

    Args:
        backbone: Config of a backbone with ``out_channels``, such as
            :class:`TimmBackbone`; which parts of it train is its own affair.
        embed_dims: E.
        image_size: S, a multiple of ``patch_stride``.
        width: W, a multiple of ``num_heads``.
        num_blocks: Number of transformer blocks.
        num_heads: Of their attention.
        patch_stride: Side of a patch in pixels.
        sampled_content: See above.
        mean: Of the crops' channels, RGB, 0..255.
        std: Likewise.
        init_cfg: See ``mmengine.model.BaseModule``.

    Raises:
        ValueError: If a size is not such a multiple.
    """

    centres: Tensor

    def __init__(
        self,
        backbone: dict[str, Any],
        embed_dims: int,
        image_size: int = 128,
        width: int = 192,
        num_blocks: int = 3,
        num_heads: int = 6,
        patch_stride: int = 16,
        sampled_content: bool = True,
        mean: Sequence[float] = (127.0, 127.0, 127.0),
        std: Sequence[float] = (128.0, 128.0, 128.0),
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        from open_clip.transformer import ResidualAttentionBlock

        for whole, part, what in (
            (image_size, patch_stride, 'image_size and patch_stride'),
            (width, num_heads, 'width and num_heads'),
        ):
            if whole % part:
                raise ValueError(
                    f'{what} of ConvImageTower are {whole} and {part}; the '
                    'first must be a multiple of the second.'
                )
        super().__init__(width, image_size, embed_dims, mean, std, init_cfg)
        self.grid_size = image_size // patch_stride
        self.sampled_content = sampled_content
        self.backbone = MODELS.build(backbone)
        self.content = nn.Linear(sum(self.backbone.out_channels), width)
        self.class_token = nn.Parameter(torch.empty(width))
        nn.init.trunc_normal_(self.class_token, std=0.02)
        self.ln_pre = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(
            ResidualAttentionBlock(width, num_heads) for _ in range(num_blocks)
        )
        self.ln_post = nn.LayerNorm(width)
        self.projection = nn.Linear(width, embed_dims)
        self.register_buffer(
            'centres', _centres(self.grid_size), persistent=False
        )

    def _image_tokens(
        self, images: Tensor, keypoints: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        # Resampled before the projection, which is the same but smaller and,
        # with a frozen backbone, has no gradient. Channels come last because
        # that halves the time on a CPU.
        images = images.contiguous(memory_format=torch.channels_last)
        levels = self.backbone(images)
        size = (self.grid_size, self.grid_size)
        patches = torch.cat(
            [
                # Antialiasing knows no bfloat16 on CPUs.
                F.interpolate(
                    level.float(), size, mode='bilinear', antialias=True
                )
                for level in levels
            ],
            1,
        )
        patches = self.content(patches.flatten(2).transpose(1, 2))
        patches = patches + self.fourier(self.centres)
        first = self.class_token.to(patches).expand(len(images), 1, -1)
        tokens = self._start(torch.cat([first, patches], 1))
        if not self.sampled_content:
            return tokens, None
        sampled = torch.cat([_sample(f, keypoints) for f in levels], -1)
        return tokens, self.content(sampled)

    def _start(self, tokens: Tensor) -> Tensor:
        return self.ln_pre(tokens)

    @property
    def _blocks(self) -> Iterable[nn.Module]:
        return self.blocks

    def _project(self, tokens: Tensor) -> Tensor:
        # Of length one, as sentence embeddings are: a mean of both modalities
        # is in the middle.
        return F.normalize(self.projection(self.ln_post(tokens)), dim=-1)


def _centres(size: int) -> Tensor:
    """Centres of a grid's cells, row by row: (size * size, 2), xy 0..1."""
    along = (torch.arange(size) + 0.5) / size
    y, x = torch.meshgrid(along, along, indexing='ij')
    return torch.stack([x, y], -1).flatten(0, 1)


def _sample(features: Tensor, points: Tensor) -> Tensor:
    """Features (N, C, h, w) at points (N, K, 2), xy 0..1: (N, K, C)."""
    # In float: half precision would round the points to 1/128 of the crop.
    sampled = F.grid_sample(
        features.float(),
        2 * points[:, :, None].float() - 1,  # (N, K, 1, 2)
        padding_mode='border',
        align_corners=False,
    )
    return sampled.squeeze(-1).transpose(1, 2)
