# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""AnyKeypointInferencer('matching') on pictures whose answers are known."""

import numpy as np
import pytest
import torch

from projects.common.apis import AnyKeypointInferencer
from tests.square_finder import CONFIG

NAMES = ['top left', 'top right', 'bottom right', 'bottom left']


def house(*places, size=(160, 120), side=40):
    """Red squares with a blue upper and a green left edge, on noise."""
    width, height = size
    rng = np.random.default_rng(0)
    image = rng.integers(90, 110, (height, width, 3), np.uint8)
    for x, y in places:
        image[y : y + side, x : x + side] = (30, 30, 220)
        image[y : y + side // 5, x : x + side] = (200, 60, 20)
        image[y : y + side, x : x + side // 7] = (20, 200, 60)
    return image


def corners(x, y, side=40):
    far = side - 1
    return np.array(
        [(x, y), (x + far, y), (x + far, y + far), (x, y + far)], np.float32
    )


def bbox(x, y, side=40):
    return [x, y, x + side, y + side]


@pytest.fixture(scope='module')
def matching():
    return AnyKeypointInferencer('matching', device='cpu')


@pytest.fixture(scope='module')
def asked(matching):
    example = (house((30, 40)), corners(30, 40), [2, 2, 2, 2], NAMES)
    return matching.prepare({'house': example})


def test_shifted_copies_in_their_boxes(matching, asked):
    places = [(100, 20), (10, 60)]
    boxes = [bbox(*place) for place in places]
    [result] = matching(house(*places), asked, bboxes=boxes)
    assert [one.bbox for one in result.instances] == [tuple(b) for b in boxes]
    for one, place in zip(result.instances, places):
        assert (one.category, one.score) == ('house', 1)
        assert [k.name for k in one.keypoints] == NAMES
        # A cell of the features is .8 pixels here.
        assert np.abs(one.xy() - corners(*place)).max() < 2
        assert all(0.3 < k.score < 1 for k in one.keypoints)


def test_a_larger_copy_in_half_precision(asked):
    half = AnyKeypointInferencer('matching', None, 'cpu', 'bfloat16')
    image = house((60, 30), size=(320, 240), side=160)
    [result] = half(image, asked, bboxes=[bbox(60, 30, 160)])
    [found] = result.instances
    assert np.abs(found.xy() - corners(60, 30, 160)).max() < 8


def test_the_whole_picture_without_a_box(matching, asked):
    image = house((20, 20), size=(60, 60), side=36)
    [result] = matching(image, asked, score_thr=0)
    [found] = result.instances
    assert found.bbox == (0, 0, 60, 60)
    assert found.score == pytest.approx(
        np.mean([k.score for k in found.keypoints])
    )
    assert np.abs(found.xy() - corners(20, 20, 36)).max() < 3


def test_two_shots_of_which_one_hides_a_corner(matching):
    image = house((30, 40))
    points = corners(30, 40)
    shots = [
        (image, points, [2, 2, 2, 0], NAMES),
        (image, points, [2, 2, 0, 0], NAMES),
    ]
    prompt = matching.prepare({'house': shots})
    assert prompt.not_shown == {'house': ['bottom left']}
    [result] = matching(house((90, 20)), prompt, bboxes=[bbox(90, 20)])
    [found] = result.instances
    assert [k.name for k in found.keypoints] == NAMES[:3]
    assert np.abs(found.xy() - corners(90, 20)[:3]).max() < 2


def test_the_box_of_an_example_says_where_its_keypoints_are(matching):
    example = (house((30, 40)), corners(30, 40)[:2], [2, 2], NAMES[:2])
    tight = matching.prepare({'house': example}).state.bboxes
    # One row of keypoints: 40 x 1 pixels, and the shot shows 50.
    unit = 224 / 50
    wanted = [112 - 20 * unit, 112 - unit / 2, 112 + 20 * unit, 112 + unit / 2]
    np.testing.assert_allclose(tight, [wanted], rtol=1e-5)


def test_objects_that_are_found_in_words(tmp_path, asked):
    """A finder of red squares gives the boxes, and their score."""
    path = tmp_path / 'finder.py'
    path.write_text(CONFIG)
    options = {'detector.model': str(path), 'detector.find': 'red'}
    matching = AnyKeypointInferencer(
        'matching', device='cpu', cfg_options=options
    )
    image = house((90, 20), size=(200, 120))
    [result] = matching(image, asked)
    [found] = result.instances
    assert found.score == pytest.approx(0.9)
    # What is red lies within the two edges; its far corner is found.
    assert found.bbox == (95, 28, 129, 59)
    assert np.abs(found.xy()[2] - (129, 59)).max() < 2
    [nothing] = matching(np.zeros((50, 50, 3), np.uint8), asked)
    assert nothing.instances == ()
    # Boxes that are given count.
    [given] = matching(image, asked, bboxes=[bbox(90, 20)])
    assert given.instances[0].bbox == tuple(map(float, bbox(90, 20)))


def test_what_it_does_not_take(matching, asked, tmp_path):
    example = (house((30, 40)), corners(30, 40), [2, 2, 2, 2], NAMES)
    with pytest.raises(ValueError, match="'horse' cannot be asked for in wor"):
        matching.prepare('horse')
    with pytest.raises(ValueError, match='examples alone, without names'):
        matching.prepare({'house': NAMES})
    with pytest.raises(ValueError, match='examples alone, without names'):
        matching.prepare({'house': example}, modality='combined')
    with pytest.raises(ValueError, match=r'2 categories \(house, barn\)'):
        matching.prepare([{'house': example}, {'barn': example}])
    with pytest.raises(ValueError, match=r'\[200.0, 0.0, 210.0, 9.0\] lies'):
        matching(house(), asked, bboxes=[[200, 0, 210, 9]])
    for path in ('a.safetensors', tmp_path / 'b.safetensors'):
        with pytest.raises(ValueError, match='use a .json file'):
            matching.prepare(path)
    matching.prompt = asked
    with pytest.raises(ValueError, match='use a .json file'):
        matching.save_prompt(tmp_path / 'c.safetensors')
    matching.save_prompt(tmp_path / 'c.json')
    again = matching.prepare(tmp_path / 'c.json')
    assert np.array_equal(again.state.bboxes, asked.state.bboxes)
    assert torch.equal(again.state.shots[0].image, asked.state.shots[0].image)
