# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Skirts, trousers and shorts."""

import math

import numpy as np

from projects.synthkpt import limbs
from projects.synthkpt.base import Pose
from projects.synthkpt.cloth import (
    CLOTH,
    LIMITS,
    PALETTE,
    SIDES,
    Cloth,
    band_of,
)
from projects.synthkpt.clothes_schema import CATEGORIES
from projects.synthkpt.figure import palette

JEANS = (205, 228, 0.4, 0.75, 0.3, 0.7)


def draw_skirt(rng: np.random.Generator) -> Pose:
    """A skirt: waistband, flared sides, pleats and a wavy hem."""
    cloth = Cloth(rng)
    waist, hem = rng.uniform(0.14, 0.2), rng.uniform(0.26, 0.42)
    length = rng.uniform(0.45, 0.75)
    bow = rng.uniform(-0.02, 0.05)
    side_point = ((waist + hem) / 2 + bow, length / 2)
    wave = [
        (hem * x, length + 0.03 * math.cos(x * 1.5) + 0.012 * (-1) ** i)
        for i, x in enumerate(np.linspace(0.75, -0.75, 7))
    ]
    left = limbs.smooth_curve(
        np.array([(waist, 0.0), side_point, (hem, length)]), False, 4
    )
    outline = np.concatenate([left, wave, (left * (-1, 1))[::-1]])
    skirt = cloth.add(outline, 'main', 0.0)
    for x in np.linspace(-0.7, 0.7, int(rng.integers(4, 8))):
        cloth.wrinkle(
            np.array([x * waist, 0.08]),
            np.array([x * hem, length * 0.96]),
            skirt,
        )
    if rng.uniform() < 0.5:
        y = rng.uniform(0.7, 0.9)
        reach = (waist + (hem - waist) * y) * 0.95
        strip = band_of((-reach, y * length), (reach, y * length), 0.05)
        cloth.paint(strip, 'accent', skirt)
    band = band_of((waist, 0.045), (-waist, 0.045), 0.05)
    belt = cloth.paint(band, 'second', skirt)
    cloth.mark('waistband center', (0.0, 0.02), belt)
    cloth.mark('hem center', wave[3], skirt)
    for side, sign in SIDES:
        cloth.mark(f'{side} waistband', (sign * waist, 0.01), belt)
        middle = (sign * side_point[0], side_point[1])
        cloth.mark(f'{side} seam', middle, skirt)
        cloth.mark(f'{side} hem', (sign * hem, length), skirt)
    colours = palette(rng, PALETTE)
    return cloth.figure.pose(CATEGORIES['skirt']['keypoints'], colours)


def draw_legwear(name: str, rng: np.random.Generator) -> Pose:
    """Trousers or shorts.

    Args:
        name: 'trousers' or 'shorts'.
        rng: Source of randomness.
    """
    cloth = Cloth(rng)
    long = name == 'trousers'
    waist, hip = rng.uniform(0.15, 0.18), rng.uniform(0.19, 0.23)
    rise = rng.uniform(0.24, 0.3)
    yoke = [(waist, 0.0), (hip, 0.2), (hip, rise - 0.02), (0.0, rise)]
    mirrored = [(-x, y) for x, y in yoke[2::-1]]
    outline = limbs.densify(np.array(yoke + mirrored))
    seat = cloth.add(outline, 'main', 0.0)
    front = rng.permutation(2)
    carriers = [seat]
    for index, (side, sign) in enumerate(SIDES):
        nearer = -0.01 * (1 + front[index])
        leg = _add_leg(cloth, side, sign, hip, rise, long, nearer)
        cloth.mark(f'{side} hip', (sign * hip, 0.2), leg, seat)
        pocket = [(sign * 0.1, 0.06), (sign * hip * 0.93, 0.14)]
        line = limbs.smooth_curve(
            np.array([pocket[0], np.mean(pocket, axis=0), pocket[1]]), False, 3
        )
        cloth.paint(limbs.ribbon(line, [0.005] * 7), 'dark', seat)
        carriers.append(leg)
    cloth.mark('crotch', (0.0, rise), *carriers)
    band = band_of((waist, 0.045), (-waist, 0.045), 0.05)
    cloth.paint(band, 'second', seat)
    cloth.paint(limbs.ellipse((0, 0.02), 0.02, 0.015), 'accent', seat)
    cloth.mark('waistband center', (0.0, 0.02), seat)
    for side, sign in SIDES:
        cloth.mark(f'{side} waistband', (sign * waist, 0.01), seat)
    main = [JEANS, *CLOTH] if long else CLOTH
    colours = palette(rng, {**PALETTE, 'main': main})
    return cloth.figure.pose(CATEGORIES[name]['keypoints'], colours)


def _add_leg(
    cloth: Cloth,
    side: str,
    sign: float,
    hip: float,
    rise: float,
    long: bool,
    depth: float,
) -> int:
    rng = cloth.rng
    swing = limbs.within(rng, LIMITS['leg'])
    knee = limbs.within(rng, LIMITS['knee']) if long else 0.0
    upper, lower = (0.3, 0.36) if long else (rng.uniform(0.12, 0.26), 0.0)
    at_knee = hip * (0.36 if long else 0.52)
    at_cuff = hip * rng.uniform(0.27, 0.45)

    def axes(angle: float) -> tuple[np.ndarray, np.ndarray]:
        along = np.array([sign * math.sin(angle), math.cos(angle)])
        return along, np.array([sign * along[1], -sign * along[0]])

    along, out = axes(swing)
    middle = np.array([sign * hip / 2, rise]) + upper * along
    outer = [(sign * hip, rise - 0.06), middle + at_knee * out]
    inner = [(0.0, rise), middle - at_knee * out]
    joint = 'knee' if long else 'cuff'
    points = {f'{joint} outside': outer[1], f'{joint} inside': inner[1]}
    if long:
        along, out = axes(swing - knee)
        end = middle + lower * along
        outer.append(end + at_cuff * out)
        inner.append(end - at_cuff * out)
        points['cuff outside'], points['cuff inside'] = outer[2], inner[2]
    leg = cloth.add(
        limbs.densify(np.array(outer + inner[::-1]), 5), 'main', depth, 0.93
    )
    band = [outer[-1], inner[-1]]
    band += [p - 0.03 * along for p in band[::-1]]
    cloth.paint(limbs.densify(np.array(band)), 'main', leg, 0.75)
    for name, point in points.items():
        cloth.mark(f'{side} {name}', point, leg)
    return leg
