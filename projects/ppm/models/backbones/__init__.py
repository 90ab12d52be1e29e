# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The diffusion model as a backbone."""

from projects.ppm.models.backbones.diffusion_features import DiffusionFeatures

__all__ = ['DiffusionFeatures']
