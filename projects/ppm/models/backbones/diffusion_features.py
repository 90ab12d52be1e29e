# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Feature maps of a frozen UNet, for methods that compare features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.config import ConfigDict
from mmengine.model import BaseModule
from mmpose.registry import MODELS
from torch import Tensor, nn

from projects.ppm.models.prompts.prompt_maps import make_generator


@MODELS.register_module()
class DiffusionFeatures(BaseModule):
    """Outputs of UNet blocks for pictures, under a context of zeros.

    Every picture gets the same noise, so that its features do not depend on
    the others of a batch.

    Args:
        diffusion: Config of a ``LatentDiffusion``.
        blocks: Names of modules of the UNet whose outputs are returned.
        timestep: t of the noise, 0..999, larger is noisier.
        seed: Of the noise.

    Raises:
        ValueError: If the UNet has no such block.
    """

    def __init__(
        self,
        diffusion: ConfigDict,
        blocks: Sequence[str] = ('up_blocks.0', 'up_blocks.1', 'up_blocks.2'),
        timestep: int = 10,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.diffusion = MODELS.build(diffusion)
        known = dict(self.diffusion.unet.named_modules())
        unknown = [name for name in blocks if name not in known]
        if unknown:
            raise ValueError(
                f'The UNet has no block {", ".join(map(repr, unknown))}; take '
                'modules such as "up_blocks.1".'
            )
        self.blocks = tuple(blocks)
        self.timestep = timestep
        self.seed = seed

    @torch.no_grad()
    def forward(self, images: Tensor) -> list[Tensor]:
        """Feature maps.

        Args:
            images: (B, 3, H, W) RGB in -1..1.

        Returns:
            list[Tensor]: (B, C, h, w) of each block.
        """
        latents = self.diffusion.encode(images)
        noisy = torch.cat(
            [
                self.diffusion.add_noise(
                    one, self.timestep, make_generator(self.seed)
                )[0]
                for one in latents.split(1)
            ]
        )
        found: dict[str, Tensor] = {}

        def keep(name: str) -> Any:
            def hook(_: nn.Module, __: Any, output: Any) -> None:
                # Blocks on the way down also return what they skip.
                first = output if isinstance(output, Tensor) else output[0]
                found[name] = first.float()

            return hook

        hooks = [
            self.diffusion.unet.get_submodule(name).register_forward_hook(
                keep(name)
            )
            for name in self.blocks
        ]
        try:
            width = self.diffusion.embed_dims
            context = latents.new_zeros(len(latents), 1, width)
            self.diffusion(noisy, self.timestep, context)
        finally:
            for hook in hooks:
                hook.remove()
        return [found[name] for name in self.blocks]
