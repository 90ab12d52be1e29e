# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest

from projects.common.datasets import RenamePrompt
from projects.common.structures import KeypointCategory, KeypointPrompt

CAT = KeypointCategory(
    'cat',
    ('tail end', 'tail', 'detail'),
    parts=('body', '', ''),
    skeleton=((0, 1),),
    sigmas=(0.1, 0.2, 0.3),
    supercategory='animal',
)
COW = KeypointCategory('cow', ('tail',))
WORDS = {'tail': 'rear', 'tail end': 'tip'}


def rename(categories, keypoints, style=None):
    prompt = KeypointPrompt.from_categories([CAT, COW], style)
    transform = RenamePrompt(categories, keypoints)
    return transform({'prompts': prompt, 'kept': 1})


def test_names_change_and_nothing_else():
    results = rename({'cat': 'feline', 'ox': 'bull'}, WORDS, 'sketch')
    prompt = results['prompts']
    assert results['kept'] == 1
    assert prompt.style == 'sketch'
    assert prompt.names == ('feline', 'cow')
    cat, cow = prompt.categories
    # The longest first, and whole words alone.
    assert cat.keypoints == ('tip', 'rear', 'detail')
    assert cow.keypoints == ('rear',)
    for name in ('parts', 'skeleton', 'sigmas', 'supercategory'):
        assert getattr(cat, name) == getattr(CAT, name)


def test_without_words_nothing_changes():
    assert rename({}, {})['prompts'].categories == (CAT, COW)


def test_one_name_for_two_is_an_error():
    with pytest.raises(ValueError, match='cow'):
        rename({'cat': 'cow'}, {})
    with pytest.raises(ValueError, match='tail'):
        rename({}, {'tail end': 'tail'})
