# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np
import pytest

from projects.synthkpt import craft, furniture, vehicle
from projects.synthkpt.primitives import (
    beam,
    box,
    box_corners,
    cylinder,
    decal,
    on_quad,
    side_quad,
)
from projects.synthkpt.rigid import both, chains
from projects.synthkpt.solids import Camera, Model, random_camera, view

SHAPES = furniture.SHAPES + vehicle.SHAPES + craft.SHAPES
PALETTE = {'main': (0, 0, 0), 'second': (0, 0, 0), 'light': (0, 0, 0)}


def camera_at(position):
    """Looks at the origin."""
    position = np.array(position, float)
    forward = -position / np.linalg.norm(position)
    right = np.cross(forward, (0, 0, 1))
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(forward, right), forward])
    return Camera(position, axes, np.zeros(3), np.array([0.0, 0.0, 1.0]))


def hidden(pose, index):
    """Whether a later layer covers a keypoint."""
    x, y = (float(v) for v in pose.keypoints[index])
    later = pose.layers[pose.keypoint_layers[index] + 1 :]
    return any(
        cv2.pointPolygonTest(layer.polygon.reshape(-1, 1, 2), (x, y), True)
        > 1e-3
        for layer in later
    )


def test_own_left_is_on_the_right_of_who_faces_the_front():
    model = Model()
    index = model.add(box([-1, -1, -1], [1, 1, 1], 'main'))
    model.mark('left', [-1, 1, 0], index)
    model.mark('right', [1, 1, 0], index)
    model.mark('top', [0, 1, 1], index)
    names = ('left', 'right', 'top')
    left, right, top = view(
        model, camera_at([0, 6, 1]), names, PALETTE
    ).keypoints
    assert left[0] > right[0]
    assert top[1] < left[1]
    left, right, _ = view(
        model, camera_at([0, -6, 1]), names, PALETTE
    ).keypoints
    assert left[0] < right[0]


def test_only_the_far_corners_of_a_box_are_hidden():
    model = Model()
    corners = box_corners([-1, -1, -1], [1, 1, 1])
    index = model.add(box([-1, -1, -1], [1, 1, 1], 'main'))
    for i, corner in enumerate(corners):
        model.mark(str(i), corner, index)
    camera = camera_at([3, 5, 4])
    pose = view(model, camera, [str(i) for i in range(8)], PALETTE)
    assert len(pose.layers) == 3
    found = [i for i in range(8) if hidden(pose, i)]
    assert found == [0]  # the corner opposite to the camera


def test_nearer_solid_is_painted_later_and_hides():
    model = Model()
    far = model.add(box([-1, -3, -1], [1, -1, 1], 'main'))
    near = model.add(box([-1, 1, -1], [1, 3, 1], 'second'))
    model.mark('far', [0, -1, 0], far)
    model.mark('near', [0, 3, 0], near)
    for y, expected in ((9, ['main', 'second']), (-9, ['second', 'main'])):
        pose = view(model, camera_at([0, y, 2]), ('far', 'near'), PALETTE)
        order = [layer.material for layer in pose.layers]
        assert list(dict.fromkeys(order)) == expected
        # Each of the two points is on the side that faces +y.
        assert hidden(pose, 0)
        assert hidden(pose, 1) == (y < 0)


def test_separating_plane_beats_the_distance_of_the_middles():
    # The slab's middle is nearer, yet it lies under the cube.
    model = Model()
    model.add(box([-1, -8, -0.1], [1, 8, 0], 'main'))
    model.add(box([-0.5, -1, 0], [0.5, 0, 1], 'second'))
    pose = view(model, camera_at([0, 20, 4]), (), PALETTE)
    order = [layer.material for layer in pose.layers]
    assert list(dict.fromkeys(order)) == ['main', 'second']


def test_decal_is_painted_on_its_face_and_only_seen_from_there():
    corners = box_corners([-1, -1, -1], [1, 1, 1])
    quad = side_quad(corners, 'front')
    pane = decal(quad, (0.2, 0.8), (0.2, 0.8), 'light')
    model = Model()
    index = model.add(box([-1, -1, -1], [1, 1, 1], 'main', decals=[pane]))
    model.mark('pane', on_quad(quad, 0.5, 0.5), index)
    pose = view(model, camera_at([0, 6, 2]), ('pane',), PALETTE)
    layer = pose.layers[pose.keypoint_layers[0]]
    assert layer.material == 'light'
    pose = view(model, camera_at([0, -6, 2]), ('pane',), PALETTE)
    assert 'light' not in {layer.material for layer in pose.layers}
    assert hidden(pose, 0)


def test_tip_of_a_thin_solid_is_seen():
    model = Model()
    leg = model.add(beam([0, 0, 0], [0, 0, 1], 0.1, 'main'))
    model.mark('tip', [0, 0, 0], leg)
    pose = view(model, camera_at([0, 6, 3]), ('tip',), PALETTE)
    assert pose.keypoint_layers[0] == len(pose.layers) - 1


@pytest.mark.parametrize('side', ['front', 'rear', 'left', 'right', 'top'])
def test_side_quads_start_at_the_lower_left(side):
    position = {
        'front': (0, 9, 0.1),
        'rear': (0, -9, 0.1),
        'left': (-9, 0, 0.1),
        'right': (9, 0, 0.1),
        'top': (0, 0.1, 9),
    }[side]
    quad = side_quad(box_corners([-1, -1, -1], [1, 1, 1]), side)
    points = camera_at(position).project(quad)
    signs = np.sign(points).tolist()
    assert signs == [[-1, 1], [1, 1], [1, -1], [-1, -1]]


def test_cylinder_radius_and_axis():
    points = np.concatenate(
        [face.points for face in cylinder([0, 0, 0], 0, 2, 3, 'main').faces]
    )
    np.testing.assert_allclose(np.abs(points[:, 0]), 3)
    np.testing.assert_allclose(np.hypot(points[:, 1], points[:, 2]), 2)


def test_random_camera_keeps_to_its_ranges():
    model = Model()
    model.add(box([-1, -1, 0], [1, 1, 1], 'main'))
    rng = np.random.default_rng(0)
    for _ in range(20):
        camera = random_camera(rng, model, (80, 100), (10, 20))
        offset = camera.position - camera.target
        assert offset[0] < 0  # the own left
        lift = np.degrees(np.arcsin(offset[2] / np.linalg.norm(offset)))
        assert 10 <= lift <= 20
        np.testing.assert_allclose(
            camera.axes @ camera.axes.T, np.eye(3), atol=1e-9
        )


def test_names_for_both_sides_and_chains():
    assert both('eye', 'front * leg') == [
        'left eye',
        'right eye',
        'front left leg',
        'front right leg',
    ]
    assert chains('* a > b', 'c > d > e') == [
        ('left a', 'b'),
        ('right a', 'b'),
        ('c', 'd'),
        ('d', 'e'),
    ]


@pytest.mark.parametrize(
    'shape', SHAPES, ids=lambda shape: shape.category['name']
)
def test_rigid_shape_draws_with_keypoints_on_it(shape):
    for seed in range(20):
        pose = shape.draw(np.random.default_rng(seed))
        points = np.concatenate([layer.polygon for layer in pose.layers])
        assert np.isfinite(points).all()
        assert pose.keypoints.shape == (len(shape.category['keypoints']), 2)
        extent = float(np.ptp(points, axis=0).max())
        for x, y in pose.keypoints:
            distance = max(
                cv2.pointPolygonTest(
                    layer.polygon.reshape(-1, 1, 2),
                    (float(x), float(y)),
                    True,
                )
                for layer in pose.layers
            )
            assert distance > -0.03 * extent
        assert (pose.keypoint_layers < len(pose.layers)).all()
        assert (pose.keypoint_layers >= -1).all()
        assert {layer.material for layer in pose.layers} <= set(pose.palette)


def test_sides_of_a_car_are_its_own():
    (car,) = (s for s in vehicle.SHAPES if s.category['name'] == 'car')
    names = car.category['keypoints']
    pairs = car.category['swap_pairs']
    for seed in range(12):
        pose = car.draw(np.random.default_rng(seed))
        at = dict(zip(names, pose.keypoints))
        # Left-to-right and rear-to-front span the ground plane; seen from
        # above (y down) their turn has the same sign from everywhere.
        across = at['rear right wheel center'] - at['rear left wheel center']
        along = at['front left wheel center'] - at['rear left wheel center']
        assert across[0] * along[1] - across[1] * along[0] < 0
    assert ['left headlight', 'right headlight'] in pairs
