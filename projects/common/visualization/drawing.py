# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Drawing objects with OpenCV; pictures and colours are RGB."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import cv2
import numpy as np

from projects.common.structures import KeypointCategory

Color = tuple[int, int, int]

FONT = cv2.FONT_HERSHEY_SIMPLEX
#: Sub-pixel positions: OpenCV takes fixed point with this many binary digits.
_SHIFT = 4
_GOLDEN_ANGLE = 0.381966
_LUMA = np.array([0.299, 0.587, 0.114])
_MIN_LUMA = 0.35
_WHITE = (255, 255, 255)


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


def category_color(name: str) -> Color:
    """RGB colour of a category; the same name has the same colour."""
    hue = sum((i + 1) * ord(c) for i, c in enumerate(name)) * _GOLDEN_ANGLE
    return _rgb(hue % 1.0, 0.65, 1.0)


def keypoint_colors(count: int) -> list[Color]:
    """RGB colours, K of them, that differ as much as K allows."""
    levels = ((0.95, 1.0), (0.5, 1.0), (0.95, 0.65))
    return [_rgb(i / count, *levels[i % len(levels)]) for i in range(count)]


def _rgb(hue: float, saturation: float, value: float) -> Color:
    rgb = np.array(colorsys.hsv_to_rgb(hue, saturation, value))
    luma = rgb @ _LUMA
    if luma < _MIN_LUMA:  # dark blue and violet cannot be read: add white
        rgb += (1 - rgb) * (_MIN_LUMA - luma) / (1 - luma)
    return tuple(round(255 * channel) for channel in rgb)


def draw_instances(
    image: np.ndarray,
    instances: Sequence[DrawnInstance],
    boxes: bool = True,
    numbers: bool = False,
    min_side: int = 768,
    names: bool = False,
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

    Returns:
        (H', W', 3) uint8 RGB.
    """
    longest = max(image.shape[:2])
    scale = max(1.0, min_side / longest)
    size = [round(side * scale) for side in image.shape[1::-1]]
    canvas = cv2.resize(image, size, interpolation=cv2.INTER_CUBIC)
    unit = max(canvas.shape[:2]) / 768
    for instance in instances if boxes else ():
        _draw_box(canvas, instance, scale, unit)
    for instance in instances:
        _draw_skeleton(canvas, instance, scale, unit)
        _draw_keypoints(canvas, instance, scale, unit)
    placed: list[tuple[int, int, int, int]] = []
    for instance in instances if numbers or names else ():
        keypoints = instance.category.keypoints
        texts = keypoints if names else [*map(str, range(len(keypoints)))]
        _draw_texts(canvas, instance, texts, scale, unit, placed)
    for instance in instances if boxes else ():
        _draw_title(canvas, instance, scale, unit)
    return canvas


def _fixed(point: np.ndarray) -> tuple[int, int]:
    # Far outside points of an untrained model must not overflow an int32.
    clipped = np.clip(point, -1e5, 1e5) * 2**_SHIFT
    return int(clipped[0].round()), int(clipped[1].round())


def _width(pixels: float) -> int:
    return max(1, round(pixels))


def _draw_box(
    canvas: np.ndarray, instance: DrawnInstance, scale: float, unit: float
) -> None:
    box = np.asarray(instance.bbox, float) * scale
    cv2.rectangle(
        canvas,
        _fixed(box[:2]),
        _fixed(box[2:]),
        category_color(instance.category.name),
        _width(1.5 * unit),
        cv2.LINE_AA,
        _SHIFT,
    )


def _draw_title(
    canvas: np.ndarray, instance: DrawnInstance, scale: float, unit: float
) -> None:
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
    put_text(canvas, text, (x, y), size, (0, 0, 0), unit, outline=False)


def _draw_skeleton(
    canvas: np.ndarray, instance: DrawnInstance, scale: float, unit: float
) -> None:
    colors = keypoint_colors(instance.category.num_keypoints)
    drawn = (PointState.HIDDEN, PointState.VISIBLE)
    for a, b in instance.category.skeleton:
        if instance.states[a] in drawn and instance.states[b] in drawn:
            start = _fixed(instance.keypoints[a] * scale)
            end = _fixed(instance.keypoints[b] * scale)
            mixed = [(x + y) // 2 for x, y in zip(colors[a], colors[b])]
            for color, width in (((0, 0, 0), 3.5), (mixed, 2)):
                line_width = _width(width * unit)
                cv2.line(
                    canvas, start, end, color, line_width, cv2.LINE_AA, _SHIFT
                )


def _draw_keypoints(
    canvas: np.ndarray, instance: DrawnInstance, scale: float, unit: float
) -> None:
    colors = keypoint_colors(instance.category.num_keypoints)
    for point, state, color in zip(
        instance.keypoints, instance.states, colors
    ):
        if state != PointState.ABSENT:
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
    if state == PointState.DOUBTFUL:
        for dx, dy in ((1, 1), (1, -1)):
            arm = np.array([dx, dy]) * 0.7 * radius
            ends = _fixed(point - arm), _fixed(point + arm)
            cv2.line(canvas, *ends, color, _width(unit), cv2.LINE_AA, _SHIFT)
        return
    fixed_radius = round(radius * 2**_SHIFT)
    center = _fixed(point)
    if state == PointState.HIDDEN:
        # Wider than the disc, or its hole would be too small to be seen.
        ring_radius = round(1.3 * radius * 2**_SHIFT)
        for ring, width in (((0, 0, 0), 3), (color, 1.5)):
            cv2.circle(
                canvas,
                center,
                ring_radius,
                ring,
                _width(width * unit),
                cv2.LINE_AA,
                _SHIFT,
            )
        return
    rim = round((radius + unit) * 2**_SHIFT)
    for disc, size in (((0, 0, 0), rim), (color, fixed_radius)):
        cv2.circle(canvas, center, size, disc, cv2.FILLED, cv2.LINE_AA, _SHIFT)


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
    if outline:
        width = _width(3 * unit)
        cv2.putText(
            canvas, text, origin, FONT, size, (0, 0, 0), width, cv2.LINE_AA
        )
    width = _width(unit)
    cv2.putText(canvas, text, origin, FONT, size, color, width, cv2.LINE_AA)


def _draw_texts(
    canvas: np.ndarray,
    instance: DrawnInstance,
    texts: Sequence[str],
    scale: float,
    unit: float,
    placed: list[tuple[int, int, int, int]],
) -> None:
    """Write a text beside each keypoint, over no other (``placed``)."""
    size = 0.38 * unit
    for text, point, state in zip(texts, instance.keypoints, instance.states):
        if state == PointState.ABSENT:
            continue
        (width, height), _ = cv2.getTextSize(text, FONT, size, _width(unit))
        gap = round(6 * unit)
        x, y = np.clip(point * scale, -1e5, 1e5).round().astype(int)
        options = [
            (x + gap, y - gap // 2),
            (x - gap - width, y - gap // 2),
            (x + gap, y + gap + height),
            (x - gap - width, y + gap + height),
            (x - width // 2, y - gap),
            (x - width // 2, y + gap + height),
        ]
        rects = [(a, b - height, a + width, b) for a, b in options]
        free = [r for r in rects if not any(_overlap(r, p) for p in placed)]
        rect = (free or rects)[0]
        placed.append(rect)
        origin = (rect[0], rect[3])
        put_text(canvas, text, origin, size, _WHITE, unit)


def _overlap(
    a: tuple[int, int, int, int], b: tuple[int, int, int, int]
) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
