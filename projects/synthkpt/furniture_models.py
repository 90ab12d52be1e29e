# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Models of seats, tables and beds.

Metres; a piece's front is +y, its own left is -x.
"""

from __future__ import annotations

import numpy as np

from projects.synthkpt.primitives import (
    beam,
    box,
    box_corners,
    cylinder,
    decal,
    disc,
    hexahedron,
    on_quad,
    post,
    side_quad,
)
from projects.synthkpt.solids import Model

_SIDES = (('left', 0), ('right', 1))


def _legs(
    model: Model,
    rng: np.random.Generator,
    low: np.ndarray,
    high: np.ndarray,
    height: float,
    width: float,
) -> None:
    """Four legs under the rectangle low..high (x, y), with their tips.

    Args:
        model: The model to extend.
        rng: Source of randomness.
        low: ``(2,)`` left rear corner.
        high: ``(2,)`` right front corner.
        height: Upper end of the legs; they stand on z = 0.
        width: Thickness of a leg.
    """
    splay = rng.uniform(0, 0.12) * height
    ends = np.stack([low, high])
    for y_name, y in (('rear', 0), ('front', 1)):
        for x_name, x in _SIDES:
            outward = np.array([2 * x - 1, 2 * y - 1])
            corner = np.array([ends[x, 0], ends[y, 1]])
            top = corner - outward * width * 0.5
            tip = top + outward * splay
            index = model.add(
                post([*tip, 0.0], [*top, height], width * 0.8, 'second', width)
            )
            model.mark(f'{y_name} {x_name} leg tip', [*tip, 0.0], index)


def mark_corners(
    model: Model,
    index: int,
    low: np.ndarray,
    high: np.ndarray,
    pattern: str,
) -> None:
    """Marks the upper corners of a box, ``pattern`` with {y} and {x}."""
    for y_name, y in (('rear', low[1]), ('front', high[1])):
        for x_name, x in (('left', low[0]), ('right', high[0])):
            name = pattern.format(y=y_name, x=x_name)
            model.mark(name, [x, y, high[2]], index)


def chair(rng: np.random.Generator) -> Model:
    """A chair with a panel, or posts and slats, as its back."""
    model = Model()
    half, depth = rng.uniform(0.19, 0.26), rng.uniform(0.38, 0.5)
    height, thick = rng.uniform(0.38, 0.5), rng.uniform(0.03, 0.09)
    back, leg = rng.uniform(0.38, 0.65), rng.uniform(0.03, 0.05)
    low = np.array([-half, -depth / 2, height])
    high = np.array([half, depth / 2, height + thick])
    seat = model.add(box(low, high, 'main'))
    _legs(model, rng, low[:2], high[:2], height, leg)
    mark_corners(model, seat, low, high, '{y} {x} seat corner')
    lean, top = rng.uniform(0, 0.12), height + thick + back
    rear = low[1]
    style = rng.integers(3)
    if style == 0:  # a full panel
        corners = box_corners([-half, rear - 0.04, height], [half, rear, top])
        corners[4:, 1] -= lean
        panel = model.add(hexahedron(corners, 'main'))
        for side, x in _SIDES:
            model.mark(
                f'back top {side} corner', corners[4 + x] + [0, 0.02, 0], panel
            )
        return model
    for side, x in _SIDES:
        edge = (2 * x - 1) * (half - leg / 2)
        upright = model.add(
            post(
                [edge, rear - leg / 2, height],
                [edge, rear - leg / 2 - lean, top],
                leg,
                'second',
            )
        )
        model.mark(
            f'back top {side} corner',
            [edge, rear - leg / 2 - lean, top],
            upright,
        )
    for level in np.linspace(0.35, 0.9, 2 if style == 1 else 4):
        y = rear - leg / 2 - lean * level
        z = height + thick + back * level
        model.add(
            box(
                [-half + leg, y - 0.012, z - 0.035],
                [half - leg, y + 0.012, z + 0.035],
                'main',
            )
        )
    return model


def stool(rng: np.random.Generator) -> Model:
    """A round stool on four legs."""
    model = Model()
    radius, height = rng.uniform(0.16, 0.22), rng.uniform(0.4, 0.75)
    thick = rng.uniform(0.03, 0.08)
    seat = model.add(
        cylinder(
            [0, 0, height + thick / 2], 2, radius, thick / 2, 'main', sides=18
        )
    )
    reach = radius * 0.7
    _legs(
        model,
        rng,
        np.array([-reach, -reach]),
        np.array([reach, reach]),
        height,
        0.04,
    )
    if rng.random() < 0.6:
        z = height * rng.uniform(0.25, 0.45)
        for sign in (-1, 1):
            a = reach * 0.95 * sign
            model.add(
                beam(
                    [-reach * 0.9, a, z], [reach * 0.9, a, z], 0.025, 'second'
                )
            )
    model.mark('seat center', [0, 0, height + thick], seat)
    return model


def table(rng: np.random.Generator) -> Model:
    """A table, most with a drawer that shows its front."""
    model = Model()
    half = rng.uniform(0.55, 1.0)
    depth, height = half * rng.uniform(0.45, 0.75), rng.uniform(0.6, 0.8)
    thick, leg = rng.uniform(0.03, 0.07), rng.uniform(0.05, 0.09)
    low = np.array([-half, -depth, height])
    high = np.array([half, depth, height + thick])
    top = model.add(box(low, high, 'main'))
    _legs(model, rng, low[:2] + 0.04, high[:2] - 0.04, height, leg)
    mark_corners(model, top, low, high, '{y} {x} top corner')
    if rng.random() < 0.6:  # a drawer under the top shows the front
        under = box_corners(
            [-half * 0.6, depth * 0.2, height - 0.14],
            [half * 0.6, depth - 0.06, height],
        )
        front = side_quad(under, 'front')
        knob = disc(on_quad(front, 0.5, 0.5), 1, 0.03, 'accent')
        panel = decal(front, (0.06, 0.94), (0.12, 0.88), 'second')
        model.add(hexahedron(under, 'main', decals=(panel, knob)))
    return model


def sofa(rng: np.random.Generator) -> Model:
    """A sofa with one to three seat cushions."""
    model = Model()
    half, depth = rng.uniform(0.65, 1.15), rng.uniform(0.4, 0.5)
    arm, seat = rng.uniform(0.12, 0.22), rng.uniform(0.32, 0.42)
    arm_top, back = seat + rng.uniform(0.14, 0.25), rng.uniform(0.75, 0.95)
    rear = -depth + rng.uniform(0.18, 0.26)
    foot = rng.uniform(0.05, 0.12)
    backrest = model.add(
        box([-half, -depth, foot], [half, rear, back], 'main')
    )
    for side, x in _SIDES:
        sign = 2 * x - 1
        outer, inner = sign * half, sign * (half - arm)
        low, high = min(outer, inner), max(outer, inner)
        index = model.add(
            box([low, rear, foot], [high, depth, arm_top], 'main')
        )
        middle = (low + high) / 2
        model.mark(f'{side} armrest front', [middle, depth, arm_top], index)
        model.mark(f'{side} armrest rear', [middle, rear, arm_top], index)
        model.mark(f'back top {side} corner', [outer, rear, back], backrest)
        for y_name, y in (('front', depth - 0.08), ('rear', -depth + 0.08)):
            x_at = sign * (half - 0.08)
            leg = model.add(
                box(
                    [x_at - 0.04, y - 0.04, 0],
                    [x_at + 0.04, y + 0.04, foot],
                    'dark',
                    thin=True,
                )
            )
            model.mark(f'{y_name} {side} leg tip', [x_at, y, 0], leg)
    inner = half - arm
    model.add(
        box([-inner, rear, foot], [inner, depth - 0.02, seat - 0.12], 'main')
    )
    _cushions(model, int(rng.integers(1, 4)), inner, rear, depth, seat)
    return model


def _cushions(
    model: Model,
    count: int,
    inner: float,
    rear: float,
    depth: float,
    seat: float,
) -> None:
    """A sofa's seat cushions; the outer ones carry its front corners."""
    edges = np.linspace(-inner, inner, count + 1)
    for i in range(count):
        cushion = model.add(
            box(
                [edges[i] + 0.005, rear, seat - 0.12],
                [edges[i + 1] - 0.005, depth, seat],
                'second',
            )
        )
        if i == 0:
            model.mark(
                'front left seat corner',
                [edges[0] + 0.005, depth, seat],
                cushion,
            )
        if i == count - 1:
            model.mark(
                'front right seat corner',
                [edges[-1] - 0.005, depth, seat],
                cushion,
            )


def bed(rng: np.random.Generator) -> Model:
    """A bed whose headboard is at its rear."""
    model = Model()
    half, length = rng.uniform(0.45, 0.95), rng.uniform(0.95, 1.05)
    frame, mattress = rng.uniform(0.2, 0.35), rng.uniform(0.14, 0.24)
    head = rng.uniform(0.75, 1.15)
    top = frame + mattress
    _legs(
        model,
        rng,
        np.array([-half, -length]),
        np.array([half, length]),
        frame - 0.12,
        0.08,
    )
    model.add(
        box([-half, -length, frame - 0.12], [half, length, frame], 'second')
    )
    board = model.add(
        box(
            [-half - 0.02, -length - 0.07, 0.1],
            [half + 0.02, -length, head],
            'second',
        )
    )
    inset = 0.03
    low = np.array([-half + inset, -length, frame])
    high = np.array([half - inset, length - inset, top])
    cover = decal(
        side_quad(box_corners(low, high), 'top'),
        (0, 1),
        (0, rng.uniform(0.5, 0.7)),
        'main',
    )
    soft = model.add(box(low, high, 'light', decals=[cover]))
    for side, x in _SIDES:
        edge = high[0] if x else low[0]
        model.mark(
            f'headboard top {side} corner',
            [(2 * x - 1) * (half + 0.02), -length, head],
            board,
        )
        model.mark(f'front {side} mattress corner', [edge, high[1], top], soft)
        model.mark(f'rear {side} mattress corner', [edge, -length, top], soft)
    _add_pillows(model, low[0], high[0], -length, top)
    return model


def _add_pillows(
    model: Model, left: float, right: float, rear: float, z: float
) -> None:
    """One pillow, or two on a wide bed."""
    count = 2 if right - left > 1.25 else 1
    edges = np.linspace(left, right, count + 1)
    for i in range(count):
        corners = _pillow(
            [edges[i] + 0.06, rear + 0.05, z],
            [edges[i + 1] - 0.06, rear + 0.45, z + 0.12],
        )
        model.add(hexahedron(corners, 'accent'))


def _pillow(low: list[float], high: list[float]) -> np.ndarray:
    """``(8, 3)`` corners of a box that narrows to its top."""
    corners = box_corners(low, high)
    middle = (np.array(low) + np.array(high)) / 2
    corners[4:, :2] = middle[:2] + (corners[4:, :2] - middle[:2]) * 0.75
    return corners
