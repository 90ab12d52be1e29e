# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from projects.common.structures import KeypointCategory
from projects.common.visualization import (
    DrawnInstance,
    PointState,
    append_legend,
    draw_instances,
    keypoint_colors,
)

CAT = KeypointCategory('cat', ('nose', 'eye', 'tail'), skeleton=((0, 2),))


def make_instance(states, **changes):
    values = {
        'category': CAT,
        'bbox': np.array([40.0, 30, 360, 170]),
        'keypoints': np.array([[100.0, 100], [200, 60], [300, 100]]),
        'states': np.array(states),
    }
    return DrawnInstance(**{**values, **changes})


def draw(states, min_side=400, **kwargs):
    image = np.full((200, 400, 3), 127, np.uint8)
    instance = make_instance(states)
    canvas = draw_instances(image, [instance], min_side=min_side, **kwargs)
    assert (image == 127).all()
    return canvas


def test_states_look_different():
    colors = keypoint_colors(3)
    canvas = draw([2, 1, 0], boxes=False)
    assert canvas.shape == (200, 400, 3)
    # Pixels are indexed y, x: a disc, a ring with a hole, nothing.
    assert tuple(canvas[100, 100]) == colors[0]
    assert (canvas[90:111, 290:311] == 127).all()
    canvas = draw([2, 1, 0], boxes=False, min_side=800)
    assert tuple(canvas[120, 400]) == (127, 127, 127)
    assert (canvas[110:131, 390:411] == colors[1]).all(axis=-1).any()
    canvas = draw([3, 0, 0], boxes=False)
    marked = (canvas != 127).any(axis=-1)
    assert marked[95:106, 95:106].any()
    assert marked.sum() < 30


def test_skeleton_joins_labelled_keypoints_only():
    def middle(states):
        return tuple(draw(states, boxes=False)[100, 200])

    assert middle([2, 0, 1]) != (127, 127, 127)
    assert middle([2, 2, 0]) == (127, 127, 127)
    assert middle([2, 2, 3]) == (127, 127, 127)


def test_boxes_are_optional():
    assert tuple(draw([0, 0, 0])[100, 40]) != (127, 127, 127)
    assert (draw([0, 0, 0], boxes=False) == 127).all()


def test_numbers_and_score_are_written():
    plain, numbered = draw([2, 2, 2]), draw([2, 2, 2], numbers=True)
    assert (plain != numbered).any(axis=-1).sum() > 20
    image = np.full((200, 400, 3), 127, np.uint8)
    scored = draw_instances(
        image, [make_instance([2, 2, 2], score=0.5)], min_side=400
    )
    changed = (plain != scored).any(axis=-1)
    # The score stands in the title, above the box.
    assert changed[:30].any()
    assert not changed[31:].any()


def test_small_pictures_are_enlarged_with_their_objects():
    canvas = draw([2, 0, 0], min_side=800, boxes=False)
    assert canvas.shape == (400, 800, 3)
    assert tuple(canvas[200, 200]) == keypoint_colors(3)[0]
    assert draw([0, 0, 0], min_side=10).shape == (200, 400, 3)


@pytest.mark.parametrize('count', [1, 17, 68])
def test_keypoint_colors_differ_and_can_be_read(count):
    colors = keypoint_colors(count)
    assert len(set(colors)) == count
    luma = np.array(colors) @ [0.299, 0.587, 0.114]
    assert luma.min() > 85


def test_objects_far_outside_do_not_crash():
    image = np.zeros((50, 60, 3), np.uint8)
    far = make_instance(
        [2, 1, 3],
        bbox=np.array([-1e9, -1e9, 1e9, 1e9]),
        keypoints=np.full((3, 2), 1e12),
        score=1.0,
    )
    canvas = draw_instances(image, [far], numbers=True, min_side=60)
    assert canvas.shape == (50, 60, 3)


def test_k_mismatch_is_named():
    with pytest.raises(ValueError, match=r"'cat' with 3 .*\(2, 2\) and 3 st"):
        make_instance([2, 2, 2], keypoints=np.zeros((2, 2)))
    with pytest.raises(ValueError, match='and 2 states'):
        make_instance([2, 2])


def test_legend_stands_beside_the_picture():
    image = np.full((200, 768, 3), 127, np.uint8)
    canvas = append_legend(image, [CAT])
    assert (canvas[:, :768] == image).all()
    assert canvas.shape[0] == 200
    one_column = canvas.shape[1] - 768
    many = KeypointCategory('many', [str(i) for i in range(40)])
    wide = append_legend(image, [CAT, many], states=[PointState.DOUBTFUL])
    assert wide.shape[1] - 768 > 2 * one_column
    # Marks have the colours of the keypoints.
    for color in keypoint_colors(3):
        assert (canvas[:, 768:] == color).all(axis=-1).any()
