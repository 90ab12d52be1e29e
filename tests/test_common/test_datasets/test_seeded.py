# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import random

import numpy as np
import pytest
import torch
from mmpose.registry import DATA_SAMPLERS, DATASETS
from torch.utils.data import DataLoader

from projects.common.datasets import SeededDataset, SeededSampler

LENGTH = 7


@DATASETS.register_module(force=True)
class NoisyDataset:
    """Every item is its index and a number of each generator."""

    def __init__(self, length=LENGTH):
        self.length = length
        self.metainfo = {'name': 'noise'}
        self.initialised = 0

    def full_init(self):
        self.initialised += 1

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        return (
            index,
            random.random(),
            float(np.random.rand()),
            torch.rand(()).item(),
        )


def epochs(num_workers, seed=0, shuffle=True):
    """{index: numbers} of two epochs."""
    dataset = SeededDataset(NoisyDataset(), seed)
    sampler = SeededSampler(dataset, shuffle=shuffle, seed=1)
    loader = DataLoader(
        dataset,
        batch_size=2,
        sampler=sampler,
        num_workers=num_workers,
        persistent_workers=num_workers > 0,
        collate_fn=list,
    )
    result = []
    for epoch in range(2):
        sampler.set_epoch(epoch)
        items = [item for batch in loader for item in batch]
        result.append({index: numbers for index, *numbers in items})
    return result


def test_same_numbers_whatever_the_order_and_the_workers():
    random.seed(5)
    expected = epochs(num_workers=0)
    assert [sorted(epoch) for epoch in expected] == [list(range(LENGTH))] * 2
    random.seed(6)
    assert epochs(num_workers=2) == expected
    assert epochs(num_workers=0, shuffle=False) == expected
    # In any order, alone:
    dataset = SeededDataset(NoisyDataset())
    for index in (5, 0, 3):
        assert list(dataset[LENGTH + index][1:]) == expected[1][index]


def test_other_numbers_in_another_epoch_item_or_seed():
    first, second = epochs(num_workers=0)
    numbers = [tuple(n) for e in (first, second) for n in e.values()]
    for generator in zip(*numbers):
        assert len(set(generator)) == 2 * LENGTH
    assert all(
        epochs(0, seed=1)[0][i][k] != first[i][k]
        for i in range(LENGTH)
        for k in range(3)
    )


def test_sampler_tells_the_epoch():
    sampler = SeededSampler(NoisyDataset(), shuffle=False)
    assert list(sampler) == list(range(7))
    sampler.set_epoch(3)
    assert list(sampler) == list(range(21, 28))
    shuffled = SeededSampler(NoisyDataset(), shuffle=True, seed=0)
    shuffled.set_epoch(1)
    assert sorted(shuffled) == list(range(7, 14))
    assert list(shuffled) != list(range(7, 14))


def test_ranks_share_an_epoch(monkeypatch):
    shares = []
    for rank in range(2):
        monkeypatch.setattr(
            'mmengine.dataset.sampler.get_dist_info', lambda r=rank: (r, 2)
        )
        sampler = SeededSampler(NoisyDataset(6), seed=0)
        sampler.set_epoch(1)
        shares.append(list(sampler))
    assert sorted(shares[0] + shares[1]) == list(range(6, 12))


def test_wraps_a_config_and_passes_on():
    dataset = DATASETS.build(
        {'type': 'SeededDataset', 'dataset': {'type': 'NoisyDataset'}}
    )
    assert len(dataset) == LENGTH
    assert dataset.metainfo == {'name': 'noise'}
    dataset.full_init()
    assert dataset.dataset.initialised == 1
    assert DATA_SAMPLERS.get('SeededSampler') is SeededSampler


@pytest.mark.parametrize('index', [0, 6, 7, 13, 700])
def test_index_of_the_wrapped_item(index):
    assert SeededDataset(NoisyDataset())[index][0] == index % LENGTH
