# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What fitting prompts costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from projects.benchmarks.timing import now
from projects.common.apis.base_backend import usable_device
from projects.common.structures import KeypointCategory, SupportShot
from projects.ppm.models import (
    PPM,
    CachedPromptMaps,
    CrossAttentionRecorder,
)
from projects.ppm.models.estimators.episodes import Episode
from projects.ppm.models.prompts import FittedPrompts, PromptMaps
from projects.ppm.models.prompts.chunks import Chunks
from projects.ppm.pictures import to_pictures

#: MP-100, one split: 20 to 30 categories, 200 episodes each, of 15 queries.
EPISODES_OF_A_SPLIT = 4000
QUERIES = 15


def random_episode(keypoints: int, size: int) -> Episode:
    """A picture of noise with keypoints at random places."""
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(
        0, 256, (3, size, size), generator=generator, dtype=torch.uint8
    )
    points = torch.rand(keypoints, 2, generator=generator) * (size - 1)
    category = KeypointCategory('thing', [f'k{n}' for n in range(keypoints)])
    shot = SupportShot(image, points, torch.full((keypoints,), 2.0))
    return Episode(category, (shot,))


def alone(episode: Episode, number: int) -> Episode:
    """The episode of one of its keypoints."""
    category = KeypointCategory('thing', [episode.category.keypoints[number]])
    shots = tuple(
        SupportShot(
            shot.image,
            shot.keypoints[[number]],
            shot.visible[[number]],
        )
        for shot in episode.shots
    )
    return Episode(category, shots)


@dataclass(frozen=True)
class Fitter:
    """Fits an episode from given starts, without a plateau stop.

    Attributes:
        model: Its learner is used.
        episode: With K keypoints.
        start: (K, c).
        maps: The model's if not given.
    """

    model: PPM
    episode: Episode
    start: Tensor
    maps: PromptMaps | None = None

    def together(self) -> FittedPrompts:
        """All keypoints as one batch."""
        return self._fit(self.episode, self.start)

    def one_at_a_time(self) -> list[FittedPrompts]:
        """A fit for every keypoint, as the paper describes it."""
        return [
            self._fit(alone(self.episode, n), self.start[[n]])
            for n in range(len(self.start))
        ]

    def _fit(self, episode: Episode, start: Tensor) -> FittedPrompts:
        model = self.model
        return model.learner.fit(
            self.maps or model.maps,
            model.prompt_loss,
            episode.category,
            episode.shots,
            seed=0,
            start=start,
        )


def find(fitter: Fitter, fitted: FittedPrompts) -> Tensor:
    """Keypoints (K, 2) xy of the shots' first picture, pixels of the maps."""
    maps = fitter.maps or fitter.model.maps
    pictures = to_pictures(fitter.episode.shots[:1])
    points, _ = fitter.model.decoder(maps.predict(pictures, fitted.contexts))
    return points[0].cpu()


def seconds(work: Callable[[], object]) -> float:
    """Wall-clock time of a call."""
    start = now()
    work()
    return now() - start


def sd15_unet(device: str = 'cpu') -> nn.Module:
    """A UNet of the size of Stable Diffusion 1.5's, random weights.

    Raises:
        ValueError: If there is no such device.
    """
    from diffusers import UNet2DConditionModel

    with usable_device(device):
        return UNet2DConditionModel(
            sample_size=64, cross_attention_dim=768
        ).requires_grad_(False)


def unet_step(
    unet: nn.Module, size: int, keypoints: int, max_batch: int
) -> None:
    """One step of fitting: forward, maps, backward to the prompts.

    Args:
        unet: A diffusers UNet.
        size: Side of the picture in pixels; latents have an eighth.
        keypoints: How many one-token contexts there are.
        max_batch: How many of them are computed at a time.
    """
    side, width = size // 8, unet.config.cross_attention_dim
    options = {'device': unet.device}

    def work(part: slice) -> None:
        count = part.stop - part.start
        latents = torch.zeros(count, 4, side, side, **options)
        contexts = torch.zeros(count, 1, width, requires_grad=True, **options)
        output = unet(latents, torch.tensor(10, **options), contexts).sample
        loss = recorder.mean_map(size).sum() + output.square().mean()
        loss.backward()

    with CrossAttentionRecorder(unet) as recorder:
        Chunks(max_batch).run(keypoints, work)


def step_flops(size: int, keypoints: int) -> int:
    """Floating-point operations of :func:`unet_step`, without computing."""
    counter = FlopCounterMode(display=False)
    with counter:
        unet_step(sd15_unet('meta'), size, keypoints, keypoints)
    return counter.get_total_flops()


def build_cached(model: PPM) -> PromptMaps:
    """The fast maps with the settings of an exact model."""
    return CachedPromptMaps(
        model.diffusion,
        **model.maps.settings(),
        max_batch=model.maps.chunks.max_batch,
    )
