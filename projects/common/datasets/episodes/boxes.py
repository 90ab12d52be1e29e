# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The box whose longer side is the unit of PCK, clipped as published."""

from __future__ import annotations

from collections.abc import Sequence

BOX_RULES = ('official', 'mmpose')


def clipped_box(
    bbox: Sequence[float],
    picture_shape: Sequence[int],
    rule: str = 'official',
) -> tuple[float, float, float, float]:
    """Clip an annotated box to its picture.

    Args:
        bbox: x, y, width, height in image pixels.
        picture_shape: (h, w) of the picture.
        rule: 'official', the rule of the published code of MP-100, which
            takes one pixel from width and height before it clips; 'mmpose',
            that of mmpose 1.x, which clips all four edges.

    Returns:
        x, y, width, height; the last two may be 0 or less where nothing of
        the box lies in the picture.

    Raises:
        ValueError: If the rule is unknown.
    """
    x, y, width, height = map(float, bbox)
    last = picture_shape[1] - 1, picture_shape[0] - 1
    if rule == 'official':
        x1, y1 = max(0.0, x), max(0.0, y)
        x2 = min(last[0], x1 + max(0.0, width - 1))
        y2 = min(last[1], y1 + max(0.0, height - 1))
    elif rule == 'mmpose':
        x1, x2 = (min(max(v, 0.0), last[0]) for v in (x, x + width))
        y1, y2 = (min(max(v, 0.0), last[1]) for v in (y, y + height))
    else:
        raise ValueError(
            f'The box rule is {rule!r}; choose one of '
            f'{", ".join(map(repr, BOX_RULES))}.'
        )
    return x1, y1, x2 - x1, y2 - y1
