# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest
from mmpose.utils import register_all_modules

from projects.common.datasets import (
    FixedSupports,
    PromptCocoDataset,
    SamplePromptCategories,
    SupportPool,
)


@pytest.fixture(autouse=True)
def _scope():
    register_all_modules(init_default_scope=True)


@pytest.fixture
def faces(face_set):
    return PromptCocoDataset(**face_set)


@pytest.fixture
def pool(faces):
    return SupportPool(faces)


def asked(dataset, index):
    """Results of a picture that is asked for the whole vocabulary."""
    return SamplePromptCategories('all')(dataset[index])


def test_fixed_supports_are_the_same_for_every_picture(faces, pool):
    fixed = FixedSupports(pool, shots=2, size=32)
    prompts = []
    for index in range(6):
        results = asked(faces, index)
        results['prompts'] = results['prompts'].select(['face', 'lamp'])
        results['img_path'] += '.other-split'
        prompts.append(fixed(results)['prompts'])
    assert all(p.modalities == ('visual', 'visual') for p in prompts)
    assert [len(shots) for shots in prompts[0].supports] == [2, 1]
    # Not only equal: cut once.
    assert all(p.supports[0][0] is prompts[0].supports[0][0] for p in prompts)
    assert 'key' in prompts[0].supports[0][0].__dict__


def fixed_ids(faces, pool, index=None, **kwargs):
    results = asked(faces, index or 0)
    if index is None:
        results['img_path'] = '/elsewhere.png'
    results['prompts'] = results['prompts'].select('face')
    prompt = FixedSupports(pool, size=32, **kwargs)(results)['prompts']
    return [shot.annotation_id for shot in prompt.supports[0]]


def test_fixed_supports_follow_the_seed(faces, pool):
    assert fixed_ids(faces, pool, shots=3) == fixed_ids(faces, pool, shots=3)
    firsts = {fixed_ids(faces, pool, seed=s)[0] for s in range(40)}
    assert firsts == {10, 20, 30, 40, 50, 60}
    # Fewer shots are a part of more.
    for seed in range(3):
        five = fixed_ids(faces, pool, seed=seed, shots=5)
        assert len(set(five)) == 5
        assert fixed_ids(faces, pool, seed=seed, shots=2) == five[:2]
    assert len(fixed_ids(faces, pool, shots=50)) == 6


def test_fixed_support_is_replaced_in_its_own_picture(faces, pool):
    order = fixed_ids(faces, pool, shots=6)
    for index in range(1, 6):
        own = 10 * (index + 1)
        expected = [number for number in order if number != own][:2]
        assert fixed_ids(faces, pool, index=index, shots=2) == expected


def test_categories_have_orders_of_their_own(faces):
    # As many tiny ones as faces.
    pool = SupportPool(faces, min_size=6)
    results = asked(faces, 1)
    results['prompts'] = results['prompts'].select(['face', 'tiny'])
    results['img_path'] = '/elsewhere.png'
    prompt = FixedSupports(pool, shots=6, size=32)(results)['prompts']
    orders = [[s.image_id for s in shots] for shots in prompt.supports]
    assert sorted(orders[0]) == sorted(orders[1]) == [1, 2, 3, 4, 5, 6]
    assert orders[0] != orders[1]


def test_fixed_supports_do_not_depend_on_the_prompt(faces, pool):
    results = asked(faces, 1)
    results['prompts'] = results['prompts'].select(['lamp', 'face'])
    prompt = FixedSupports(pool, 'combined', size=32)(results)['prompts']
    assert prompt.modalities == ('combined', 'combined')
    ids = fixed_ids(faces, pool, index=1)
    assert [s.annotation_id for s in prompt.supports[1]] == ids


def test_category_without_fixed_support_is_an_error(faces, pool):
    with pytest.raises(
        ValueError,
        match="Category 'tiny' has no usable support for the picture .*p2.png"
        ': the pool has 0 and none from the picture itself is taken',
    ):
        FixedSupports(pool, size=32)(asked(faces, 1))
    with pytest.raises(ValueError, match="'lamp' .*p1.png: the pool has 1 "):
        FixedSupports(pool, size=32)(asked(faces, 0))


@pytest.mark.parametrize(
    'kwargs, message',
    [
        ({'modality': 'text'}, "modality is 'text'; choose 'visual' or"),
        ({'modality': 'audio'}, "modality is 'audio'"),
        ({'shots': 0}, 'shots is 0; give at least 1'),
        ({'size': 0}, 'FixedSupports: size is 0'),
        ({'context': 1.0}, r'FixedSupports: context is \(1.0, 1.0\)'),
    ],
)
def test_fixed_faults_are_named(pool, kwargs, message):
    with pytest.raises(ValueError, match=message):
        FixedSupports(pool, **kwargs)


def test_representation(pool):
    assert repr(FixedSupports(pool)) == (
        "FixedSupports(modality='visual', shots=1, seed=0, size=224, "
        'context=1.25)'
    )
