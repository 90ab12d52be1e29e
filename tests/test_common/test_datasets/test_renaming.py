# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest
from mmengine.config import Config

from projects.common.datasets import RenamePrompt
from projects.common.structures import KeypointCategory, KeypointPrompt
from projects.synthkpt.registry import all_shapes

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


def test_synonyms_of_the_shipped_config(repo_root):
    cfg = Config.fromfile(
        repo_root / 'configs/promptable_2d_keypoint/xpose'
        '/xpose_tiny_synthkpt_synonyms.py'
    )
    options = dict(cfg.test_pipeline[-2])
    assert options.pop('type') == 'RenamePrompt'
    categories = [KeypointCategory.from_coco(s.category) for s in all_shapes()]
    names = {category.name for category in categories}
    assert set(options['categories']) <= names
    prompt = KeypointPrompt.from_categories(categories)
    renamed = RenamePrompt(**options)({'prompts': prompt})['prompts']
    pairs = list(zip(prompt.names, renamed.names))
    assert sum(old != new for old, new in pairs) == 56
    # A word that training used for something else would be no new word; desk
    # and seat are known in 'desk lamp' and of cars, not by themselves.
    assert not names & set(options['categories'].values())
