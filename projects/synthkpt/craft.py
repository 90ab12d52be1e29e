# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Bicycle, airplane and boat. Metres; front +y, own left -x."""

from __future__ import annotations

from functools import partial

import numpy as np

from projects.synthkpt.base import Shape
from projects.synthkpt.bicycle import bicycle
from projects.synthkpt.figure import category
from projects.synthkpt.primitives import (
    beam,
    box,
    cylinder,
    hexahedron,
    loft,
    sheet,
)
from projects.synthkpt.rigid import both, chains, rigid_shape
from projects.synthkpt.solids import Face, Model, Solid
from projects.synthkpt.vehicle_parts import (
    GLASS,
    PAINT,
    RIM,
    SIDES,
    TYRE,
)

_record = partial(category, supercategory='vehicle')
_WHITE = (0.0, 360.0, 0.0, 0.2, 0.75, 1.0)


def _blade(
    root: list[float],
    tip: list[float],
    chords: tuple[float, float],
    thick: float,
    upright: bool,
    material: str,
) -> Solid:
    """A wing or fin from root to tip.

    Args:
        root: ``(3,)`` middle of the root's leading edge.
        tip: ``(3,)`` middle of the tip's leading edge.
        chords: Lengths along y at root and tip.
        thick: Thickness at the root; the tip has half of it.
        upright: Stands up (a fin) instead of lying (a wing).
        material: Colour role.
    """
    ends = sorted(
        (np.asarray(root, float), np.asarray(tip, float)),
        key=lambda end: end[2 if upright else 0],
    )
    at_root = [np.array_equal(end, root) for end in ends]
    corners = np.empty((8, 3))
    span, across = (2, 0) if upright else (0, 2)
    for i in range(8):
        bits = (i & 1, i >> 1 & 1, i >> 2)
        end = bits[span]
        first = at_root[end]
        corner = ends[end].copy()
        corner[1] -= 0 if bits[1] else chords[0 if first else 1]
        corner[across] += (bits[across] - 0.5) * thick * (1 if first else 0.5)
        corners[i] = corner
    return hexahedron(corners, material, thin=True)


def _airplane(rng: np.random.Generator) -> Model:
    model = Model()
    radius, length = 1.0, rng.uniform(11, 15)
    nose, tail = length * 0.45, -length * 0.55
    stations = [nose, nose - 0.6, nose - 2.0, -length * 0.18, tail]
    radii = [0.18, 0.62, radius, radius, 0.22]
    rise = [-0.1, -0.05, 0, 0, 0.5]
    centers = np.array([[0, y, z] for y, z in zip(stations, rise)])
    model.add(
        loft(centers, radii, 1, 'main', decals=_portholes(length), sides=12)
    )
    cone = model.add(
        loft(
            np.array([[0, nose, -0.1], [0, nose + 0.15, -0.12]]),
            (0.18, 0.06),
            1,
            'metal',
            sides=12,
            thin=True,
        )
    )
    model.mark('nose', [0, nose + 0.15, -0.12], cone)
    flat = radius * np.cos(np.pi / 12)  # the hull's upright side faces
    span, sweep = rng.uniform(5, 7), rng.uniform(0.5, 3.0)
    start, chord = length * 0.08, rng.uniform(2.0, 3.0)
    lift = rng.uniform(0, 0.7)
    engines = rng.random() < 0.75
    for side, sign in SIDES:
        tip = [sign * span, start - sweep, lift - 0.3]
        wing = model.add(
            _blade(
                [sign * flat, start, -0.3],
                tip,
                (chord, chord * rng.uniform(0.3, 0.6)),
                0.3,
                False,
                'second',
            )
        )
        model.mark(f'{side} wing tip', tip, wing)
        if engines:
            y, z = start - sweep * 0.4 + 0.2, lift * 0.4 - 1.05
            at = [sign * span * 0.4, y, z]
            model.add(cylinder(at, 1, 0.48, 0.9, 'metal', 'dark', sides=10))
    _tail(model, rng, tail)
    return model


def _tail(model: Model, rng: np.random.Generator, tail: float) -> None:
    """An airplane's tailplane, fin and tail cone."""
    for side, sign in SIDES:
        reach = rng.uniform(1.8, 2.6)
        low = [sign * 0.45, tail + 1.6, 0.6]
        end = [sign * reach, tail + rng.uniform(0.3, 0.9), 0.75]
        plane = model.add(_blade(low, end, (1.2, 0.7), 0.16, False, 'second'))
        model.mark(f'{side} tailplane tip', end, plane)
    top = [0, tail + 0.5, rng.uniform(2.2, 3.0)]
    fin = model.add(
        _blade([0, tail + 2.2, 0.75], top, (2.0, 0.9), 0.16, True, 'second')
    )
    model.mark('fin top', top, fin)
    end = model.add(
        cylinder(
            [0, tail - 0.08, 0.5], 1, 0.16, 0.08, 'metal', sides=8, thin=True
        )
    )
    model.mark('tail end', [0, tail - 0.16, 0.5], end)


def _portholes(length: float) -> list[Face]:
    """Window strips on the upright side faces of the hull."""
    decals = []
    x = np.cos(np.pi / 12)
    start, stop = length * 0.45 - 2.1, -length * 0.17
    for sign in (-1, 1):
        points = np.array(
            [
                [sign * x, start, 0.05],
                [sign * x, stop, 0.05],
                [sign * x, stop, 0.22],
                [sign * x, start, 0.22],
            ]
        )
        decals.append(Face(points, 'glass', decal=True))
    return decals


def _sailing_boat(rng: np.random.Generator) -> Model:
    model = Model()
    half, length = rng.uniform(0.8, 1.2), rng.uniform(2.4, 3.2)
    deck = rng.uniform(0.6, 0.9)
    outline = np.array(
        [
            [0, length],
            [half, length * 0.1],
            [half * 0.8, -length],
            [-half * 0.8, -length],
            [-half, length * 0.1],
        ]
    )
    upper = np.insert(outline, 2, deck, axis=1)
    lower = np.insert(outline * [0.55, 0.8], 2, 0, axis=1)
    faces = [Face(upper, 'light'), Face(lower, 'main')]
    for i in range(5):
        j = (i + 1) % 5
        faces.append(
            Face(np.array([lower[i], lower[j], upper[j], upper[i]]), 'main')
        )
    hull = model.add(Solid(tuple(faces)))
    model.mark('bow', upper[0], hull)
    model.mark('left stern corner', upper[3], hull)
    model.mark('right stern corner', upper[2], hull)
    if rng.random() < 0.6:
        model.add(
            box(
                [-half * 0.45, -length * 0.45, deck],
                [half * 0.45, length * 0.02, deck + 0.35],
                'second',
            )
        )
    _rigging(model, rng, np.array([0, length * 0.2, deck]), upper[0])
    return model


def _rigging(
    model: Model, rng: np.random.Generator, foot: np.ndarray, bow: np.ndarray
) -> None:
    """Mast, boom and two sails of a boat.

    Args:
        model: The model to extend.
        rng: Source of randomness.
        foot: ``(3,)`` where the mast stands.
        bow: ``(3,)`` the deck's front end.
    """
    length = bow[1]
    height = rng.uniform(4.5, 6.0)
    top = foot + [0, 0, height]
    mast = model.add(beam(foot, top, 0.12, 'metal', 0.07))
    model.mark('mast base', foot, mast)
    model.mark('mast top', top, mast)
    swing = rng.uniform(-0.5, 0.5)
    boom_length = length * rng.uniform(0.85, 1.1)
    start = foot + [0, -0.08, 0.75]
    end = start + boom_length * np.array([np.sin(swing), -np.cos(swing), 0])
    boom = model.add(beam(start, end, 0.08, 'metal'))
    model.mark('boom end', end, boom)
    model.add(
        sheet(
            np.array(
                [
                    start + [0, 0, 0.08],
                    end + [0, 0, 0.08],
                    top - [0, 0.05, 0.15],
                ]
            ),
            'accent',
        )
    )
    jib = np.array(
        [
            bow + [0, -0.15, 0.1],
            foot + [0, 0.12, 0.6],
            foot + [0, 0.08, height * rng.uniform(0.7, 0.95)],
        ]
    )
    jib[1, 0] += rng.uniform(-0.4, 0.4)
    model.add(sheet(jib, 'accent'))


SHAPES: tuple[Shape, ...] = (
    rigid_shape(
        _record(
            name='bicycle',
            parts={
                'wheel': ['front wheel center', 'rear wheel center'],
                'saddle': ['saddle'],
                'handlebar': ['handlebar center', *both('* handlebar grip')],
                'pedal': ['crank center', *both('pedal')],
            },
            skeleton=chains(
                'front wheel center > handlebar center > saddle > '
                'crank center > rear wheel center',
                'rear wheel center > saddle',
                'crank center > handlebar center',
                'handlebar center > * handlebar grip',
                'crank center > * pedal',
            ),
        ),
        bicycle,
        {'main': PAINT, 'dark': TYRE, 'metal': RIM},
        ((22.0, 158.0), (-158.0, -22.0)),
        (3.0, 25.0),
    ),
    rigid_shape(
        _record(
            name='airplane',
            parts={
                'fuselage': ['nose', 'tail end'],
                'wing': both('wing tip'),
                'tail': ['fin top', *both('tailplane tip')],
            },
            skeleton=chains(
                'nose > tail end > fin top',
                'nose > * wing tip > tail end',
                'tail end > * tailplane tip',
            ),
        ),
        _airplane,
        {
            'main': (_WHITE, *PAINT),
            'second': (_WHITE, *PAINT),
            'glass': GLASS,
            'metal': RIM,
            'dark': TYRE,
        },
        pitch=(-25.0, 50.0),
    ),
    rigid_shape(
        _record(
            name='sailing boat',
            parts={
                'hull': ['bow', *both('* stern corner')],
                'mast': ['mast base', 'mast top'],
                'boom': ['boom end'],
            },
            skeleton=chains(
                'bow > * stern corner > mast base',
                'left stern corner > right stern corner',
                'bow > mast base > mast top > boom end > mast base',
            ),
        ),
        _sailing_boat,
        {
            'main': PAINT,
            'second': _WHITE,
            'metal': RIM,
            'light': (30.0, 45.0, 0.3, 0.6, 0.5, 0.8),
            'accent': (_WHITE, *PAINT),
        },
        pitch=(4.0, 30.0),
    ),
)
