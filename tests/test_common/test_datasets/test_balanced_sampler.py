# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
from collections import Counter

import numpy as np
import pytest
from mmpose.registry import DATA_SAMPLERS

from projects.common.datasets import BalancedSourceSampler, SeededDataset

# 20 pictures of a, 5 of b, 3 of c; not in blocks.
SOURCES = (
    ['a', 'b', 'a', 'a', 'c', 'a', 'a'] * 3 + ['a', 'b', 'a', 'b'] + ['a'] * 3
)
SOURCES = np.array(SOURCES)


class Pictures:
    """Only what a sampler asks for."""

    def __init__(self, names=SOURCES):
        self.picture_sources = tuple(names)

    def __len__(self):
        return len(self.picture_sources)

    def __getitem__(self, index):
        return index, np.random.rand()


def epoch(number, weights=None, **kwargs):
    weights = weights or {'a': 2, 'b': 1, 'c': 1}
    sampler = BalancedSourceSampler(Pictures(), weights, seed=3, **kwargs)
    sampler.set_epoch(number)
    return list(sampler)


def drawn(values):
    return np.array(values) % len(SOURCES)


def test_the_example():
    assert Counter(SOURCES.tolist()) == {'a': 20, 'b': 5, 'c': 3}


@pytest.mark.parametrize(
    'weights, size, shares',
    [
        ({'a': 2, 'b': 1, 'c': 1}, None, {'a': 14, 'b': 7, 'c': 7}),
        ({'a': 0.5, 'b': 0.3, 'c': 0.2}, 100, {'a': 50, 'b': 30, 'c': 20}),
        # 10 * (1/3): the rest goes to the first.
        ({'a': 1, 'b': 1, 'c': 1}, 10, {'a': 4, 'b': 3, 'c': 3}),
        ({'a': 0, 'b': 1, 'c': 3, 'other': 9}, 8, {'b': 2, 'c': 6}),
    ],
)
def test_shares_counted(weights, size, shares):
    for number in (0, 1, 7):
        values = epoch(number, weights, epoch_size=size)
        assert Counter(SOURCES[drawn(values)].tolist()) == shares


def test_pictures_of_a_source_are_seen_equally_often():
    values = np.concatenate([epoch(number) for number in range(10)])
    for name, times in (('a', 140 / 20), ('b', 70 / 5), ('c', 70 / 3)):
        own = drawn(values)[SOURCES[drawn(values)] == name]
        counts = Counter(own.tolist())
        assert len(counts) == SOURCES.tolist().count(name)
        assert set(counts.values()) <= {int(times), int(np.ceil(times))}
        # How often it was drawn before: 0, 1, 2, ... for every picture.
        for index, count in counts.items():
            uses = values[drawn(values) == index] // len(SOURCES)
            assert sorted(uses) == list(range(count))


def test_a_pure_function_of_seed_and_epoch():
    assert epoch(4) == epoch(4)
    assert epoch(4) != epoch(5)
    other = BalancedSourceSampler(Pictures(), {'a': 2, 'b': 1, 'c': 1}, seed=4)
    other.set_epoch(4)
    assert list(other) != epoch(4)
    # In whatever order the sources are written.
    assert epoch(4, {'c': 1, 'b': 1, 'a': 2}) == epoch(4)
    # Sources do not come in blocks.
    order = SOURCES[drawn(epoch(4))]
    assert (order[1:] != order[:-1]).sum() > 8


@pytest.mark.parametrize('size, total', [(None, 28), (27, 28)])
def test_two_ranks_together_draw_what_one_draws(monkeypatch, size, total):
    alone = epoch(2, epoch_size=size)
    assert len(alone) == (size or 28)
    parts = []
    for rank in range(2):
        monkeypatch.setattr(
            'mmengine.dataset.sampler.get_dist_info', lambda r=rank: (r, 2)
        )
        parts.append(epoch(2, epoch_size=size))
    assert [len(part) for part in parts] == [14, 14]
    together = [value for pair in zip(*parts) for value in pair]
    assert together[: len(alone)] == alone
    # An odd number is filled up with the first, as DefaultSampler does.
    assert together[len(alone) :] == alone[: total - len(alone)]


def test_a_repeated_picture_is_drawn_anew():
    data = SeededDataset(Pictures(), seed=0)
    sampler = DATA_SAMPLERS.build(
        {
            'type': 'BalancedSourceSampler',
            'dataset': data,
            'weights': {'a': 0, 'b': 0, 'c': 1},
            'seed': 0,
        }
    )
    items = [data[index] for index in sampler]
    # 28 draws of 3 pictures: never the same random number.
    assert len(items) == len(sampler) == 28
    assert {SOURCES[index] for index, _ in items} == {'c'}
    assert len({number for _, number in items}) == 28


def test_bad_weights():
    with pytest.raises(ValueError, match='weights has no c, which the data'):
        epoch(0, {'a': 1, 'b': 1})
    with pytest.raises(ValueError, match='weights are 0 or more'):
        epoch(0, {'a': 1, 'b': 1, 'c': -1})
    with pytest.raises(ValueError, match='needs more'):
        epoch(0, {'a': 0, 'b': 0, 'c': 0, 'd': 1})
    with pytest.raises(ValueError, match='list does not name the source'):
        BalancedSourceSampler([1, 2], {'a': 1})
