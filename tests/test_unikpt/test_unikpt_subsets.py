# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest

from projects.unikpt.subsets import (
    BALANCED,
    Subset,
    draw_subset,
    generator,
)


def test_sizes_are_the_papers():
    assert dict(BALANCED) == {
        'onehand10k': Subset(2000, 2000),
        'macaque': Subset(2000, 2320),
        'keypoint5': Subset(2000, 2000),
    }


def drawn(counts, subset, seed=0, name='a'):
    return draw_subset(counts, subset, generator(seed, name, 'subset'))


def test_pictures_without_objects_are_not_drawn():
    counts = [0, 1, 0, 1, 1, 0]
    assert drawn(counts, Subset(2)) in ([1, 3], [1, 4], [3, 4])
    assert drawn(counts, Subset(3)) == [1, 3, 4]
    assert drawn(counts, Subset(9)) == [1, 3, 4]


def test_the_draw_depends_on_seed_and_source_only():
    counts = [1] * 50
    first = drawn(counts, Subset(10))
    assert first == drawn(counts, Subset(10))
    assert len(set(first)) == 10
    assert first != drawn(counts, Subset(10), seed=1)
    assert first != drawn(counts, Subset(10), name='b')
    # Every picture has its chance.
    union = {i for s in range(60) for i in drawn(counts, Subset(10), s)}
    assert union == set(range(50))


@pytest.mark.parametrize('seed', range(5))
@pytest.mark.parametrize('wanted', [40, 47, 60, 83])
def test_objects_add_up(seed, wanted):
    counts = [1] * 60 + [2] * 30 + [3] * 10
    chosen = drawn(counts, Subset(40, wanted), seed)
    assert len(set(chosen)) == 40
    assert sum(counts[i] for i in chosen) == wanted


def test_macaque_by_its_numbers():
    # 13,083 pictures with 16,393 objects, as the set has.
    counts = [1] * 10_200 + [2] * 2_456 + [3] * 427
    assert (len(counts), sum(counts)) == (13_083, 16_393)
    chosen = drawn(counts, BALANCED['macaque'])
    assert len(chosen) == 2000
    assert sum(counts[i] for i in chosen) == 2320


def test_what_cannot_be_met_is_met_as_far_as_it_goes():
    # Two of three pictures: 8 is the most, 2 + 1 the least.
    counts = [1, 2, 6]
    assert drawn(counts, Subset(2, 100)) == [1, 2]
    assert drawn(counts, Subset(2, 1)) == [0, 1]


def test_few_are_exchanged():
    # The plain draw of 100 has about 150 objects; 3 fewer are wanted.
    counts = [1, 2] * 200
    plain = set(drawn(counts, Subset(100)))
    total = sum(counts[i] for i in plain)
    chosen = set(drawn(counts, Subset(100, total - 3)))
    assert len(plain - chosen) == 3


def test_parse():
    assert Subset.parse('2000/2320') == Subset(2000, 2320)
    assert Subset.parse('5') == Subset(5)
    for wrong in ('', 'x', '5/', '/5', '-1', '5/x'):
        with pytest.raises(ValueError, match='write PICTURES or PICTURES/IN'):
            Subset.parse(wrong)
    for wrong in ('0', '5/0'):
        with pytest.raises(ValueError, match='must be 1 at least'):
            Subset.parse(wrong)
