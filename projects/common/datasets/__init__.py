# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Data sets of many categories and the transforms that feed them on."""

from projects.common import compat  # noqa: F401
from projects.common.datasets.balanced_sampler import BalancedSourceSampler
from projects.common.datasets.coco_file import CocoKeypointFile
from projects.common.datasets.concat_prompt_dataset import (
    ConcatPromptDataset,
)
from projects.common.datasets.episodes import (
    EpisodeBatchSampler,
    EpisodeDataset,
    EpisodeSampler,
    PerturbedEpisodes,
)
from projects.common.datasets.mp100 import MP100Dataset, MP100File
from projects.common.datasets.prompt_coco_dataset import PromptCocoDataset
from projects.common.datasets.seeded import SeededDataset, SeededSampler
from projects.common.datasets.selection import Selection
from projects.common.datasets.source_datasets import SourceDatasets
from projects.common.datasets.support_pool import SupportPool
from projects.common.datasets.transforms import (
    FixedSupports,
    PackPromptInputs,
    RandomCropKeypoints,
    RandomFlipKeypoints,
    RandomRotateKeypoints,
    RenamePrompt,
    ResizeKeypoints,
    SamplePromptCategories,
    SampleSupports,
)
from projects.common.datasets.unikpt_dataset import UniKPTDataset

__all__ = [
    'BalancedSourceSampler',
    'CocoKeypointFile',
    'ConcatPromptDataset',
    'EpisodeBatchSampler',
    'EpisodeDataset',
    'EpisodeSampler',
    'MP100Dataset',
    'MP100File',
    'FixedSupports',
    'PackPromptInputs',
    'PerturbedEpisodes',
    'PromptCocoDataset',
    'RandomCropKeypoints',
    'RandomFlipKeypoints',
    'RandomRotateKeypoints',
    'RenamePrompt',
    'ResizeKeypoints',
    'SamplePromptCategories',
    'SampleSupports',
    'SeededDataset',
    'SeededSampler',
    'Selection',
    'SourceDatasets',
    'SupportPool',
    'UniKPTDataset',
]
