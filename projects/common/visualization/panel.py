# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What was shown as an example, beside what was found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from projects.common.visualization.drawing import (
    DrawnInstance,
    draw_instances,
)

_GROUND = 32
#: Examples in a lower picture could not be read.
_MIN_HEIGHT = 512
_GAP = 12

#: (h, w, 3) uint8 RGB and the object in it.
DrawnExample = tuple[np.ndarray, DrawnInstance]


def prepend_examples(
    picture: np.ndarray,
    examples: Sequence[DrawnExample],
    unit: float | None = None,
) -> np.ndarray:
    """Put a panel with the named keypoints of examples left of a picture.

    Args:
        picture: (H, W, 3) uint8 RGB, with what was found.
        examples: At least one.
        unit: See :func:`draw_instances`.

    Returns:
        (H', W', 3) uint8 RGB; H' is H, or 512 where that is more.
    """
    height = max(picture.shape[0], _MIN_HEIGHT)
    rows = math.ceil(math.sqrt(len(examples)))
    side = height // rows
    unit = unit or height / 768
    inner = side if len(examples) == 1 else side - _GAP
    tiles = [
        _padded(_tile(image, one, inner, unit), side, side)
        for image, one in examples
    ]
    columns = [
        _padded(np.concatenate(tiles[i : i + rows]), height, side)
        for i in range(0, len(tiles), rows)
    ]
    gap = np.full((height, _GAP, 3), _GROUND, np.uint8)
    found = _padded(picture, height, picture.shape[1])
    return np.concatenate([*columns, gap, found], axis=1)


def _tile(
    image: np.ndarray, one: DrawnInstance, side: int, unit: float
) -> np.ndarray:
    """The example, its longer side as said."""
    scale = side / max(image.shape[:2])
    if scale < 1:
        size = [max(1, round(edge * scale)) for edge in image.shape[1::-1]]
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        points, box = one.keypoints * scale, np.asarray(one.bbox) * scale
        one = replace(one, keypoints=points, bbox=box)
    return draw_instances(image, [one], min_side=side, names=True, unit=unit)


def _padded(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """The picture in the middle of a larger one."""
    left, top = (width - image.shape[1]) // 2, (height - image.shape[0]) // 2
    right, below = width - image.shape[1] - left, height - image.shape[0] - top
    return cv2.copyMakeBorder(
        image,
        top,
        below,
        left,
        right,
        cv2.BORDER_CONSTANT,
        value=(_GROUND,) * 3,
    )
