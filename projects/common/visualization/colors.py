# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Colours that a name always has, in every picture; RGB."""

from __future__ import annotations

import colorsys
import re
from hashlib import blake2b

import numpy as np

Color = tuple[int, int, int]

# Hashed before each name: of the first 2500 numbers the one with which the
# keypoints of people, animals, chairs and bicycles differ most.
_SALT = '1817'
_GOLDEN_ANGLE = 0.381966
_LEVELS = ((0.95, 1.0), (0.5, 1.0), (0.95, 0.8))  # saturation, value
_SIDES = {'left': 0.0, 'l': 0.0, 'right': 0.5, 'r': 0.5}
_LUMA = np.array([0.299, 0.587, 0.114])
_MIN_LUMA = 0.4


def category_color(name: str) -> Color:
    """Colour of a category."""
    hue = sum((i + 1) * ord(c) for i, c in enumerate(name)) * _GOLDEN_ANGLE
    return _rgb(hue % 1.0, 0.65, 1.0)


def keypoint_color(name: str) -> Color:
    """Colour of a keypoint, whatever category it belongs to.

    Mirror partners ("left eye", "right eye") have opposite hues; names that
    differ by a number ("point 1", "point 2") have hues that are far apart.
    """
    words = re.findall(r'[^\W_]+', name.lower())
    side = next((word for word in words if word in _SIDES), None)
    if side is not None:
        words.remove(side)
        # Partners share what is left: "left eye left", "right eye right".
        words = [_relation(word, side) for word in words]
    numbers = [int(word) for word in words if word.isdecimal()]
    base = ' '.join([_SALT, *(w for w in words if not w.isdecimal())])
    digest = blake2b(base.encode(), digest_size=5).digest()
    hue = int.from_bytes(digest[:4], 'big') / 2**32
    hue += _SIDES.get(side, 0.0) + _GOLDEN_ANGLE * sum(numbers)
    return _rgb(hue % 1.0, *_LEVELS[digest[4] % len(_LEVELS)])


def _relation(word: str, side: str) -> str:
    if word not in _SIDES:
        return word
    return 'same' if _SIDES[word] == _SIDES[side] else 'other'


def _rgb(hue: float, saturation: float, value: float) -> Color:
    rgb = np.array(colorsys.hsv_to_rgb(hue, saturation, value))
    luma = rgb @ _LUMA
    if luma < _MIN_LUMA:  # dark blue and violet cannot be read: add white
        rgb += (1 - rgb) * (_MIN_LUMA - luma) / (1 - luma)
    return tuple(round(255 * channel) for channel in rgb)
