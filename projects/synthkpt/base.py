# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What a SynthKPT category is: layers, keypoints and the category record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Layer:
    """One filled shape of an object; layers are drawn back to front.

    Attributes:
        polygon: ``(P, 2)`` float32, object frame (any unit, y down).
        material: Colour role that the instance's palette resolves, such as
            'main', 'second', 'accent', 'dark', 'light', 'skin', 'glass'
            or 'metal'.
        shade: Brightness multiplier (face orientation, lighting).
    """

    polygon: np.ndarray
    material: str
    shade: float = 1.0


@dataclass(frozen=True)
class Pose:
    """One drawn instance in its own frame.

    Attributes:
        layers: The layers, painted in this order.
        keypoints: ``(K, 2)`` float32, object frame.
        keypoint_layers: ``(K,)`` int, the layer that each keypoint lies on.
            A keypoint is hidden where a later layer, of the same or of
            another instance, covers it; -1 lies behind every layer.
        palette: Base colour (B, G, R) of every material.
    """

    layers: tuple[Layer, ...]
    keypoints: np.ndarray
    keypoint_layers: np.ndarray
    palette: dict[str, tuple[int, int, int]]


@dataclass(frozen=True)
class Shape:
    """One category: its COCO record and the function that poses it.

    Attributes:
        category: COCO category fields without id: name, supercategory,
            keypoints, parts, skeleton (1-based), swap_pairs (names), sigmas.
        draw: Draws one random instance from a generator.
    """

    category: dict[str, Any]
    draw: Callable[[np.random.Generator], Pose]
