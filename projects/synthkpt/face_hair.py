# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Hair and hats of the large faces."""

import numpy as np

from projects.synthkpt import limbs
from projects.synthkpt.figure import Figure

# Hair in front of the forehead but behind the eyebrows.
FRINGE_DEPTH = -0.15


def add_hair(
    figure: Figure,
    rng: np.random.Generator,
    kind: str,
    camera: np.ndarray,
) -> list[int]:
    """Add the hair around and over a head.

    Args:
        figure: Receives the parts; bushes also mark 'left hair bush' and
            'right hair bush'.
        rng: Source of randomness.
        kind: 'short', 'long', 'curls', 'bushes', 'carved' or 'none'.
        camera: (3, 3) rotation from the head frame.

    Returns:
        Handles of the parts over the crown.
    """

    def place(x: float, y: float, z: float) -> np.ndarray:
        return camera @ np.array([x, y, z])

    if kind == 'bushes':
        for side, sign in (('left', 1.0), ('right', -1.0)):
            middle = place(1.15 * sign, -0.35, 0.3)
            tuft = limbs.ellipse(middle, 0.5, 0.55)
            depth = -0.01 if middle[2] < -0.2 else 0.5
            bush = figure.add(limbs.scallop(tuft, 10, 0.09), 'hair', depth)
            outer = middle + 0.2 * place(sign, 0.0, 0.0)
            figure.mark(f'{side} hair bush', outer, bush)
        return []
    back = place(0.0, -0.45, 0.35)
    crown = limbs.ellipse(back, 1.12, 1.1, 0.0, 24)
    if kind == 'curls':
        crown = limbs.scallop(crown, 14, 0.12)
    if kind == 'carved':
        crown = limbs.scallop(crown, 20, 0.07)
    figure.add(crown, 'hair', 1.0, 0.85)
    if kind == 'long':
        reach = rng.uniform(0.9, 1.7)
        for sign in (1.0, -1.0):
            top = place(0.85 * sign, -0.3, 0.35)
            low = place(0.95 * sign, reach, 0.3)
            lock = limbs.capsule(top, low, 0.33, 0.28, 10)
            figure.add(lock, 'hair', 1.5, 0.92)
    return [_add_fringe(figure, rng, kind, camera)]


def _add_fringe(
    figure: Figure, rng: np.random.Generator, kind: str, camera: np.ndarray
) -> int:
    """The hair line: a band over the top of the forehead."""
    low = -0.78 + rng.uniform(-0.1, 0.06)
    part = rng.uniform(-0.4, 0.4)
    line = [
        (x, low + 0.1 * (1 - abs(x - part)) * -1 + 0.42 * x * x)
        for x in np.linspace(-1.0, 1.0, 7)
    ]
    front = [(x, y, -0.75 * np.sqrt(max(0.0, 1.05 - x * x))) for x, y in line]
    over = [
        (x, -0.42 - 1.0 * np.sqrt(max(0.0, 1.0 - x * x)), 0.15)
        for x in np.linspace(1.0, -1.0, 9)
    ]
    corners = (np.array(front + over) @ camera.T)[:, :2]
    outline = limbs.smooth_curve(corners, True, 3)
    if kind in ('curls', 'carved'):
        outline = limbs.scallop(limbs.densify(corners, 2), 14, 0.08)
    return figure.add(outline, 'hair', FRINGE_DEPTH)


def add_hat(figure: Figure, camera: np.ndarray) -> None:
    """A small pointed hat with a bobble; marks 'hat tip'."""

    def place(x: float, y: float) -> np.ndarray:
        return camera @ np.array([x, y, -0.1])

    left, right, tip = place(0.42, -1.2), place(-0.42, -1.2), place(0.0, -2.1)
    cone = np.array([left[:2], right[:2], tip[:2]])
    hat = figure.add(limbs.densify(cone), 'main', -0.3)
    for share in (0.25, 0.55):
        spot = (1 - share) * (left + right) / 2 + share * tip
        figure.paint(limbs.ellipse(spot, 0.09, 0.09, 0.0, 12), 'second', hat)
    bobble = limbs.ellipse(tip, 0.12, 0.12, 0.0, 16)
    figure.mark('hat tip', tip, figure.paint(bobble, 'accent', hat))
