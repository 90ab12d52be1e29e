# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Keypoint sets that X-Pose's released weights know."""

from .predefined import (
    PredefinedSet,
    predefined_categories,
    predefined_category,
    predefined_names,
    predefined_sets,
)

__all__ = [
    'PredefinedSet',
    'predefined_categories',
    'predefined_category',
    'predefined_names',
    'predefined_sets',
]
