# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""From contexts and pictures to maps: what the two modes have in common.

B pictures, N keypoints, R rows (pairs of a picture and a keypoint), c width
of a context token, size the side of the square picture in pixels.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from projects.ppm.models.diffusion import (
    LatentDiffusion,
    cross_attention_layers,
)
from projects.ppm.models.diffusion.attention import check_average
from projects.ppm.models.losses import PromptLoss
from projects.ppm.models.prompts.chunks import Chunks


@dataclass(frozen=True)
class MapRows:
    """Maps that are compared with a target.

    Attributes:
        pictures: (R,) index of the picture.
        points: (R, 2) xy of the keypoint, pixels of the resized picture.
        weights: (R,) share of the row in the sum of losses.
    """

    pictures: Tensor
    points: Tensor
    weights: Tensor


class PromptMaps(ABC):
    """Maps of one-token contexts in pictures, and their losses.

    Args:
        diffusion: The frozen model.
        size: Side in pixels to which pictures are resized.
        timestep: t of the noise, 0..999, larger is noisier (paper: 10).
        layers: Cross-attention layers, names or beginnings of names; None
            takes all (paper).
        average: Reading of Eq. 2, see ``attention.AVERAGES``.
        num_noises: Maps of pictures to predict are the mean over this many
            noises, the same for every picture.
        max_batch: Rows that are computed at a time; halved when the memory
            runs out.
        seed: Of the noise of pictures to predict.

    Raises:
        ValueError: If a setting is out of range or fits no layer.
    """

    #: Name in prompt files.
    mode: str

    def __init__(
        self,
        diffusion: LatentDiffusion,
        size: int = 512,
        timestep: int = 10,
        layers: Sequence[str] | None = None,
        average: str = 'heads',
        num_noises: int = 1,
        max_batch: int = 8,
        seed: int = 0,
    ) -> None:
        check_average(average)
        if size < 1 or size % diffusion.stride:
            raise ValueError(
                f'The picture size is {size}; it must be divisible by '
                f'{diffusion.stride}, the stride of the diffusion model.'
            )
        if not 0 <= timestep < diffusion.num_timesteps:
            raise ValueError(
                f'The time step is {timestep}; choose 0 (nearly no noise) to '
                f'{diffusion.num_timesteps - 1}.'
            )
        if num_noises < 1:
            raise ValueError(
                f'num_noises is {num_noises}; at least one is needed.'
            )
        self.diffusion = diffusion
        self.size = size
        self.timestep = timestep
        self.layers = cross_attention_layers(diffusion.unet, layers)
        self.average = average
        self.num_noises = num_noises
        self.chunks = Chunks(max_batch)
        self.seed = seed

    def settings(self) -> dict[str, Any]:
        """What has to be the same when the prompts are used elsewhere."""
        return {
            'size': self.size,
            'timestep': self.timestep,
            'layers': list(self.layers),
            'average': self.average,
            'num_noises': self.num_noises,
            'seed': self.seed,
        }

    def latents(self, pictures: Tensor) -> Tensor:
        """Latents (B, 4, h, w) of pictures (B, 3, S, S), RGB in -1..1.

        Raises:
            ValueError: If the pictures are not square.
        """
        height, width = pictures.shape[-2:]
        if height != width:
            raise ValueError(
                f'A picture of {width} x {height} (w x h) is not square; '
                'prompts see square crops, see crop_support.'
            )
        pictures = pictures.to(self.diffusion.device, torch.float32)
        if height != self.size:
            # Antialiased, or shrinking would invent texture.
            pictures = F.interpolate(
                pictures,
                size=(self.size, self.size),
                mode='bilinear',
                antialias=True,
            )
        return self.diffusion.encode(pictures)

    def noisy(
        self, latents: Tensor, *seeds: int, shared: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Noisy latents and what the UNet should predict, (B, 4, h, w) each.

        Args:
            latents: (B, 4, h, w).
            seeds: Whole numbers that decide the noise.
            shared: One noise for all pictures, so that a picture's result
                does not depend on the others of its batch.
        """
        generator = make_generator(*seeds)
        if shared:
            pairs = []
            for one in latents.split(1):
                pairs.append(
                    self.diffusion.add_noise(
                        one, self.timestep, make_generator(*seeds)
                    )
                )
            noisy, noise = (torch.cat(each) for each in zip(*pairs))
        else:
            noisy, noise = self.diffusion.add_noise(
                latents, self.timestep, generator
            )
        return noisy, self.diffusion.target(latents, noise, self.timestep)

    @abstractmethod
    def prepare(self, pictures: Tensor, seed: int) -> Any:
        """What is the same in all steps of fitting.

        Args:
            pictures: (B, 3, S, S) RGB in -1..1, the shots.
            seed: Of the episode.
        """

    @abstractmethod
    def losses(
        self,
        prepared: Any,
        contexts: Tensor,
        rows: MapRows,
        loss: PromptLoss,
        step: int,
    ) -> tuple[Tensor, Tensor]:
        """Losses of rows and their gradient, chunk by chunk.

        The gradient is computed here, while the attention is recorded and
        a chunk's activations are there.

        Args:
            prepared: Of :meth:`prepare`.
            contexts: (R, c) token of each row.
            rows: Pictures, points and weights.
            loss: The terms.
            step: Number of the step; decides the noise.

        Returns:
            tuple: losses (R,), without weights, and the gradient (R, c) of
            their weighted sum.
        """

    @abstractmethod
    def predict(self, pictures: Tensor, contexts: Tensor) -> Tensor:
        """Maps of all contexts in all pictures.

        Args:
            pictures: (B, 3, S, S) RGB in -1..1.
            contexts: (N, c).

        Returns:
            Tensor: (B, N, size, size) in 0..1.
        """


def make_generator(*seeds: int) -> torch.Generator:
    """A generator on the CPU, decided by whole numbers."""
    state = np.random.SeedSequence(seeds).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0]))


def check_width(diffusion: LatentDiffusion, contexts: Tensor) -> None:
    """Raise ValueError if contexts (..., c) belong to another model."""
    if contexts.shape[-1] != diffusion.embed_dims:
        raise ValueError(
            f'The prompts are {contexts.shape[-1]} wide, but the diffusion '
            f'model "{diffusion.path}" takes {diffusion.embed_dims}; they '
            'belong to another model.'
        )
