# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest

from projects.common.datasets.episodes import (
    EpisodeBatchSampler,
    EpisodeSampler,
    sampler,
)


class Episodes:
    """Three episodes of 5, 2 and 4 queries."""

    slices = [range(5), range(5, 7), range(7, 11)]

    def __len__(self):
        return 11


BATCHES = [[0, 1, 2], [3, 4], [5, 6], [7, 8, 9], [10]]


def test_no_batch_mixes_episodes():
    batches = EpisodeBatchSampler(EpisodeSampler(Episodes()), 3)
    assert list(batches) == BATCHES
    assert len(batches) == 5
    # The runner sets the epoch of what a loader calls batch_sampler.sampler.
    batches.sampler.set_epoch(2)
    assert list(batches)[0] == [22, 23, 24]


@pytest.mark.parametrize('world_size', [2, 3, 4])
def test_batches_do_not_depend_on_the_number_of_processes(
    world_size, monkeypatch
):
    found = []
    for rank in range(world_size):
        monkeypatch.setattr(
            sampler, 'get_dist_info', lambda rank=rank: (rank, world_size)
        )
        batches = EpisodeBatchSampler(EpisodeSampler(Episodes()), 3)
        assert len(list(batches)) == len(batches)
        found += batches
    assert sorted(found) == BATCHES
