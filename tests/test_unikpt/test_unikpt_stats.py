# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest

from projects.unikpt import stats
from projects.unikpt.build import BuildOptions, build
from projects.unikpt.subsets import Subset
from tests.unikpt_toy import ToyVocabulary, thing, write_entries


@pytest.fixture
def built(toys, tmp_path):
    def run(*names, **subsets):
        return build(
            tmp_path / 'out',
            {name: toys / name for name in names},
            ToyVocabulary(),
            BuildOptions(subsets=subsets),
        )

    return run


def test_whole(built):
    rows = stats.table(built('pets', 'cars'), ToyVocabulary())
    pets, cars, total = rows
    assert (
        pets['found']
        == pets['paper']
        == {
            'keypoints': 4,
            'categories': 2,
            'images': 4,
            'instances': 5,
            'unified_images': 4,
            'unified_instances': 5,
        }
    )
    assert pets['differences'] == []
    assert cars['vocabulary'] == {'keypoints': 2, 'categories': 1}
    # The total counts every name once.
    assert total['title'] == 'UniKPT'
    assert total['found'] == {
        'keypoints': 6,
        'categories': 3,
        'images': 24,
        'instances': 25,
        'unified_images': 24,
        'unified_instances': 25,
    }
    assert total['vocabulary'] == {'keypoints': 6, 'categories': 3}
    assert total['paper']['unified_images'] == 226_547
    assert total['differences'] == []
    assert stats.cells(cars) == [
        'Cars',
        '2 / 1',
        '2 / 2',
        '1 / 1',
        '20 / 20',
        '20 / 20',
        '20 / -',
        '20 / -',
    ]


def test_names_shared_by_sources_count_once(built, toys):
    write_entries(toys / 'cars/cars.json', [('00.jpg', [thing('cat')])])
    total = stats.table(built('pets', 'cars'), ToyVocabulary())[-1]
    assert total['found']['categories'] == 2
    assert total['found']['keypoints'] == 4


def test_a_subset_differs_from_the_whole(built):
    stamp = built('pets', 'cars', cars=Subset(7))
    cars = stats.table(stamp, ToyVocabulary())[1]['found']
    assert (cars['images'], cars['unified_images']) == (20, 7)
    assert (cars['instances'], cars['unified_instances']) == (20, 7)


def test_a_source_that_is_no_longer_registered(built):
    stamp = built('pets')
    stamp['sources']['farm'] = stamp['sources']['pets']
    with pytest.raises(ValueError, match='built with farm, but no such sour'):
        stats.table(stamp, ToyVocabulary())


def test_differences_are_explained(built, toys):
    (toys / 'pets/img/a.png').unlink()
    (toys / 'pets/pets_test.json').unlink()
    stamp = built('pets')
    pets, cars, total = stats.table(stamp, ToyVocabulary())
    assert cars['found'] is None
    assert pets['differences'][:3] == [
        'No annotation of test was found.',
        'Of 3 pictures that are listed, 2 can be read and have an object '
        'with a keypoint.',
        'Left out: 1 pictures (1 x missing picture).',
    ]
    assert total['differences'] == [
        'PARTIAL: 1 of 2 sources; without cars; pets without test. '
        'Pictures left out: pets 1 of 3.'
    ]
    text = stats.markdown([pets, cars, total])
    assert text.splitlines()[:5] == [
        '| data set | vocabulary | keypoints | categories | images | '
        'instances | unified images | unified instances |',
        '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
        '| Pets-2 | 4 / 2 | 4 / 4 | 2 / 2 | 2 / 4 | 2 / 5 | 2 / 4 | 2 / 5 |',
        '| Cars | 2 / 1 | - / 2 | - / 1 | - / 20 | - / 20 | - / - | - / - |',
        '| UniKPT | 6 / 3 | 4 / 338 | 2 / 1,237 | 2 / - | 2 / - | '
        '2 / 226,547 | 2 / 418,487 |',
    ]
    assert '\nPets-2: No annotation of test was found. Of 3' in text
    assert '\nUniKPT: PARTIAL: 1 of 2 sources' in text


def test_what_is_peculiar_is_one_line():
    class Some:
        """A set.

        Its points count from 1.
        """

    assert stats.about(Some()) == 'A set. Its points count from 1.'
