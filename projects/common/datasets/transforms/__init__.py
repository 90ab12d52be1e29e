# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Transforms of pictures whose objects have different keypoints."""

from projects.common.datasets.transforms.formatting import PackPromptInputs
from projects.common.datasets.transforms.geometry import (
    RandomCropKeypoints,
    RandomFlipKeypoints,
    ResizeKeypoints,
)
from projects.common.datasets.transforms.prompts import SamplePromptCategories

__all__ = [
    'PackPromptInputs',
    'RandomCropKeypoints',
    'RandomFlipKeypoints',
    'ResizeKeypoints',
    'SamplePromptCategories',
]
