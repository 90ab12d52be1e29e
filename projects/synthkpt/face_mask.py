# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Carnival masks: flat faces with holes for the eyes."""

import math
from collections.abc import Callable

import numpy as np

from projects.synthkpt import limbs
from projects.synthkpt.base import Pose
from projects.synthkpt.face_features import SIDES, camera_of
from projects.synthkpt.face_schema import CATEGORIES
from projects.synthkpt.figure import Figure, palette


def draw_mask(rng: np.random.Generator) -> Pose:
    """A flat two-coloured carnival mask with holes, feathers, a grin."""
    camera = camera_of(rng)
    figure = Figure()
    scale = np.array([rng.uniform(0.9, 1.1), rng.uniform(0.85, 1.15), 1.0])

    def flat(*points: tuple[float, float]) -> np.ndarray:
        solid = [(*p, 0.25 * p[0] * p[0] - 0.2) for p in points]
        return ((np.array(solid) * scale) @ camera.T)[:, :2]

    for x in np.linspace(-0.8, 0.8, 5):
        root, tip = flat((x * 0.7, -0.9), (1.4 * x, -1.9 + 0.3 * x * x))
        curve = np.array([root, 0.6 * root + 0.4 * tip, tip])
        figure.add(
            limbs.ribbon(
                limbs.smooth_curve(curve, False, 3),
                0.14 * np.sin(np.linspace(0.3, 3.0, 7)),
            ),
            'accent',
            0.01,
            0.85 + 0.15 * abs(x),
        )
    angles = np.linspace(0, 2 * math.pi, 24, endpoint=False)
    shield = [
        (math.sin(a), -math.cos(a) * (1.0 if abs(math.sin(a)) > 0.9 else 1.15))
        for a in angles
    ]
    face = figure.add(limbs.smooth_curve(flat(*shield), True, 2), 'main', 0.0)
    half = [(0.0, p[1] * 0.99) if p[0] < 0 else p for p in shield]
    figure.paint(flat(*half), 'second', face)
    _add_features(figure, rng, flat, camera, face)
    vivid = (0, 360, 0.6, 1.0, 0.5, 0.95)
    colours = palette(
        rng,
        dict(
            main=[vivid, (40, 50, 0.6, 0.9, 0.75, 0.95)],
            second=[vivid, (0, 360, 0.0, 0.1, 0.85, 1.0)],
            accent=vivid,
            dark=(0, 360, 0.1, 0.3, 0.05, 0.15),
        ),
    )
    return figure.pose(CATEGORIES['carnival mask']['keypoints'], colours)


def _add_features(
    figure: Figure,
    rng: np.random.Generator,
    flat: Callable[..., np.ndarray],
    camera: np.ndarray,
    face: int,
) -> None:
    for side, sign in SIDES:
        almond = [(0.13, 0.0), (0.35, -0.2), (0.72, -0.25), (0.5, 0.08)]
        hole = flat(*((sign * x, y - 0.1) for x, y in almond))
        figure.paint(limbs.smooth_curve(hole, True, 4), 'dark', face)
        tear = flat((sign * 0.55, 0.3))[0]
        figure.paint(limbs.ellipse(tear, 0.07, 0.1, 0.0, 8), 'accent', face)
        figure.mark(f'{side} eye', flat((sign * 0.43, -0.2))[0], face)
    tip = flat((0.0, 0.3))[0] + (camera @ np.array([0.0, 0.0, -0.35]))[:2]
    nose = np.array([*flat((0.0, -0.1), (-0.15, 0.32), (0.15, 0.32)), tip])
    ridge = figure.paint(limbs.convex_hull(nose), 'accent', face, 0.9)
    figure.mark('nose', tip, ridge)
    smile = rng.uniform(-0.12, 0.16)
    grin = [(-0.45, 0.62 - smile), (0.0, 0.62 + smile), (0.45, 0.62 - smile)]
    curve = limbs.smooth_curve(flat(*grin), False, 5)
    thick = 0.07 * np.sin(np.linspace(0.2, 2.94, len(curve)))
    figure.paint(limbs.ribbon(curve, thick), 'dark', face)
    figure.mark('mouth right corner', flat(grin[0])[0], face)
    figure.mark('mouth left corner', flat(grin[2])[0], face)
