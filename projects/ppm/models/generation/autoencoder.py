# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""First stage: pictures to latents and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from mmengine.config import ConfigDict
from mmengine.model import BaseModel
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import Tensor


@MODELS.register_module()
class LatentAutoencoder(BaseModel):
    """Trains a diffusers ``AutoencoderKL``.

    The loss is the absolute error of the picture and of its differences
    between neighbouring pixels, which keeps edges sharp without a network
    that judges pictures, and a small Kullback-Leibler term.

    Args:
        vae: Arguments of ``AutoencoderKL``.
        edge_weight: Of the differences.
        kl_weight: Of the Kullback-Leibler term, per latent element.
        data_preprocessor: Config; pictures have to become RGB in -1..1.
    """

    def __init__(
        self,
        vae: ConfigDict,
        edge_weight: float = 1.0,
        kl_weight: float = 1e-4,
        data_preprocessor: ConfigDict | None = None,
    ) -> None:
        from diffusers import AutoencoderKL

        super().__init__(data_preprocessor)
        self.vae = AutoencoderKL(**vae)
        self.edge_weight = edge_weight
        self.kl_weight = kl_weight
        #: Running spread of the latents, see :meth:`save_pretrained`.
        self.register_buffer('latent_std', torch.ones(()))

    def forward(
        self,
        inputs: Tensor,
        data_samples: list[PoseDataSample] | None = None,
        mode: str = 'tensor',
    ) -> Any:
        """Losses for 'loss', else the decoded pictures (B, 3, H, W).

        Args:
            inputs: (B, 3, H, W) RGB in -1..1.
            data_samples: Not used.
            mode: 'loss', or anything else.
        """
        latents = self.vae.encode(inputs).latent_dist
        if mode != 'loss':
            return self.vae.decode(latents.mode()).sample
        sample = latents.sample()
        pictures = self.vae.decode(sample).sample.float()
        with torch.no_grad():
            self.latent_std.lerp_(sample.float().std(), 0.02)
        edges = sum(
            (pictures.diff(dim=axis) - inputs.diff(dim=axis)).abs().mean()
            for axis in (-1, -2)
        )
        return {
            'loss_picture': (pictures - inputs).abs().mean(),
            'loss_edges': self.edge_weight * edges,
            'loss_kl': self.kl_weight
            * latents.kl().mean()
            / sample[0].numel(),
        }

    def save_pretrained(self, folder: Path) -> None:
        """Write ``vae/`` of a diffusers folder, weights in half precision.

        Its ``scaling_factor`` brings latents to a standard deviation of 1.
        """
        scale = round(float(1 / self.latent_std), 5)
        self.vae.register_to_config(scaling_factor=scale)
        self.vae.half().save_pretrained(folder / 'vae')
