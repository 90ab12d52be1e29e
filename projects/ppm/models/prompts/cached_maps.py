# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Fast maps: the UNet runs once a picture, with a context that says nothing.

A prompt changes the queries of the layers after the first one only through
the attention's values, and those of a single token are the same at every
place. Leaving that out lets all keypoints and all steps share one pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from mmpose.registry import MODELS
from torch import Tensor

from projects.ppm.models.diffusion import attention_maps, mean_map
from projects.ppm.models.losses import PromptLoss
from projects.ppm.models.prompts.prompt_maps import (
    MapRows,
    PromptMaps,
    check_width,
)


@dataclass(frozen=True)
class PreparedQueries:
    """Queries of pictures.

    Attributes:
        queries: Layer names to (B, n, T, C) of n noises.
        shapes: Layer names to (h, w), T = h * w.
    """

    queries: dict[str, Tensor]
    shapes: dict[str, tuple[int, int]]


@MODELS.register_module()
class CachedPromptMaps(PromptMaps):
    """Approximate maps from queries of one neutral pass.

    The diffusion model's own loss (Eq. 1) needs a pass of the UNet and is
    left out.

    Args:
        args: See :class:`PromptMaps`; ``num_noises`` also holds for
            fitting.
        neutral_text: Text of the neutral context, such as ''; None takes a
            single token of zeros, whose values add nothing.
        kwargs: See :class:`PromptMaps`.
    """

    mode = 'cached'

    def __init__(
        self, *args: Any, neutral_text: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.neutral_text = neutral_text

    def settings(self) -> dict[str, Any]:
        """See :class:`PromptMaps`."""
        return {**super().settings(), 'neutral_text': self.neutral_text}

    def prepare(self, pictures: Tensor, seed: int) -> PreparedQueries:
        """Run the neutral pass on the shots; see :class:`PromptMaps`."""
        return self.cache(self.latents(pictures), self.neutral_context(), seed)

    def neutral_context(self) -> Tensor:
        """(1, S, c), the context of the pass whose queries are kept."""
        if self.neutral_text is None:
            width = self.diffusion.embed_dims
            return torch.zeros(1, 1, width, device=self.diffusion.device)
        return self.diffusion.encode_texts([self.neutral_text])[0]

    @torch.no_grad()
    def cache(
        self,
        latents: Tensor,
        context: Tensor,
        seed: int,
        shared_noise: bool = False,
    ) -> PreparedQueries:
        """Queries of latents (B, 4, h, w) under a context (1, S, c)."""
        noises = [
            self.noisy(latents, seed, index, shared=shared_noise)[0]
            for index in range(self.num_noises)
        ]
        # (B * n, 4, h, w), the noises of a picture side by side
        noisy = torch.stack(noises, 1).flatten(0, 1)
        shapes: dict[str, tuple[int, int]] = {}

        def work(part: slice) -> dict[str, Tensor]:
            rows = noisy[part]
            self.diffusion(
                rows, self.timestep, context.expand(len(rows), -1, -1)
            )
            for name, maps in recorder.maps.items():
                shapes[name] = tuple(maps.shape[-2:])
            return dict(recorder.queries)

        with self.diffusion.recorder(
            self.layers, self.average, keep_queries=True
        ) as recorder:
            parts = self.chunks.run(len(noisy), work)
        queries = {
            name: torch.cat([part[name] for part in parts]).unflatten(
                0, (len(latents), self.num_noises)
            )
            for name in self.layers
        }
        return PreparedQueries(queries, shapes)

    def maps(
        self, prepared: PreparedQueries, picture: int, contexts: Tensor
    ) -> Tensor:
        """Maps (N, size, size) of contexts (N, c) in one picture."""
        layers = {}
        for name, queries in prepared.queries.items():
            query = queries[picture]  # (n, T, C)
            layer = self.diffusion.unet.get_submodule(name)
            key = layer.to_k(contexts.to(query.dtype))
            maps = attention_maps(
                query,
                key.expand(len(query), -1, -1),
                layer.heads,
                self.average,
            ).mean(0)
            layers[name] = maps.unflatten(-1, prepared.shapes[name])[None]
        return mean_map(layers, self.size).squeeze(0)

    def losses(
        self,
        prepared: PreparedQueries,
        contexts: Tensor,
        rows: MapRows,
        loss: PromptLoss,
        step: int,
    ) -> tuple[Tensor, Tensor]:
        """The first term of Eq. 4; see :class:`PromptMaps`."""
        check_width(self.diffusion, contexts)
        values = contexts.new_zeros(len(contexts))
        gradient = torch.zeros_like(contexts)
        for picture in rows.pictures.unique().tolist():
            chosen = (rows.pictures == picture).nonzero().squeeze(1)
            parts = self.chunks.run(
                len(chosen),
                lambda part, picture=picture, chosen=chosen: self._losses(
                    prepared, picture, contexts, rows, loss, chosen[part]
                ),
            )
            for each, (value, slope) in zip(
                torch.split(chosen, [len(value) for value, _ in parts]), parts
            ):
                values[each] = value
                gradient[each] = slope
        return values, gradient

    def _losses(
        self,
        prepared: PreparedQueries,
        picture: int,
        contexts: Tensor,
        rows: MapRows,
        loss: PromptLoss,
        chosen: Tensor,
    ) -> tuple[Tensor, Tensor]:
        context = contexts[chosen].detach().requires_grad_()
        maps = self.maps(prepared, picture, context)
        values = loss.map_term(maps, rows.points[chosen])
        total = (values * rows.weights[chosen]).sum()
        (gradient,) = torch.autograd.grad(total, context)
        return values.detach(), gradient

    @torch.no_grad()
    def predict(self, pictures: Tensor, contexts: Tensor) -> Tensor:
        """See :class:`PromptMaps`."""
        check_width(self.diffusion, contexts)
        prepared = self.cache(
            self.latents(pictures),
            self.neutral_context(),
            self.seed,
            shared_noise=True,
        )
        contexts = contexts.to(self.diffusion.device)
        results = []
        for picture in range(len(pictures)):
            parts = self.chunks.run(
                len(contexts),
                lambda part, picture=picture: self.maps(
                    prepared, picture, contexts[part]
                ),
            )
            results.append(torch.cat(parts))
        return torch.stack(results)
