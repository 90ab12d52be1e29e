# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Drawing objects with OpenCV; pictures and colours are RGB."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import cv2
import numpy as np

from projects.common.structures import KeypointCategory
from projects.common.visualization.colors import (
    Color,
    category_color,
    keypoint_color,
)
from projects.common.visualization.texts import (
    FONT,
    Rect,
    put_text,
    write_beside,
)

#: Sub-pixel positions: OpenCV takes fixed point with this many binary digits.
_SHIFT = 4
_BLACK = (0, 0, 0)


class PointState(IntEnum):
    """How a keypoint is drawn."""

    ABSENT = 0  #: not at all: not labelled
    HIDDEN = 1  #: ring: labelled, not visible
    VISIBLE = 2  #: filled disc
    DOUBTFUL = 3  #: small cross, no skeleton: predicted with a low score


@dataclass(frozen=True)
class DrawnInstance:
    """One object to draw.

    Attributes:
        category: Its category with K keypoints.
        bbox: (4,) xyxy, picture pixels.
        keypoints: (K, 2) xy, picture pixels.
        states: (K,) :class:`PointState`.
        score: Confidence of a prediction, None for ground truth.

    Raises:
        ValueError: If the arrays do not have the category's K.
    """

    category: KeypointCategory
    bbox: np.ndarray
    keypoints: np.ndarray
    states: np.ndarray
    score: float | None = None

    def __post_init__(self) -> None:
        count = self.category.num_keypoints
        if self.keypoints.shape != (count, 2) or len(self.states) != count:
            raise ValueError(
                f'An object of category {self.category.name!r} with {count} '
                'keypoint names is drawn with keypoints of shape '
                f'{self.keypoints.shape} and {len(self.states)} states; '
                f'give ({count}, 2) and {count}.'
            )


def draw_instances(
    image: np.ndarray,
    instances: Sequence[DrawnInstance],
    boxes: bool = True,
    numbers: bool = False,
    min_side: int = 768,
    names: bool = False,
    unit: float | None = None,
) -> np.ndarray:
    """Draw objects with box, category, score, skeleton and keypoints.

    A small picture is enlarged first, so that what is drawn can be read.

    Args:
        image: (H, W, 3) uint8 RGB; left as it is.
        instances: The objects, in pixels of ``image``.
        boxes: Whether to draw boxes with category and score.
        numbers: Whether to write each keypoint's index beside it.
        min_side: The longer side of the result is at least this, in pixels.
        names: Whether to write each keypoint's name beside it instead.
        unit: Width of a thin line in pixels, to which marks and letters are
            in proportion; by default what suits the size of the result.

    Returns:
        (H', W', 3) uint8 RGB.
    """
    longest = max(image.shape[:2])
    scale = max(1.0, min_side / longest)
    size = [round(side * scale) for side in image.shape[1::-1]]
    canvas = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
    unit = unit or max(canvas.shape[:2]) / 768
    for instance in instances if boxes else ():
        _draw_box(canvas, instance, scale, unit)
    for instance in instances:
        _draw_skeleton(canvas, instance, scale, unit)
        _draw_keypoints(canvas, instance, scale, unit)
    placed: list[Rect] = [
        _draw_title(canvas, instance, scale, unit)
        for instance in (instances if boxes else ())
    ]
    for instance in instances if numbers or names else ():
        keypoints = instance.category.keypoints
        texts = keypoints if names else [*map(str, range(len(keypoints)))]
        there = np.asarray(instance.states) != PointState.ABSENT
        write_beside(
            canvas,
            [text for text, shown in zip(texts, there) if shown],
            instance.keypoints[there] * scale,
            unit,
            placed,
        )
    return canvas


def _fixed(point: np.ndarray) -> tuple[int, int]:
    # Far outside points of an untrained model must not overflow an int32.
    clipped = np.clip(point, -1e5, 1e5) * 2**_SHIFT
    return int(clipped[0].round()), int(clipped[1].round())


def _width(pixels: float) -> int:
    return max(1, round(pixels))


def _haloed(
    draw: Callable[..., Any],
    canvas: np.ndarray,
    *shape: Any,
    color: Color,
    width: float,
) -> None:
    """Call a function of OpenCV twice: a dark line, a bright one within.

    One of the two can be seen on any ground.
    """
    inner = _width(width)
    outer = inner + 2 * _width(0.4 * width)
    for line, line_width in ((_BLACK, outer), (color, inner)):
        draw(canvas, *shape, line, line_width, cv2.LINE_AA, _SHIFT)


def _draw_box(
    canvas: np.ndarray, instance: DrawnInstance, scale: float, unit: float
) -> None:
    box = np.asarray(instance.bbox, float) * scale
    _haloed(
        cv2.rectangle,
        canvas,
        _fixed(box[:2]),
        _fixed(box[2:]),
        color=category_color(instance.category.name),
        width=1.5 * unit,
    )


def _draw_title(
    canvas: np.ndarray, instance: DrawnInstance, scale: float, unit: float
) -> Rect:
    """Write category and score; returns where."""
    text = instance.category.name
    if instance.score is not None:
        text = f'{text} {instance.score:.2f}'
    size = 0.5 * unit
    (width, height), base = cv2.getTextSize(text, FONT, size, _width(unit))
    box = np.clip(np.asarray(instance.bbox, float) * scale, -1e5, 1e5)
    # Above the box if there is room, else inside; never off the picture.
    x = int(np.clip(box[0], 0, max(0, canvas.shape[1] - width)))
    y = int(box[1]) - base
    if y < height + base:
        y = int(np.clip(box[1], 0, canvas.shape[0])) + height + base
    y = min(y, canvas.shape[0] - base)
    color = category_color(instance.category.name)
    corners = (x, y - height - base // 2), (x + width, y + base)
    cv2.rectangle(canvas, *corners, color, cv2.FILLED)
    put_text(canvas, text, (x, y), size, _BLACK, unit, outline=False)
    return (*corners[0], *corners[1])


def _draw_skeleton(
    canvas: np.ndarray, instance: DrawnInstance, scale: float, unit: float
) -> None:
    colors = [keypoint_color(name) for name in instance.category.keypoints]
    drawn = (PointState.HIDDEN, PointState.VISIBLE)
    for a, b in instance.category.skeleton:
        if instance.states[a] in drawn and instance.states[b] in drawn:
            ends = (_fixed(instance.keypoints[i] * scale) for i in (a, b))
            mixed = [(x + y) // 2 for x, y in zip(colors[a], colors[b])]
            _haloed(cv2.line, canvas, *ends, color=mixed, width=2 * unit)


def _draw_keypoints(
    canvas: np.ndarray, instance: DrawnInstance, scale: float, unit: float
) -> None:
    for name, point, state in zip(
        instance.category.keypoints, instance.keypoints, instance.states
    ):
        if state != PointState.ABSENT:
            color = keypoint_color(name)
            draw_point(canvas, point * scale, PointState(state), color, unit)


def draw_point(
    canvas: np.ndarray,
    point: np.ndarray,
    state: PointState,
    color: Color,
    unit: float,
) -> None:
    """Draw one keypoint in place; ``unit`` is the line width in pixels."""
    radius = 4 * unit
    center = _fixed(point)
    if state == PointState.DOUBTFUL:
        arm = np.array([[1, 1], [1, -1]]) * 0.7 * radius
        # Both dark lines first: a cross, not one line over the other.
        for line, width in ((_BLACK, _width(unit) + 2), (color, _width(unit))):
            for ends in zip(point - arm, point + arm):
                cv2.line(
                    canvas,
                    *map(_fixed, ends),
                    line,
                    width,
                    cv2.LINE_AA,
                    _SHIFT,
                )
        return
    if state == PointState.HIDDEN:
        # Wider than the disc, or its hole would be too small to be seen.
        ring = round(1.3 * radius * 2**_SHIFT)
        _haloed(
            cv2.circle, canvas, center, ring, color=color, width=1.5 * unit
        )
        return
    for disc, size in ((_BLACK, radius + max(1, unit)), (color, radius)):
        fixed = round(size * 2**_SHIFT)
        cv2.circle(
            canvas, center, fixed, disc, cv2.FILLED, cv2.LINE_AA, _SHIFT
        )
