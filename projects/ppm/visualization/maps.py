# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Attention maps over their picture."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

_TITLE = 18  # pixels above each map


def draw_maps(
    image: np.ndarray,
    maps: np.ndarray,
    names: Sequence[str],
    points: np.ndarray | None = None,
    columns: int | None = None,
    side: int = 256,
) -> np.ndarray:
    """A mosaic of maps, each from its own lowest (blue) to highest (red).

    Args:
        image: (S, S, 3) uint8 RGB.
        maps: (N, S', S').
        names: N titles; each map's range is written behind.
        points: (N, 2) xy in pixels of the maps, marked by a cross.
        columns: Maps in a row; by default as square as can be.
        side: Of each map in the mosaic, pixels.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ValueError: If there is not one name for each map.
    """
    if len(maps) != len(names):
        raise ValueError(
            f'{len(maps)} maps have {len(names)} names; give one for each.'
        )
    columns = columns or math.ceil(math.sqrt(len(maps)))
    rows = math.ceil(len(maps) / columns)
    height = side + _TITLE
    mosaic = np.full((rows * height, columns * side, 3), 255, np.uint8)
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    for number, (values, name) in enumerate(zip(maps, names)):
        low, high = float(values.min()), float(values.max())
        tile = _blend(small, values, low, high)
        if points is not None:
            place = (points[number] + 0.5) * side / values.shape[-1] - 0.5
            cv2.drawMarker(
                tile,
                tuple(int(v) for v in place.round()),
                (255, 255, 255),
                cv2.MARKER_CROSS,
                max(8, side // 16),
                2,
            )
        top = number // columns * height
        left = number % columns * side
        mosaic[top + _TITLE : top + height, left : left + side] = tile
        cv2.putText(
            mosaic,
            f'{name} {low:.2f}-{high:.2f}',
            (left + 2, top + _TITLE - 5),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.42,
            (0, 0, 0),
            1,
            cv2.LINE_AA,
        )
    return mosaic


def _blend(
    image: np.ndarray, values: np.ndarray, low: float, high: float
) -> np.ndarray:
    scaled = (values - low) / max(high - low, 1e-9) * 255
    heat = cv2.resize(scaled.astype(np.uint8), image.shape[1::-1])
    colors = cv2.applyColorMap(heat, cv2.COLORMAP_JET)[..., ::-1]
    return cv2.addWeighted(image, 0.45, np.ascontiguousarray(colors), 0.55, 0)
