# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import copy

import pytest

from projects.common.structures import COCO_PERSON_SIGMAS, KeypointCategory

NAMES = ('nose', 'left eye', 'right eye')


def test_defaults_are_filled():
    category = KeypointCategory('cat', list(NAMES))
    assert category.keypoints == NAMES
    assert category.parts == ('', '', '')
    assert category.sigmas == (0.05, 0.05, 0.05)
    assert category.num_keypoints == 3
    assert category.swap_indices == (0, 1, 2)
    assert copy.deepcopy(category) is category


def test_swap_indices_mirror_each_pair():
    category = KeypointCategory('cat', NAMES, swap_pairs=[[1, 2]])
    assert category.swap_indices == (0, 2, 1)


@pytest.mark.parametrize(
    'names, pairs, expected',
    [
        (NAMES, ((1, 2),), True),
        (NAMES, (), False),
        # One side of a thing that has no other side has no true mirror name.
        (('nose', 'Left eye'), (), False),
        (('nose', 'left_eye'), (), False),
        (('nose', 'eye_right2'), (), True),
        (('nose', 'leftover'), (), True),
    ],
)
def test_can_mirror(names, pairs, expected):
    assert KeypointCategory('x', names, swap_pairs=pairs).can_mirror is (
        expected
    )


def test_a_category_may_forbid_mirrors():
    record = {'name': 'plate', 'keypoints': ['corner'], 'mirror_safe': False}
    category = KeypointCategory.from_coco(record)
    assert not category.mirror_safe
    assert not category.can_mirror
    for value in (True, None):
        record['mirror_safe'] = value
        assert KeypointCategory.from_coco(record).can_mirror
    record['mirror_safe'] = 'no'
    with pytest.raises(ValueError, match="has mirror_safe='no'; it is true"):
        KeypointCategory.from_coco(record)


@pytest.mark.parametrize(
    'kwargs, message',
    [
        ({'name': ' '}, "has the name ' '"),
        ({'keypoints': ()}, "'cat' has no keypoints; give at least one"),
        ({'keypoints': 'nose'}, "keypoints is the text 'nose'"),
        ({'keypoints': ('nose', '')}, "keypoint 1 has the name ''"),
        (
            {'keypoints': ('a', 'b', 'a', 'b', 'c')},
            "duplicate keypoint names: 'a', 'b'",
        ),
        ({'parts': ('head',)}, 'has 3 keypoints but 1 parts; give 3 or none'),
        ({'sigmas': (0.1,) * 4}, 'has 3 keypoints but 4 sigmas'),
        ({'sigmas': (0.1, 0.0, 0.1)}, "sigma of 'left eye' is 0.0"),
        ({'sigmas': (0.1, 0.1, float('nan'))}, "of 'right eye' is nan"),
        ({'skeleton': ((0, 3),)}, r'skeleton holds \(0, 3\).* 0 to 2'),
        ({'skeleton': ((0, -1),)}, r'skeleton holds \(0, -1\)'),
        ({'skeleton': ((0, 1, 2),)}, r'skeleton holds \(0, 1, 2\)'),
        ({'skeleton': ((0, 1.0),)}, r'skeleton holds \(0, 1.0\)'),
        ({'swap_pairs': ((1, 1),)}, r'swap_pairs holds \(1, 1\)'),
        (
            {'swap_pairs': ((0, 1), (1, 2))},
            "'left eye' is in more than one swap pair",
        ),
    ],
)
def test_faults_are_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        KeypointCategory(**{'name': 'cat', 'keypoints': NAMES, **kwargs})


def test_from_coco_reads_our_form():
    category = KeypointCategory.from_coco(
        {
            'id': 7,
            'name': 'cat',
            'supercategory': 'animal face',
            'keypoints': list(NAMES),
            'skeleton': [[1, 2], [1, 3]],
            'parts': ['head', 'eye', 'eye'],
            'swap_pairs': [['left eye', 'right eye']],
            'sigmas': [0.02, 0.03, 0.04],
        }
    )
    assert category == KeypointCategory(
        name='cat',
        keypoints=NAMES,
        parts=('head', 'eye', 'eye'),
        skeleton=((0, 1), (0, 2)),
        swap_pairs=((1, 2),),
        sigmas=(0.02, 0.03, 0.04),
        supercategory='animal face',
    )


def test_from_coco_reads_coco_persons():
    names = [name.replace(' ', '_') for name in COCO_PERSON_SIGMAS]
    category = KeypointCategory.from_coco(
        {'name': 'person', 'keypoints': names, 'skeleton': [[16, 14]]}
    )
    assert category.keypoints[:2] == ('nose', 'left eye')
    assert category.skeleton == ((15, 13),)
    assert category.sigmas[:2] == (0.026, 0.025)
    assert category.swap_pairs == tuple((i, i + 1) for i in range(1, 17, 2))


def test_from_coco_takes_a_skeleton_with_zero_as_zero_based():
    record = {'name': 'x', 'keypoints': ['a', 'b'], 'skeleton': [[0, 1]]}
    assert KeypointCategory.from_coco(record).skeleton == ((0, 1),)


def test_from_coco_infers_swap_pairs_from_words_only():
    names = ['Eye_Left', 'Eye_Right ', 'left_left', 'right_left', 'leftover']
    category = KeypointCategory.from_coco({'name': 'x', 'keypoints': names})
    assert category.keypoints[1] == 'Eye Right'
    assert category.swap_pairs == ((0, 1), (2, 3))


def test_from_coco_respects_declared_absence_of_swap_pairs():
    category = KeypointCategory.from_coco(
        {'name': 'x', 'keypoints': list(NAMES), 'swap_pairs': []}
    )
    assert category.swap_pairs == ()


def test_from_coco_faults_are_named():
    with pytest.raises(ValueError, match=r"'table' \(id 3\) has no keypoints"):
        KeypointCategory.from_coco({'id': 3, 'name': 'table'})
    with pytest.raises(ValueError, match="swap_pairs names 'left ear'.*nose"):
        KeypointCategory.from_coco(
            {
                'name': 'cat',
                'keypoints': list(NAMES),
                'swap_pairs': [['left_ear', 'right_ear']],
            }
        )
