# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""A share of every epoch for each source of a data set."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from mmpose.registry import DATA_SAMPLERS

from projects.common.datasets.seeded import SeededSampler


@DATA_SAMPLERS.register_module()
class BalancedSourceSampler(SeededSampler):
    """Draws pictures of several sources in given shares.

    Every source is an endless row of random permutations of its pictures,
    of which each epoch takes the next part: all pictures of a source are
    seen equally often, those of a small source with a large share several
    times an epoch, those of a large one every few epochs. Then the parts
    are shuffled and dealt to the ranks. All of it is a pure function of
    (seed, epoch, rank).

    It yields ``uses * len(dataset) + index``, where ``uses`` counts how
    often the picture has been drawn before: :class:`SeededDataset` draws
    other augmentations and prompts each time.

    Args:
        dataset: Its ``picture_sources``, or those of what it wraps, name the
            source of each picture, as :class:`UniKPTDataset` does.
        weights: Share of each source, in any unit, 0 to leave one out;
            names that the data set does not have do not count.
        epoch_size: Pictures of an epoch, over all ranks; by default as many
            as the data set has.
        seed: By default the run's.

    Raises:
        ValueError: If a source has no weight, a weight is negative or
            nothing has a positive one, or the data set does not name its
            sources.
    """

    def __init__(
        self,
        dataset: Any,
        weights: Mapping[str, float],
        epoch_size: int | None = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(dataset, shuffle=True, seed=seed)
        names = _picture_sources(dataset)
        _check_weights(weights, set(names))
        self.epoch_size = len(names) if epoch_size is None else epoch_size
        self.num_samples = math.ceil(self.epoch_size / self.world_size)
        self.total_size = self.num_samples * self.world_size
        self._pictures = {
            name: np.flatnonzero(names == name)
            for name in sorted(set(names))
            if weights[name] > 0
        }
        shares = np.array([weights[name] for name in self._pictures], float)
        #: Pictures of each source in an epoch.
        self.quotas: dict[str, int] = dict(
            zip(self._pictures, _apportion(shares, self.epoch_size))
        )

    def __iter__(self) -> Iterator[int]:
        """Iterate this rank's share of the epoch."""
        drawn = np.concatenate([self._part(name) for name in self._pictures])
        rng = np.random.default_rng([self.seed, self.epoch])
        drawn = rng.permutation(drawn)
        # As DefaultSampler, repeat the first to give all ranks as many.
        drawn = np.resize(drawn, self.total_size)
        yield from drawn[self.rank :: self.world_size].tolist()

    def _part(self, name: str) -> np.ndarray:
        """This epoch's part of a source's row, as it is yielded."""
        pictures, quota = self._pictures[name], self.quotas[name]
        places = self.epoch * quota + np.arange(quota)
        uses, offsets = np.divmod(places, len(pictures))
        key = zlib.crc32(name.encode())
        indices = np.empty(quota, np.int64)
        for number in np.unique(uses):
            rng = np.random.default_rng([self.seed, key, number])
            order = rng.permutation(pictures)
            now = uses == number
            indices[now] = order[offsets[now]]
        return uses * len(self.dataset) + indices


def _picture_sources(dataset: Any) -> np.ndarray:
    """Source of each picture, of the data set or of what it wraps."""
    inner = dataset
    while not hasattr(inner, 'picture_sources') and hasattr(inner, 'dataset'):
        inner = inner.dataset
    names = getattr(inner, 'picture_sources', None)
    if names is None or len(names) != len(dataset):
        raise ValueError(
            f'BalancedSourceSampler: {type(inner).__name__} does not name the '
            f'source of each of the {len(dataset)} pictures; use it with a '
            'UniKPTDataset, not repeated.'
        )
    return np.asarray(names)


def _check_weights(weights: Mapping[str, float], present: set[str]) -> None:
    lacking = sorted(present - set(weights))
    if lacking:
        raise ValueError(
            f'BalancedSourceSampler: weights has no {", ".join(lacking)}, '
            'which the data set has; give a weight, 0 to leave it out.'
        )
    if min(weights.values()) < 0 or not any(weights[n] for n in present):
        raise ValueError(
            f'BalancedSourceSampler: weights is {dict(weights)}; weights are '
            '0 or more, and a source of the data set needs more.'
        )


def _apportion(shares: np.ndarray, total: int) -> list[int]:
    """Whole numbers in these shares that sum to ``total`` (Hamilton)."""
    exact = shares / shares.sum() * total
    parts = np.floor(exact).astype(int)
    largest = np.argsort(parts - exact, kind='stable')
    parts[largest[: total - parts.sum()]] += 1
    return parts.tolist()
