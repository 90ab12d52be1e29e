# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Geometry of the drawn shapes."""

import math

import numpy as np
import pytest

from projects.synthkpt import limbs
from projects.synthkpt.figure import category, colour


def _area(polygon):
    x, y = polygon.T
    return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def test_capsule_is_two_half_discs_and_a_box():
    outline = limbs.capsule((0, 0), (4, 0), 1.0, 1.0, 64)
    assert _area(outline) == pytest.approx(8 + math.pi, rel=2e-3)
    assert outline[:, 0].min() == pytest.approx(-1.0, abs=2e-3)
    assert outline[:, 0].max() == pytest.approx(5.0, abs=2e-3)


def test_capsule_inside_its_own_end_is_that_disc():
    outline = limbs.capsule((0, 0), (0.5, 0), 2.0, 1.0)
    np.testing.assert_allclose(np.hypot(*outline.T), 2.0)
    outline = limbs.capsule((0, 0), (0.5, 0), 1.0, 2.0)
    np.testing.assert_allclose(np.hypot(*(outline - (0.5, 0)).T), 2.0)


def test_ellipse_turns_clockwise_on_screen():
    outline = limbs.ellipse((1, 2), 3.0, 1.0, math.pi / 2)
    assert np.ptp(outline[:, 0]) == pytest.approx(2.0)
    assert np.ptp(outline[:, 1]) == pytest.approx(6.0)
    turned = limbs.rotate(np.array([1.0, 0.0]), math.pi / 2)
    np.testing.assert_allclose(turned, [0, 1], atol=1e-12)


def test_convex_hull_leaves_inner_points_out():
    points = np.array([(0.0, 0), (2, 0), (1, 0.5), (2, 2), (0, 2), (1, 1)])
    hull = {tuple(point) for point in limbs.convex_hull(points)}
    assert hull == {(0, 0), (2, 0), (2, 2), (0, 2)}


def test_smooth_curve_passes_through_its_control_points():
    points = np.array([(0.0, 0), (1, 0), (1, 1), (0, 2)])
    closed = limbs.smooth_curve(points, True, 4)
    assert len(closed) == 16
    np.testing.assert_allclose(closed[::4], points)
    opened = limbs.smooth_curve(points, False, 4)
    assert len(opened) == 13
    np.testing.assert_allclose(opened[::4], points)


def test_ribbon_has_the_asked_width():
    outline = limbs.ribbon(np.array([(0.0, 0), (1, 0), (2, 0)]), [1, 2, 1])
    assert _area(outline) == pytest.approx(6.0)


def test_scallop_grows_outwards():
    disc = limbs.ellipse((0, 0), 1.0, 1.0, 0.0, 32)
    cloud = limbs.scallop(disc, 8, 0.2)
    radius = np.hypot(*cloud.T)
    assert len(cloud) == 48
    assert radius.min() > 0.98 and radius.max() == pytest.approx(1.2, abs=0.01)


def test_densify_keeps_the_corners():
    square = np.array([(0.0, 0), (1, 0), (1, 1), (0, 1)])
    dense = limbs.densify(square, 2)
    np.testing.assert_allclose(dense[::2], square)
    np.testing.assert_allclose(dense[1], (0.5, 0))


def test_turn_faces_the_left_of_the_picture_at_ninety_degrees():
    ahead = limbs.turn(math.pi / 2) @ np.array([0.0, 0.0, -1.0])
    np.testing.assert_allclose(ahead, [-1, 0, 0], atol=1e-12)
    own_left = limbs.turn(math.pi / 2) @ np.array([1.0, 0.0, 0.0])
    np.testing.assert_allclose(own_left, [0, 0, -1], atol=1e-12)
    bowed = limbs.turn(0.0, 0.5) @ np.array([0.0, 0.0, -1.0])
    assert bowed[1] > 0


def test_swing_lifts_forward_and_sideways():
    np.testing.assert_allclose(limbs.swing(0, 0), [0, 1, 0], atol=1e-12)
    np.testing.assert_allclose(
        limbs.swing(math.pi / 2, 0), [0, 0, -1], atol=1e-12
    )
    np.testing.assert_allclose(
        limbs.swing(0, math.pi / 2), [1, 0, 0], atol=1e-12
    )


@pytest.mark.parametrize('towards', [(0, 0, -1), (0, 1, 0), (1, 1, 1)])
def test_bend_turns_by_exactly_the_angle(towards):
    direction = np.array([0.0, 1.0, 0.0])
    bent = limbs.bend(direction, np.array(towards, float), 0.7)
    assert np.linalg.norm(bent) == pytest.approx(1.0)
    assert np.dot(direction, bent) == pytest.approx(math.cos(0.7))


def test_within_respects_limits_and_rests_near_zero():
    rng = np.random.default_rng(0)
    angles = [limbs.within(rng, (10, 50)) for _ in range(200)]
    assert math.radians(10) <= min(angles) and max(angles) <= math.radians(50)
    assert limbs.within(rng, (10, 50), 0.0) == pytest.approx(math.radians(10))
    assert limbs.within(rng, (-30, 50), 0.0) == 0.0


def test_soft_warp_is_smooth_and_the_same_for_every_part():
    warp = limbs.soft_warp(np.random.default_rng(5), 0.03)
    points = np.random.default_rng(6).uniform(0, 1, (50, 2))
    moved = warp(points)
    np.testing.assert_array_equal(warp(points[:7]), moved[:7])
    shift = np.abs(moved - points)
    assert 0 < shift.max() <= 0.09
    nudged = warp(points + 1e-4) - moved
    # Slope of the displacement below one: nothing folds over.
    assert nudged.min() > 0


def test_colour_is_bgr_inside_its_range():
    rng = np.random.default_rng(0)
    blue, green, red = colour(rng, (355, 365, 1.0, 1.0, 1.0, 1.0))
    assert red == 255 and green < 30 and blue < 30


def test_category_pairs_left_with_right_and_drops_unknown_bones():
    record = category(
        'thing',
        'things',
        dict(head=['left ear', 'right ear'], body=['tail', 'left only']),
        [('left ear', 'tail'), ('tail', 'horn')],
        0.05,
    )
    assert record['keypoints'] == [
        'left ear',
        'right ear',
        'tail',
        'left only',
    ]
    assert record['parts'] == ['head', 'head', 'body', 'body']
    assert record['skeleton'] == [[1, 3]]
    assert record['swap_pairs'] == [['left ear', 'right ear']]
    assert record['sigmas'] == [0.05] * 4
