# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Pseudo prompts: their maps, how they are fitted, what they share."""

from projects.ppm.models.prompts.cached_maps import CachedPromptMaps
from projects.ppm.models.prompts.exact_maps import ExactPromptMaps
from projects.ppm.models.prompts.prompt_learner import (
    FitError,
    FittedPrompts,
    PromptLearner,
)
from projects.ppm.models.prompts.prompt_maps import MapRows, PromptMaps
from projects.ppm.models.prompts.shared_prompt import CategorySharedPrompt

__all__ = [
    'CachedPromptMaps',
    'CategorySharedPrompt',
    'ExactPromptMaps',
    'FitError',
    'FittedPrompts',
    'MapRows',
    'PromptLearner',
    'PromptMaps',
]
