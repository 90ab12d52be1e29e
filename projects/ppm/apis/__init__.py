# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""PPM in a few lines of Python."""

from projects.ppm.apis.inference import (
    Located,
    build_model,
    fit_prompts,
    locate,
)
from projects.ppm.apis.ppm_backend import PPMBackend

__all__ = ['Located', 'PPMBackend', 'build_model', 'fit_prompts', 'locate']
