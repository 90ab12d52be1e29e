# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import cv2
import numpy as np
import pytest

from projects.common.structures import KeypointCategory
from projects.common.visualization import (
    DrawnInstance,
    PointState,
    append_legend,
    draw_instances,
    keypoint_color,
)
from projects.xpose.prompts import predefined_category, predefined_sets

NOSE, LEFT = (13, 255, 153), (52, 255, 13)
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
    colors = [keypoint_color(name) for name in CAT.keypoints]
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
    assert marked.sum() < 70


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
    assert tuple(canvas[200, 200]) == keypoint_color('nose')
    assert draw([0, 0, 0], min_side=10).shape == (200, 400, 3)


def luminance(colors):
    """Relative luminance of WCAG 2, 0 (black) to 1 (white)."""
    linear = (np.asarray(colors, float) / 255) ** 2.2
    return linear @ [0.2126, 0.7152, 0.0722]


def contrast(colors, ground):
    """Contrast ratio of WCAG 2; 3 can be seen, 4.5 can be read."""
    both = luminance(colors) + 0.05, luminance(ground) + 0.05
    return np.maximum(*both) / np.minimum(*both)


@pytest.mark.parametrize(
    ('states', 'options', 'ratio', 'least'),
    [
        ([2, 0], {}, 3, 25),
        ([1, 0], {}, 3, 30),
        ([3, 0], {}, 3, 8),
        ([2, 2], {}, 3, 400),
        ([2, 0], {'names': True}, 4.5, 90),
        ([0, 0], {'boxes': True}, 3, 2500),
    ],
    ids=['disc', 'ring', 'cross', 'skeleton', 'name', 'box'],
)
@pytest.mark.parametrize('name', ['nose', 'left eye', 'right eye', 'tail'])
def test_all_marks_stand_out_on_any_ground(
    name, states, options, ratio, least
):
    one = DrawnInstance(
        KeypointCategory(name, (name, 'other'), skeleton=((0, 1),)),
        np.array([100.0, 100, 300, 250]),
        np.array([[150.0, 150], [250, 200]]),
        np.array(states),
    )
    options = {'boxes': False, **options}
    for ground in (0, 40, 128, 215, 255):
        image = np.full((300, 400, 3), ground, np.uint8)
        canvas = draw_instances(image, [one], **options)
        ratios = contrast(canvas, [ground] * 3)
        assert (ratios > ratio).sum() >= least, ground
    # On its dark rim each colour is seen, too.
    assert contrast(keypoint_color(name), [0] * 3) > 3


def test_a_name_has_one_colour_everywhere():
    # Values of today: drawings of different days can be compared.
    assert keypoint_color('nose') == NOSE
    assert keypoint_color('left eye') == LEFT
    assert keypoint_color('Left_Eye') == keypoint_color('left eye')
    # In categories of one and of many keypoints.
    many = KeypointCategory('many', ('tail', *map(str, range(30)), 'nose'))
    image = np.full((200, 400, 3), 127, np.uint8)
    states = np.zeros(32, int)
    states[-1] = 2
    points = np.full((32, 2), 50.0)
    one = DrawnInstance(many, np.zeros(4), points, states)
    canvas = draw_instances(image, [one], boxes=False, min_side=400)
    assert tuple(canvas[50, 50]) == keypoint_color('nose') == NOSE


def lab(colors):
    rgb = np.array([colors], np.float32) / 255
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)[0]


def test_partners_and_neighbours_have_other_colours():
    # In Lab; 2.3 is the least difference that people see.
    schemas = [one.schema for one in predefined_sets()]
    pairs = {tuple(p) for s in schemas for p in s.get('swap_pairs', ())}
    swapped = str.maketrans('<>', '><')
    sides = {
        pair: [n.replace('left', '<').replace('right', '>') for n in pair]
        for pair in pairs
    }
    sided = [p for p, (a, b) in sides.items() if a.translate(swapped) == b]
    assert len(sided) > 100
    for pair in sided:
        first, second = lab([keypoint_color(name) for name in pair])
        assert np.linalg.norm(first - second) > 50, pair
    for kind in ('person', 'animal'):
        names = predefined_category(kind).keypoints
        colors = lab([keypoint_color(name) for name in names])
        apart = np.linalg.norm(colors[:, None] - colors, axis=-1)
        assert apart[~np.eye(len(names), dtype=bool)].min() > 20
    numbered = lab([keypoint_color(f'point {i}') for i in range(1, 9)])
    apart = np.linalg.norm(numbered[:, None] - numbered, axis=-1)
    assert apart[~np.eye(8, dtype=bool)].min() > 20
    names = {name for s in schemas for name in s['keypoints']}
    luma = np.array([*map(keypoint_color, names)]) @ [0.299, 0.587, 0.114]
    assert luma.min() > 100


def test_names_lie_in_the_picture_and_over_no_other():
    image = np.full((400, 400, 3), 127, np.uint8)
    names = tuple(f'a long name {i}' for i in range(12))
    # Far enough apart for some, in a corner and all in one place.
    places = [[399.0, 0], [0, 399], *[[200, 200]] * 10]

    def written(count):
        one = DrawnInstance(
            KeypointCategory('x', names[:count]),
            np.zeros(4),
            np.array(places[:count]),
            np.full(count, 2),
        )
        options = {'boxes': False, 'min_side': 400}
        named = draw_instances(image, [one], names=True, **options)
        return named.min(-1) > 200

    assert written(1)[:100, 250:].sum() > 20
    counts = [0, *(written(count).sum() for count in range(1, 13))]
    gains = np.diff(counts)
    # None covers another: each adds as much white as one alone.
    assert (gains[:9] > 0.6 * gains[0]).all()
    # Nor the title of a box: all of it is seen.
    one = DrawnInstance(
        KeypointCategory('title', ('name',)),
        np.array([100.0, 100, 300, 300]),
        np.array([[98.0, 95]]),
        np.array([0]),
    )
    title = draw_instances(image, [one], min_side=400, names=True)
    shown = replace(one, states=np.array([2]))
    named = draw_instances(image, [shown], min_side=400, names=True)
    written = (title != 127).any(-1)
    written[:, :106] = written[97:] = False  # the point, the box
    assert written.sum() > 50
    assert (named[written] == title[written]).all()
    assert (named.min(-1) > 200).sum() > 20  # the name, somewhere else


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
    for color in map(keypoint_color, CAT.keypoints):
        assert (canvas[:, 768:] == color).all(axis=-1).any()
