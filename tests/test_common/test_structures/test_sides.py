# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Left and right in names: what a mirrored picture may do with them."""

import pytest

from projects.common.structures import KeypointCategory, contradicting_pair


@pytest.mark.parametrize(
    'names, mirrors',
    [
        (['nose', 'left ear', 'right ear'], True),
        (['nose', 'left ear', 'Right_ear'], True),
        (['鼻', '左眼', '右眼'], True),
        (['seat', 'back'], True),
        (['leftover', 'bright'], True),
        (['R', 'G', 'B'], True),
        (['nose', 'left ear'], False),
        (['鼻', '左眼'], False),
        # Sides by letters, no partners known.
        (['paw1LH', 'paw2LF', 'paw3RF', 'paw4RH'], False),
        (['eyeL', 'eyeR'], False),
        (['l_eye', 'r_eye'], False),
        (['LEar', 'REar', 'nose'], False),
        (['wing FL', 'wing FR'], False),
    ],
)
def test_names_decide_whether_pictures_are_mirrored(names, mirrors):
    record = {'name': 'mouse', 'keypoints': names}
    assert KeypointCategory.from_coco(record).can_mirror is mirrors


def test_what_the_file_says_counts():
    record = {'name': 'mouse', 'keypoints': ['paw1LH', 'paw4RH']}
    paired = {**record, 'swap_pairs': [['paw1LH', 'paw4RH']]}
    assert KeypointCategory.from_coco(paired).can_mirror
    plate = {**paired, 'mirror_safe': False}
    assert not KeypointCategory.from_coco(plate).can_mirror


@pytest.mark.parametrize(
    'pairs, found',
    [
        ([(1, 2), (3, 4)], None),
        ([(1, 2), (0, 5)], None),  # names say nothing of these
        ([(1, 3)], ('left ear', 'left paw')),
        ([(1, 4)], ('left ear', 'right paw')),
        ([(0, 1)], ('nose', 'left ear')),
    ],
)
def test_partners_that_names_contradict(pairs, found):
    names = ['nose', 'left ear', 'right ear', 'left paw', 'right paw', 'tail']
    assert contradicting_pair(names, pairs) == found
