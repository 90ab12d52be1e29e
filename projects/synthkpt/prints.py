# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Hand-like shapes without finger joints: mitten, bare foot, paw.

Each is drawn with the toes or the finger end up (-y) and the inner side
(thumb, big toe) towards +x, then mirrored and turned.
"""

import math

import numpy as np

from projects.synthkpt import limbs
from projects.synthkpt.base import Pose, Shape
from projects.synthkpt.figure import Figure, category, palette

SUPERCATEGORY = 'hand'
MITTEN = category(
    'mitten',
    SUPERCATEGORY,
    dict(
        cuff=['cuff inner corner', 'cuff outer corner'],
        body=['inner side', 'outer side', 'mitten tip'],
        thumb=['thumb base', 'thumb tip'],
    ),
    [
        ('cuff inner corner', 'cuff outer corner'),
        ('cuff inner corner', 'thumb base'),
        ('thumb base', 'thumb tip'),
        ('thumb base', 'inner side'),
        ('inner side', 'mitten tip'),
        ('mitten tip', 'outer side'),
        ('outer side', 'cuff outer corner'),
    ],
)
TOES = ('big toe', 'second toe', 'third toe', 'fourth toe', 'little toe')
FOOT = category(
    'bare foot',
    SUPERCATEGORY,
    dict(
        foot=['heel', 'inner ball', 'outer ball', 'arch'],
        toe=TOES,
    ),
    [
        ('heel', 'arch'),
        ('arch', 'inner ball'),
        ('heel', 'outer ball'),
        ('inner ball', 'big toe'),
        *(('inner ball', toe) for toe in TOES[1:3]),
        *(('outer ball', toe) for toe in TOES[3:]),
    ],
)
PAW_TOES = ('inner toe', 'inner middle toe', 'outer middle toe', 'outer toe')
PAW = category(
    'paw',
    SUPERCATEGORY,
    dict(
        pad=['pad center', 'pad inner corner', 'pad outer corner'],
        toe=PAW_TOES,
        claw=[toe.replace('toe', 'claw') for toe in PAW_TOES],
    ),
    [
        ('pad center', 'pad inner corner'),
        ('pad center', 'pad outer corner'),
        *(('pad center', toe) for toe in PAW_TOES),
        *((toe, toe.replace('toe', 'claw')) for toe in PAW_TOES),
    ],
)

# x, y and radius of each toe.
TOE_PLACES = (
    (0.19, -1.2, 0.1),
    (0.06, -1.23, 0.065),
    (-0.05, -1.19, 0.06),
    (-0.15, -1.12, 0.055),
    (-0.24, -1.02, 0.05),
)
CUFF = np.array([(-0.24, 0.0), (0.24, 0.0), (0.26, 0.2), (-0.26, 0.2)])
FUR = np.array(
    [
        (0.0, 0.75),
        (-0.5, 0.6),
        (-0.72, 0.1),
        (-0.6, -0.5),
        (0.0, -0.8),
        (0.6, -0.5),
        (0.72, 0.1),
        (0.5, 0.6),
    ]
)
PAD = np.array(
    [
        (0.0, -0.12),
        (0.22, 0.0),
        (0.38, 0.28),
        (0.28, 0.44),
        (0.0, 0.36),
        (-0.28, 0.44),
        (-0.38, 0.28),
        (-0.22, 0.0),
    ]
)


class _Print:
    """A figure that is mirrored, squeezed and turned as a whole."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.figure = Figure()
        self._warp = limbs.soft_warp(rng, 0.02)
        self._scale = (
            rng.choice((-1.0, 1.0)) * rng.uniform(0.85, 1.2),
            rng.uniform(0.9, 1.1),
        )
        self._angle = rng.normal(0.0, 0.8)

    def map(self, points: np.ndarray) -> np.ndarray:
        moved = self._warp(points) * self._scale
        return limbs.rotate(moved, self._angle)

    def add(
        self,
        points: np.ndarray,
        material: str,
        depth: float = 0.0,
        shade: float = 1.0,
    ) -> int:
        return self.figure.add(self.map(points), material, depth, shade)

    def mark(self, name: str, point: tuple[float, float], *on: int) -> None:
        self.figure.mark(name, self.map(np.array([point]))[0], *on)


def draw_mitten(rng: np.random.Generator) -> Pose:
    """A knitted mitten: one pocket, a thumb, a striped cuff."""
    draw = _Print(rng)
    width, length = rng.uniform(0.26, 0.32), rng.uniform(0.85, 1.05)
    side = 0.55 * length
    body = limbs.smooth_curve(
        np.array(
            [
                (-0.22, 0.0),
                (-width, -0.3 * length),
                (-width, -side),
                (-0.6 * width, -0.93 * length),
                (0.0, -length),
                (0.6 * width, -0.93 * length),
                (width, -side),
                (width, -0.3 * length),
                (0.22, 0.0),
            ]
        )
    )
    main = draw.add(body, 'main')
    bend = math.radians(rng.uniform(10.0, 65.0))
    root = np.array([0.75 * width, -0.3 * length])
    tip = root + rng.uniform(0.33, 0.42) * np.array(
        [math.sin(bend), -math.cos(bend)]
    )
    # The thumb may lie over the pocket or under it.
    over = -0.01 if rng.uniform() < 0.7 else 0.01
    thumb = draw.add(
        limbs.capsule(root, tip, 0.13, 0.1, 10), 'main', over, 0.9
    )
    cuff = _add_knitting(draw, main, width, length)
    draw.mark('cuff inner corner', CUFF[2], cuff)
    draw.mark('cuff outer corner', CUFF[3], cuff)
    draw.mark('inner side', (width, -side), main)
    draw.mark('outer side', (-width, -side), main)
    draw.mark('mitten tip', (0.0, -length), main)
    draw.mark('thumb base', root, main, thumb)
    # Half a radius short of the very end, so that it lies on the thumb.
    draw.mark(
        'thumb tip', tip + 0.07 * limbs.unit((*(tip - root), 0))[:2], thumb
    )
    wool = (0, 360, 0.4, 0.95, 0.35, 0.95)
    colours = palette(
        rng, dict(main=wool, second=[wool, (0, 360, 0, 0.1, 0.85, 1.0)])
    )
    return draw.figure.pose(MITTEN['keypoints'], colours)


def _add_knitting(draw: _Print, main: int, width: float, length: float) -> int:
    """Zigzags on the pocket and a ribbed cuff; returns the cuff."""
    for y in (-0.75, -0.6, -0.45):
        zigzag = [
            (x, y * length + 0.03 * (-1) ** i)
            for i, x in enumerate(np.linspace(-0.8, 0.8, 8) * width)
        ]
        draw.figure.paint(
            draw.map(limbs.ribbon(np.array(zigzag), [0.02] * 8)),
            'second',
            main,
        )
    cuff = draw.add(limbs.densify(CUFF), 'second', -0.02)
    for y in (0.05, 0.1, 0.15):
        rib = limbs.capsule((-0.23, y), (0.23, y), 0.008, 0.008, 4)
        draw.figure.paint(draw.map(rib), 'main', cuff, 0.8)
    return cuff


def draw_foot(rng: np.random.Generator) -> Pose:
    """The sole or the top of a bare foot with five toes."""
    draw = _Print(rng)
    arch = rng.uniform(0.02, 0.14)
    sole = limbs.smooth_curve(
        np.array(
            [
                (0.0, 0.1),
                (-0.17, 0.0),
                (-0.19, -0.4),
                (-0.25, -0.85),
                (-0.12, -1.05),
                (0.13, -1.12),
                (0.25, -0.95),
                (0.2 - arch, -0.5),
                (0.17, 0.0),
            ]
        )
    )
    main = draw.add(sole, 'main')
    top_view = rng.uniform() < 0.5
    _add_toes(draw, rng, top_view)
    if not top_view:
        for patch in ((0.0, 0.0, 0.12, 0.1), (0.0, -0.9, 0.18, 0.13)):
            pad = limbs.ellipse(patch[:2], *patch[2:])
            draw.figure.paint(draw.map(pad), 'second', main)
    draw.mark('heel', (0.0, 0.06), main)
    draw.mark('inner ball', (0.21, -0.92), main)
    draw.mark('outer ball', (-0.21, -0.78), main)
    draw.mark('arch', (0.19 - arch, -0.5), main)
    colours = palette(
        rng,
        dict(
            main=[
                (12, 28, 0.25, 0.5, 0.8, 0.98),
                (14, 24, 0.45, 0.65, 0.3, 0.7),
            ],
            second=(350, 374, 0.25, 0.4, 0.8, 0.95),
        ),
    )
    return draw.figure.pose(FOOT['keypoints'], colours)


def _add_toes(draw: _Print, rng: np.random.Generator, nails: bool) -> None:
    fan = rng.uniform(0.0, 0.06)
    for i, (toe, (x, y, radius)) in enumerate(
        zip(TOES, TOE_PLACES, strict=True)
    ):
        end = (x + fan * (1 - 0.5 * i), y - rng.uniform(0.0, 0.05))
        root = (0.9 * x, y + 0.11)
        outline = limbs.capsule(root, end, radius, radius, 8)
        part = draw.add(outline, 'main', -0.01, 0.93)
        if nails:
            middle = (end[0], end[1] - 0.3 * radius)
            nail = limbs.ellipse(middle, 0.55 * radius, 0.6 * radius, 0.0, 12)
            draw.figure.paint(draw.map(nail), 'second', part)
        draw.mark(toe, end, part)


def draw_paw(rng: np.random.Generator) -> Pose:
    """The underside of a paw: four toe pads, claws, one large pad."""
    draw = _Print(rng)
    fur = limbs.smooth_curve(FUR)
    draw.add(limbs.scallop(fur, 22, 0.03), 'main', 0.02)
    size = rng.uniform(0.85, 1.1)
    pad = limbs.smooth_curve(size * PAD)
    main = draw.add(pad, 'second')
    draw.mark('pad center', (0.0, 0.16), main)
    draw.mark('pad inner corner', (0.3 * size, 0.36 * size), main)
    draw.mark('pad outer corner', (-0.3 * size, 0.36 * size), main)
    fan = rng.uniform(0.85, 1.15)
    for toe, x, y in zip(
        PAW_TOES,
        (0.5, 0.19, -0.19, -0.5),
        (-0.16, -0.44, -0.44, -0.16),
        strict=True,
    ):
        x = x * fan
        lean = math.atan2(x, 1.0)
        outline = limbs.ellipse((x, y), 0.13, 0.18, lean)
        part = draw.add(outline, 'second', -0.01, 0.95)
        start = np.array([x + 0.14 * lean, y - 0.16])
        end = start + rng.uniform(0.14, 0.22) * np.array([lean, -1.0])
        claw = draw.add(
            limbs.capsule(start, end, 0.045, 0.012, 6), 'dark', 0.0
        )
        draw.mark(toe, (x, y), part)
        draw.mark(toe.replace('toe', 'claw'), end, claw)
    colours = palette(
        rng,
        dict(
            main=[
                (20, 38, 0.4, 0.7, 0.3, 0.8),
                (0, 360, 0.0, 0.15, 0.2, 0.95),
            ],
            second=[
                (345, 370, 0.25, 0.45, 0.8, 0.95),
                (0, 360, 0.0, 0.3, 0.12, 0.3),
            ],
            dark=[(0, 360, 0.0, 0.2, 0.1, 0.2), (36, 46, 0.2, 0.4, 0.8, 0.9)],
        ),
    )
    return draw.figure.pose(PAW['keypoints'], colours)


SHAPES = (
    Shape(MITTEN, draw_mitten),
    Shape(FOOT, draw_foot),
    Shape(PAW, draw_paw),
)
