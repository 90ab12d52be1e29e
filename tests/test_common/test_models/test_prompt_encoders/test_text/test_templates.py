# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest

from projects.common.models.prompt_encoders import PromptTemplate
from projects.common.structures import KeypointCategory

CAT = KeypointCategory(
    'Big-cat_Wild', ('Left_eye', 'tail-tip'), parts=('face', '')
)


def test_hierarchical_names_object_part_and_keypoint():
    assert PromptTemplate().texts(CAT) == (
        'a photo of a big cat wild',
        (
            'a photo of a big cat wild / face / left eye',
            'a photo of a big cat wild / tail-tip',
        ),
    )


@pytest.mark.parametrize('style', [None, '', 'photo', 'Photo'])
def test_no_style_and_photo_are_the_plain_sentence(style):
    text, _ = PromptTemplate().texts(CAT, style)
    assert text == 'a photo of a big cat wild'


def test_style_is_written_into_both_sentences():
    text, keypoint_texts = PromptTemplate().texts(CAT, 'Oil_painting')
    assert text == 'a oil painting photo of a big cat wild'
    assert keypoint_texts[0] == (
        'a oil painting photo of a big cat wild / face / left eye'
    )


def test_flat_is_the_released_models_spelling():
    template = PromptTemplate.from_config('flat')
    assert template.texts(CAT, 'sketch') == (
        'a photo of big cat wild',
        ('a photo of left eye', 'a photo of tail-tip'),
    )


def test_formats_of_a_config_are_used():
    template = PromptTemplate.from_config(
        {'object': '{object}', 'keypoint': 'the {part} part / {keypoint}'}
    )
    assert template.texts(CAT) == (
        'big cat wild',
        ('the face part / left eye', 'tail-tip'),
    )
    assert PromptTemplate.from_config(template) is template


def test_line_breaks_and_braces_of_names_do_no_harm():
    category = KeypointCategory('a\n b', ('{x}',))
    assert PromptTemplate().texts(category) == (
        'a photo of a a b',
        ('a photo of a a b / {x}',),
    )


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        ('deep', "'hierarchical', 'flat'"),
        ({'objects': '{object}'}, 'unknown keys'),
        (
            {'object': '{object} {part}'},
            r'unknown fields {part}; allowed are {style}, {object}',
        ),
        (
            {'keypoint': '{keypoint} of {animal}'},
            r'allowed are {style}, {object}, {part}, {keypoint}',
        ),
        ({'object': '{object.name}'}, r'unknown fields {object.name}'),
        ({'keypoint': 'a {object}'}, r'lacks {keypoint}'),
        ({'object': 'a {object'}, 'no valid format string'),
    ],
)
def test_wrong_templates_say_what_is_allowed(config, message):
    with pytest.raises(ValueError, match=message):
        PromptTemplate.from_config(config)
