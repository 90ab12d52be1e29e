# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from projects.synthkpt.base import Layer, Pose, Shape
from projects.synthkpt.canvas import (
    Canvas,
    placement,
    rasterise,
)
from projects.synthkpt.scene import (
    STYLES,
    Scene,
    add_if_clear,
    compose,
    picture_size,
)
from projects.synthkpt.styles import render

IDENTITY = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


def rectangle(left, top, right, bottom, keypoints, layers=None):
    """A one-layer pose whose frame is the picture."""
    polygon = np.array(
        [[left, top], [right, top], [right, bottom], [left, bottom]],
        np.float32,
    )
    keypoints = np.array(keypoints, np.float32).reshape(-1, 2)
    if layers is None:
        layers = np.zeros(len(keypoints), int)
    return Pose(
        (Layer(polygon, 'main'),),
        keypoints,
        np.array(layers),
        {'main': (40, 80, 160)},
    )


def canvas_of(*poses, width=60, height=40):
    canvas = Canvas(width, height)
    for pose in poses:
        canvas.add(rasterise(pose, IDENTITY, width, height))
    return canvas


def test_later_object_hides_what_it_covers():
    points = [(12, 12), (28, 12), (28, 25)]
    below = rectangle(10, 10, 30, 30, points)
    above = rectangle(20, 5, 40, 20, [(22, 12)])
    canvas = canvas_of(below, above)
    # The first and third lie outside the upper rectangle, the second under.
    assert canvas.visibility(0).tolist() == [2, 1, 2]
    assert canvas.visibility(1).tolist() == [2]


def test_own_later_layer_hides_and_minus_one_is_behind_everything():
    front = rectangle(10, 10, 30, 30, []).layers[0]
    back = rectangle(10, 10, 50, 30, []).layers[0]
    points = np.array([(20, 20), (20, 20), (40, 20), (40, 20)], np.float32)
    pose = Pose(
        (back, front), points, np.array([0, 1, 0, -1]), {'main': (0, 0, 0)}
    )
    assert canvas_of(pose).visibility(0).tolist() == [1, 2, 2, 1]


def test_keypoint_on_the_rim_of_a_neighbouring_layer_is_seen():
    left = rectangle(10, 10, 30, 30, []).layers[0]
    right = rectangle(30, 10, 50, 30, []).layers[0]
    points = np.array([(30, 20)], np.float32)
    pose = Pose((left, right), points, np.array([0]), {'main': (0, 0, 0)})
    assert canvas_of(pose).visibility(0).tolist() == [2]


def test_silhouette_gives_bbox_area_and_fraction():
    below = rectangle(10, 10, 30, 30, [])
    above = rectangle(20, 5, 45, 35, [])
    canvas = canvas_of(below, above)
    assert canvas.patches[0].bbox() == pytest.approx([10, 10, 20, 20], abs=1)
    assert canvas.patches[0].area() == pytest.approx(400, rel=0.08)
    assert canvas.visible_fraction(0) == pytest.approx(0.5, abs=0.03)
    assert canvas.visible_fraction(1) == 1.0


def test_truncation_at_the_border():
    points = [(-5, 20), (59.4, 20), (10, 20), (10, 39)]
    canvas = canvas_of(rectangle(-10, 10, 70, 50, points))
    assert canvas.visibility(0).tolist() == [0, 0, 2, 2]
    x, y, w, h = canvas.patches[0].bbox()
    assert (x, w) == (0, 60)
    assert y + h <= 40
    assert canvas.patches[0].area() == pytest.approx(60 * 30, rel=0.05)
    scene = Scene(60, 40, 'photo', canvas, (3,))
    (instance,) = scene.instances()
    assert instance.label == 3
    assert instance.keypoints[0].tolist() == [0, 0, 0]
    assert instance.keypoints[2].tolist() == [10, 20, 2]


def test_object_outside_the_picture_leaves_nothing():
    patch = rasterise(rectangle(100, 100, 120, 120, []), IDENTITY, 60, 40)
    assert patch.area() == 0
    assert patch.bbox() == [0, 0, 0, 0]
    assert not add_if_clear(Canvas(60, 40), patch, [], 0)


def test_object_that_hides_an_instance_is_left_out():
    points = [(12, 12), (28, 12), (28, 28)]
    first = rasterise(rectangle(10, 10, 30, 30, points), IDENTITY, 60, 40)
    cover = rasterise(rectangle(15, 5, 40, 35, points), IDENTITY, 60, 40)
    beside = rasterise(rectangle(35, 5, 50, 35, []), IDENTITY, 60, 40)
    canvas, labels = Canvas(60, 40), []
    assert add_if_clear(canvas, first, labels, 0)
    numbers = canvas.numbers.copy()
    # A single keypoint of the first would stay visible.
    assert not add_if_clear(canvas, cover, labels, 1)
    assert labels == [0]
    np.testing.assert_array_equal(canvas.numbers, numbers)
    assert add_if_clear(canvas, beside, labels, -1)
    assert labels == [0, -1]
    assert canvas.next_number == 3


def test_placement_scales_turns_and_moves():
    pose = rectangle(0, 0, 4, 2, [])
    matrix = placement(pose, np.array([50, 30]), 40, 90)
    corner = matrix @ [4, 1, 1]  # right end of the middle line
    np.testing.assert_allclose(corner, [50, 50], atol=1e-9)


def test_placement_refuses_a_pose_without_extent():
    with pytest.raises(ValueError, match='extent of 0'):
        placement(rectangle(1, 1, 1, 1, []), np.zeros(2), 10, 0)


def test_picture_sizes_are_varied_and_never_square():
    rng = np.random.default_rng(0)
    sizes = [picture_size(rng) for _ in range(200)]
    assert all(256 <= max(size) <= 480 for size in sizes)
    assert all(max(size) / min(size) > 1.05 for size in sizes)
    wide = sum(width > height for width, height in sizes)
    assert 80 < wide < 160


def square_shape(keypoint_layers=(0, 0)):
    def draw(rng):
        return rectangle(0, 0, 10, 8, [(2, 2), (8, 6)], keypoint_layers)

    return Shape({'name': 'plate'}, draw)


def test_compose_shows_the_main_shape_and_at_most_six_instances():
    shapes = [square_shape() for _ in range(4)]
    counts, kinds, styles, outside = [], [], set(), 0
    for seed in range(150):
        scene = compose(np.random.default_rng(seed), shapes, seed % 4)
        instances = scene.instances()
        labels = {instance.label for instance in instances}
        assert seed % 4 in labels
        counts.append(len(instances))
        kinds.append(len(labels))
        styles.add(scene.style)
        for index, label in enumerate(scene.labels):
            if label >= 0:
                assert scene.canvas.visible_fraction(index) >= 0.25
        for instance in instances:
            states = instance.keypoints[:, 2]
            assert np.count_nonzero(states == 2) == 2
            x, y, w, h = instance.bbox
            assert x >= 0 and x + w <= scene.width
            assert y >= 0 and y + h <= scene.height
            edges = (x == 0, y == 0)
            outside += any(edges)
    assert min(counts) == 1 and max(counts) == 6
    assert max(kinds) == 3
    assert 1.8 < np.mean(counts) < 2.6
    assert styles == set(STYLES)
    assert outside > 10


def test_compose_reports_a_shape_that_hides_itself():
    with pytest.raises(RuntimeError, match='No plate could be placed'):
        compose(np.random.default_rng(0), [square_shape((-1, -1))], 0)


@pytest.mark.parametrize('style', STYLES)
def test_every_style_shows_the_object(style):
    canvas = canvas_of(rectangle(15, 8, 45, 32, []), width=60, height=40)
    scene = Scene(60, 40, style, canvas, (0,))
    image = render(scene, np.random.default_rng(1))
    again = render(scene, np.random.default_rng(1))
    assert image.shape == (40, 60, 3) and image.dtype == np.uint8
    np.testing.assert_array_equal(image, again)
    # Something changes across the object's left edge.
    profile = image[12:28].astype(float).mean((0, 2))
    assert np.abs(np.diff(profile[10:20])).max() > 4
