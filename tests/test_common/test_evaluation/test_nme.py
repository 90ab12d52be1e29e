# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import math

import numpy as np
import pytest

from projects.common.evaluation.instances import matched_pictures
from projects.common.evaluation.nme import NormalisedError
from projects.common.structures import KeypointCategory

CATEGORY = KeypointCategory('face', ('right eye', 'left eye', 'nose'))
EYES = ('right eye', 'left eye')


def truth(image, points, box=(0, 0, 40, 90)):
    return {
        'image_id': image,
        'category_id': 1,
        'bbox': list(box),
        'keypoints': [float(v) for point in points for v in point],
    }


# 30 px between the eyes; the second nose is not labelled.
TRUTH = [
    truth(1, [(5, 10, 2), (35, 10, 1), (20, 30, 2)]),
    truth(2, [(5, 10, 2), (35, 10, 2), (0, 0, 0)]),
    truth(3, [(5, 10, 2), (35, 10, 2), (20, 30, 2)]),
    truth(4, [(0, 0, 0), (35, 10, 2), (20, 30, 2)]),
]


def detection(record, offset=(3.0, 4.0), box=None):
    points = np.array(record['keypoints']).reshape(-1, 3)
    points[:, :2] += offset
    return {
        'image_id': record['image_id'],
        'category_id': 1,
        'bbox': box or record['bbox'],
        'score': 0.5,
        'keypoints': points.ravel().tolist(),
    }


def compute(norm, records, found, category=CATEGORY):
    pictures = matched_pictures(
        range(9), records, found, category.num_keypoints
    )
    return NormalisedError(norm).compute([(category, pictures)])


@pytest.mark.parametrize(
    'norm, length',
    [
        ('box longer side', 90),
        ('box diagonal', math.hypot(40, 90)),
        ('box root area', 60),
        (EYES, 30),
    ],
)
def test_mean_distance_over_a_length(norm, length):
    # All keypoints of the first two are 5 px off.
    found = [detection(record) for record in TRUTH[:2]]
    name = norm if isinstance(norm, str) else 'right eye to left eye'
    assert compute(norm, TRUTH[:2], found) == pytest.approx(
        {f'NME/{name}': 5 / length, 'NME/found': 1.0}
    )


def test_mean_is_over_keypoints_not_over_objects():
    # Three keypoints are 0 px off and two 10 px.
    found = [detection(TRUTH[0], (0, 0)), detection(TRUTH[1], (6, 8))]
    values = compute('box root area', TRUTH[:2], found)
    assert values['NME/box root area'] == pytest.approx(2 / 5 * 10 / 60)


def test_what_is_not_found_has_no_error_but_is_counted():
    elsewhere = detection(TRUTH[2], box=[500, 500, 40, 90])
    found = [detection(TRUTH[0]), elsewhere]
    values = compute('box root area', TRUTH[:3], found)
    assert values == pytest.approx(
        {'NME/box root area': 5 / 60, 'NME/found': 1 / 3}
    )
    nothing = compute('box root area', TRUTH[:3], [])
    assert nothing == {'NME/box root area': -1.0, 'NME/found': 0.0}
    assert compute('box root area', [], []) == {
        'NME/box root area': -1.0,
        'NME/found': -1.0,
    }


def test_unknown_length_leaves_the_object_out():
    # The fourth lacks the right eye, between which the length is measured.
    found = [detection(TRUTH[0]), detection(TRUTH[3], (30, 40))]
    values = compute(EYES, [TRUTH[0], TRUTH[3]], found)
    assert values['NME/right eye to left eye'] == pytest.approx(5 / 30)
    assert values['NME/found'] == 1.0
    values = compute('box root area', [TRUTH[0], TRUTH[3]], found)
    assert values['NME/box root area'] == pytest.approx(
        (3 * 5 + 2 * 50) / 5 / 60
    )


def test_categories_are_weighted_by_their_keypoints():
    two = KeypointCategory('hand', ('thumb', 'palm'))
    record = truth(1, [(5, 10, 2), (35, 10, 1)])
    found = [detection(record, (6, 8))]
    values = NormalisedError('box longer side').compute(
        [
            (CATEGORY, matched_pictures([1], TRUTH, [detection(TRUTH[0])], 3)),
            (two, matched_pictures([1], [record], found, 2)),
        ]
    )
    assert values['NME/box longer side'] == pytest.approx(
        (3 * 5 + 2 * 10) / 5 / 90
    )


def test_bad_normalisation():
    with pytest.raises(ValueError, match="NME is 'head'; give one of 'box lo"):
        NormalisedError('head')
    with pytest.raises(ValueError, match='two names'):
        NormalisedError(['nose'])
    with pytest.raises(ValueError, match="'face' has no keypoint 'tail'; ch"):
        compute(('nose', 'tail'), TRUTH[:1], [detection(TRUTH[0])])
