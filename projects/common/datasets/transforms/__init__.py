# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Transforms of pictures whose objects have different keypoints."""

from projects.common.datasets.transforms.formatting import PackPromptInputs
from projects.common.datasets.transforms.geometry import (
    RandomCropKeypoints,
    RandomFlipKeypoints,
    ResizeKeypoints,
)
from projects.common.datasets.transforms.prompts import SamplePromptCategories
from projects.common.datasets.transforms.renaming import RenamePrompt
from projects.common.datasets.transforms.rotation import RandomRotateKeypoints
from projects.common.datasets.transforms.supports import (
    FixedSupports,
    SampleSupports,
)

__all__ = [
    'FixedSupports',
    'PackPromptInputs',
    'RandomCropKeypoints',
    'RandomFlipKeypoints',
    'RandomRotateKeypoints',
    'RenamePrompt',
    'ResizeKeypoints',
    'SamplePromptCategories',
    'SampleSupports',
]
