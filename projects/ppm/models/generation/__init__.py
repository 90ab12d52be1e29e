# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Training a small text-to-image latent diffusion model."""

from projects.ppm.models.generation.autoencoder import LatentAutoencoder
from projects.ppm.models.generation.captions import CaptionParts
from projects.ppm.models.generation.text_to_image import TextToImageDiffusion

__all__ = ['CaptionParts', 'LatentAutoencoder', 'TextToImageDiffusion']
