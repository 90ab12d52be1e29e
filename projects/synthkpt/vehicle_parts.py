# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Parts that road vehicles share: wheels, lamps, windows, mirrors."""

from __future__ import annotations

import numpy as np

from projects.synthkpt.primitives import (
    box,
    cylinder,
    decal,
    disc,
    on_quad,
    side_quad,
)
from projects.synthkpt.solids import Face, Model

PAINT = (
    (0.0, 360.0, 0.35, 0.95, 0.4, 0.95),
    (0.0, 360.0, 0.0, 0.15, 0.25, 0.95),
)
GLASS = (190.0, 230.0, 0.15, 0.5, 0.35, 0.75)
TYRE = (0.0, 360.0, 0.0, 0.2, 0.08, 0.2)
RIM = (200.0, 240.0, 0.0, 0.12, 0.55, 0.9)
LAMP = (45.0, 60.0, 0.05, 0.4, 0.9, 1.0)
BRAKE = (355.0, 368.0, 0.8, 1.0, 0.6, 0.9)
SIDES = (('left', -1), ('right', 1))


def wheel(
    model: Model, side: int, x: float, y: float, radius: float, width: float
) -> tuple[int, list[float]]:
    """A wheel whose inner face is at ``x`` (> 0) on one side.

    Returns:
        Index of the solid and the centre of its outer face, ``(3,)``.
    """
    outer = [side * (x + width), y, radius]
    hub = disc(outer, 0, radius * 0.62, 'metal', 12)
    cap = disc(outer, 0, radius * 0.2, 'dark', 8)
    index = model.add(
        cylinder(
            [side * (x + width / 2), y, radius],
            0,
            radius,
            width / 2,
            'dark',
            decals=(hub, cap),
        )
    )
    return index, outer


def axles(
    model: Model,
    x: float,
    front: float,
    rear: float,
    radius: float,
    width: float,
) -> None:
    """Four wheels with their keypoints."""
    for end, y in (('front', front), ('rear', rear)):
        for side, sign in SIDES:
            index, center = wheel(model, sign, x, y, radius, width)
            model.mark(f'{end} {side} wheel center', center, index)


def arches(x: float, front: float, rear: float, radius: float) -> list[Face]:
    """Dark arches over the wheels, on both sides of the body."""
    return [
        disc([sign * x, y, radius], 0, radius * 1.16, 'dark', 16)
        for sign in (-1, 1)
        for y in (front, rear)
    ]


def lamps(
    quad: np.ndarray, width: float, v: tuple[float, float], material: str
) -> tuple[list[Face], dict[str, np.ndarray]]:
    """Two lamps at the ends of a front or rear face.

    Args:
        quad: ``(4, 3)`` the face, lower left first as seen from outside.
        width: Width of a lamp as a part of the face's.
        v: Lower and upper edge, 0..1.
        material: Colour role.

    Returns:
        The decals and the lamps' centres by side.
    """
    decals, centers = [], {}
    front = quad[0, 0] > quad[1, 0]
    for end, low in (('first', 0.04), ('last', 0.96 - width)):
        decals.append(decal(quad, (low, low + width), v, material))
        left = (end == 'last') == front
        centers['left' if left else 'right'] = on_quad(
            quad, low + width / 2, (v[0] + v[1]) / 2
        )
    return decals, centers


def prism_edge(
    profile: np.ndarray, edge: int, half: float, front: bool
) -> np.ndarray:
    """``(4, 3)`` an edge's face, lower left first as seen from outside."""
    following = profile[(edge + 1) % len(profile)]
    low, high = sorted((profile[edge], following), key=lambda p: p[1])
    sign = -1 if front else 1
    return np.array(
        [
            [-sign * half, *low],
            [sign * half, *low],
            [sign * half, *high],
            [-sign * half, *high],
        ]
    )


def mark_sides(
    model: Model, name: str, points: dict[str, np.ndarray], solid: int
) -> None:
    """Marks '<side> <name>' for both sides."""
    for side, point in points.items():
        model.mark(f'{side} {name}', point, solid)


def mark_roof(model: Model, corners: np.ndarray, solid: int) -> None:
    """Marks the four roof corners of a box."""
    for y_name, y in (('rear', 0), ('front', 2)):
        for x_name, x in (('left', 0), ('right', 1)):
            model.mark(
                f'{y_name} {x_name} roof corner', corners[4 + y + x], solid
            )


def windows(
    corners: np.ndarray, panes: int, v: tuple[float, float] = (0.12, 0.88)
) -> list[Face]:
    """Glass on all four sides of a cabin."""
    decals = [
        decal(side_quad(corners, side), (0.07, 0.93), v, 'glass')
        for side in ('front', 'rear')
    ]
    edges = np.linspace(0.05, 0.97, panes + 1)
    for side in ('left', 'right'):
        quad = side_quad(corners, side)
        decals += [
            decal(quad, (a, b - 0.02), v, 'glass')
            for a, b in zip(edges[:-1], edges[1:])
        ]
    return decals


def mirrors(model: Model, x: float, y: float, z: float) -> None:
    """Two wing mirrors beside the body, with their keypoints."""
    for side, sign in SIDES:
        inner, outer = sign * (x + 0.01), sign * (x + 0.2)
        index = model.add(
            box(
                [min(inner, outer), y - 0.06, z],
                [max(inner, outer), y + 0.06, z + 0.14],
                'second',
                thin=True,
            )
        )
        model.mark(f'{side} mirror', [(inner + outer) / 2, y, z + 0.07], index)
