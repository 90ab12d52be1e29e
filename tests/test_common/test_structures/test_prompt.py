# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import copy
import pickle

import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmpose.structures import PoseDataSample

from projects.common.structures import KeypointCategory, KeypointPrompt

CAT = KeypointCategory('cat', ('nose', 'tail'))
DOG = KeypointCategory('Dog', ('nose',))
ZEBRA = KeypointCategory('plains zebra', ('nose', 'tail', 'mane'))


@pytest.fixture
def prompt():
    return KeypointPrompt.from_categories([CAT, DOG, ZEBRA], style='sketch')


def test_construction(prompt):
    assert prompt.names == ('cat', 'Dog', 'plains zebra')
    assert prompt.style == 'sketch'
    same = KeypointPrompt(metainfo={'categories': [CAT]})
    assert same.categories == (CAT,)
    assert same.style is None


def test_faults_are_named():
    with pytest.raises(ValueError, match='prompt is empty; name at least one'):
        KeypointPrompt.from_categories([])
    with pytest.raises(ValueError, match='prompt is empty'):
        KeypointPrompt()
    twin = KeypointCategory('CAT', ('nose',))
    with pytest.raises(ValueError, match="duplicate category names: 'cat'"):
        KeypointPrompt.from_categories([CAT, DOG, twin])
    with pytest.raises(TypeError, match="'cat' of type str"):
        KeypointPrompt.from_categories(['cat'])


def test_faults_after_construction_are_named_too(prompt):
    with pytest.raises(ValueError, match='prompt is empty'):
        prompt.set_metainfo({'categories': ()})


def test_select_keeps_the_order_of_the_names(prompt):
    chosen = prompt.select(['Plains Zebra', 'cat'])
    assert chosen.categories == (ZEBRA, CAT)
    assert chosen.style == 'sketch'
    assert prompt.select('dog').categories == (DOG,)


def test_select_suggests_names(prompt):
    with pytest.raises(ValueError, match="'zebra'; did you mean 'plains zeb"):
        prompt.select(['zebra'])
    with pytest.raises(ValueError, match="'xyz'; it has cat, Dog, plains"):
        prompt.select(['xyz'])
    with pytest.raises(ValueError, match='prompt is empty'):
        prompt.select([])
    with pytest.raises(ValueError, match="duplicate category names: 'cat'"):
        prompt.select(['cat', 'CAT'])


@pytest.mark.parametrize(
    'copied',
    [
        lambda p: p.to('cpu'),
        lambda p: p.clone(),
        lambda p: p.new(),
        copy.deepcopy,
        lambda p: pickle.loads(pickle.dumps(p)),
    ],
)
def test_copies_keep_categories_and_data(prompt, copied):
    prompt.weights = torch.arange(3)
    result = copied(prompt)
    assert type(result) is KeypointPrompt
    assert result.categories == prompt.categories
    assert result.style == 'sketch'
    assert result.weights.tolist() == [0, 1, 2]


def test_new_replaces_metainfo_and_data(prompt):
    result = prompt.new(metainfo={'categories': (DOG,)}, weights=1)
    assert result.categories == (DOG,)
    assert result.style is None
    assert result.weights == 1


def test_travels_in_a_data_sample(prompt):
    sample = PoseDataSample(metainfo={'img_id': 1})
    sample.prompts = prompt
    batch = pseudo_collate([{'data_samples': sample}] * 2)
    moved = batch['data_samples'][1].to('cpu')
    assert moved.prompts.categories == (CAT, DOG, ZEBRA)
    as_dict = moved.to_dict()
    assert as_dict['prompts']['categories'][0].name == 'cat'
    assert as_dict['prompts']['style'] == 'sketch'
