# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The panel beside a picture that says what its marks mean."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from projects.common.structures import KeypointCategory
from projects.common.visualization.colors import (
    Color,
    category_color,
    keypoint_color,
)
from projects.common.visualization.drawing import PointState, draw_point
from projects.common.visualization.texts import FONT, put_text

_GROUND = (32, 32, 32)
_TEXT = (235, 235, 235)
_MARKS = {
    PointState.VISIBLE: 'visible',
    PointState.HIDDEN: 'hidden',
    PointState.DOUBTFUL: 'low score',
}

#: Text, colour of its mark and the mark; a heading has no mark.
_Row = tuple[str, Color, PointState | None]


def append_legend(
    image: np.ndarray,
    categories: Sequence[KeypointCategory],
    states: Sequence[PointState] = (PointState.VISIBLE, PointState.HIDDEN),
) -> np.ndarray:
    """Put a panel with keypoint names and marks to the right of a picture.

    Args:
        image: (H, W, 3) uint8 RGB.
        categories: Categories whose keypoints are listed, '3 left eye'.
        states: Marks that are explained.

    Returns:
        (H', W', 3) uint8 RGB, H' >= H.
    """
    rows: list[_Row] = [(_MARKS[s], _TEXT, s) for s in states]
    for category in categories:
        rows.append((category.name, category_color(category.name), None))
        rows += [
            (f'{i} {name}', keypoint_color(name), PointState.VISIBLE)
            for i, name in enumerate(category.keypoints)
        ]
    unit = max(image.shape[:2]) / 768
    line = round(19 * unit)
    per_column = max(1, image.shape[0] // line)
    columns = [
        _draw_column(rows[i : i + per_column], image.shape[0], unit, line)
        for i in range(0, len(rows), per_column)
    ]
    return np.concatenate([image, *columns], axis=1)


def _draw_column(
    rows: Sequence[_Row], height: int, unit: float, line: int
) -> np.ndarray:
    size = 0.42 * unit
    thickness = max(1, round(unit))
    widths = [
        cv2.getTextSize(text, FONT, size, thickness)[0][0]
        for text, _, _ in rows
    ]
    margin = round(20 * unit)
    panel = np.full((height, max(widths) + 2 * margin, 3), _GROUND, np.uint8)
    for i, (text, color, state) in enumerate(rows):
        middle = (i + 0.5) * line
        start = margin // 3, round(middle + 5 * unit)
        if state is not None:
            mark = np.array([margin / 2, middle])
            draw_point(panel, mark, state, color, unit)
            start, color = (margin, start[1]), _TEXT
        put_text(panel, text, start, size, color, unit, outline=False)
    return panel
