# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Image towers that take keypoints (X-Pose, section 3.1 and figure 4a).

Dims: N crops, P patches, K keypoints, W the tower's width, E embedding::

    crop (N, 3, S, S) -> class and patch tokens (N, 1 + P, W) --+
                                                 every block:   |
    (x, y) -> Fourier embedding, or the mask token              v
           -> keypoint tokens (N, K, W), which attend to all tokens, while
              class and patch tokens never see a keypoint token

    class token -> object embedding (N, E)
    keypoint tokens -> keypoint embeddings (N, K, E), same projection
"""

from __future__ import annotations

import math
from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn


class FourierEmbedding(nn.Module):
    """Sines and cosines of a point at octaves (NeRF), projected.

    The frequencies are pi * 2^i, so that the slowest wave tells the two ends
    of the picture apart and the fastest of eight turns every 1/64 of it.

    Args:
        width: W, channels of the result.
        num_frequencies: Waves per axis.
    """

    frequencies: Tensor

    def __init__(self, width: int, num_frequencies: int = 8) -> None:
        super().__init__()
        octaves = 2.0 ** torch.arange(num_frequencies)
        self.register_buffer(
            'frequencies', math.pi * octaves, persistent=False
        )
        self.projection = nn.Linear(4 * num_frequencies, width)

    def forward(self, points: Tensor) -> Tensor:
        """Points (..., 2), xy in 0..1, to (..., W)."""
        angles = points[..., None] * self.frequencies  # (..., 2, F)
        waves = torch.cat([angles.sin(), angles.cos()], -1)
        return self.projection(waves.flatten(-2))


class KeypointTower(BaseModule, metaclass=ABCMeta):
    """Turns crops of an object with keypoints into prompt embeddings.

    A keypoint has no identity but its place: permuting the keypoints
    permutes their embeddings and changes nothing else. Children provide the
    tokens of the crop, the blocks and the projection.

    Args:
        width: W.
        image_size: S, the side of the crops in pixels.
        embed_dims: E.
        mean: Of the crops' channels, RGB, 0..255.
        std: Likewise.
        init_cfg: See ``mmengine.model.BaseModule``.

    Attributes:
        generation: Differs after anything that may have changed the weights
            (mode, device, loading), so that embeddings can be remembered.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        width: int,
        image_size: int,
        embed_dims: int,
        mean: Sequence[float],
        std: Sequence[float],
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.image_size = image_size
        self.embed_dims = embed_dims
        self.generation = 0
        self.fourier = FourierEmbedding(width)
        #: Stands for every keypoint that is not visible, wherever it is.
        self.mask_token = nn.Parameter(torch.empty(width))
        nn.init.trunc_normal_(self.mask_token, std=0.02)
        for name, values in (('mean', mean), ('std', std)):
            channels = torch.tensor(list(values), dtype=torch.float32).view(
                3, 1, 1
            )
            self.register_buffer(name, channels, persistent=False)

    @abstractmethod
    def _image_tokens(
        self, images: Tensor, keypoints: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        """Class and patch tokens (N, 1 + P, W), the class token first.

        Besides what the crop shows at the keypoints (N, K, W), or None for
        keypoint tokens that start as their position alone.
        """

    @abstractmethod
    def _start(self, tokens: Tensor) -> Tensor:
        """The normalisation before the first block."""

    @property
    @abstractmethod
    def _blocks(self) -> Iterable[nn.Module]:
        """open_clip's residual attention blocks."""

    @abstractmethod
    def _project(self, tokens: Tensor) -> Tensor:
        """(..., W) to (..., E)."""

    def normalize(self, images: Tensor) -> Tensor:
        """uint8 BGR crops (N, 3, S, S) to the tower's input."""
        return (images.flip(1).to(self.mean) - self.mean) / self.std

    def forward(
        self,
        images: Tensor,
        keypoints: Tensor,
        visible: Tensor,
        keypoint_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Embed crops and their keypoints.

        Args:
            images: (N, 3, S, S), see :meth:`normalize`.
            keypoints: (N, K, 2), xy in 0..1 of the crop.
            visible: (N, K) bool; False = the place is not known, whatever
                ``keypoints`` says.
            keypoint_mask: (N, K) bool, True = real; padded keypoints
                influence nothing, and what is returned for them is to be
                ignored. By default all are real.

        Returns:
            Object embeddings (N, E) and keypoint embeddings (N, K, E).

        Raises:
            ValueError: If the crops have another size than the tower's.
        """
        size = self.image_size
        if tuple(images.shape[1:]) != (3, size, size):
            raise ValueError(
                f'{type(self).__name__} takes crops of shape '
                f'(3, {size}, {size}), but got {tuple(images.shape[1:])}; '
                'resize them, as VisualPromptEncoder does.'
            )
        tokens, content = self._image_tokens(images, keypoints)
        queries = self.fourier(keypoints)
        if content is not None:
            queries = queries + content
        queries = torch.where(visible[..., None], queries, self.mask_token)
        queries = self._start(queries)
        blocked = None
        if keypoint_mask is not None:
            patches = keypoint_mask.new_zeros(tokens.shape[:2])
            blocked = torch.cat([patches, ~keypoint_mask], 1)
        for block in self._blocks:
            # Both from the block's input; the tokens run as without us.
            queries = attend(block, queries, tokens, blocked)
            tokens = block(tokens)
        return self._project(tokens[:, 0]), self._project(queries)

    def train(self, mode: bool = True) -> KeypointTower:
        """Set the mode; see ``generation``."""
        # Also a moving average of the weights is swapped in before it.
        self.generation += 1
        return super().train(mode)

    def init_weights(self) -> None:
        """Initialise; see ``mmengine.model.BaseModule``."""
        self.generation += 1
        super().init_weights()

    def _apply(
        self, fn: Callable[[Tensor], Tensor], recurse: bool = True
    ) -> KeypointTower:
        self.generation += 1
        return super()._apply(fn, recurse)

    def _load_from_state_dict(self, *args: Any, **kwargs: Any) -> None:
        self.generation += 1
        super()._load_from_state_dict(*args, **kwargs)


def attend(
    block: nn.Module,
    queries: Tensor,
    tokens: Tensor,
    blocked: Tensor | None = None,
) -> Tensor:
    """Run one residual attention block on keypoint tokens.

    They attend to the crop's tokens and to each other. It equals the block
    on all tokens at once with a mask that hides the keypoint tokens from the
    others, but leaves those to the block itself: they are what they are
    without keypoints to the last bit, and a frozen tower computes no
    gradient for them.

    Args:
        block: With ``ln_1``, ``attn``, ``ls_1``, ``ln_2``, ``mlp``,
            ``ls_2``, as open_clip's ``ResidualAttentionBlock``.
        queries: (N, K, W) keypoint tokens.
        tokens: (N, 1 + P, W) class and patch tokens before the block.
        blocked: (N, 1 + P + K) bool, True = not attended to.
    """
    normed = block.ln_1(queries)
    keys = torch.cat([block.ln_1(tokens), normed], 1)
    attended, _ = block.attn(
        normed, keys, keys, key_padding_mask=blocked, need_weights=False
    )
    queries = queries + block.ls_1(attended)
    return queries + block.ls_2(block.mlp(block.ln_2(queries)))
