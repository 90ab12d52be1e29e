# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Convex solids to build models from; x right, y front, z up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from projects.synthkpt.solids import Face, Solid

# Corners of a box by (x, y, z) in {0, 1}: bit 0 = x, bit 1 = y, bit 2 = z.
_BOX_FACES = {
    'left': (2, 0, 4, 6),
    'right': (1, 3, 7, 5),
    'rear': (0, 1, 5, 4),
    'front': (3, 2, 6, 7),
    'bottom': (0, 2, 3, 1),
    'top': (4, 5, 7, 6),
}


def hexahedron(
    corners: np.ndarray,
    material: str,
    materials: dict[str, str] | None = None,
    decals: Sequence[Face] = (),
    thin: bool = False,
) -> Solid:
    """A deformed box.

    Args:
        corners: ``(8, 3)``; bit 0 of the index = right, 1 = front, 2 = top.
        material: Colour role of the faces.
        materials: Other roles by side ('left', 'right', 'rear', 'front',
            'bottom', 'top').
        decals: What is painted on the faces.
        thin: See :class:`Solid`.
    """
    roles = materials or {}
    faces = tuple(
        Face(corners[list(loop)], roles.get(side, material))
        for side, loop in _BOX_FACES.items()
    )
    return Solid(faces + tuple(decals), thin)


def box_corners(low: Sequence[float], high: Sequence[float]) -> np.ndarray:
    """``(8, 3)`` corners between two opposite ones."""
    ends = np.array([low, high], float)
    return np.array(
        [
            [ends[i & 1, 0], ends[i >> 1 & 1, 1], ends[i >> 2, 2]]
            for i in range(8)
        ]
    )


def box(
    low: Sequence[float],
    high: Sequence[float],
    material: str,
    decals: Sequence[Face] = (),
    thin: bool = False,
) -> Solid:
    """An upright box between two opposite corners."""
    return hexahedron(
        box_corners(low, high), material, decals=decals, thin=thin
    )


def side_quad(corners: np.ndarray, side: str) -> np.ndarray:
    """One side of a box as ``(4, 3)``.

    Seen from outside the order is lower left, lower right, upper right,
    upper left; a top is seen with the front below.
    """
    loops = {
        'left': (2, 0, 4, 6),
        'right': (1, 3, 7, 5),
        'rear': (0, 1, 5, 4),
        'front': (3, 2, 6, 7),
        'top': (7, 6, 4, 5),
    }
    return corners[list(loops[side])]


def decal(
    quad: np.ndarray,
    u: tuple[float, float],
    v: tuple[float, float],
    material: str,
) -> Face:
    """A rectangle painted on a four-sided face.

    Args:
        quad: ``(4, 3)`` lower left, lower right, upper right, upper left.
        u: Extent from left to right, 0..1.
        v: Extent from bottom to top, 0..1.
        material: Colour role.
    """
    points = [
        on_quad(quad, a, b)
        for a, b in ((u[0], v[0]), (u[1], v[0]), (u[1], v[1]), (u[0], v[1]))
    ]
    return Face(np.array(points), material, decal=True)


def on_quad(quad: np.ndarray, u: float, v: float) -> np.ndarray:
    """Bilinear point ``(3,)`` of a four-sided face."""
    lower = quad[0] * (1 - u) + quad[1] * u
    upper = quad[3] * (1 - u) + quad[2] * u
    return lower * (1 - v) + upper * v


def disc(
    center: Sequence[float],
    axis: int,
    radius: float,
    material: str,
    sides: int = 14,
) -> Face:
    """A round decal across a coordinate axis."""
    return Face(_ring(center, axis, radius, sides), material, decal=True)


def _ring(
    center: Sequence[float], axis: int, radius: float, sides: int
) -> np.ndarray:
    """``(sides, 3)`` circle across an axis, half a step from the others."""
    angles = (np.arange(sides) + 0.5) * 2 * np.pi / sides
    others = [i for i in range(3) if i != axis]
    points = np.tile(np.asarray(center, float), (sides, 1))
    points[:, others[0]] += radius * np.cos(angles)
    points[:, others[1]] += radius * np.sin(angles)
    return points


def loft(
    centers: np.ndarray,
    radii: Sequence[float],
    axis: int,
    material: str,
    cap: str | None = None,
    decals: Sequence[Face] = (),
    sides: int = 12,
    thin: bool = False,
) -> Solid:
    """A convex body of revolution through circles across an axis.

    Args:
        centers: ``(S, 3)`` centres of the circles, along the axis.
        radii: ``(S,)`` their radii, more than 0.
        axis: Coordinate axis that the circles lie across.
        material: Colour role of the mantle.
        cap: Colour role of the two ends; that of the mantle by default.
        decals: What is painted on the faces.
        sides: Corners of each circle.
        thin: See :class:`Solid`.
    """
    rings = [
        _ring(center, axis, radius, sides)
        for center, radius in zip(centers, radii)
    ]
    faces = [Face(rings[0], cap or material), Face(rings[-1], cap or material)]
    for lower, upper in zip(rings[:-1], rings[1:]):
        for i in range(sides):
            j = (i + 1) % sides
            faces.append(
                Face(
                    np.array([lower[i], lower[j], upper[j], upper[i]]),
                    material,
                )
            )
    return Solid(tuple(faces) + tuple(decals), thin)


def cylinder(
    center: Sequence[float],
    axis: int,
    radius: float,
    half_length: float,
    material: str,
    cap: str | None = None,
    decals: Sequence[Face] = (),
    sides: int = 14,
    thin: bool = False,
) -> Solid:
    """A cylinder along a coordinate axis."""
    step = np.zeros(3)
    step[axis] = half_length
    middle = np.asarray(center, float)
    return loft(
        np.array([middle - step, middle + step]),
        (radius, radius),
        axis,
        material,
        cap,
        decals,
        sides,
        thin,
    )


def beam(
    start: Sequence[float],
    end: Sequence[float],
    width: float,
    material: str,
    end_width: float | None = None,
) -> Solid:
    """A thin square bar between two points, any direction.

    Args:
        start: ``(3,)`` first end.
        end: ``(3,)`` other end.
        width: Side of its section at the first end.
        material: Colour role.
        end_width: Side of its section at the other end, default ``width``.
    """
    first, last = np.asarray(start, float), np.asarray(end, float)
    along = (last - first) / np.linalg.norm(last - first)
    helper = np.eye(3)[int(np.argmin(np.abs(along)))]
    across = np.cross(along, helper)
    across /= np.linalg.norm(across)
    other = np.cross(along, across)
    corners = []
    for middle, size in ((first, width), (last, end_width or width)):
        for b in (-0.5, 0.5):
            for a in (-0.5, 0.5):
                corners.append(middle + size * (a * across + b * other))
    return hexahedron(np.array(corners), material, thin=True)


def post(
    bottom: Sequence[float],
    top: Sequence[float],
    width: float,
    material: str,
    top_width: float | None = None,
) -> Solid:
    """A thin square post with level ends, upright or leaning.

    Args:
        bottom: ``(3,)`` middle of its lower end.
        top: ``(3,)`` middle of its upper end.
        width: Side of its lower end.
        material: Colour role.
        top_width: Side of its upper end, default ``width``.
    """
    corners = np.empty((8, 3))
    ends = (np.asarray(bottom, float), np.asarray(top, float))
    widths = (width, width if top_width is None else top_width)
    for i in range(8):
        side = np.array([(i & 1) - 0.5, (i >> 1 & 1) - 0.5, 0])
        corners[i] = ends[i >> 2] + widths[i >> 2] * side
    return hexahedron(corners, material, thin=True)


def prism(
    profile: np.ndarray,
    low: float,
    high: float,
    material: str,
    decals: Sequence[Face] = (),
) -> Solid:
    """A convex outline of the (y, z) plane, extruded along x.

    Args:
        profile: ``(P, 2)`` corners (y, z) in order.
        low: Left end.
        high: Right end.
        material: Colour role.
        decals: What is painted on the faces.
    """
    left = np.insert(profile, 0, low, axis=1)
    right = np.insert(profile, 0, high, axis=1)
    faces = [Face(left, material), Face(right, material)]
    for i in range(len(profile)):
        j = (i + 1) % len(profile)
        corners = np.array([left[i], left[j], right[j], right[i]])
        faces.append(Face(corners, material))
    return Solid(tuple(faces) + tuple(decals))


def sheet(points: np.ndarray, material: str) -> Solid:
    """A flat thing without thickness, seen from both sides."""
    return Solid(
        (Face(np.asarray(points, float), material, two_sided=True),), thin=True
    )


def annulus(
    center: Sequence[float],
    axis: int,
    outer: float,
    inner: float,
    material: str,
    sides: int = 28,
) -> Solid:
    """A flat ring across a coordinate axis, seen from both sides."""
    rim = _ring(center, axis, outer, sides)
    hole = _ring(center, axis, inner, sides)
    # One outline with a slit, so that even-odd filling leaves the hole.
    outline = np.concatenate([rim, rim[:1], hole[:1], hole[::-1]])
    return sheet(outline, material)
