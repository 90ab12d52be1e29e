# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Models of shelves, cabinets and lamps.

Metres; a piece's front is +y, its own left is -x.
"""

from __future__ import annotations

import numpy as np

from projects.synthkpt.furniture_models import mark_corners
from projects.synthkpt.primitives import (
    beam,
    box,
    box_corners,
    cylinder,
    decal,
    disc,
    loft,
    on_quad,
    side_quad,
)
from projects.synthkpt.solids import Model

_SIDES = (('left', 0), ('right', 1))


def bookshelf(rng: np.random.Generator) -> Model:
    """A bookshelf with books."""
    model = Model()
    half, depth = rng.uniform(0.35, 0.6), rng.uniform(0.13, 0.18)
    height, thick = rng.uniform(1.1, 2.0), 0.04
    rear = -depth + 0.02
    model.add(box([-half, -depth, 0], [half, rear, height], 'second'))
    for side, x in _SIDES:
        sign = 2 * x - 1
        inner, outer = sign * (half - thick), sign * half
        board = model.add(
            box(
                [min(inner, outer), rear, 0],
                [max(inner, outer), depth, height],
                'main',
            )
        )
        for level, z in (('top', height), ('bottom', 0.0)):
            model.mark(
                f'front {side} {level} corner', [outer, depth, z], board
            )
        model.mark(f'rear {side} top corner', [outer, rear, height], board)
    count = int(rng.integers(3, 6))
    levels = np.linspace(0, height - thick, count + 1)
    inside = half - thick
    for i, z in enumerate(levels):
        model.add(box([-inside, rear, z], [inside, depth, z + thick], 'main'))
        if i < count:
            room = levels[i + 1] - z - thick
            _books(model, rng, inside, rear, z + thick, room)
    return model


def _books(
    model: Model,
    rng: np.random.Generator,
    inside: float,
    rear: float,
    z: float,
    room: float,
) -> None:
    """Fills part of one shelf with books in a row."""
    x = -inside
    stop = inside * rng.uniform(-0.6, 1)
    while x < stop:
        width = rng.uniform(0.06, 0.16) * inside * 2
        if x + width > inside:
            break
        role = ('accent', 'light', 'dark')[int(rng.integers(3))]
        model.add(
            box(
                [x, rear, z],
                [x + width, 0.08, z + room * rng.uniform(0.55, 0.95)],
                role,
            )
        )
        x += width


def cabinet(rng: np.random.Generator) -> Model:
    """A cabinet with two doors."""
    model = Model()
    half, depth = rng.uniform(0.35, 0.6), rng.uniform(0.2, 0.32)
    height = rng.uniform(0.7, 1.9)
    low, high = np.array([-half, -depth, 0]), np.array([half, depth, height])
    front = side_quad(box_corners(low, high), 'front')
    level, gap = rng.uniform(0.42, 0.6), 0.015
    handle = rng.uniform(0.03, 0.05)
    decals = [
        decal(front, (0.04, 0.5 - gap), (0.05, 0.96), 'second'),
        decal(front, (0.5 + gap, 0.96), (0.05, 0.96), 'second'),
    ]
    spots = {}
    # The cabinet's own left is on the right of who faces it.
    for side, u in (('left', 0.5 + 0.07), ('right', 0.5 - 0.07)):
        spots[side] = on_quad(front, u, level)
        decals.append(disc(spots[side], 1, handle, 'accent', 10))
    body = model.add(box(low, high, 'main', decals=decals))
    mark_corners(model, body, low, high, '{y} {x} top corner')
    for side, x in _SIDES:
        model.mark(
            f'front {side} bottom corner',
            [high[0] if x else low[0], depth, 0],
            body,
        )
        model.mark(f'{side} handle', spots[side], body)
    return model


def floor_lamp(rng: np.random.Generator) -> Model:
    """A lamp on a pole."""
    model = Model()
    height, foot = rng.uniform(1.2, 1.7), rng.uniform(0.12, 0.22)
    lower, upper = rng.uniform(0.16, 0.26), rng.uniform(0.08, 0.16)
    shade = rng.uniform(0.22, 0.38)
    model.add(cylinder([0, 0, 0.015], 2, foot, 0.015, 'second'))
    pole = model.add(beam([0, 0, 0.03], [0, 0, height], 0.035, 'second'))
    cone = model.add(
        loft(
            np.array([[0, 0, height], [0, 0, height + shade]]),
            (lower, upper),
            2,
            'main',
            thin=True,
        )
    )
    model.mark('base center', [0, 0, 0.03], pole)
    model.mark('pole middle', [0, 0, height / 2], pole)
    model.mark('shade bottom', [0, 0, height], cone)
    model.mark('shade top', [0, 0, height + shade], cone)
    return model


def desk_lamp(rng: np.random.Generator) -> Model:
    """A lamp on an arm with an elbow."""
    model = Model()
    foot = rng.uniform(0.09, 0.14)
    model.add(cylinder([0, 0, 0.02], 2, foot, 0.02, 'main'))
    first, second = rng.uniform(-0.35, 0.1), rng.uniform(0.5, 1.2)
    lower, upper = rng.uniform(0.22, 0.34), rng.uniform(0.18, 0.3)
    root = np.array([0, 0, 0.04])
    elbow = root + lower * np.array([0, np.sin(first), np.cos(first)])
    head = elbow + upper * np.array([0, np.sin(second), np.cos(second)])
    lower_arm = model.add(beam(root, elbow, 0.025, 'second'))
    upper_arm = model.add(beam(elbow, head, 0.025, 'second'))
    joint = model.add(
        cylinder(elbow, 0, 0.03, 0.02, 'accent', sides=8, thin=True)
    )
    nod = rng.uniform(0.3, 1.1)
    along = np.array([0, np.sin(nod), -np.cos(nod)])
    size = rng.uniform(0.13, 0.19)
    rim = head + along * size
    # A hood of square section that opens towards the rim.
    hood = model.add(beam(head, rim, 0.06, 'main', rng.uniform(0.15, 0.22)))
    model.mark('base center', root, lower_arm)
    model.mark('elbow', elbow, joint, lower_arm, upper_arm)
    model.mark('hood top', head, hood, upper_arm)
    model.mark('hood rim', rim, hood)
    return model
