# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""A piece of cloth: a figure under one soft warp, and shared colours."""

import numpy as np

from projects.synthkpt import limbs
from projects.synthkpt.figure import Figure

SIDES = (('left', 1.0), ('right', -1.0))
WARP = 0.022
# Degrees below the horizon at which a sleeve leaves the shoulder, bend of
# its elbow, swing of a trouser leg and bend of its knee.
LIMITS = {
    'sleeve': (15.0, 80.0),
    'elbow': (-25.0, 150.0),
    'leg': (-4.0, 24.0),
    'knee': (-30.0, 30.0),
}
CLOTH = [
    (0, 360, 0.35, 0.9, 0.4, 0.95),
    (0, 360, 0.0, 0.12, 0.2, 0.95),
]
PALETTE = dict(
    main=CLOTH,
    second=CLOTH,
    accent=(0, 360, 0.5, 1.0, 0.4, 1.0),
    inside=(0, 360, 0.05, 0.3, 0.12, 0.3),
    dark=(0, 360, 0.1, 0.4, 0.1, 0.3),
)


def band_of(
    left: tuple[float, float], right: tuple[float, float], height: float
) -> np.ndarray:
    """A strip of cloth between two points, growing upwards (-y)."""
    (lx, ly), (rx, ry) = left, right
    corners = [(lx, ly), (rx, ry), (rx, ry - height), (lx, ly - height)]
    return limbs.densify(np.array(corners), 5)


class Cloth:
    """A figure whose every point passes through one soft warp."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.figure = Figure()
        self.warp = limbs.soft_warp(rng, WARP)
        self.rng = rng

    def add(
        self,
        corners: np.ndarray,
        material: str,
        depth: float,
        shade: float = 1.0,
    ) -> int:
        """Add a part; see ``Figure.add``."""
        return self.figure.add(self.warp(corners), material, depth, shade)

    def paint(
        self, corners: np.ndarray, material: str, on: int, shade: float = 1.0
    ) -> int:
        """Paint on a part; see ``Figure.paint``."""
        return self.figure.paint(self.warp(corners), material, on, shade)

    def mark(self, name: str, point: tuple[float, float], *on: int) -> None:
        """Mark a keypoint; see ``Figure.mark``."""
        self.figure.mark(name, self.warp(np.array([point]))[0], *on)

    def wrinkle(self, start: np.ndarray, end: np.ndarray, on: int) -> None:
        """Paint a thin dark fold between two points."""
        middle = (np.add(start, end)) / 2 + self.rng.normal(0, 0.02, 2)
        line = limbs.smooth_curve(np.array([start, middle, end]), False, 4)
        widths = [0.001, 0.002, 0.003, 0.004, 0.004, 0.004, 0.003, 0.002]
        self.paint(limbs.ribbon(line, [*widths, 0.001]), 'main', on, 0.72)
