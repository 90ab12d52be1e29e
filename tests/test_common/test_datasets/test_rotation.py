# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from projects.common.datasets import RandomRotateKeypoints


class Rotate(RandomRotateKeypoints):
    """A rotation by a known angle."""

    def __init__(self, degrees, **kwargs):
        super().__init__(180, **kwargs)
        self.degrees = degrees

    def _random_degrees(self):
        return self.degrees


def make_results(points, boxes, shape=(41, 41)):
    """Black picture with a white pixel at every labelled point.

    ``points``: for each object a list of (x, y) or None.
    """
    image = np.zeros((*shape, 3), np.uint8)
    keypoints = np.zeros((len(boxes), 4, 3), np.float32)
    for i, row in enumerate(points):
        for k, point in enumerate(row):
            if point is not None:
                x, y = point
                image[y, x] = 255
                keypoints[i, k] = (x, y, 2 - k % 2)
    return {
        'img': image,
        'gt_bboxes': np.float32(boxes).reshape(-1, 4),
        'gt_labels': np.arange(len(boxes)),
        'gt_keypoints': keypoints,
        'gt_areas': np.full(len(boxes), 50, np.float32),
        'gt_ids': np.arange(len(boxes)).astype(object),
    }


def test_quarter_turn_is_exact():
    results = make_results([[(0, 0), (30, 4)], []], [[0, 0, 32, 8]] * 2)
    image = results['img'].copy()
    results = Rotate(90)(results)
    np.testing.assert_array_equal(results['img'], np.rot90(image))
    # The corner pixel stays in the picture.
    assert results['gt_keypoints'][0].tolist() == [
        [0, 40, 2],
        [4, 10, 1],
        [0, 0, 0],
        [0, 0, 0],
    ]
    for x, y in results['gt_keypoints'][0, :2, :2].astype(int):
        assert results['img'][y, x].tolist() == [255] * 3
    np.testing.assert_allclose(
        results['gt_bboxes'], [[0, 9, 8, 41]] * 2, atol=1e-4
    )
    np.testing.assert_allclose(results['gt_areas'], 50, rtol=1e-5)


def test_half_turn_of_a_wide_picture_is_two_flips():
    results = make_results([[(3, 2), None, (9, 6)]], [[2, 1, 12, 8]], (20, 30))
    image = results['img'].copy()
    results = Rotate(180)(results)
    np.testing.assert_array_equal(results['img'], image[::-1, ::-1])
    assert results['gt_keypoints'][0].tolist() == [
        [26, 17, 2],
        [0, 0, 0],
        [20, 13, 2],
        [0, 0, 0],
    ]
    np.testing.assert_allclose(
        results['gt_bboxes'], [[18, 12, 28, 19]], atol=1e-4
    )


def test_keypoint_stays_on_its_dot_at_any_angle():
    for degrees in (-75, -20, 33, 140):
        results = make_results([[(28, 14)]], [[20, 10, 34, 20]])
        results['img'][13:16, 27:30] = 255
        results = Rotate(degrees)(results)
        x, y = results['gt_keypoints'][0, 0, :2].round().astype(int)
        assert results['img'][y, x].min() > 200
        results['img'][y - 3 : y + 4, x - 3 : x + 4] = 0
        assert not results['img'].any()


def test_keypoints_that_leave_become_unlabelled():
    # The upper right corner turns out of a wide picture.
    results = make_results([[(29, 0), (15, 10)]], [[0, 0, 30, 20]], (20, 30))
    results = Rotate(45)(results)
    assert results['gt_keypoints'][0, 0].tolist() == [0, 0, 0]
    assert results['gt_keypoints'][0, 1, 2] == 1


def test_box_of_the_corners_and_of_the_ellipse():
    points = [(20, 20), (21, 20), (20, 21)]
    box = [10.5, 10.5, 30.5, 30.5]
    results = make_results([points, points[:2]], [box, box])
    boxes = Rotate(45)(results)['gt_bboxes']
    # A disc keeps its box, if three keypoints are labelled.
    np.testing.assert_allclose(boxes[0], box, atol=1e-4)
    half = 10 * np.sqrt(2)
    np.testing.assert_allclose(
        boxes[1], [20.5 - half, 20.5 - half, 20.5 + half, 20.5 + half]
    )


def test_box_reaches_keypoints_within_the_corners():
    # In the disc's upper right corner, that 45 degrees turn to the top, and
    # outside the box, which does not count.
    points = [(29, 11), (20, 20), (21, 20), (20, 38)]
    results = make_results([points], [[10.5, 10.5, 30.5, 30.5]])
    (box,) = Rotate(45)(results)['gt_bboxes']
    assert box[1] == pytest.approx(20.5 - 9 * np.sqrt(2), abs=1e-4)
    half = 10 * np.sqrt(2)
    assert box[2] == pytest.approx(20.5 + 18 / np.sqrt(2), abs=1e-4)
    assert box[2] < 20.5 + half
    assert box[0] == pytest.approx(10.5, abs=1e-4)


@pytest.mark.parametrize('share, kept', [(0.49, [0, 1]), (0.51, [1])])
def test_clipping_shrinks_areas_and_drops(share, kept):
    # A quarter turn puts the first box half outside the picture.
    results = make_results(
        [[], [(20, 20)]],
        [[0, 10, 20, 30], [20, 10, 40, 30]],
        (40, 60),
    )
    results = Rotate(90, min_box_area=share)(results)
    # Centre (10, 20) - (30, 20) turns to below: y 30 to 50 of 40.
    assert results['gt_labels'].tolist() == kept
    assert results['gt_ids'].tolist() == kept
    areas = [25, 50] if 0 in kept else [50]
    np.testing.assert_allclose(results['gt_areas'], areas, rtol=1e-5)
    if 0 in kept:
        np.testing.assert_allclose(
            results['gt_bboxes'][0], [20, 30, 40, 40], atol=1e-4
        )


def test_picture_without_objects_and_without_ground_truth():
    results = Rotate(30)(make_results([], []))
    assert results['gt_bboxes'].shape == (0, 4)
    assert results['gt_keypoints'].shape == (0, 4, 3)
    image = np.ones((9, 7, 3), np.float32)
    turned = Rotate(90)({'img': image})['img']
    assert turned.shape == (9, 7, 3)
    assert turned.dtype == np.float32
    # Black from outside.
    assert turned[0].max() == 0


def test_angles_and_probability():
    rotate = RandomRotateKeypoints(30, prob=0.5)
    np.random.seed(0)
    angles = [rotate._random_degrees() for _ in range(200)]
    drawn = [a for a in angles if a is not None]
    assert 80 < len(drawn) < 120
    assert -30 <= min(drawn) < -25
    assert 25 < max(drawn) <= 30
    results = make_results([[(3, 4)]], [[1, 1, 9, 9]])
    image = results['img'].copy()
    results = RandomRotateKeypoints(30, prob=0.0)(results)
    np.testing.assert_array_equal(results['img'], image)
    assert results['gt_keypoints'][0, 0].tolist() == [3, 4, 2]


@pytest.mark.parametrize(
    'kwargs, message',
    [
        ({'max_degrees': 0}, 'max_degrees is 0; give more than 0'),
        ({'max_degrees': 181}, 'max_degrees is 181'),
        ({'max_degrees': float('nan')}, 'max_degrees is nan'),
        ({'prob': 2}, 'prob is 2; it must be between 0 and 1'),
        ({'min_box_area': -1}, 'min_box_area is -1'),
    ],
)
def test_faults_are_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        RandomRotateKeypoints(**{'max_degrees': 10, **kwargs})


def test_representation():
    assert repr(RandomRotateKeypoints(15, prob=0.5)) == (
        'RandomRotateKeypoints(max_degrees=15, prob=0.5, min_box_area=0.25)'
    )
