# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The frozen diffusion model and what is read out of its attention."""

from projects.ppm.models.diffusion.attention import (
    AVERAGES,
    attention_maps,
    mean_map,
)
from projects.ppm.models.diffusion.latent_diffusion import LatentDiffusion
from projects.ppm.models.diffusion.recorder import (
    CrossAttentionRecorder,
    cross_attention_layers,
)

__all__ = [
    'AVERAGES',
    'CrossAttentionRecorder',
    'LatentDiffusion',
    'attention_maps',
    'cross_attention_layers',
    'mean_map',
]
