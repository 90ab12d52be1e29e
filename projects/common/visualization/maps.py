# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Maps of numbers over pictures, blue where low and red where high."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

_TITLE = 18  # pixels above each picture of a mosaic
_OPACITY = 0.55


def overlay_map(
    image: np.ndarray, values: np.ndarray, box: Sequence[float]
) -> np.ndarray:
    """Lay a map over a part of a picture.

    Args:
        image: (H, W, 3) uint8 RGB.
        values: (h, w), drawn from its lowest to its highest.
        box: What it covers, xyxy pixels of the picture; may reach beyond it.
            The map's pixel (0, 0) is at its corner.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    values = values.astype(np.float32)
    low, high = float(values.min()), float(values.max())
    scaled = (values - low) / max(high - low, 1e-9) * 255
    x1, y1, x2, y2 = box
    matrix = np.array(
        [
            [(x2 - x1) / values.shape[1], 0, x1],
            [0, (y2 - y1) / values.shape[0], y1],
        ]
    )
    size = image.shape[1::-1]
    heat = cv2.warpAffine(
        scaled, matrix, size, borderMode=cv2.BORDER_REPLICATE
    )
    colors = cv2.applyColorMap(heat.astype(np.uint8), cv2.COLORMAP_JET)
    x, y = np.meshgrid(*map(np.arange, size))
    inside = (x >= x1) & (x < x2) & (y >= y1) & (y < y2)
    blended = cv2.addWeighted(
        np.ascontiguousarray(image),
        1 - _OPACITY,
        np.ascontiguousarray(colors[..., ::-1]),
        _OPACITY,
        0,
    )
    return np.where(inside[..., None], blended, image)


def mosaic(
    tiles: Sequence[np.ndarray],
    titles: Sequence[str],
    columns: int | None = None,
) -> np.ndarray:
    """Put pictures of one size under their titles.

    Args:
        tiles: N pictures (h, w, 3) uint8 RGB.
        titles: N texts.
        columns: Pictures in a row; by default as square as can be.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    height, width = tiles[0].shape[:2]
    height += _TITLE
    columns = columns or math.ceil(math.sqrt(len(tiles)))
    rows = math.ceil(len(tiles) / columns)
    canvas = np.full((rows * height, columns * width, 3), 255, np.uint8)
    for number, (tile, title) in enumerate(zip(tiles, titles, strict=True)):
        top = number // columns * height
        left = number % columns * width
        part = canvas[top : top + height, left : left + width]
        part[_TITLE:] = tile
        cv2.putText(
            part,
            title,
            (2, _TITLE - 5),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.42,
            (0, 0, 0),
            1,
            cv2.LINE_AA,
        )
    return canvas
