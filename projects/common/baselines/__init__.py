# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What a category-agnostic method has to beat; nothing here is trained."""

from projects.common import compat  # noqa: F401
from projects.common.baselines.base import EpisodeBaseline, Unwrapped
from projects.common.baselines.clip_regions import CLIPRegions
from projects.common.baselines.feature_matching import FeatureMatching
from projects.common.baselines.layouts import CopyLayout, MeanLayout

__all__ = [
    'CLIPRegions',
    'CopyLayout',
    'EpisodeBaseline',
    'FeatureMatching',
    'MeanLayout',
    'Unwrapped',
]
