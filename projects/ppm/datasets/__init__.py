# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Data sets for training a diffusion model."""

from projects.common import compat  # noqa: F401
from projects.ppm.datasets.latents import LatentDataset

__all__ = ['LatentDataset']
