# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Eyes, eyebrows, nose, mouth, beard and glasses of the large faces."""

import numpy as np

from projects.synthkpt import limbs
from projects.synthkpt.face_schema import (
    BROWS,
    INNER_LIPS,
    JAW,
    LEFT_EYE,
    NOSE,
    OUTER_LIPS,
    RIGHT_EYE,
)
from projects.synthkpt.figure import Figure

SIDES = (('left', 1.0), ('right', -1.0))


def camera_of(rng: np.random.Generator) -> np.ndarray:
    """Moderate yaw, pitch and roll of a face; (3, 3)."""
    yaw = float(np.clip(rng.normal(0.0, 0.38), -0.8, 0.8))
    return limbs.turn(
        yaw, rng.uniform(-0.3, 0.3), float(rng.normal(0.0, 0.15))
    )


def add_eyes(
    figure: Figure, at: dict[str, np.ndarray], carved: bool, clown: bool
) -> None:
    """Add both eyes and mark their rings and centres."""
    for side, ring in (('left', LEFT_EYE), ('right', RIGHT_EYE)):
        corners = np.array([at[name][:2] for name in ring])
        centre = at[f'{side} eye']
        if clown:
            tall = np.abs(corners[:, 0] - centre[0]).max()
            patch = limbs.ellipse(centre, 1.15 * tall, 0.36)
            figure.add(patch, 'second', -0.1)
        outline = limbs.smooth_curve(corners, True, 4)
        line = centre[:2] + (outline - centre[:2]) * (1.08, 1.25)
        lid = figure.add(line, 'dark', -0.2, 1.0 if not carved else 0.75)
        white = figure.paint(outline, 'light', lid, 0.85 if carved else 1.0)
        height = float(np.ptp(outline[:, 1])) / 2
        width = float(np.ptp(outline[:, 0])) / 2
        radius = min(0.11, height * 1.05), min(0.11, height)
        if not carved and width > 0.03:
            middle = outline.mean(axis=0)
            figure.paint(
                limbs.ellipse(middle, min(radius[0], width), radius[1]),
                'iris',
                lid,
            )
            figure.paint(
                limbs.ellipse(
                    middle, radius[0] * 0.45, radius[1] * 0.5, 0.0, 8
                ),
                'dark',
                lid,
            )
        figure.mark(f'{side} eye', centre, lid, white)
        for name in ring:
            figure.mark(name, at[name], lid, white)


def add_brows(
    figure: Figure, at: dict[str, np.ndarray], thickness: float
) -> None:
    """Add both eyebrows; ``thickness`` is their half width."""
    for names in (BROWS[:5], BROWS[5:]):
        line = np.array([at[name][:2] for name in names])
        curve = limbs.smooth_curve(line, False, 3)
        widths = np.sin(np.linspace(0.5, 2.64, len(curve))) * thickness
        brow = figure.add(limbs.ribbon(curve, widths), 'hair', -0.2, 0.8)
        for name in names:
            figure.mark(name, at[name], brow)


def add_nose(
    figure: Figure,
    at: dict[str, np.ndarray],
    camera: np.ndarray,
    ball: bool,
) -> None:
    """Add the nose, or a red ball on it, and mark it."""
    corners = [at[NOSE[0]] + camera @ (s * 0.06, 0.0, 0.0) for s in (-1, 1)]
    corners += [at[name] for name in NOSE]
    side = figure.add(
        limbs.convex_hull(np.array(corners)[:, :2]), 'skin', -0.3, 0.9
    )
    for name in ('left nostril 1', 'right nostril 1'):
        hole = limbs.ellipse(at[name], 0.05, 0.025, 0.0, 8)
        figure.paint(hole, 'skin', side, 0.45)
    for name in NOSE:
        figure.mark(name, at[name], side)
    if ball:
        red = limbs.ellipse(at['nose'], 0.24, 0.24)
        figure.mark('nose', at['nose'], figure.paint(red, 'accent', side))


def add_mouth(figure: Figure, at: dict[str, np.ndarray], carved: bool) -> None:
    """Add lips, the open mouth and teeth, and mark the lips."""
    outline = np.array([at[name][:2] for name in OUTER_LIPS])
    lips = figure.add(
        limbs.smooth_curve(outline, True, 3),
        'lips',
        -0.2,
        0.85 if carved else 1.0,
    )
    inner = np.array([at[name][:2] for name in INNER_LIPS])
    opened = limbs.smooth_curve(inner, True, 3)
    figure.paint(opened, 'dark', lips, 0.6 if carved else 1.0)
    if float(np.ptp(inner[:, 1])) > 0.12 and not carved:
        middle = inner.mean(axis=0)
        upper = np.concatenate(
            [inner[:5], middle + (inner[4::-1] - middle) * (0.8, 0.0)]
        )
        figure.paint(upper, 'light', lips)
    for name in (*OUTER_LIPS, *INNER_LIPS):
        figure.mark(name, at[name], lips)


def add_beard_or_glasses(
    figure: Figure,
    rng: np.random.Generator,
    at: dict[str, np.ndarray],
    head: int,
) -> None:
    """Sometimes add a beard or a pair of glasses."""
    kind = rng.uniform()
    if kind < 0.35:
        low = np.array([at[name][:2] for name in JAW[1:-1]])
        mouth = at['upper lip center'][:2] - (0.0, 0.09)
        inner = mouth + (low[::-1] - mouth) * (0.78, 0.3)
        figure.paint(np.concatenate([low, inner]), 'hair', head)
    elif kind < 0.55:
        for side, _ in SIDES:
            centre = at[f'{side} eye']
            reach = abs(
                at[f'{side} eye outer corner'][0]
                - at[f'{side} eye inner corner'][0]
            )
            rim = limbs.ellipse(centre, 0.75 * reach, 0.24, 0.0, 24)
            hole = limbs.ellipse(centre, 0.75 * reach - 0.03, 0.21, 0.0, 24)
            ring = np.concatenate([rim, rim[:1], hole[:1], hole[::-1]])
            figure.add(ring, 'dark', -0.19)
        bridge = at['nose bridge 1']
        figure.add(limbs.ellipse(bridge, 0.13, 0.025, 0.0, 8), 'dark', -0.19)
