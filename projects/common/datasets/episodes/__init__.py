# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Episodes of category-agnostic pose estimation, drawn or frozen."""

from projects.common.datasets.episodes.boxes import BOX_RULES, clipped_box
from projects.common.datasets.episodes.episode_dataset import EpisodeDataset
from projects.common.datasets.episodes.frozen import (
    DRAWING_RULES,
    Episode,
    EpisodeList,
    freeze_episodes,
)
from projects.common.datasets.episodes.perturbations import (
    PERTURBATIONS,
    PerturbedEpisodes,
    check_perturbation,
)
from projects.common.datasets.episodes.records import (
    EpisodeQuery,
    EpisodeTask,
)
from projects.common.datasets.episodes.sampler import (
    EpisodeBatchSampler,
    EpisodeSampler,
)
from projects.common.datasets.episodes.source import (
    EpisodeObject,
    EpisodeSource,
)

__all__ = [
    'BOX_RULES',
    'DRAWING_RULES',
    'Episode',
    'EpisodeBatchSampler',
    'EpisodeDataset',
    'EpisodeList',
    'EpisodeObject',
    'EpisodeQuery',
    'EpisodeSampler',
    'EpisodeSource',
    'EpisodeTask',
    'PERTURBATIONS',
    'PerturbedEpisodes',
    'check_perturbation',
    'clipped_box',
    'freeze_episodes',
]
