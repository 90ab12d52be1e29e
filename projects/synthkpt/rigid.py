# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Turns a 3-D model builder into a category."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from projects.synthkpt.base import Pose, Shape
from projects.synthkpt.figure import Spread, palette
from projects.synthkpt.solids import Model, random_camera, view

Build = Callable[[np.random.Generator], Model]


def both(*names: str) -> list[str]:
    """Each name for the left and for the right side, in turn.

    A name holds a '*' where the side goes, or gets it in front.
    """
    found = []
    for name in names:
        for side in ('left', 'right'):
            found.append(
                name.replace('*', side) if '*' in name else f'{side} {name}'
            )
    return found


def chains(*names: str) -> list[tuple[str, str]]:
    """Skeleton pairs along chains of names, 'a > b > c', '*' = each side."""
    pairs = []
    for chain in names:
        sides = ('left', 'right') if '*' in chain else ('',)
        for side in sides:
            nodes = chain.replace('*', side).split(' > ')
            pairs.extend(zip(nodes[:-1], nodes[1:]))
    return pairs


def rigid_shape(
    category: dict[str, Any],
    build: Build,
    spreads: dict[str, Spread | Sequence[Spread]],
    yaw: tuple[float, float] | Sequence[tuple[float, float]] = (-180.0, 180.0),
    pitch: tuple[float, float] = (5.0, 35.0),
) -> Shape:
    """A category whose instances are random models from random viewpoints.

    Args:
        category: COCO category fields.
        build: Makes one model of random proportions; it must mark every
            keypoint of the category.
        spreads: Colour ranges of the materials.
        yaw: Range of viewpoints in degrees, or several to choose from; 0
            sees the front, 90 the object's own left.
        pitch: Range of the camera's height in degrees.

    Returns:
        The shape.
    """
    yaws = yaw if isinstance(yaw[0], tuple) else (yaw,)
    draw = partial(
        _draw,
        names=tuple(category['keypoints']),
        build=build,
        spreads=spreads,
        yaws=tuple(yaws),
        pitch=pitch,
    )
    return Shape(category, draw)


def _draw(
    rng: np.random.Generator,
    names: tuple[str, ...],
    build: Build,
    spreads: dict[str, Spread | Sequence[Spread]],
    yaws: tuple[tuple[float, float], ...],
    pitch: tuple[float, float],
) -> Pose:
    """One instance; picklable, unlike a closure."""
    model = build(rng)
    yaw = yaws[int(rng.integers(len(yaws)))]
    camera = random_camera(rng, model, yaw, pitch)
    return view(model, camera, names, palette(rng, spreads))
