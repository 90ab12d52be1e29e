# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The turned figure an insect is drawn into, its joint limits, depths."""

import math

import numpy as np

from projects.synthkpt import limbs
from projects.synthkpt.figure import Figure

# Degrees around the rest position.
LIMITS = {
    'leg': (-20.0, 20.0),
    'joint': (-18.0, 18.0),
    'antenna': (-18.0, 18.0),
    'head': (-16.0, 16.0),
    'abdomen': (-18.0, 18.0),
    'wing': (-14.0, 10.0),
}
# Depths: legs lie under the trunk, wings over it.
LEGS, TRUNK, WINGS = 0.02, 0.0, -0.02


class View:
    """A figure turned and squeezed as a whole."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.figure = Figure()
        narrow = np.array([[rng.uniform(0.88, 1.1)], [1.0]])
        direction, squeeze = rng.uniform(0, 2 * math.pi), rng.uniform(0.82, 1)
        turned = limbs.rotate(np.eye(2), rng.uniform(0, 2 * math.pi))
        # The camera looks a little from the side: squeeze one direction.
        turned = limbs.rotate(turned, -direction) * (squeeze, 1.0)
        self._matrix = narrow * limbs.rotate(turned, direction)

    def map(self, points: np.ndarray) -> np.ndarray:
        """From the insect's frame to the picture's."""
        return np.asarray(points) @ self._matrix

    def add(
        self,
        points: np.ndarray,
        material: str,
        depth: float,
        shade: float = 1.0,
    ) -> int:
        """Add a part; see ``Figure.add``."""
        return self.figure.add(self.map(points), material, depth, shade)

    def paint(
        self, points: np.ndarray, material: str, on: int, shade: float = 1.0
    ) -> int:
        """Paint on a part; see ``Figure.paint``."""
        return self.figure.paint(self.map(points), material, on, shade)

    def mark(self, name: str, point: np.ndarray, *on: int) -> None:
        """Mark a keypoint; see ``Figure.mark``."""
        self.figure.mark(name, self.map(np.asarray(point)), *on)
