# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
from collections import Counter

import pytest

from projects.synthkpt.registry import all_shapes

FIELDS = {
    'name',
    'supercategory',
    'keypoints',
    'parts',
    'skeleton',
    'swap_pairs',
    'sigmas',
}


def test_vocabulary_is_large_and_varied():
    records = [shape.category for shape in all_shapes()]
    names = [record['name'].lower() for record in records]
    assert len(set(names)) == len(names) >= 45
    kinds = Counter(record['supercategory'] for record in records)
    assert len(kinds) >= 9
    assert min(kinds.values()) >= 5
    counts = [len(record['keypoints']) for record in records]
    assert min(counts) == 4 and max(counts) == 68


@pytest.mark.parametrize(
    'shape', all_shapes(), ids=lambda shape: shape.category['name']
)
def test_category_record_is_valid(shape):
    record = shape.category
    assert set(record) == FIELDS
    names = record['keypoints']
    count = len(names)
    assert len({name.lower() for name in names}) == count
    assert all(name == name.strip() and name for name in names)
    assert len(record['parts']) == len(record['sigmas']) == count
    assert all(sigma > 0 for sigma in record['sigmas'])
    assert record['skeleton']
    for first, second in record['skeleton']:
        assert first != second
        assert 1 <= first <= count and 1 <= second <= count
    swapped = [name for pair in record['swap_pairs'] for name in pair]
    assert len(set(swapped)) == len(swapped)
    assert set(swapped) <= set(names)
    sided = {n for n in names if {'left', 'right'} & set(n.split())}
    assert sided == set(swapped)


def test_documented_categories_are_the_real_ones(repo_root):
    text = (repo_root / 'docs/dataset_zoo/synthkpt.md').read_text()
    kinds = {}
    for shape in all_shapes():
        record = shape.category
        entry = f'{record["name"]} ({len(record["keypoints"])})'
        kinds.setdefault(record['supercategory'], []).append(entry)
    for kind, entries in kinds.items():
        assert f'| {kind} | {", ".join(entries)} |' in text
    assert f'{len(all_shapes())} categories' in text
