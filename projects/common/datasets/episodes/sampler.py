# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Sharing out episodes, not pictures, between processes."""

from __future__ import annotations

from collections.abc import Iterator, Sized

import numpy as np
from mmengine.dist import get_dist_info
from mmpose.registry import DATA_SAMPLERS
from torch.utils.data import Sampler


@DATA_SAMPLERS.register_module()
class EpisodeSampler(Sampler):
    """All queries of an episode go to one process, one after the other.

    So supports are cut out and encoded once. Without ``round_up`` every
    query is evaluated exactly once, whatever the number of processes.

    It yields ``epoch * len(dataset) + index``, as :class:`SeededSampler`.

    Args:
        dataset: An :class:`EpisodeDataset`; its ``slices`` are used.
        shuffle: Shuffle the episodes, anew in each epoch.
        seed: Of the shuffling; None is 0, so that processes agree.
        round_up: Give all processes as many episodes, some of them twice,
            as training needs it.
    """

    def __init__(
        self,
        dataset: Sized,
        shuffle: bool = False,
        seed: int | None = None,
        round_up: bool = False,
    ) -> None:
        self.dataset = dataset
        self.shuffle = shuffle
        self.seed = seed or 0
        self.round_up = round_up
        self.epoch = 0
        self.rank, self.world_size = get_dist_info()

    def episodes(self) -> np.ndarray:
        """Numbers of this process's episodes, in their order."""
        count = len(self.dataset.slices)
        order = np.arange(count)
        if self.shuffle:
            order = np.random.default_rng([self.seed, self.epoch]).permutation(
                count
            )
        if self.round_up:
            share = -(-count // self.world_size)
            order = np.resize(order, share * self.world_size)
        return order[self.rank :: self.world_size]

    def __iter__(self) -> Iterator[int]:
        """Iterate this process's share of the epoch."""
        first = self.epoch * len(self.dataset)
        for number in self.episodes():
            for index in self.dataset.slices[number]:
                yield first + index

    def __len__(self) -> int:
        return sum(len(self.dataset.slices[n]) for n in self.episodes())

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, which decides on order and training episodes."""
        self.epoch = epoch


@DATA_SAMPLERS.register_module()
class EpisodeBatchSampler(Sampler):
    """Batches with queries of one episode each.

    What is in a batch does not depend on the number of processes then, and
    neither does the last digit of what a model predicts. For
    ``test_dataloader.batch_sampler``.

    Args:
        sampler: An :class:`EpisodeSampler`.
        batch_size: Largest number of queries in a batch.
    """

    def __init__(self, sampler: EpisodeSampler, batch_size: int) -> None:
        self.sampler = sampler
        self.batch_size = batch_size

    def __iter__(self) -> Iterator[list[int]]:
        """Iterate the batches of the sampler's episodes."""
        sampler = self.sampler
        first = sampler.epoch * len(sampler.dataset)
        for number in sampler.episodes():
            queries = [first + i for i in sampler.dataset.slices[number]]
            for start in range(0, len(queries), self.batch_size):
                yield queries[start : start + self.batch_size]

    def __len__(self) -> int:
        slices = self.sampler.dataset.slices
        return sum(
            -(-len(slices[n]) // self.batch_size)
            for n in self.sampler.episodes()
        )
