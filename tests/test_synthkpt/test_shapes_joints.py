# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Joints: bone lengths, limits, facing and the order of the layers."""

import math

import numpy as np
import pytest

from projects.synthkpt import (
    animal_body,
    hand,
    human,
    human_body,
    insect,
    limbs,
)
from projects.synthkpt.figure import Figure
from projects.synthkpt.insect_schema import INSECTS
from projects.synthkpt.species import SPECIES

SEEDS = range(25)


def _angle(a, b):
    """Degrees between two vectors."""
    cosine = np.dot(a, b) / np.linalg.norm(a) / np.linalg.norm(b)
    return math.degrees(math.acos(np.clip(cosine, -1, 1)))


def _shape(shapes, name):
    return next(s for s in shapes if s.category['name'] == name)


def _keypoints(shape, pose):
    return dict(zip(shape.category['keypoints'], pose.keypoints, strict=True))


@pytest.mark.parametrize('side', ['left', 'right'])
@pytest.mark.parametrize('seed', SEEDS)
def test_human_bones_keep_their_length_and_limits(seed, side):
    build = human_body.Build()
    joints = human_body.joints_of(np.random.default_rng(seed), build, 1.0)

    def bone(a, b):
        return joints[f'{side} {b}'] - joints[f'{side} {a}']

    upper, lower = bone('shoulder', 'elbow'), bone('elbow', 'wrist')
    thigh, shin = bone('hip', 'knee'), bone('knee', 'ankle')
    lengths = [np.linalg.norm(b) for b in (upper, lower, thigh, shin)]
    np.testing.assert_allclose(lengths, [*build.arm, *build.leg], atol=1e-9)
    assert _angle(upper, lower) <= human_body.LIMITS['elbow'][1] + 1e-6
    assert _angle(thigh, shin) <= human_body.LIMITS['knee'][1] + 1e-6
    # A knee bends the shin backwards (+z), never forwards.
    assert shin[2] / build.leg[1] >= thigh[2] / build.leg[0] - 1e-9


def test_projected_arm_is_never_longer_than_the_arm():
    shape = _shape(human.SHAPES, 'person')
    longest = human_body.Build().arm[0] * 1.08
    found = []
    for seed in range(60):
        points = _keypoints(shape, shape.draw(np.random.default_rng(seed)))
        for side in ('left', 'right'):
            found.append(
                np.linalg.norm(
                    points[f'{side} elbow'] - points[f'{side} shoulder']
                )
            )
    assert max(found) <= longest + 1e-5
    assert max(found) > 0.9 * longest


def test_person_facing_the_viewer_has_the_left_on_the_right(monkeypatch):
    shape = _shape(human.SHAPES, 'person')
    for yaw, sign in ((0.0, 1), (math.pi, -1)):
        monkeypatch.setattr(human, 'body_yaw', lambda rng, yaw=yaw: yaw)
        for seed in range(8):
            points = _keypoints(shape, shape.draw(np.random.default_rng(seed)))
            for joint in ('shoulder', 'hip'):
                gap = points[f'left {joint}'] - points[f'right {joint}']
                assert sign * gap[0] > 0


def test_a_person_seen_from_behind_hides_the_face(monkeypatch):
    shape = _shape(human.SHAPES, 'child')
    monkeypatch.setattr(human, 'body_yaw', lambda rng: math.pi)
    names = shape.category['keypoints']
    for seed in range(8):
        pose = shape.draw(np.random.default_rng(seed))
        skull = max(
            i
            for i, layer in enumerate(pose.layers)
            if layer.material in ('hair', 'skin')
        )
        for name in ('nose', 'left eye', 'right eye'):
            assert pose.keypoint_layers[names.index(name)] < skull


@pytest.mark.parametrize('name', sorted(SPECIES))
@pytest.mark.parametrize('seed', range(6))
def test_animal_bones_keep_their_length(name, seed):
    species = SPECIES[name]
    joints = animal_body.joints_of(np.random.default_rng(seed), species, 1.0)
    for side in ('left', 'right'):
        for chain, lengths in (
            (('shoulder', 'elbow', 'wrist', 'front paw'), species.front_leg),
            (('hip', 'knee', 'hock', 'back paw'), species.hind_leg),
        ):
            points = [joints[f'{side} {joint}'] for joint in chain]
            found = np.linalg.norm(np.diff(points, axis=0), axis=1)
            np.testing.assert_allclose(found, lengths, atol=1e-9)
        # The elbow points back, the knee of the hind leg points ahead.
        thigh = joints[f'{side} knee'] - joints[f'{side} hip']
        shin = joints[f'{side} hock'] - joints[f'{side} knee']
        assert thigh[2] < shin[2]
    neck = np.linalg.norm(joints['skull'] - joints['neck base'])
    np.testing.assert_allclose(neck, species.neck, atol=1e-9)


@pytest.mark.parametrize('facing', [1.0, -1.0])
def test_side_view_of_an_animal_hides_the_far_side(monkeypatch, facing):
    """Facing the left of the picture, the animal shows its left side."""
    yaw = facing * math.pi / 2
    monkeypatch.setattr(animal_body, 'camera_of', lambda rng: limbs.turn(yaw))
    monkeypatch.setitem(animal_body.LIMITS, 'head yaw', (0.0, 0.0))
    near, far = ('left', 'right') if facing > 0 else ('right', 'left')
    for name in ('dog', 'horse', 'elephant', 'sheep'):
        shape = _shape(animal_body.SHAPES, name)
        names = shape.category['keypoints']
        for seed in range(6):
            pose = shape.draw(np.random.default_rng(seed))
            points = _keypoints(shape, pose)
            layer = dict(zip(names, pose.keypoint_layers, strict=True))
            ahead = points['neck'] - points['root of tail']
            assert facing * ahead[0] < 0
            for joint in ('eye', 'shoulder', 'hip', 'front paw', 'knee'):
                assert layer[f'{far} {joint}'] < layer[f'{near} {joint}']
            # The far shoulder lies inside a later layer: it is hidden.
            later = pose.layers[layer[f'{far} hip'] + 1 :]
            assert any(
                _covers(part.polygon, points[f'{far} hip']) for part in later
            )
            later = pose.layers[layer[f'{far} eye'] + 1 :]
            assert any(
                _covers(part.polygon, points[f'{far} eye']) for part in later
            )


def _covers(polygon, point):
    import cv2

    return cv2.pointPolygonTest(polygon, [float(v) for v in point], False) >= 0


@pytest.mark.parametrize('name', sorted(hand.KINDS))
def test_fingers_keep_their_bones_and_bend_inside_the_limits(name):
    fingers = hand.KINDS[name]
    for seed in range(10):
        joints = hand.joints_of(np.random.default_rng(seed), fingers)
        for finger in fingers:
            bones = np.diff(joints[finger.name], axis=0)
            np.testing.assert_allclose(
                np.linalg.norm(bones, axis=1), finger.bones, atol=1e-9
            )
            limits = hand.LIMITS
            if finger.name == 'thumb':
                limits = hand.THUMB_LIMITS
            assert _angle(bones[0], bones[1]) <= limits['middle'][1] + 1e-6


@pytest.mark.parametrize('name', sorted(INSECTS))
def test_insect_legs_keep_their_bones(name):
    for leg in INSECTS[name].legs:
        assert len(leg.joints) == len(leg.bones) + 1
        for sign in (-1.0, 1.0):
            points = insect.leg_joints(np.random.default_rng(1), leg, sign)
            found = np.linalg.norm(np.diff(points, axis=0), axis=1)
            np.testing.assert_allclose(found, leg.bones, atol=1e-9)
            assert sign * points[0, 0] > 0


def test_figure_paints_from_far_to_near_and_keeps_patches_together():
    square = np.array([(0.0, 0), (1, 0), (1, 1), (0, 1)])
    figure = Figure()
    near = figure.add(square, 'near', -1.0)
    far = figure.add(square, 'far', 1.0)
    figure.add(square, 'same depth', 1.0)
    figure.paint(square, 'patch', far)
    figure.mark('a', (0.5, 0.25), far)
    figure.mark('b', (0.5, 0.5), far, near)
    figure.mark('unused', (0.0, 0.0), far)
    pose = figure.pose(['b', 'a'], {})
    assert [layer.material for layer in pose.layers] == [
        'far',
        'patch',
        'same depth',
        'near',
    ]
    np.testing.assert_array_equal(pose.keypoint_layers, [3, 1])
    np.testing.assert_array_equal(pose.keypoints, [(0.5, 0.5), (0.5, 0.25)])


def test_a_missing_mark_names_the_keypoint():
    figure = Figure()
    with pytest.raises(KeyError, match='tail'):
        figure.pose(['tail'], {})
