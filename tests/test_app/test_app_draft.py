# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from projects.app import Draft
from projects.app.canvas import canvas_size, clicked, draw_canvas
from projects.app.draft import MAX_POINTS
from projects.common.visualization import keypoint_color


@pytest.fixture
def draft():
    return Draft(np.full((120, 240, 3), 90, np.uint8))


@pytest.fixture
def triangle(draft):
    return draft.add(20, 30).add(200, 30).add(100, 100)


def test_points_are_added_in_order_and_the_last_is_chosen(triangle):
    places = [(p.name, p.x, p.y, p.visible) for p in triangle.points]
    assert places == [
        ('point 1', 20, 30, 2),
        ('point 2', 200, 30, 2),
        ('point 3', 100, 100, 2),
    ]
    assert triangle.chosen == 2


def test_undo_takes_every_action_back_and_stops_at_the_start(draft, triangle):
    changed = triangle.choose(0).rename('ear').show(1).move(5, 6).remove()
    steps = [changed]
    while steps[-1].undo() is not steps[-1]:
        steps.append(steps[-1].undo())
    names = [[(p.name, p.x, p.visible) for p in s.points] for s in steps]
    rest = [('point 2', 200, 2), ('point 3', 100, 2)]
    assert names[:5] == [
        rest,
        [('ear', 5, 1), *rest],
        [('ear', 20, 1), *rest],
        [('ear', 20, 2), *rest],
        [('point 1', 20, 2), *rest],
    ]
    assert names[-1] == [] and len(steps) == 8
    assert len(triangle.points) == 3  # nothing is changed in place


def test_a_removed_point_takes_its_lines_along(triangle):
    lines = triangle.connect(20, 30).connect(200, 31)
    lines = lines.connect(199, 28).connect(101, 99)
    assert lines.edges == ((0, 1), (1, 2))
    assert lines.choose(0).remove().edges == ((0, 1),)
    assert lines.connect(200, 30).connect(20, 30).edges == ((1, 2),)
    assert lines.connect(20, 30).connect(20, 30).edges == lines.edges


def test_a_new_name_differs_after_one_was_removed(triangle):
    names = [p.name for p in triangle.choose(0).remove().add(1, 1).points]
    assert names == ['point 2', 'point 3', 'point 4']


def test_box_by_two_corners(draft):
    boxed = draft.corner(90, 80).corner(10, 20)
    assert boxed.box == (10, 20, 90, 80)
    assert boxed.undo().box is None
    with pytest.raises(ValueError, match='opposite corners'):
        draft.corner(10, 20).corner(10, 80)


@pytest.mark.parametrize(
    'act, message',
    [
        (lambda d: d.rename('x'), 'Click a point first'),
        (lambda d: d.connect(0, 0), 'at least two points'),
        (lambda d: d.choose(0), 'no point 1'),
        (lambda d: d.add(1, 1).rename(' '), 'needs a name'),
        (lambda d: d.add(1, 1).add(2, 2).rename('point 1'), 'name of its own'),
        (lambda d: d.describe('object'), 'at least one keypoint'),
        (lambda d: d.add(0, 0, 0).describe('object'), 'at least one keypoint'),
        (lambda d: d.add(5, 5).describe('object'), 'how large the object is'),
    ],
)
def test_what_cannot_be_done_is_said(draft, act, message):
    with pytest.raises(ValueError, match=message):
        act(draft)


def test_points_are_limited(draft):
    for _ in range(MAX_POINTS):
        draft = draft.add(1, 1)
    with pytest.raises(ValueError, match='load a prompt file'):
        draft.add(1, 1)


def test_description_holds_what_was_clicked(triangle):
    made = triangle.rename('left ear').show(1).connect(20, 30)
    made = made.connect(200, 30).corner(0, 0).corner(220, 110)
    made = made.add(0, 0, 0)
    description = made.describe('fox', 'combined')
    [category], [[example]] = description.categories, description.examples
    assert category.name == 'fox'
    names = ('point 1', 'point 2', 'left ear', 'point 4')
    assert category.keypoints == names
    assert category.skeleton == ((0, 1),)
    assert description.modalities == ('combined',)
    assert example.visible.tolist() == [2, 2, 1, 0]
    assert example.keypoints.tolist()[:3] == [[20, 30], [200, 30], [100, 100]]
    assert example.bbox == (0, 0, 220, 110)


@pytest.mark.parametrize('shape', [(120, 240), (2000, 1000), (1, 1)])
def test_clicks_land_in_the_middle_of_the_pixel_that_is_shown(shape):
    draft = Draft(np.zeros((*shape, 3), np.uint8))
    width, height = canvas_size(draft)
    assert max(width, height) == 960
    assert draw_canvas(draft).shape == (height, width, 3)
    scale = width / shape[1]
    middle = (width - 1) / 2, (height - 1) / 2
    expected = (shape[1] - 1) / 2, (shape[0] - 1) / 2
    assert clicked(draft, *middle) == pytest.approx(expected)
    assert clicked(draft, 0, 0)[0] == pytest.approx(max(0, 0.5 / scale - 0.5))
    assert clicked(draft, 1e6, -5) == (shape[1] - 1, 0)


def test_canvas_shows_points_where_they_were_clicked(draft):
    x, y = clicked(draft, 400, 200)
    canvas = draw_canvas(draft.add(x, y))
    assert tuple(canvas[200, 400].tolist()) == keypoint_color('point 1')
    assert canvas[20, 20].tolist() == [90, 90, 90]
    ring = draw_canvas(draft.add(x, y).show(1))
    assert ring[200, 400].tolist() == [90, 90, 90]
    absent = draw_canvas(draft.add(x, y).show(0))
    assert (absent == 90).all()


def test_canvas_shows_the_box_and_its_first_corner(draft):
    first = draw_canvas(draft.corner(*clicked(draft, 100, 100)))
    assert first[100, 100].min() > 200
    box = draft.corner(*clicked(draft, 100, 100))
    canvas = draw_canvas(box.corner(*clicked(draft, 500, 300)))
    assert canvas[100, 300].min() > 200 and canvas[300, 300].min() > 200
    assert canvas[200, 300].tolist() == [90, 90, 90]
