# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Modules of PPM and CPT."""

from projects.common import compat  # noqa: F401
from projects.ppm.models.backbones import DiffusionFeatures
from projects.ppm.models.diffusion import (
    CrossAttentionRecorder,
    LatentDiffusion,
)
from projects.ppm.models.estimators import PPM
from projects.ppm.models.generation import (
    LatentAutoencoder,
    TextToImageDiffusion,
)
from projects.ppm.models.heads import PeakDecoder
from projects.ppm.models.losses import PromptLoss
from projects.ppm.models.prompts import (
    CachedPromptMaps,
    CategorySharedPrompt,
    ExactPromptMaps,
    FittedPrompts,
    PromptLearner,
)

__all__ = [
    'CachedPromptMaps',
    'CategorySharedPrompt',
    'CrossAttentionRecorder',
    'DiffusionFeatures',
    'ExactPromptMaps',
    'FittedPrompts',
    'LatentAutoencoder',
    'LatentDiffusion',
    'PPM',
    'PeakDecoder',
    'PromptLearner',
    'PromptLoss',
    'TextToImageDiffusion',
]
