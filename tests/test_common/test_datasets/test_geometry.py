# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import copy

import numpy as np
import pytest
from mmengine.registry import DefaultScope
from mmpose.registry import TRANSFORMS

from projects.common.datasets import (
    RandomCropKeypoints,
    RandomFlipKeypoints,
    ResizeKeypoints,
)
from projects.common.structures import KeypointCategory

CAT = KeypointCategory(
    'cat', ('nose', 'left eye', 'right eye'), swap_pairs=((1, 2),)
)
BALL = KeypointCategory('ball', ('middle',))
LAMP = KeypointCategory('lamp', ('left switch', 'foot'))
WIDTH, HEIGHT = 40, 20


def make_results(empty=False):
    """A cat and a ball in a picture of 40 x 20 pixels."""
    keep = slice(0) if empty else slice(None)
    rng = np.random.default_rng(0)
    keypoints = [
        [[10, 5, 2], [8, 3, 1], [0, 0, 0]],
        [[30, 15, 2], [0, 0, 0], [0, 0, 0]],
    ]
    return {
        'img': rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8),
        'img_shape': (HEIGHT, WIDTH),
        'categories': (CAT, BALL, LAMP),
        'gt_bboxes': np.float32([[4, 2, 14, 10], [26, 11, 34, 19]])[keep],
        'gt_labels': np.array([0, 1])[keep],
        'gt_keypoints': np.float32(keypoints)[keep],
        'gt_areas': np.float32([80, 50])[keep],
    }


def assert_same(a, b):
    for key in ('img', 'gt_bboxes', 'gt_labels', 'gt_keypoints', 'gt_areas'):
        np.testing.assert_array_equal(a[key], b[key], err_msg=key)


def test_flip_moves_and_swaps():
    results = make_results()
    image = results['img'].copy()
    results = RandomFlipKeypoints(prob=1.0)(results)
    assert results['flip'] is True
    np.testing.assert_array_equal(results['img'], image[:, ::-1])
    assert results['gt_bboxes'].tolist() == [[26, 2, 36, 10], [6, 11, 14, 19]]
    # The left eye was labelled, so the right one is now.
    assert results['gt_keypoints'].tolist() == [
        [[29, 5, 2], [0, 0, 0], [31, 3, 1]],
        [[9, 15, 2], [0, 0, 0], [0, 0, 0]],
    ]
    assert results['gt_keypoints'].dtype == np.float32


def test_keypoint_flips_with_its_pixel():
    results = make_results()
    results['img'][:] = 0
    results['img'][5, 10] = 255
    results = RandomFlipKeypoints(prob=1)(results)
    x, y = results['gt_keypoints'][0, 0, :2].astype(int)
    assert results['img'][y, x].tolist() == [255] * 3


@pytest.mark.parametrize('empty', [False, True])
def test_flip_twice_is_the_identity(empty):
    flip = RandomFlipKeypoints(prob=1.0)
    results = flip(flip(make_results(empty)))
    assert_same(results, make_results(empty))


def test_flip_never():
    results = RandomFlipKeypoints(prob=0)(make_results())
    assert results['flip'] is False
    assert_same(results, make_results())


def test_no_flip_where_names_would_lie():
    results = make_results()
    results['gt_labels'] = np.array([0, 2])
    before = copy.deepcopy(results)
    results = RandomFlipKeypoints(prob=1.0)(results)
    assert results['flip'] is False
    assert_same(results, before)


class FixedCrop(RandomCropKeypoints):
    """A crop of a known window (x, y, width, height)."""

    def __init__(self, window, **kwargs):
        super().__init__(size_range=(0.5, 1.0), **kwargs)
        self.window = window

    def _random_window(self, img_shape):
        return self.window


def test_crop_moves_clips_and_drops():
    results = make_results()
    image = results['img'].copy()
    results = FixedCrop((9, 4, 20, 15), min_box_area=0.2)(results)
    np.testing.assert_array_equal(results['img'], image[4:19, 9:29])
    assert results['img_shape'] == (15, 20)
    # Of the cat 5 x 6 of 10 x 8 pixels are left, of the ball 3 x 8 of 8 x 8.
    assert results['gt_bboxes'].tolist() == [[0, 0, 5, 6], [17, 7, 20, 15]]
    assert results['gt_areas'].tolist() == [30, 18.75]
    # The nose stays, the eye (8, 3) and the middle (30, 15) are cut off.
    assert results['gt_keypoints'].tolist() == [
        [[1, 1, 2], [0, 0, 0], [0, 0, 0]],
        [[0, 0, 0]] * 3,
    ]


@pytest.mark.parametrize('share, labels', [(0.37, [0, 1]), (0.38, [0])])
def test_crop_drops_by_share_of_the_box(share, labels):
    # 0.375 of both boxes is left ...
    results = make_results()
    results['gt_bboxes'][0] = [10, 2, 20, 10]
    results = FixedCrop((9, 4, 20, 15), min_box_area=share)(results)
    assert results['gt_labels'].tolist() == labels
    for key in ('gt_bboxes', 'gt_keypoints', 'gt_areas'):
        assert len(results[key]) == len(labels)


def test_crop_may_leave_no_object():
    results = FixedCrop((0, 15, 10, 5))(make_results())
    assert results['gt_bboxes'].shape == (0, 4)
    assert results['gt_keypoints'].shape == (0, 3, 3)
    assert results['img'].shape == (5, 10, 3)


def test_whole_picture_crop_changes_nothing():
    crop = RandomCropKeypoints(size_range=(1.0, 1.0))
    assert_same(crop(make_results()), make_results())
    crop = RandomCropKeypoints(size_range=(100, 200))
    assert_same(crop(make_results()), make_results())


@pytest.mark.parametrize(
    'size_range, widths, heights',
    [((0.5, 0.8), (20, 32), (10, 16)), ((8, 12), (8, 12), (8, 12))],
)
def test_crop_sizes(size_range, widths, heights):
    crop = RandomCropKeypoints(size_range)
    np.random.seed(0)
    seen = set()
    for _ in range(100):
        height, width = crop(make_results())['img'].shape[:2]
        assert widths[0] <= width <= widths[1]
        assert heights[0] <= height <= heights[1]
        seen.add((height, width))
    assert len(seen) > 10


def test_crop_is_never_empty():
    crop = RandomCropKeypoints((0.001, 0.001))
    assert crop(make_results(empty=True))['img'].shape == (1, 1, 3)


def test_crop_without_ground_truth_and_probability():
    image = make_results()['img']
    crop = RandomCropKeypoints((0.5, 0.5))
    assert crop({'img': image})['img'].shape == (10, 20, 3)
    crop = RandomCropKeypoints((0.5, 0.5), prob=0.0)
    assert crop({'img': image})['img'].shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize(
    'kwargs, message',
    [
        ({'size_range': (0.0, 1.0)}, r'size_range is \(0.0, 1.0\); give two'),
        ({'size_range': (0.6, 1.5)}, r'size_range is \(0.6, 1.5\)'),
        ({'size_range': (600, 384)}, r'size_range is \(600, 384\)'),
        ({'prob': 1.5}, 'prob is 1.5; it must be between 0 and 1'),
        ({'min_box_area': -1}, 'min_box_area is -1'),
    ],
)
def test_crop_faults_are_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        RandomCropKeypoints(**{'size_range': (0.5, 1.0), **kwargs})


def test_resize_scales_each_axis():
    results = make_results()
    results['gt_keypoints'][1, 0] = [44, 15, 2]
    results = ResizeKeypoints(scale=(80, 10))(results)
    assert results['img'].shape == (10, 80, 3)
    assert results['img_shape'] == (10, 80)
    assert results['scale_factor'] == (2.0, 0.5)
    assert results['gt_bboxes'].tolist() == [
        [8, 1, 28, 5],
        [52, 5.5, 68, 9.5],
    ]
    # A keypoint outside the picture is not pulled to its border.
    assert results['gt_keypoints'][:, 0].tolist() == [
        [20, 2.5, 2],
        [88, 7.5, 2],
    ]
    assert results['gt_keypoints'][0, 2].tolist() == [0, 0, 0]
    results = ResizeKeypoints(scale=(40, 20))(results)
    results = ResizeKeypoints(scale=(120, 40))(results)
    assert results['gt_areas'].tolist() == [480, 300]


@pytest.mark.parametrize('empty', [False, True])
def test_random_choice_resize_keeps_the_ratio(empty):
    with DefaultScope.overwrite_default_scope('mmpose'):
        resize = TRANSFORMS.build(
            {
                'type': 'RandomChoiceResize',
                'scales': [(30, 100)],
                'resize_type': 'ResizeKeypoints',
                'keep_ratio': True,
            }
        )
    results = resize(make_results(empty))
    # Short side 30 gives 60 x 30; the long one stays below 100.
    assert results['img'].shape == (30, 60, 3)
    assert results['scale_factor'] == (1.5, 1.5)
    expected = [] if empty else [180, 112.5]
    assert results['gt_areas'].tolist() == expected
    assert len(results['gt_bboxes']) == len(expected)


def test_crop_then_resize_brings_a_keypoint_to_known_coordinates():
    results = FixedCrop((4, 2, 20, 10))(make_results())
    results = ResizeKeypoints(scale=(60, 60), keep_ratio=True)(results)
    assert results['img'].shape == (30, 60, 3)
    # (10 - 4, 5 - 2) * 3
    assert results['gt_keypoints'][0, 0].tolist() == [18, 9, 2]
    assert results['gt_bboxes'].tolist() == [[0, 0, 30, 24]]
    assert results['gt_areas'].tolist() == [720]


def test_representations():
    crop = RandomCropKeypoints((0.5, 1.0), prob=0.3)
    assert repr(crop) == (
        'RandomCropKeypoints(size_range=(0.5, 1.0), prob=0.3, '
        'min_box_area=0.25)'
    )
