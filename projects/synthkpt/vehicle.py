# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Vehicles on wheels. Metres; the front is +y, the own left is -x."""

from __future__ import annotations

from functools import partial

import numpy as np

from projects.synthkpt.base import Shape
from projects.synthkpt.figure import category
from projects.synthkpt.primitives import (
    box,
    box_corners,
    decal,
    disc,
    hexahedron,
    prism,
    side_quad,
)
from projects.synthkpt.rigid import both, chains, rigid_shape
from projects.synthkpt.solids import Face, Model
from projects.synthkpt.vehicle_parts import (
    BRAKE,
    GLASS,
    LAMP,
    PAINT,
    RIM,
    SIDES,
    TYRE,
    arches,
    axles,
    lamps,
    mark_roof,
    mark_sides,
    mirrors,
    prism_edge,
    windows,
)

_record = partial(category, supercategory='vehicle')
_COLORS = {
    'main': PAINT,
    'second': PAINT,
    'glass': GLASS,
    'dark': TYRE,
    'metal': RIM,
    'light': LAMP,
    'accent': BRAKE,
}
_WHEELS = both('front * wheel center', 'rear * wheel center')
_LIGHTS = both('headlight', 'tail light')
_ROOF = both('front * roof corner', 'rear * roof corner')


def _car(rng: np.random.Generator) -> Model:
    model = Model()
    length, half = rng.uniform(3.4, 4.8), rng.uniform(0.78, 0.95)
    radius, clear = rng.uniform(0.3, 0.38), rng.uniform(0.16, 0.28)
    waist = clear + rng.uniform(0.5, 0.65)
    nose, tail = length / 2, -length / 2
    front, rear = nose - rng.uniform(0.7, 0.95), tail + rng.uniform(0.6, 0.9)
    droop = rng.uniform(0.04, 0.16)
    profile = np.array(
        [
            [tail, clear],
            [nose, clear],
            [nose, waist - droop],
            [nose - 0.9, waist],
            [tail, waist],
        ]
    )
    front_face = prism_edge(profile, 1, half, True)
    rear_face = prism_edge(profile, 4, half, False)
    head, head_at = lamps(front_face, 0.2, (0.55, 0.85), 'light')
    back, back_at = lamps(rear_face, 0.2, (0.6, 0.88), 'accent')
    plate = decal(front_face, (0.3, 0.7), (0.2, 0.45), 'dark')
    body = model.add(
        prism(
            profile,
            -half,
            half,
            'main',
            decals=[*arches(half, front, rear, radius), *head, *back, plate],
        )
    )
    mark_sides(model, 'headlight', head_at, body)
    mark_sides(model, 'tail light', back_at, body)
    roof = waist + rng.uniform(0.42, 0.62)
    long_tail = rng.uniform(0, 0.75)
    cabin = box_corners(
        [-half * 0.94, tail + long_tail, waist],
        [half * 0.94, front - rng.uniform(0.1, 0.3), roof],
    )
    cabin[4:, 0] *= rng.uniform(0.78, 0.9)
    cabin[6:, 1] -= rng.uniform(0.4, 0.8)
    cabin[4:6, 1] += rng.uniform(0.1, 0.55)
    role = 'main' if rng.random() < 0.8 else 'second'
    top = model.add(hexahedron(cabin, role, decals=windows(cabin, 2)))
    mark_roof(model, cabin, top)
    mirrors(model, half, cabin[2, 1] - 0.35, waist)
    axles(model, half, front, rear, radius, rng.uniform(0.06, 0.12))
    return model


def _van(rng: np.random.Generator) -> Model:
    model = Model()
    length, half = rng.uniform(4.4, 5.8), rng.uniform(0.88, 1.0)
    radius, clear = rng.uniform(0.32, 0.38), rng.uniform(0.2, 0.3)
    roof = rng.uniform(1.9, 2.5)
    nose, tail = length / 2, -length / 2
    front, rear = nose - rng.uniform(0.75, 1.0), tail + rng.uniform(0.8, 1.1)
    hood = clear + rng.uniform(0.6, 0.75)
    slope = nose - rng.uniform(0.9, 1.3)
    profile = np.array(
        [
            [tail, clear],
            [nose, clear],
            [nose, hood],
            [slope, roof],
            [tail, roof],
        ]
    )
    front_face = prism_edge(profile, 1, half, True)
    rear_face = prism_edge(profile, 4, half, False)
    screen = prism_edge(profile, 2, half, True)
    head, head_at = lamps(front_face, 0.2, (0.6, 0.9), 'light')
    back, back_at = lamps(rear_face, 0.1, (0.2, 0.42), 'accent')
    decals = [
        *arches(half, front, rear, radius),
        *head,
        *back,
        decal(screen, (0.07, 0.93), (0.25, 0.92), 'glass'),
        decal(rear_face, (0.1, 0.9), (0.6, 0.92), 'glass'),
    ]
    panes = int(rng.integers(1, 4))
    for sign in (-1, 1):
        decals += _van_windows(sign * half, slope, tail, hood, roof, panes)
    body = model.add(prism(profile, -half, half, 'main', decals=decals))
    mark_sides(model, 'headlight', head_at, body)
    mark_sides(model, 'tail light', back_at, body)
    for side, sign in SIDES:
        model.mark(
            f'front {side} roof corner', [sign * half, slope, roof], body
        )
        model.mark(f'rear {side} roof corner', [sign * half, tail, roof], body)
    mirrors(model, half, slope + 0.2, hood + 0.1)
    axles(model, half, front, rear, radius, rng.uniform(0.06, 0.12))
    return model


def _van_windows(
    x: float, slope: float, tail: float, hood: float, roof: float, panes: int
) -> list[Face]:
    """Side windows, the first one under the slanted front edge."""
    low, high = hood + (roof - hood) * 0.3, roof - 0.12
    first = np.array(
        [
            [x, slope - 0.6, low],
            [x, slope + 0.2, low],
            [x, slope - 0.05, high],
            [x, slope - 0.6, high],
        ]
    )
    decals = [Face(first, 'glass', decal=True)]
    edges = np.linspace(slope - 0.75, tail + 0.2, 4)
    for start, stop in zip(edges[: panes - 1], edges[1:panes]):
        points = np.array(
            [
                [x, start, low],
                [x, stop + 0.1, low],
                [x, stop + 0.1, high],
                [x, start, high],
            ]
        )
        decals.append(Face(points, 'glass', decal=True))
    return decals


def _bus(rng: np.random.Generator) -> Model:
    model = Model()
    length, half = rng.uniform(7.5, 11), rng.uniform(1.15, 1.35)
    radius, clear = rng.uniform(0.42, 0.52), rng.uniform(0.28, 0.38)
    roof = rng.uniform(2.8, 3.3)
    if rng.random() < 0.25:
        roof += 1.1
    nose, tail = length / 2, -length / 2
    front, rear = nose - rng.uniform(1.6, 2.4), tail + rng.uniform(1.6, 2.6)
    corners = box_corners([-half, tail, clear], [half, nose, roof])
    front_face = side_quad(corners, 'front')
    rear_face = side_quad(corners, 'rear')
    head, head_at = lamps(front_face, 0.14, (0.08, 0.17), 'light')
    back, back_at = lamps(rear_face, 0.1, (0.08, 0.22), 'accent')
    decals = [
        *arches(half, front, rear, radius),
        *head,
        *back,
        decal(front_face, (0.06, 0.94), (0.36, 0.82), 'glass'),
        decal(rear_face, (0.12, 0.88), (0.55, 0.85), 'glass'),
    ]
    rows = [(0.48, 0.82)] if roof < 3.6 else [(0.26, 0.5), (0.64, 0.88)]
    decals += _bus_sides(corners, int(rng.integers(4, 8)), rows)
    body = model.add(hexahedron(corners, 'main', {'top': 'second'}, decals))
    mark_sides(model, 'headlight', head_at, body)
    mark_sides(model, 'tail light', back_at, body)
    mark_roof(model, corners, body)
    for side, sign in SIDES:
        inner, outer = sign * (half + 0.02), sign * (half + 0.3)
        z = min(roof - 0.8, 2.3)
        mirror = model.add(
            box(
                [min(inner, outer), nose - 0.05, z - 0.4],
                [max(inner, outer), nose + 0.08, z],
                'dark',
                thin=True,
            )
        )
        model.mark(
            f'{side} mirror', [(inner + outer) / 2, nose, z - 0.2], mirror
        )
    axles(model, half, front, rear, radius, 0.08)
    return model


def _bus_sides(
    corners: np.ndarray, panes: int, rows: list[tuple[float, float]]
) -> list[Face]:
    """Rows of windows and a stripe on both sides."""
    decals = []
    edges = np.linspace(0.03, 0.99, panes + 1)
    for side in ('left', 'right'):
        quad = side_quad(corners, side)
        decals += [
            decal(quad, (a, b - 0.02), v, 'glass')
            for a, b in zip(edges[:-1], edges[1:])
            for v in rows
        ]
        decals.append(decal(quad, (0.0, 1.0), (0.2, 0.24), 'second'))
    return decals


def _truck(rng: np.random.Generator) -> Model:
    model = Model()
    half, radius = rng.uniform(1.05, 1.25), rng.uniform(0.45, 0.55)
    cab_length, cargo = rng.uniform(1.5, 2.1), rng.uniform(3.2, 5.6)
    deck, cab_roof = radius * 2 + 0.12, rng.uniform(2.4, 3.0)
    top = rng.uniform(2.4, 3.6)
    nose = (cab_length + cargo + 0.25) / 2
    split, tail = nose - cab_length, -nose
    front, rear = nose - cab_length * 0.55, tail + rng.uniform(0.8, 1.3)
    corners = box_corners([-half, split, 0.45], [half, nose, cab_roof])
    corners[6:, 1] -= rng.uniform(0, 0.3)
    front_face = side_quad(corners, 'front')
    head, head_at = lamps(front_face, 0.16, (0.08, 0.2), 'light')
    decals = [
        *head,
        decal(front_face, (0.06, 0.94), (0.5, 0.88), 'glass'),
        decal(front_face, (0.25, 0.75), (0.1, 0.4), 'dark'),
    ]
    for side, u in (('left', (0.12, 0.6)), ('right', (0.4, 0.88))):
        decals.append(
            decal(side_quad(corners, side), u, (0.52, 0.86), 'glass')
        )
    decals += [
        disc([sign * half, front, radius], 0, radius * 1.14, 'dark', 16)
        for sign in (-1, 1)
    ]
    cab = model.add(hexahedron(corners, 'main', decals=decals))
    mark_sides(model, 'headlight', head_at, cab)
    for side, x in (('left', 0), ('right', 1)):
        model.mark(f'front {side} roof corner', corners[6 + x], cab)
    model.add(
        box([-half * 0.6, tail, radius], [half * 0.6, split, deck], 'dark')
    )
    _cargo(model, box_corners([-half, tail, deck], [half, split - 0.25, top]))
    axles(model, half, front, rear, radius, 0.12)
    return model


def _cargo(model: Model, bed: np.ndarray) -> None:
    """A truck's closed cargo box with doors at the rear."""
    rear_face = side_quad(bed, 'rear')
    back, back_at = lamps(rear_face, 0.12, (0.03, 0.1), 'accent')
    load = model.add(
        hexahedron(
            bed,
            'second',
            decals=[
                *back,
                decal(rear_face, (0.06, 0.49), (0.14, 0.95), 'second'),
                decal(rear_face, (0.51, 0.94), (0.14, 0.95), 'second'),
            ],
        )
    )
    mark_sides(model, 'tail light', back_at, load)
    for side, x in (('left', 0), ('right', 1)):
        model.mark(f'rear {side} roof corner', bed[4 + x], load)


_BODY = chains(
    'front left roof corner > front right roof corner > '
    'rear right roof corner > rear left roof corner > '
    'front left roof corner',
    'front * roof corner > * headlight > front * wheel center > '
    'rear * wheel center > * tail light > rear * roof corner',
    'left headlight > right headlight',
    'left tail light > right tail light',
)


def _motor(name: str, mirrors: bool) -> dict:
    """Record of a category with wheels, lights and a roof."""
    parts = {'wheel': _WHEELS, 'light': _LIGHTS, 'roof': _ROOF}
    if mirrors:
        parts['mirror'] = both('mirror')
    return _record(name=name, parts=parts, skeleton=_BODY)


SHAPES: tuple[Shape, ...] = (
    rigid_shape(_motor('car', True), _car, _COLORS, pitch=(4.0, 35.0)),
    rigid_shape(_motor('van', True), _van, _COLORS, pitch=(4.0, 35.0)),
    rigid_shape(_motor('bus', True), _bus, _COLORS, pitch=(4.0, 30.0)),
    rigid_shape(_motor('truck', False), _truck, _COLORS, pitch=(4.0, 30.0)),
)
