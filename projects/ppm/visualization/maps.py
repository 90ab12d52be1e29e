# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Attention maps over the crop that the model saw."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from projects.common.visualization import mosaic, overlay_map


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
    small = cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)
    tiles = []
    for number, values in enumerate(maps):
        tile = overlay_map(small, values, (0, 0, side, side))
        if points is not None:
            place = points[number] * side / values.shape[-1]
            cv2.drawMarker(
                tile,
                tuple(int(v) for v in place.round()),
                (255, 255, 255),
                cv2.MARKER_CROSS,
                max(8, side // 16),
                2,
            )
        tiles.append(tile)
    titles = [
        f'{name} {values.min():.2f}-{values.max():.2f}'
        for name, values in zip(names, maps)
    ]
    return mosaic(tiles, titles, columns)
