# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What prompts are fitted to."""

from projects.ppm.models.losses.prompt_loss import (
    PromptLoss,
    gaussian_targets,
)

__all__ = ['PromptLoss', 'gaussian_targets']
