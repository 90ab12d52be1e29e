# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Samples as a pure function of (seed, epoch, index).

A run that is resumed at an epoch sees the very pictures, augmentations and
prompts that an uninterrupted run sees, whatever the number of workers and
whether they persist.
"""

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from mmengine.dataset import BaseDataset, DefaultSampler
from mmpose.registry import DATA_SAMPLERS, DATASETS


def seed_all(*key: int) -> None:
    """Seed random, numpy and torch from whole numbers, none negative."""
    seed = int(np.random.SeedSequence(key).generate_state(1)[0])
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


@DATA_SAMPLERS.register_module()
class SeededSampler(DefaultSampler):
    """DefaultSampler that tells :class:`SeededDataset` the epoch.

    It yields ``epoch * len(dataset) + index``: an index is the only thing
    that reaches persistent workers.
    """

    def __iter__(self) -> Iterator[int]:
        """Iterate this rank's share of the epoch."""
        for index in super().__iter__():
            yield self.epoch * len(self.dataset) + index


@DATASETS.register_module()
class SeededDataset:
    """Seeds all random generators for every item.

    Args:
        dataset (dict | BaseDataset): The data set to wrap.
        seed (int): Base seed.
    """

    #: mmpose's inferencers read it off the class of the training set; names
    #: of keypoints are in the prompts.
    METAINFO = {
        'dataset_name': 'prompted',
        'keypoint_info': {},
        'skeleton_info': {},
        'joint_weights': [],
        'sigmas': [],
    }

    def __init__(self, dataset: dict | BaseDataset, seed: int = 0) -> None:
        if isinstance(dataset, dict):
            dataset = DATASETS.build(dataset)
        self.dataset = dataset
        self.seed = seed

    @property
    def metainfo(self) -> dict[str, Any]:
        """Meta information of the wrapped data set."""
        return self.dataset.metainfo

    def full_init(self) -> None:
        """Load the annotations now."""
        self.dataset.full_init()

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Item ``index % len`` as drawn in epoch ``index // len``."""
        epoch, index = divmod(index, len(self.dataset))
        seed_all(self.seed, epoch, index)
        return self.dataset[index]
