# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Models that train a prompt encoder before it is used."""

from projects.common import compat  # noqa: F401
from projects.common.models.pretraining.prompt_contrast import PromptContrast

__all__ = ['PromptContrast']
