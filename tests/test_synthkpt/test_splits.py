# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
from collections import Counter

import pytest

from projects.synthkpt.registry import all_shapes
from projects.synthkpt.splits import (
    HELD_OUT,
    category_records,
    category_splits,
    split_files,
)


@pytest.fixture(scope='module')
def records():
    return category_records(all_shapes())


def test_parts_of_a_split_are_disjoint_and_complete(records):
    everything = {c['id'] for c in records}
    for split in category_splits(records, 0):
        ids = split['train'] + split['val'] + split['test']
        assert len(ids) == len(everything)
        assert set(ids) == everything
        assert len(split['train']) / len(ids) == pytest.approx(0.7, abs=0.05)
        assert len(split['val']) / len(ids) == pytest.approx(0.1, abs=0.04)


def test_every_category_is_tested_once(records):
    tested = Counter(
        i for split in category_splits(records, 0) for i in split['test']
    )
    assert set(tested) == {c['id'] for c in records}
    assert set(tested.values()) == {1}


def test_every_split_trains_on_every_super_category(records):
    kinds = {c['id']: c['supercategory'] for c in records}
    for split in category_splits(records, 0):
        assert {kinds[i] for i in split['train']} == set(kinds.values())


def test_seed_decides_the_split(records):
    assert category_splits(records, 0) == category_splits(records, 0)
    assert category_splits(records, 0) != category_splits(records, 1)


def test_held_out_super_categories(records):
    files = split_files(records, 0)
    kinds = {c['id']: c['supercategory'] for c in records}
    for kind in HELD_OUT:
        slug = kind.replace(' ', '_')
        test = files[f'synthmp_super_{slug}_test']
        train = files[f'synthmp_super_{slug}_train']
        assert {kinds[i] for i in test} == {kind}
        assert kind not in {kinds[i] for i in train}
        assert len(test) + len(train) == len(records)
    assert len(files) == 15 + 2 * len(HELD_OUT)


def test_too_few_categories_are_refused(records):
    with pytest.raises(ValueError, match='9 categories cannot be dealt'):
        category_splits(records[:9], 0)
