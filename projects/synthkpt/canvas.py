# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Rasterises poses into a map of layer numbers that decides visibility."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from projects.synthkpt.base import Pose

SUPERSAMPLING = 2  # map pixels per picture pixel and side
_FRACTION_BITS = 4  # sub-pixel bits of cv2.fillPoly
# A keypoint on a rim may be rounded into the neighbouring layer, so one map
# pixel (half a picture pixel) around it is looked at.
_RIM = 1


def placement(
    pose: Pose, center: np.ndarray, long_side: float, angle: float
) -> np.ndarray:
    """Similarity that puts a pose into a picture.

    Args:
        pose: The pose, any unit.
        center: ``(2,)`` where the middle of its extent goes, picture px.
        long_side: Longer side of its unrotated extent, picture px.
        angle: Rotation in degrees, clockwise on the screen.

    Returns:
        ``(2, 3)`` float64, object frame to picture px.

    Raises:
        ValueError: If the pose has no extent.
    """
    points = np.concatenate([layer.polygon for layer in pose.layers])
    low, high = points.min(0), points.max(0)
    extent = float((high - low).max())
    if not extent > 0:
        raise ValueError(
            f'A pose has an extent of {extent}; its layers need polygons '
            'that cover some area.'
        )
    turn = np.deg2rad(angle)
    scale = long_side / extent
    linear = scale * np.array(
        [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    )
    offset = np.asarray(center) - linear @ ((low + high) / 2)
    return np.concatenate([linear, offset[:, None]], 1)


def transform(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Applies a ``(2, 3)`` affine map to ``(N, 2)`` points."""
    return points @ matrix[:, :2].T + matrix[:, 2]


@dataclass(frozen=True)
class Patch:
    """One rasterised pose, cut to the picture.

    Attributes:
        layers: ``(h, w)`` int32 map pixels, layer index + 1, 0 = nothing.
        row: First map row of the patch in the picture's map.
        column: First map column.
        keypoints: ``(K, 2)`` float64, picture px, rounded to 0.01.
        pose: The pose it was made from.
    """

    layers: np.ndarray
    row: int
    column: int
    keypoints: np.ndarray
    pose: Pose

    @property
    def window(self) -> tuple[slice, slice]:
        """Where the patch lies in the picture's map."""
        height, width = self.layers.shape
        return (
            slice(self.row, self.row + height),
            slice(self.column, self.column + width),
        )

    def area(self) -> float:
        """Silhouette's area inside the picture, picture px^2."""
        return float(np.count_nonzero(self.layers)) / SUPERSAMPLING**2

    def bbox(self) -> list[float]:
        """Silhouette's extent in the picture: [x, y, w, h], picture px.

        Like the keypoints it takes integer coordinates for pixel centres.
        """
        rows = np.flatnonzero(self.layers.any(1))
        columns = np.flatnonzero(self.layers.any(0))
        if not rows.size:
            return [0.0, 0.0, 0.0, 0.0]
        left = (self.column + columns[0]) / SUPERSAMPLING
        top = (self.row + rows[0]) / SUPERSAMPLING
        width = (columns[-1] - columns[0] + 1) / SUPERSAMPLING
        height = (rows[-1] - rows[0] + 1) / SUPERSAMPLING
        return [max(left - 0.5, 0.0), max(top - 0.5, 0.0), width, height]


def rasterise(
    pose: Pose, matrix: np.ndarray, width: int, height: int
) -> Patch:
    """Paints the layers of a pose, back to front.

    Args:
        pose: The pose.
        matrix: ``(2, 3)``, object frame to picture px.
        width: Picture width in px.
        height: Picture height in px.

    Returns:
        The patch, empty where the pose lies outside the picture.
    """
    # The centre of picture pixel i is at SUPERSAMPLING * i + offset.
    offset = (SUPERSAMPLING - 1) / 2
    polygons = [
        transform(layer.polygon, matrix) * SUPERSAMPLING + offset
        for layer in pose.layers
    ]
    points = np.concatenate(polygons)
    limit = np.array([width, height]) * SUPERSAMPLING
    low = np.clip(np.floor(points.min(0)), 0, limit).astype(int)
    high = np.clip(np.ceil(points.max(0)) + 1, 0, limit).astype(int)
    layers = np.zeros(tuple((high - low)[::-1]), np.int32)
    if layers.size:
        for index, polygon in enumerate(polygons):
            fixed = np.rint((polygon - low) * (1 << _FRACTION_BITS))
            cv2.fillPoly(
                layers,
                [fixed.astype(np.int32)],
                index + 1,
                cv2.LINE_8,
                _FRACTION_BITS,
            )
    keypoints = np.round(
        transform(
            np.asarray(pose.keypoints, np.float64).reshape(-1, 2), matrix
        ),
        2,
    )
    return Patch(layers, int(low[1]), int(low[0]), keypoints, pose)


class Canvas:
    """The picture's map of layer numbers, filled back to front.

    Number 0 is the background; object ``i`` owns the numbers
    ``starts[i] .. starts[i] + len(layers) - 1``.

    Args:
        width: Picture width in px.
        height: Picture height in px.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.numbers = np.zeros(
            (height * SUPERSAMPLING, width * SUPERSAMPLING), np.int32
        )
        self.patches: list[Patch] = []
        self.starts: list[int] = []

    @property
    def next_number(self) -> int:
        """Number of the first layer of the next object."""
        if not self.patches:
            return 1
        return self.starts[-1] + len(self.patches[-1].pose.layers)

    def add(self, patch: Patch) -> None:
        """Paints an object over everything painted so far."""
        start = self.next_number
        target = self.numbers[patch.window]
        np.copyto(target, patch.layers + (start - 1), where=patch.layers > 0)
        self.patches.append(patch)
        self.starts.append(start)

    def remove_last(self, numbers: np.ndarray) -> None:
        """Takes the last object back.

        Args:
            numbers: The map under its window before it was added.
        """
        patch = self.patches.pop()
        self.starts.pop()
        self.numbers[patch.window] = numbers

    def visible_fraction(self, index: int) -> float:
        """Part of an object's silhouette in the picture that is seen."""
        patch, start = self.patches[index], self.starts[index]
        total = np.count_nonzero(patch.layers)
        if not total:
            return 0.0
        shown = self.numbers[patch.window]
        stop = start + len(patch.pose.layers)
        return np.count_nonzero((shown >= start) & (shown < stop)) / total

    def visibility(self, index: int) -> np.ndarray:
        """State of an object's keypoints.

        Returns:
            ``(K,)`` int: 2 seen, 1 in the picture but covered by a later
            layer, 0 outside the picture.
        """
        patch, start = self.patches[index], self.starts[index]
        states = np.zeros(len(patch.keypoints), int)
        offset = (SUPERSAMPLING - 1) / 2
        for k, (x, y) in enumerate(patch.keypoints):
            if not (0 <= x <= self.width - 1 and 0 <= y <= self.height - 1):
                continue
            column = int(round(x * SUPERSAMPLING + offset))
            row = int(round(y * SUPERSAMPLING + offset))
            around = self.numbers[
                max(row - _RIM, 0) : row + _RIM + 1,
                max(column - _RIM, 0) : column + _RIM + 1,
            ]
            own = start + int(patch.pose.keypoint_layers[k])
            states[k] = 2 if around.min() <= own else 1
        return states
