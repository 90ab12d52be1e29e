# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Maps as the paper computes them: one pass of the UNet for every prompt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from mmpose.registry import MODELS
from torch import Tensor

from projects.ppm.models.diffusion import CrossAttentionRecorder
from projects.ppm.models.losses import PromptLoss
from projects.ppm.models.prompts.prompt_maps import (
    MapRows,
    PromptMaps,
    check_width,
)


@dataclass(frozen=True)
class PreparedLatents:
    """Latents (B, 4, h, w) of the shots and the seed of the episode."""

    latents: Tensor
    seed: int


@MODELS.register_module()
class ExactPromptMaps(PromptMaps):
    """The keypoints of a category are a batch of one-token contexts.

    In a batch nothing mixes the rows, so this is the paper's one keypoint at
    a time, computed together.

    Args:
        args: See :class:`PromptMaps`.
        resample_noise: Whether every step of fitting draws new noise.
        kwargs: See :class:`PromptMaps`.
    """

    mode = 'exact'

    def __init__(
        self, *args: Any, resample_noise: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.resample_noise = resample_noise

    def prepare(self, pictures: Tensor, seed: int) -> PreparedLatents:
        """Encode the shots; see :class:`PromptMaps`."""
        return PreparedLatents(self.latents(pictures), seed)

    def losses(
        self,
        prepared: PreparedLatents,
        contexts: Tensor,
        rows: MapRows,
        loss: PromptLoss,
        step: int,
    ) -> tuple[Tensor, Tensor]:
        """Both terms of Eq. 4; see :class:`PromptMaps`."""
        noisy, target = self.noisy(
            prepared.latents,
            prepared.seed,
            step if self.resample_noise else 0,
        )

        def work(part: slice) -> tuple[Tensor, Tensor]:
            context = contexts[part].detach().requires_grad_()
            pictures = rows.pictures[part]
            prediction = self.diffusion(
                noisy[pictures], self.timestep, context.unsqueeze(1)
            )
            maps = recorder.mean_map(self.size).squeeze(1)
            values = loss.map_term(maps, rows.points[part])
            if loss.dm_weight:
                values = values + loss.noise_term(prediction, target[pictures])
            total = (values * rows.weights[part]).sum()
            (gradient,) = torch.autograd.grad(total, context)
            return values.detach(), gradient

        with self._recorder() as recorder:
            parts = self.chunks.run(len(contexts), work)
        values, gradients = zip(*parts)
        return torch.cat(values), torch.cat(gradients)

    @torch.no_grad()
    def predict(self, pictures: Tensor, contexts: Tensor) -> Tensor:
        """See :class:`PromptMaps`."""
        check_width(self.diffusion, contexts)
        latents = self.latents(pictures)
        count = len(contexts)
        tokens = contexts.to(latents.device).unsqueeze(1)
        total = 0.0
        for index in range(self.num_noises):
            noisy, _ = self.noisy(latents, self.seed, index, shared=True)

            def work(part: slice, noisy: Tensor = noisy) -> Tensor:
                rows = torch.arange(part.start, part.stop)
                rows = rows.to(latents.device)
                self.diffusion(
                    noisy[rows // count], self.timestep, tokens[rows % count]
                )
                return recorder.mean_map(self.size).squeeze(1)

            with self._recorder() as recorder:
                parts = self.chunks.run(len(latents) * count, work)
            total = total + torch.cat(parts)
        maps = total / self.num_noises
        return maps.unflatten(0, (len(latents), count))

    def _recorder(self) -> CrossAttentionRecorder:
        return self.diffusion.recorder(self.layers, self.average)
