# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Writing in pictures so that it can be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from projects.common.visualization.colors import Color

FONT = cv2.FONT_HERSHEY_SIMPLEX
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)
_SIZE = 0.38
#: Distances from its keypoint that a text may have, in line widths.
_GAPS = (6, 16, 26, 36)

#: Left, top, right, bottom, pixels.
Rect = tuple[int, int, int, int]


def put_text(
    canvas: np.ndarray,
    text: str,
    origin: tuple[int, int],
    size: float,
    color: Color,
    unit: float,
    outline: bool = True,
) -> None:
    """Write text in place, on a dark outline that reads on any ground."""
    width = max(1, round(unit))
    if outline:
        outer = max(3, round(3 * unit))
        cv2.putText(
            canvas, text, origin, FONT, size, _BLACK, outer, cv2.LINE_AA
        )
    cv2.putText(canvas, text, origin, FONT, size, color, width, cv2.LINE_AA)


def write_beside(
    canvas: np.ndarray,
    texts: Sequence[str],
    points: np.ndarray,
    unit: float,
    placed: list[Rect],
) -> None:
    """Write a text near each point, in the picture and over no other.

    A text that is not beside its point is joined to it by a line. Where there
    is no room at all it is left out.

    Args:
        canvas: (H, W, 3) uint8 RGB, is changed.
        texts: N texts.
        points: (N, 2) xy, pixels of the canvas.
        unit: The line width in pixels.
        placed: Where texts are already; those written are added.
    """
    height, width = canvas.shape[:2]
    chosen = []
    for text, point in zip(texts, points):
        size = cv2.getTextSize(text, FONT, _SIZE * unit, round(unit) or 1)
        size = _with_margin(*size, unit)
        for number, rect in enumerate(_rects(point, size, unit)):
            inside = rect[0] >= 0 <= rect[1]
            inside = inside and rect[2] <= width and rect[3] <= height
            if inside and not any(_overlap(rect, other) for other in placed):
                placed.append(rect)
                chosen.append((text, point, rect, number))
                break
    for _, point, rect, number in chosen:
        if number >= 6:
            end = np.clip(point, rect[:2], rect[2:])
            for color, line in ((_BLACK, 3), (_WHITE, 1)):
                ends = (tuple(map(round, p.tolist())) for p in (point, end))
                line_width = max(line, round(line * unit))
                cv2.line(canvas, *ends, color, line_width, cv2.LINE_AA)
    for text, _, rect, _ in chosen:
        origin = rect[0] + _margin(unit), rect[3] - _margin(unit)
        put_text(canvas, text, origin, _SIZE * unit, _WHITE, unit)


def _margin(unit: float) -> int:
    """Room for the outline around a text."""
    return round(1.5 * unit)


def _with_margin(
    size: tuple[int, int], base: int, unit: float
) -> tuple[int, int]:
    # What hangs below the line, such as in "g", is a third of the base.
    margin = 2 * _margin(unit)
    return size[0] + margin, size[1] + base // 3 + margin


def _rects(
    point: np.ndarray, size: tuple[int, int], unit: float
) -> Iterator[Rect]:
    """Six places at each distance, the nearest first."""
    x, y = np.clip(point, -1e5, 1e5).round().astype(int).tolist()
    width, height = size
    for distance in _GAPS:
        gap = round(distance * unit)
        for left, bottom in (
            (x + gap, y - gap // 2),
            (x - gap - width, y - gap // 2),
            (x + gap, y + gap + height),
            (x - gap - width, y + gap + height),
            (x - width // 2, y - gap),
            (x - width // 2, y + gap + height),
        ):
            yield left, bottom - height, left + width, bottom


def _overlap(a: Rect, b: Rect) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
