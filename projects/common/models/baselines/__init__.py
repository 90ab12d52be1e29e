# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What a category-agnostic method has to beat; nothing here is trained."""

from projects.common import compat  # noqa: F401
from projects.common.models.baselines.base import EpisodeBaseline, Unwrapped
from projects.common.models.baselines.clip_regions import CLIPRegions
from projects.common.models.baselines.closed_vocabulary import (
    ClosedVocabularyPromptEncoder,
)
from projects.common.models.baselines.feature_matching import FeatureMatching
from projects.common.models.baselines.layout_prior import LayoutPrior
from projects.common.models.baselines.layouts import CopyLayout, MeanLayout

__all__ = [
    'CLIPRegions',
    'ClosedVocabularyPromptEncoder',
    'CopyLayout',
    'EpisodeBaseline',
    'FeatureMatching',
    'LayoutPrior',
    'MeanLayout',
    'Unwrapped',
]
