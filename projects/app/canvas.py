# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The picture that a person clicks in."""

from __future__ import annotations

import cv2
import numpy as np

from projects.app.draft import Draft
from projects.common.structures import KeypointCategory
from projects.common.visualization import (
    DrawnInstance,
    PointState,
    draw_instances,
)

#: Longer side of what is shown, pixels; fingers need large pictures.
SIDE = 960
_UNIT = 2.0  # line width; the canvas is shown smaller on a phone
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)


def canvas_size(draft: Draft) -> tuple[int, int]:
    """(w, h) of what is shown, pixels."""
    height, width = draft.picture.shape[:2]
    scale = SIDE / max(height, width)
    return max(1, round(width * scale)), max(1, round(height * scale))


def clicked(draft: Draft, x: float, y: float) -> tuple[float, float]:
    """Where in the picture a pixel of the canvas is.

    Args:
        draft: What is shown.
        x: Pixels of the canvas.
        y: Pixels of the canvas.

    Returns:
        tuple: (x, y) in pixels of the picture, inside it.
    """
    height, width = draft.picture.shape[:2]
    shown = canvas_size(draft)
    # Pixel centres are pixel centres.
    xy = (np.array([x, y]) + 0.5) * (width, height) / shown - 0.5
    xy = np.clip(xy, 0, (width - 1, height - 1))
    return float(xy[0]), float(xy[1])


def draw_canvas(draft: Draft) -> np.ndarray:
    """Draw the example.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB, of :func:`canvas_size`.
    """
    size = canvas_size(draft)
    smaller = size[0] < draft.picture.shape[1]
    image = cv2.resize(
        draft.picture[..., ::-1],
        size,
        interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC,
    )
    scale = np.array(size) / draft.picture.shape[1::-1]
    if draft.points:
        image = _draw_points(image, draft, scale)
    if draft.box is not None:
        corners = (np.reshape(draft.box, (2, 2)) + 0.5) * scale
        low, high = corners.round().astype(int).tolist()
        cv2.rectangle(image, low, high, _BLACK, 4, cv2.LINE_AA)
        cv2.rectangle(image, low, high, _WHITE, 2, cv2.LINE_AA)
    if isinstance(draft.start, tuple):
        place = ((np.array(draft.start) + 0.5) * scale).round().astype(int)
        cv2.drawMarker(image, place.tolist(), _BLACK, thickness=5)
        cv2.drawMarker(image, place.tolist(), _WHITE, thickness=2)
    return image


def _draw_points(
    image: np.ndarray, draft: Draft, scale: np.ndarray
) -> np.ndarray:
    category = KeypointCategory(
        'object', tuple(p.name for p in draft.points), skeleton=draft.edges
    )
    places = (draft.places() + 0.5) * scale - 0.5
    states = np.array([PointState(p.visible) for p in draft.points])
    drawn = DrawnInstance(category, np.zeros(4), places, states)
    image = draw_instances(
        image, [drawn], boxes=False, names=True, min_side=SIDE, unit=_UNIT
    )
    marked = draft.chosen
    if marked is not None and draft.points[marked].visible:
        place = places[marked].round().astype(int).tolist()
        for color, width in ((_BLACK, 5), (_WHITE, 2)):
            cv2.circle(image, place, 14, color, width, cv2.LINE_AA)
    return image
