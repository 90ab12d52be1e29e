# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Data sets of many categories and the transforms that feed them on."""

from projects.common import compat  # noqa: F401
from projects.common.datasets.coco_file import CocoKeypointFile
from projects.common.datasets.episodes import EpisodeDataset, EpisodeSampler
from projects.common.datasets.mp100 import MP100Dataset, MP100File
from projects.common.datasets.prompt_coco_dataset import PromptCocoDataset
from projects.common.datasets.seeded import SeededDataset, SeededSampler
from projects.common.datasets.support_pool import SupportPool
from projects.common.datasets.transforms import (
    FixedSupports,
    PackPromptInputs,
    RandomCropKeypoints,
    RandomFlipKeypoints,
    RandomRotateKeypoints,
    ResizeKeypoints,
    SamplePromptCategories,
    SampleSupports,
)

__all__ = [
    'CocoKeypointFile',
    'EpisodeDataset',
    'EpisodeSampler',
    'MP100Dataset',
    'MP100File',
    'FixedSupports',
    'PackPromptInputs',
    'PromptCocoDataset',
    'RandomCropKeypoints',
    'RandomFlipKeypoints',
    'RandomRotateKeypoints',
    'ResizeKeypoints',
    'SamplePromptCategories',
    'SampleSupports',
    'SeededDataset',
    'SeededSampler',
    'SupportPool',
]
