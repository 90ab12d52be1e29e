# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Garments laid flat: soft outlines, sleeves and legs that fold.

The wearer faces the viewer, so the garment's left is at larger x. The frame
is about one unit high before the soft warp.
"""

import math
from dataclasses import dataclass
from functools import partial

import numpy as np

from projects.synthkpt import limbs
from projects.synthkpt.base import Pose, Shape
from projects.synthkpt.cloth import (
    LIMITS,
    PALETTE,
    SIDES,
    Cloth,
    band_of,
)
from projects.synthkpt.clothes_lower import draw_legwear, draw_skirt
from projects.synthkpt.clothes_schema import CATEGORIES
from projects.synthkpt.figure import palette


@dataclass(frozen=True)
class Top:
    """Proportions of a garment for the trunk, in half widths.

    Attributes:
        collar: Half width of the neckline.
        dip: Depth of the neckline.
        shoulder: Half width at the shoulders.
        chest: Half width at the armpits.
        waist: Half width at the waist.
        hem: Half width at the hem.
        length: Height from collar to hem.
        waist_at: Height of the waist, as a share of the length.
        sleeve: Lengths of the upper and the lower sleeve; 0 for none.
        sleeve_width: Half width of the sleeve at the shoulder and the cuff.
    """

    collar: float = 0.1
    dip: float = 0.1
    shoulder: float = 0.23
    chest: float = 0.22
    waist: float = 0.2
    hem: float = 0.22
    length: float = 0.68
    waist_at: float = 0.6
    sleeve: tuple[float, float] = (0.2, 0.0)
    sleeve_width: tuple[float, float] = (0.085, 0.075)


TOPS = {
    't-shirt': Top(),
    'long sleeved shirt': Top(sleeve=(0.28, 0.3), sleeve_width=(0.075, 0.045)),
    'vest': Top(
        sleeve=(0.0, 0.0), dip=0.3, collar=0.13, shoulder=0.19, hem=0.2
    ),
    'jacket': Top(
        sleeve=(0.29, 0.29),
        sleeve_width=(0.095, 0.07),
        shoulder=0.26,
        chest=0.26,
        waist=0.25,
        hem=0.27,
        dip=0.14,
    ),
    'dress': Top(
        sleeve=(0.13, 0.0),
        sleeve_width=(0.07, 0.075),
        shoulder=0.18,
        chest=0.17,
        waist=0.13,
        hem=0.34,
        length=1.0,
        waist_at=0.42,
    ),
}


def _varied(rng: np.random.Generator, value: float) -> float:
    return value * rng.uniform(0.85, 1.15)


def draw_top(name: str, rng: np.random.Generator) -> Pose:
    """A garment for the trunk.

    Args:
        name: Key of ``TOPS``.
        rng: Source of randomness.
    """
    template = TOPS[name]
    top = Top(
        **{
            key: value if isinstance(value, tuple) else _varied(rng, value)
            for key, value in vars(template).items()
        }
    )
    cloth = Cloth(rng)
    torso = _add_torso(cloth, top)
    _decorate(cloth, name, top, torso)
    sleeved = top.sleeve[0] > 0
    front = rng.permutation(2)
    for index, (side, sign) in enumerate(SIDES):
        armpit = (sign * top.chest, 0.05 + 2.0 * top.sleeve_width[0])
        shoulder = (sign * top.shoulder, 0.05)
        carriers = [torso]
        if sleeved:
            nearer = 0.01 * (1 + front[index])
            carriers.append(
                _add_sleeve(cloth, top, side, sign, shoulder, armpit, nearer)
            )
        cloth.mark(f'{side} shoulder', shoulder, *carriers)
        cloth.mark(f'{side} armpit', armpit, *carriers)
    colours = palette(rng, PALETTE)
    return cloth.figure.pose(CATEGORIES[name]['keypoints'], colours)


def _add_torso(cloth: Cloth, top: Top) -> int:
    """Add the trunk, the inside of the collar; mark collar, waist, hem."""
    armpit = 0.05 + 2.0 * top.sleeve_width[0]
    waist = max(top.waist_at * top.length, armpit + 0.06)
    half = [
        (top.collar, 0.0),
        (top.shoulder, 0.05),
        (top.chest, armpit),
        (top.waist, waist),
        (top.hem, top.length),
    ]
    sag = 0.03
    neckline = limbs.smooth_curve(
        np.array([(-top.collar, 0.0), (0.0, top.dip), (top.collar, 0.0)]),
        False,
        5,
    )
    other = [(-x, y) for x, y in half[:0:-1]]
    left = limbs.densify(np.array([*half, (0.0, top.length + sag)]))[:-3]
    right = limbs.densify(np.array([*other, (-top.collar, 0.0)]))[:-4]
    back = limbs.smooth_curve(
        np.array([(-top.collar, 0.0), (0.0, 0.025), (top.collar, 0.0)]),
        False,
        4,
    )
    inside = cloth.add(np.concatenate([back, neckline[::-1]]), 'inside', 0.002)
    torso = cloth.add(
        np.concatenate([neckline[:-1], left, right]), 'main', 0.0
    )
    cloth.mark('collar back', (0.0, 0.025), inside)
    cloth.mark('collar center', (0.0, top.dip), torso)
    cloth.mark('hem center', (0.0, top.length + sag), torso)
    for side, sign in SIDES:
        cloth.mark(f'{side} collar', (sign * top.collar, 0.0), torso)
        cloth.mark(f'{side} waist', (sign * top.waist, waist), torso)
        cloth.mark(f'{side} hem', (sign * top.hem, top.length), torso)
    return torso


def _decorate(cloth: Cloth, name: str, top: Top, torso: int) -> None:
    rng = cloth.rng
    inner = 0.9 * min(top.chest, top.waist)
    if name == 'jacket':
        _open_front(cloth, top, torso)
    elif name in ('long sleeved shirt', 'vest'):
        for y in np.linspace(top.dip + 0.05, top.length - 0.05, 5):
            button = limbs.ellipse((0.0, y), 0.013, 0.013, 0.0, 8)
            cloth.paint(button, 'second', torso)
    elif name == 'dress':
        waist = max(
            top.waist_at * top.length, 0.11 + 2.0 * top.sleeve_width[0]
        )
        belt = band_of(
            (-top.waist, waist + 0.02), (top.waist, waist + 0.02), 0.04
        )
        cloth.paint(belt, 'second', torso)
        for x in np.linspace(-0.6, 0.6, 4):
            cloth.wrinkle(
                np.array([x * top.waist, waist + 0.06]),
                np.array([x * top.hem, top.length - 0.03]),
                torso,
            )
    elif rng.uniform() < 0.5:
        count = int(rng.integers(2, 5))
        for y in np.linspace(0.27, 0.85 * top.length, count):
            stripe = band_of((-inner, y), (inner, y), 0.03)
            cloth.paint(stripe, 'second', torso)
    else:
        y = rng.uniform(0.28, 0.36)
        logo = limbs.ellipse((0.0, y), 0.08, rng.uniform(0.04, 0.08))
        cloth.paint(logo, 'accent', torso)
    if name != 'dress':
        for _ in range(3):
            start = np.array([rng.choice((-0.8, 0.8)) * top.waist, 0.35])
            cloth.wrinkle(
                start,
                start * (0.4, 1.0) + (0.0, rng.uniform(0.05, 0.2)),
                torso,
            )


def _open_front(cloth: Cloth, top: Top, torso: int) -> None:
    """A jacket's lining, its two front edges, lapels and pockets."""
    gap = cloth.rng.uniform(0.02, 0.07)
    lining = [
        (top.collar * 0.7, top.dip * 0.4),
        (gap, top.length + 0.015),
        (-gap, top.length + 0.015),
        (-top.collar * 0.7, top.dip * 0.4),
    ]
    cloth.paint(limbs.densify(np.array(lining)), 'inside', torso)
    for side, sign in SIDES:
        lapel = [
            (sign * top.collar, 0.0),
            (sign * 0.13, 0.14),
            (sign * 0.5 * (gap + 0.07), 0.3),
            (sign * top.collar * 0.7, 0.05),
        ]
        cloth.paint(limbs.densify(np.array(lapel)), 'second', torso)
        y = 0.75 * top.length
        pocket = band_of((sign * 0.12, y), (sign * 0.2, y - 0.02), 0.025)
        cloth.paint(pocket, 'dark', torso)
        cloth.mark(f'{side} lapel', (sign * 0.13, 0.14), torso)
        edge = (sign * gap, top.length + 0.01)
        cloth.mark(f'{side} front edge', edge, torso)


def _add_sleeve(
    cloth: Cloth,
    top: Top,
    side: str,
    sign: float,
    shoulder: tuple[float, float],
    armpit: tuple[float, float],
    nearer: float,
) -> int:
    """Add a sleeve of one or two parts, mark elbow and cuff.

    Returns:
        Handle of its upper part.
    """
    rng = cloth.rng
    angle = limbs.within(rng, LIMITS['sleeve'])
    wide, cuff = top.sleeve_width
    upper, lower = top.sleeve
    along = np.array([sign * math.cos(angle), math.sin(angle)])
    out = np.array([along[1] * sign, -along[0] * sign])
    root = (np.array(shoulder) + armpit) / 2
    narrow = (wide + cuff) / 2 if lower else cuff
    end = root + along * (upper + 0.03)
    corners = [shoulder, end + narrow * out, end - narrow * out, armpit]
    main = cloth.add(limbs.densify(np.array(corners), 5), 'main', -nearer, 0.9)
    if lower:
        _add_forearm(cloth, side, sign, end, angle, (narrow, cuff), main, top)
        return main
    band = [corners[1], corners[2]]
    band += [p - 0.025 * along for p in band[::-1]]
    cloth.paint(limbs.densify(np.array(band)), 'second', main, 0.9)
    cloth.mark(f'{side} cuff outside', corners[1], main)
    cloth.mark(f'{side} cuff inside', corners[2], main)
    return main


def _add_forearm(
    cloth: Cloth,
    side: str,
    sign: float,
    elbow: np.ndarray,
    angle: float,
    radii: tuple[float, float],
    main: int,
    top: Top,
) -> None:
    # Half of the sleeves lie almost straight, the others fold over.
    folded = cloth.rng.uniform() < 0.45
    limits = LIMITS['elbow'] if folded else (-20.0, 35.0)
    angle = angle + limbs.within(cloth.rng, limits)
    along = np.array([sign * math.cos(angle), math.sin(angle)])
    out = np.array([along[1] * sign, -along[0] * sign])
    wide, cuff = radii
    end = elbow + along * top.sleeve[1]
    outline = np.concatenate(
        [
            limbs.ellipse(elbow, wide, wide, 0.0, 12),
            [end + cuff * out, end - cuff * out],
        ]
    )
    depth = cloth.figure.depth(main) - 0.05
    forearm = cloth.add(
        limbs.densify(limbs.convex_hull(outline), 3), 'main', depth, 0.84
    )
    band = [end + cuff * out, end - cuff * out]
    band += [p - 0.04 * along for p in band[::-1]]
    cloth.paint(limbs.densify(np.array(band)), 'second', forearm, 0.9)
    cloth.mark(f'{side} elbow', elbow, forearm)
    cloth.mark(f'{side} cuff outside', end + cuff * out, forearm)
    cloth.mark(f'{side} cuff inside', end - cuff * out, forearm)


SHAPES = (
    *(Shape(CATEGORIES[name], partial(draw_top, name)) for name in TOPS),
    Shape(CATEGORIES['skirt'], draw_skirt),
    Shape(CATEGORIES['trousers'], partial(draw_legwear, 'trousers')),
    Shape(CATEGORIES['shorts'], partial(draw_legwear, 'shorts')),
)
