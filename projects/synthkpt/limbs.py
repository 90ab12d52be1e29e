# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Geometry of articulated and soft shapes: outlines, rotations, chains.

Points in the plane are ``(x, y)`` with y down. Points in space are
``(x, y, z)`` with z pointing away from the viewer, projected by dropping z
(orthographic camera), so the projection of a bone is never longer than the
bone.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

_CIRCLE = {
    count: np.stack(
        [
            np.cos(np.arange(count) * 2 * math.pi / count),
            np.sin(np.arange(count) * 2 * math.pi / count),
        ],
        axis=1,
    )
    for count in (8, 12, 16, 20, 24, 32)
}
_FORWARD = np.array([0.0, 0.0, -1.0])
_EPSILON = 1e-6


def ellipse(
    centre: Sequence[float],
    radius_x: float,
    radius_y: float,
    angle: float = 0.0,
    count: int = 20,
) -> np.ndarray:
    """Outline of an ellipse.

    Args:
        centre: (2,) or (3,) centre; only x and y are used.
        radius_x: First half axis.
        radius_y: Second half axis.
        angle: Rotation of the first half axis in radians, clockwise on
            screen.
        count: Number of corners; one of the tabulated sizes.

    Returns:
        (count, 2) corners.
    """
    points = _CIRCLE[count] * (radius_x, radius_y)
    if angle:
        points = rotate(points, angle)
    return points + (centre[0], centre[1])


def capsule(
    start: Sequence[float],
    end: Sequence[float],
    start_radius: float,
    end_radius: float,
    count: int = 12,
) -> np.ndarray:
    """Outline of a tapered limb: the hull of two discs.

    Args:
        start: (2,) or (3,) centre of the first disc.
        end: (2,) or (3,) centre of the second disc.
        start_radius: Radius of the first disc.
        end_radius: Radius of the second disc.
        count: Corners of each round end.

    Returns:
        (P, 2) corners; one disc where one end swallows the other.
    """
    ax, ay = float(start[0]), float(start[1])
    bx, by = float(end[0]), float(end[1])
    dx, dy = bx - ax, by - ay
    length = math.hypot(dx, dy)
    if length <= abs(start_radius - end_radius):
        if start_radius >= end_radius:
            return ellipse((ax, ay), start_radius, start_radius)
        return ellipse((bx, by), end_radius, end_radius)
    heading = math.atan2(dy, dx)
    # Both discs touch the outer tangents at this angle from the axis.
    tangent = math.acos((start_radius - end_radius) / length)
    far = np.linspace(heading - tangent, heading + tangent, count)
    near = np.linspace(
        heading + tangent, heading + 2 * math.pi - tangent, count
    )
    points = np.empty((2 * count, 2))
    points[:count, 0] = bx + end_radius * np.cos(far)
    points[:count, 1] = by + end_radius * np.sin(far)
    points[count:, 0] = ax + start_radius * np.cos(near)
    points[count:, 1] = ay + start_radius * np.sin(near)
    return points


def convex_hull(points: np.ndarray) -> np.ndarray:
    """Corners of the convex hull of (N, 2) points (monotone chain)."""
    order = np.lexsort((points[:, 1], points[:, 0]))
    sorted_points = points[order].tolist()

    def half(sequence: list) -> list:
        chain: list = []
        for x, y in sequence:
            while len(chain) > 1:
                (ax, ay), (bx, by) = chain[-2], chain[-1]
                if (bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0:
                    break
                chain.pop()
            chain.append((x, y))
        return chain[:-1]

    return np.array(half(sorted_points) + half(sorted_points[::-1]))


def hull_of_balls(
    centres: Sequence[np.ndarray], radii: Sequence[float], count: int = 16
) -> np.ndarray:
    """Outline of a solid spanned by balls: the hull of their discs.

    Args:
        centres: N centres, (2,) or (3,) each.
        radii: N radii.
        count: Corners per disc.

    Returns:
        (P, 2) corners.
    """
    flat = np.array([(centre[0], centre[1]) for centre in centres])
    discs = _CIRCLE[count][None] * np.asarray(radii, float)[:, None, None]
    return convex_hull((discs + flat[:, None]).reshape(-1, 2))


def smooth_curve(
    points: np.ndarray, closed: bool = True, steps: int = 5
) -> np.ndarray:
    """Catmull-Rom curve through the control points.

    Args:
        points: (N, D) control points, N >= 3.
        closed: Join the last point to the first.
        steps: Samples per control point.

    Returns:
        (N * steps, D) samples of a closed curve, or
        ((N - 1) * steps + 1, D) of an open one. Control points are samples.
    """
    points = np.asarray(points, float)
    if closed:
        p0, p1 = np.roll(points, 1, axis=0), points
        p2, p3 = np.roll(points, -1, axis=0), np.roll(points, -2, axis=0)
    else:
        ends = np.concatenate([points[:1], points, points[-1:]])
        p0, p1, p2, p3 = ends[:-3], ends[1:-2], ends[2:-1], ends[3:]
    t = (np.arange(steps) / steps)[:, None, None]
    curve = 0.5 * (
        2 * p1
        + (p2 - p0) * t
        + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
        + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    )
    curve = curve.transpose(1, 0, 2).reshape(-1, points.shape[1])
    if closed:
        return curve
    return np.concatenate([curve, points[-1:]])


def ribbon(points: np.ndarray, widths: Sequence[float]) -> np.ndarray:
    """Outline of a band of varying width along a line (tails, trunks).

    Args:
        points: (N, 2) or (N, 3) centre line, N >= 2.
        widths: N half widths.

    Returns:
        (2N, 2) corners.
    """
    line = np.asarray(points, float)[:, :2]
    tangent = np.empty_like(line)
    tangent[1:-1] = line[2:] - line[:-2]
    tangent[0], tangent[-1] = line[1] - line[0], line[-1] - line[-2]
    norm = np.hypot(tangent[:, 0], tangent[:, 1])
    norm = np.maximum(norm, _EPSILON)[:, None]
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1) / norm
    offset = normal * np.asarray(widths, float)[:, None]
    return np.concatenate([line + offset, (line - offset)[::-1]])


def scallop(outline: np.ndarray, bumps: int, depth: float) -> np.ndarray:
    """Cloud-like version of an outline (wool, manes, bushes of hair).

    Args:
        outline: (P, 2) closed outline.
        bumps: Number of round bumps along it.
        depth: Height of a bump, in units of the outline.

    Returns:
        (6 * bumps, 2) corners.
    """
    loop = np.concatenate([outline, outline[:1]])
    step = np.hypot(*np.diff(loop, axis=0).T)
    travelled = np.concatenate([[0.0], np.cumsum(step)])
    at = np.arange(6 * bumps) / (6 * bumps) * travelled[-1]
    points = np.stack(
        [np.interp(at, travelled, loop[:, axis]) for axis in (0, 1)], axis=1
    )
    outward = points - points.mean(axis=0)
    outward /= np.maximum(np.hypot(*outward.T), _EPSILON)[:, None]
    lift = np.abs(np.sin(np.arange(6 * bumps) * math.pi / 6))
    return points + outward * (depth * lift)[:, None]


def rotate(
    points: np.ndarray, angle: float, centre: Sequence[float] = (0.0, 0.0)
) -> np.ndarray:
    """Rotate (..., 2) points in the plane, clockwise on screen."""
    cos, sin = math.cos(angle), math.sin(angle)
    matrix = np.array([[cos, sin], [-sin, cos]])
    return (np.asarray(points) - centre) @ matrix + centre


def turn(yaw: float, pitch: float = 0.0, roll: float = 0.0) -> np.ndarray:
    """Rotation matrix of a solid: yaw about y, then pitch, then roll.

    Yaw 0 faces the viewer, yaw +90 degrees faces the left of the picture.
    Positive pitch tips the face down, positive roll tips the top to the
    right of the picture.

    Args:
        yaw: Radians about the vertical axis.
        pitch: Radians about the horizontal axis of the picture.
        roll: Radians in the picture plane.

    Returns:
        (3, 3) matrix R; apply as ``points @ R.T``.
    """
    cy, sy = math.cos(yaw), math.sin(yaw)
    cp, sp = math.cos(pitch), math.sin(pitch)
    cr, sr = math.cos(roll), math.sin(roll)
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return about_z @ about_x @ about_y


def unit(vector: np.ndarray) -> np.ndarray:
    """The (3,) vector scaled to length one."""
    x, y, z = vector
    return np.asarray(vector) / max(math.sqrt(x * x + y * y + z * z), _EPSILON)


def swing(flexion: float, abduction: float) -> np.ndarray:
    """Direction of a limb that hangs down at rest.

    Args:
        flexion: Radians towards the front of the body (-z).
        abduction: Radians towards +x.

    Returns:
        (3,) unit vector in the body frame.
    """
    level = math.cos(abduction)
    return np.array(
        [
            math.sin(abduction),
            level * math.cos(flexion),
            -level * math.sin(flexion),
        ]
    )


def bend(
    direction: np.ndarray, towards: np.ndarray, angle: float
) -> np.ndarray:
    """Direction of the next bone of a chain after a joint.

    Args:
        direction: (3,) unit direction of the previous bone.
        towards: (3,) side to which the joint bends; need not be
            perpendicular.
        angle: Joint angle in radians, 0 is straight.

    Returns:
        (3,) unit vector at exactly ``angle`` from ``direction``.
    """
    side = towards - direction * float(np.dot(direction, towards))
    if float(np.dot(side, side)) < _EPSILON:
        side = _FORWARD - direction * float(np.dot(direction, _FORWARD))
    return math.cos(angle) * direction + math.sin(angle) * unit(side)


def within(
    rng: np.random.Generator,
    limits: tuple[float, float],
    activity: float = 1.0,
) -> float:
    """A joint angle in radians drawn between limits given in degrees.

    Args:
        rng: Source of randomness.
        limits: Lowest and highest angle in degrees.
        activity: In [0, 1]; pulls the angle towards zero (or the limit
            nearest to zero), so that a calm pose stays near rest.

    Returns:
        Angle in radians inside the limits.
    """
    low, high = limits
    rest = min(max(0.0, low), high)
    angle = rest + activity * (rng.uniform(low, high) - rest)
    return math.radians(angle)


def soft_warp(
    rng: np.random.Generator, strength: float
) -> Callable[[np.ndarray], np.ndarray]:
    """A smooth non-rigid deformation of a unit-sized frame.

    Three sine waves of random direction and phase displace the plane; the
    wave length is not below the size of the object, so outlines bend but do
    not fold over.

    Args:
        rng: Source of randomness.
        strength: Amplitude in units of the frame; folds cannot occur below
            0.04.

    Returns:
        Function from (N, 2) points to (N, 2) displaced points.
    """
    angle = rng.uniform(0, 2 * math.pi, 3)
    waves = rng.uniform(2.0, 5.0, 3) * np.stack([np.cos(angle), np.sin(angle)])
    phase = rng.uniform(0, 2 * math.pi, 3)
    amplitude = rng.uniform(-strength, strength, (3, 2))

    def warp(points: np.ndarray) -> np.ndarray:
        points = np.asarray(points, float)
        return points + np.sin(points @ waves + phase) @ amplitude

    return warp


def densify(points: np.ndarray, steps: int = 4) -> np.ndarray:
    """Closed outline with each edge cut into equal steps.

    Args:
        points: (N, 2) corners.
        steps: Pieces per edge.

    Returns:
        (N * steps, 2) corners; the given ones are among them.
    """
    points = np.asarray(points, float)
    t = (np.arange(steps) / steps)[:, None]
    ahead = np.roll(points, -1, axis=0)
    return (points[:, None] + t * (ahead - points)[:, None]).reshape(
        -1, points.shape[1]
    )
