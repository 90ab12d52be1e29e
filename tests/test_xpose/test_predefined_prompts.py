# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest

from projects.common.models.prompt_encoders import PromptTemplate
from projects.common.structures import COCO_PERSON_SIGMAS, KeypointPrompt
from projects.xpose.prompts import (
    predefined_categories,
    predefined_category,
    predefined_names,
    predefined_sets,
)

# Numbers of keypoints and of skeleton lines of the released sets.
RELEASED = {
    'person': (17, 19),
    'face': (68, 0),
    'hand': (21, 0),
    'animal_in_AnimalKindom': (23, 22),
    'animal_in_AP10K': (17, 17),
    'animal': (17, 17),
    'animal_face': (9, 0),
    'fly': (32, 25),
    'locust': (35, 26),
    'car': (14, 18),
    'short_sleeved_shirt': (25, 0),
    'long_sleeved_outwear': (39, 0),
    'short_sleeved_outwear': (31, 0),
    'sling': (15, 0),
    'vest': (15, 0),
    'long_sleeved_dress': (37, 0),
    'long_sleeved_shirt': (33, 0),
    'trousers': (14, 0),
    'sling_dress': (19, 0),
    'vest_dress': (19, 0),
    'skirt': (8, 0),
    'short_sleeved_dress': (29, 0),
    'shorts': (10, 0),
    'table': (8, 0),
    'chair': (10, 0),
    'bed': (10, 0),
    'sofa': (14, 0),
    'swivelchair': (13, 0),
}


@pytest.mark.parametrize('name', RELEASED)
def test_released_sets(name):
    category = predefined_category(name)
    found = (category.num_keypoints, len(category.skeleton))
    assert found == RELEASED[name]
    sides = [k for k in category.keypoints if 'left' in k or 'right' in k]
    pairs = [category.keypoints[i] for p in category.swap_pairs for i in p]
    assert set(sides) <= set(pairs)
    assert sides or not pairs


def test_there_are_no_others():
    names = {name for s in predefined_sets() for name in (s.name, *s.objects)}
    assert len(predefined_sets()) == len(RELEASED) - 1  # animal counts twice
    assert {name.replace('_', ' ').lower() for name in names} <= set(
        predefined_names()
    )


def test_an_animal_finds_its_keypoints():
    horse = predefined_category('horse')
    assert horse.name == 'horse'
    assert horse.keypoints[:3] == ('left eye', 'right eye', 'nose')
    assert horse.keypoints == predefined_category('animal').keypoints
    assert horse.skeleton[0] == (0, 1)
    assert horse.swap_indices[:2] == (1, 0)


def test_people_have_cocos_sigmas():
    category = predefined_category('Person')
    assert category.name == 'person'
    assert category.sigmas == tuple(COCO_PERSON_SIGMAS.values())


@pytest.mark.parametrize(
    'name',
    ['short_sleeved_shirt', 'Short-Sleeved Shirt', ' short sleeved  shirt'],
)
def test_spelling_does_not_matter(name):
    assert predefined_category(name).name == 'short sleeved shirt'


def test_mirrored_faces_change_corners_of_the_eyes():
    category = predefined_category('animal_face')
    pairs = {
        frozenset((category.keypoints[a], category.keypoints[b]))
        for a, b in category.swap_pairs
    }
    # The outer corner of one eye becomes the outer corner of the other.
    assert frozenset(('right eye right', 'left eye left')) in pairs
    face = predefined_category('face')
    assert face.swap_indices[36] == 45
    assert face.swap_indices[17] == 26
    assert face.swap_indices[0] == 16


def test_an_unknown_object_may_share_keypoints():
    tapir = predefined_category('tapir', keypoints_of='horse')
    assert tapir.name == 'tapir'
    assert tapir.keypoints == predefined_category('horse').keypoints


@pytest.mark.parametrize(
    ('name', 'hint'),
    [
        ('hrse', "did you mean 'horse'"),
        ('long sleeve shirt', "did you mean 'long sleeved shirt'"),
        ('submarine', 'known sets are animal, animal_face'),
        ('', 'known sets are'),
    ],
)
def test_unknown_names_are_errors(name, hint):
    with pytest.raises(ValueError, match=hint):
        predefined_category(name)
    with pytest.raises(ValueError, match=hint):
        predefined_category('horse', keypoints_of=name or '?')


def test_all_categories_go_into_prompts():
    categories = predefined_categories()
    assert len(categories) == len(set(categories)) > 80
    animals = [c for c in categories if c.num_keypoints == 17]
    prompt = KeypointPrompt.from_categories(animals)
    assert 'zebra' in prompt.names


def test_both_unnamed_points_of_a_car_read_the_same():
    # A category cannot hold a name twice; the released set of cars does.
    category = predefined_category('car')
    assert (category.keypoints[8], category.keypoints[13]) == ('none', 'None')
    _, texts = PromptTemplate.from_config('flat').texts(category)
    assert texts[8] == texts[13] == 'a photo of none'
