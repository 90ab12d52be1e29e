# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Collects the parts of one drawn object and sorts them by depth."""

import colorsys
from collections.abc import Sequence

import numpy as np

from projects.synthkpt.base import Layer, Pose

Colour = tuple[int, int, int]
Spread = tuple[float, float, float, float, float, float]


class Figure:
    """Parts and keypoints of one object, painted from far to near.

    Depth grows away from the viewer; parts of equal depth are painted in
    the order in which they were added.
    """

    def __init__(self) -> None:
        self._parts: list[tuple[float, np.ndarray, str, float]] = []
        self._carrier: list[int] = []
        self._marks: dict[str, tuple[float, float, tuple[int, ...]]] = {}

    def add(
        self,
        polygon: np.ndarray,
        material: str,
        depth: float = 0.0,
        shade: float = 1.0,
    ) -> int:
        """Add one filled outline.

        Args:
            polygon: (P, 2) corners in the object's frame.
            material: Colour role of the palette.
            depth: Distance behind the picture plane.
            shade: Brightness factor.

        Returns:
            Handle of the part, for :meth:`mark`.
        """
        self._parts.append((float(depth), polygon, material, shade))
        self._carrier.append(len(self._parts) - 1)
        return len(self._parts) - 1

    def paint(
        self, polygon: np.ndarray, material: str, on: int, shade: float = 1.0
    ) -> int:
        """Add a patch of colour on a part; it hides no keypoint of the part.

        Args:
            polygon: (P, 2) corners in the object's frame.
            material: Colour role of the palette.
            on: Handle of the part.
            shade: Brightness factor.

        Returns:
            Handle of the patch.
        """
        handle = self.add(polygon, material, self._parts[on][0], shade)
        self._carrier[handle] = self._carrier[on]
        return handle

    def depth(self, part: int) -> float:
        """Depth of a part."""
        return self._parts[part][0]

    def mark(self, name: str, point: Sequence[float], *parts: int) -> None:
        """Put a keypoint on the nearest to the viewer of some parts.

        Args:
            name: Keypoint name.
            point: (2,) or (3,) position; only x and y are used.
            parts: Handles of the parts that carry the keypoint.
        """
        self._marks[name] = (float(point[0]), float(point[1]), parts)

    def pose(self, names: Sequence[str], palette: dict[str, Colour]) -> Pose:
        """Sort the parts and resolve the keypoints.

        Args:
            names: The K keypoint names of the category, in order; marks of
                other names are left out.
            palette: Material to BGR colour.

        Returns:
            The finished drawing.
        """
        order = sorted(
            range(len(self._parts)),
            key=lambda i: (-self._parts[i][0], self._carrier[i], i),
        )
        # A part's rank is that of its last patch, which follows it directly.
        rank = [0] * len(order)
        for position, index in enumerate(order):
            rank[index] = position
            carrier = self._carrier[index]
            rank[carrier] = max(rank[carrier], position)
        layers = tuple(
            Layer(
                polygon=np.asarray(self._parts[i][1], np.float32),
                material=self._parts[i][2],
                shade=self._parts[i][3],
            )
            for i in order
        )
        marks = [self._marks[name] for name in names]
        return Pose(
            layers=layers,
            keypoints=np.array([m[:2] for m in marks], np.float32),
            keypoint_layers=np.array(
                [max(rank[part] for part in m[2]) for m in marks]
            ),
            palette=palette,
        )


def colour(rng: np.random.Generator, spread: Spread) -> Colour:
    """A random BGR colour.

    Args:
        rng: Source of randomness.
        spread: Lowest and highest hue (in degrees; may exceed 360),
            saturation and value (in [0, 1]), in this order.

    Returns:
        Blue, green, red in [0, 255].
    """
    hue = rng.uniform(spread[0], spread[1]) / 360 % 1
    saturation = rng.uniform(spread[2], spread[3])
    value = rng.uniform(spread[4], spread[5])
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(blue * 255), round(green * 255), round(red * 255)


def palette(
    rng: np.random.Generator, spreads: dict[str, Spread | Sequence[Spread]]
) -> dict[str, Colour]:
    """One random colour per material.

    Args:
        rng: Source of randomness.
        spreads: Material to one colour range, or to several of which one
            is chosen.

    Returns:
        Material to BGR colour.
    """
    chosen = {}
    for material, spread in spreads.items():
        if not isinstance(spread[0], int | float):
            spread = spread[int(rng.integers(len(spread)))]
        chosen[material] = colour(rng, spread)
    return chosen


def category(
    name: str,
    supercategory: str,
    parts: dict[str, Sequence[str]] | Sequence[tuple[str, str]],
    skeleton: Sequence[tuple[str, str]],
    sigmas: Sequence[float] | float = 0.05,
) -> dict:
    """The COCO category fields of a shape, without its id.

    Args:
        name: Category name.
        supercategory: Name of its kind.
        parts: Part name to keypoint names, in keypoint order; or
            (keypoint, part) pairs where the parts alternate.
        skeleton: Pairs of keypoint names; pairs with a name that the
            category lacks are left out.
        sigmas: K OKS constants, or one for all.

    Returns:
        Dict of ``name, supercategory, keypoints, parts, skeleton`` (from
        1), ``swap_pairs`` (of every left keypoint with its right one) and
        ``sigmas``.
    """
    if isinstance(parts, dict):
        pairs = [(k, part) for part, names in parts.items() for k in names]
    else:
        pairs = list(parts)
    keypoints = [keypoint for keypoint, _ in pairs]
    index = {keypoint: i + 1 for i, keypoint in enumerate(keypoints)}
    if isinstance(sigmas, float):
        sigmas = [sigmas] * len(keypoints)
    mirrored = [
        (keypoint, keypoint.replace('left', 'right'))
        for keypoint in keypoints
        if 'left' in keypoint
    ]
    return dict(
        name=name,
        supercategory=supercategory,
        keypoints=keypoints,
        parts=[part for _, part in pairs],
        skeleton=[
            [index[a], index[b]]
            for a, b in skeleton
            if a in index and b in index
        ],
        swap_pairs=[[a, b] for a, b in mirrored if b in index],
        sigmas=list(sigmas),
    )
