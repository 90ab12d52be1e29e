# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Fitting pseudo prompts to a few examples, Eq. 4 of the PPM paper."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from mmpose.registry import MODELS
from torch import Tensor

from projects.common.structures import KeypointCategory, SupportShot
from projects.ppm.models.losses import PromptLoss
from projects.ppm.models.prompts.prompt_maps import (
    MapRows,
    PromptMaps,
    make_generator,
)
from projects.ppm.pictures import resize_points, to_pictures

_STARTS = ('random', 'text')
Adapter = Callable[[Tensor], Tensor]


class FitError(ValueError):
    """The prompts of an episode could not be fitted."""


@dataclass(frozen=True)
class FittedPrompts:
    """What was learned from the shots of one category, on the CPU.

    Attributes:
        prompts: (N, c), P^n.
        contexts: (N, c), what the UNet gets: P^n, or with CPT what the MLP
            makes of it.
        learned: (N,) bool, False for a keypoint that no shot shows.
        losses: (steps, N), NaN where a keypoint was not fitted any more.
        fit: How: settings of ``learner`` and ``loss``, the ``seed`` and the
            number of ``shots``. Empty where that is not known.
    """

    prompts: Tensor
    contexts: Tensor
    learned: Tensor
    losses: Tensor
    fit: dict[str, Any] = field(default_factory=dict)

    @property
    def steps(self) -> Tensor:
        """(N,) how many steps each prompt was fitted."""
        return self.losses.isfinite().sum(0)


@MODELS.register_module()
class PromptLearner:
    """Adam on one prompt per keypoint.

    Every keypoint is a problem of its own: in a batch they get the same
    gradients, updates and end as alone.

    Args:
        lr: Learning rate (paper: 2e-3).
        steps: At most this many; the paper does not say.
        init: 'random', or 'text', which starts from the text encoder's
            context of '{keypoint} of a {category}'.
        init_std: Standard deviation of random prompts. The default is that
            of CLIP's token embeddings. Contexts leave the text encoder
            through a normalisation, with one of about 1; but a start that
            large is a random pattern in every map, most of which Adam's
            steps cannot remove. From a small one all maps start flat at 0.5,
            where the sigmoid is steepest, and what is learned comes from the
            shots.
        plateau_window: A keypoint is done when the mean loss of this many
            steps is hardly below that of as many steps before; None always
            takes all steps.
        plateau_tolerance: The relative decrease that counts.

    Raises:
        ValueError: If a setting is out of range.
    """

    def __init__(
        self,
        lr: float = 2e-3,
        steps: int = 300,
        init: str = 'random',
        init_std: float = 0.02,
        plateau_window: int | None = 25,
        plateau_tolerance: float = 0.005,
    ) -> None:
        if init not in _STARTS:
            raise ValueError(
                f'Prompts start from {init!r}; choose one of '
                f'{", ".join(map(repr, _STARTS))}.'
            )
        if not (lr > 0 and steps >= 0 and init_std >= 0):
            raise ValueError(
                f'The prompt learner has lr={lr}, steps={steps}, '
                f'init_std={init_std}; lr must be positive, the others not '
                'negative.'
            )
        if plateau_window is not None and plateau_window < 1:
            raise ValueError(
                f'plateau_window is {plateau_window}; give a number of steps '
                'or None.'
            )
        self.lr = lr
        self.steps = steps
        self.init = init
        self.init_std = init_std
        self.plateau_window = plateau_window
        self.plateau_tolerance = plateau_tolerance

    def start(
        self, maps: PromptMaps, category: KeypointCategory, seed: int
    ) -> Tensor:
        """Prompts (N, c) before the first step."""
        width = maps.diffusion.embed_dims
        if self.init == 'text':
            texts = [f'{k} of a {category.name}' for k in category.keypoints]
            return maps.diffusion.encode_texts(texts)[1]
        # Not the numbers that the noise of the first step is made of.
        generator = make_generator(seed, 0, 1)
        shape = (category.num_keypoints, width)
        return torch.randn(shape, generator=generator) * self.init_std

    def fit(
        self,
        maps: PromptMaps,
        loss: PromptLoss,
        category: KeypointCategory,
        shots: Sequence[SupportShot],
        seed: int = 0,
        adapter: Adapter | None = None,
        start: Tensor | None = None,
    ) -> FittedPrompts:
        """Fit the prompts of a category.

        Gradients are enabled here, wherever it is called.

        Args:
            maps: Makes the maps.
            loss: Compares them.
            category: With N keypoints.
            shots: S >= 1 examples.
            seed: Of the random start and the noise.
            adapter: CPT's frozen way from prompts to contexts; without, the
                prompts are the contexts.
            start: (N, c) instead of what ``init`` says.

        Raises:
            FitError: If a loss or prompt is not finite.
            MemoryError: If a single keypoint does not fit into memory.
        """
        device = maps.diffusion.device
        with torch.inference_mode(False), torch.enable_grad():
            if start is None:
                start = self.start(maps, category, seed)
            prompts = [
                torch.nn.Parameter(row.clone()) for row in start.to(device)
            ]
            losses = self._descend(
                prompts, maps, loss, category, shots, seed, adapter
            )
            stacked = torch.stack(prompts).detach()
            self._check_finite(stacked.sum(1), category, len(losses))
            with torch.no_grad():
                contexts = adapter(stacked) if adapter else stacked
        return FittedPrompts(
            stacked.cpu(),
            contexts.detach().cpu(),
            _shown(shots).any(0),
            losses,
            {
                'learner': dict(vars(self)),
                'loss': dict(vars(loss)),
                'seed': seed,
                'shots': len(shots),
            },
        )

    def _descend(
        self,
        prompts: list[torch.nn.Parameter],
        maps: PromptMaps,
        loss: PromptLoss,
        category: KeypointCategory,
        shots: Sequence[SupportShot],
        seed: int,
        adapter: Adapter | None,
    ) -> Tensor:
        """Change the prompts; their losses (steps, N) on the CPU."""
        device = maps.diffusion.device
        shown = _shown(shots).to(device)  # (S, N)
        points = torch.stack(
            [resize_points(s.keypoints, s.image, maps.size) for s in shots]
        ).to(device)
        prepared = maps.prepare(to_pictures(shots).to(device), seed)
        optimizer = torch.optim.Adam(prompts, lr=self.lr)
        active = shown.any(0)
        history: list[Tensor] = []
        for step in range(self.steps):
            if not active.any():
                break
            picture, keypoint = (shown & active).nonzero(as_tuple=True)
            rows = MapRows(
                picture,
                points[picture, keypoint],
                1 / shown.sum(0)[keypoint],
            )
            optimizer.zero_grad(set_to_none=True)
            numbers = active.nonzero().squeeze(1).tolist()
            stacked = torch.stack([prompts[n] for n in numbers])
            contexts = adapter(stacked) if adapter else stacked
            place = active.cumsum(0)[keypoint] - 1
            values, gradient = maps.losses(
                prepared, contexts.detach()[place], rows, loss, step
            )
            total = torch.full((len(active),), torch.nan, device=device)
            total[active] = 0.0
            total.index_add_(0, keypoint, values * rows.weights)
            self._check_finite(total[active], category, step, numbers)
            history.append(total)
            contexts.backward(
                torch.zeros_like(contexts).index_add(0, place, gradient)
            )
            # Adam leaves out those without a gradient, momentum and all.
            optimizer.step()
            active = active & ~self._plateau(history)
        if not history:
            return torch.zeros(0, len(active))
        return torch.stack(history).cpu()

    def _plateau(self, history: list[Tensor]) -> Tensor:
        """(N,) bool, which keypoints have stopped getting better."""
        window = self.plateau_window
        if window is None or len(history) < 2 * window:
            return torch.zeros_like(history[0], dtype=torch.bool)
        before, now = (
            torch.stack(history[-2 * window :]).unflatten(0, (2, -1)).mean(1)
        )
        return now > before * (1 - self.plateau_tolerance)

    @staticmethod
    def _check_finite(
        values: Tensor,
        category: KeypointCategory,
        step: int,
        numbers: Sequence[int] | None = None,
    ) -> None:
        bad = (~values.isfinite()).nonzero().squeeze(1).tolist()
        if not bad:
            return
        numbers = numbers or range(category.num_keypoints)
        names = [repr(category.keypoints[numbers[i]]) for i in bad]
        raise FitError(
            f'The loss of keypoint {", ".join(names)} of category '
            f'{category.name!r} is not finite at step {step}; the fit was '
            'stopped. Use dtype="float32" for the diffusion model, or a '
            'smaller learning rate.'
        )


def _shown(shots: Sequence[SupportShot]) -> Tensor:
    """(S, N) bool."""
    return torch.stack([shot.visible > 0 for shot in shots])
