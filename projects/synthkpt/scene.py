# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Composes one picture: which objects stand where, and what is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from projects.synthkpt.background import distractor
from projects.synthkpt.base import Pose, Shape
from projects.synthkpt.canvas import Canvas, Patch, placement, rasterise

STYLES = ('photo', 'sketch', 'cartoon', 'painting', 'silhouette', 'night')
_STYLE_WEIGHTS = (0.35, 0.13, 0.15, 0.14, 0.1, 0.13)
_COUNT_WEIGHTS = (0.36, 0.27, 0.18, 0.11, 0.05, 0.03)  # 1 to 6 instances
_ASPECTS = (1.15, 1.25, 4 / 3, 1.4, 1.5, 1.7)
MIN_VISIBLE_KEYPOINTS = 2
MIN_VISIBLE_FRACTION = 0.25
_MAX_OUTSIDE = 0.35  # part of an instance's extent beyond the border
_TRIES = 6


@dataclass(frozen=True)
class Instance:
    """One annotated object.

    Attributes:
        label: Index of its shape.
        keypoints: ``(K, 3)`` float64: x, y in picture px, v in {0, 1, 2};
            (0, 0, 0) outside the picture.
        bbox: Silhouette's extent inside the picture, [x, y, w, h] px.
        area: Silhouette's area inside the picture, px^2.
    """

    label: int
    keypoints: np.ndarray
    bbox: list[float]
    area: float


@dataclass(frozen=True)
class Scene:
    """One composed picture, before a style paints it.

    Attributes:
        width: Picture width in px.
        height: Picture height in px.
        style: One of ``STYLES``.
        canvas: Every object, painted back to front.
        labels: Shape index of every object of the canvas, -1 = distractor.
    """

    width: int
    height: int
    style: str
    canvas: Canvas
    labels: tuple[int, ...]

    def instances(self) -> list[Instance]:
        """The annotated objects with what is seen of them."""
        found = []
        for index, label in enumerate(self.labels):
            if label < 0:
                continue
            patch = self.canvas.patches[index]
            states = self.canvas.visibility(index)
            keypoints = np.concatenate([patch.keypoints, states[:, None]], 1)
            keypoints[states == 0] = 0
            found.append(
                Instance(label, keypoints, patch.bbox(), patch.area())
            )
        return found


def picture_size(rng: np.random.Generator) -> tuple[int, int]:
    """Random (width, height) in px, never square."""
    long_side = int(rng.integers(256, 481))
    aspect = float(rng.choice(_ASPECTS)) * float(rng.uniform(0.95, 1.05))
    short_side = int(round(long_side / aspect))
    if rng.random() < 0.4:
        return short_side, long_side
    return long_side, short_side


def add_if_clear(
    canvas: Canvas, patch: Patch, labels: list[int], label: int
) -> bool:
    """Paints an object unless it would leave an instance undecidable.

    Every annotated instance must keep at least two visible keypoints and a
    quarter of its silhouette.

    Args:
        canvas: The canvas, changed on success.
        patch: The new object.
        labels: Labels of the canvas' objects, extended on success.
        label: Shape index of the new object, -1 for a distractor.

    Returns:
        Whether the object was painted.
    """
    if not patch.layers.any():
        return False
    before = canvas.numbers[patch.window].copy()
    canvas.add(patch)
    for index, other in enumerate([*labels, label]):
        if other < 0:
            continue
        seen = np.count_nonzero(canvas.visibility(index) == 2)
        if (
            seen < MIN_VISIBLE_KEYPOINTS
            or canvas.visible_fraction(index) < MIN_VISIBLE_FRACTION
        ):
            canvas.remove_last(before)
            return False
    labels.append(label)
    return True


def compose(
    rng: np.random.Generator, shapes: Sequence[Shape], main: int
) -> Scene:
    """Composes one picture.

    Args:
        rng: Source of all randomness of the composition.
        shapes: The vocabulary.
        main: Index of the shape that the picture must show.

    Returns:
        The scene, with at least one instance of ``main``.

    Raises:
        RuntimeError: If ``main`` cannot be placed.
    """
    width, height = picture_size(rng)
    style = str(rng.choice(STYLES, p=_STYLE_WEIGHTS))
    count = 1 + int(rng.choice(len(_COUNT_WEIGHTS), p=_COUNT_WEIGHTS))
    pool = [main]
    for _ in range(int(rng.integers(0, min(count, 3)))):
        pool.append(int(rng.integers(len(shapes))))
    wanted = [main] + [int(rng.choice(pool)) for _ in range(count - 1)]
    # The further kinds must not get lost when a few instances are drawn.
    wanted[1 : len(pool)] = pool[1:]

    canvas, labels = Canvas(width, height), []
    for _ in range(int(rng.integers(0, 5))):
        _place_distractor(rng, canvas, labels, rng.uniform(0.08, 0.45))
    for label in wanted:
        _place_instance(rng, canvas, labels, shapes[label], label, count)
    if main not in labels:
        raise RuntimeError(
            f'No {shapes[main].category["name"]} could be placed in a '
            f'picture of {width} x {height} px; its shape must have two '
            'keypoints that its own layers leave visible.'
        )
    if rng.random() < 0.12:
        _place_distractor(rng, canvas, labels, rng.uniform(0.12, 0.3))
    return Scene(width, height, style, canvas, tuple(labels))


def _place_distractor(
    rng: np.random.Generator, canvas: Canvas, labels: list[int], size: float
) -> None:
    """Paints a meaningless thing, ``size`` in short picture sides."""
    pose = distractor(rng)
    sides = np.array([canvas.width, canvas.height])
    matrix = placement(
        pose,
        rng.uniform(0, 1, 2) * sides,
        size * float(sides.min()),
        rng.uniform(0, 360),
    )
    patch = rasterise(pose, matrix, canvas.width, canvas.height)
    add_if_clear(canvas, patch, labels, -1)


def _place_instance(
    rng: np.random.Generator,
    canvas: Canvas,
    labels: list[int],
    shape: Shape,
    label: int,
    count: int,
) -> bool:
    """Paints one instance where it can be, or leaves it out."""
    short = min(canvas.width, canvas.height)
    first = all(other < 0 for other in labels)
    for _ in range(_TRIES * (5 if first else 1)):
        pose = shape.draw(rng)
        # Many instances share the picture, so each gets less of it.
        size = rng.uniform(0.45, 0.95) * count**-0.28
        if rng.random() < 0.08:
            size *= rng.uniform(0.6, 1.4)
        angle = float(np.clip(rng.normal(0, 9), -20, 20))
        long_side = short * size
        center = _choose_center(rng, canvas, labels, pose, long_side)
        matrix = placement(pose, center, long_side, angle)
        patch = rasterise(pose, matrix, canvas.width, canvas.height)
        if add_if_clear(canvas, patch, labels, label):
            return True
    return False


def _choose_center(
    rng: np.random.Generator,
    canvas: Canvas,
    labels: list[int],
    pose: Pose,
    long_side: float,
) -> np.ndarray:
    """Picks where an instance's middle goes, ``(2,)`` picture px.

    A quarter of the instances may stick out, a third may stand before an
    earlier one, the others look for room.
    """
    points = np.concatenate([layer.polygon for layer in pose.layers])
    extent = points.max(0) - points.min(0)
    half = extent / extent.max() * long_side / 2
    sides = np.array([canvas.width, canvas.height], float)
    outside = _MAX_OUTSIDE if rng.random() < 0.25 else 0.0
    # Never cross the middle when the object is larger than the picture.
    low = np.minimum(half * (1 - 2 * outside), sides / 2)
    candidates = rng.uniform(low, sides - low, (5, 2))
    taken = [
        np.array(patch.bbox())
        for patch, label in zip(canvas.patches, labels)
        if label >= 0
    ]
    if not taken or rng.random() < 0.33:
        return candidates[0]
    costs = [
        sum(_overlap(center - half, center + half, box) for box in taken)
        for center in candidates
    ]
    return candidates[int(np.argmin(costs))]


def _overlap(low: np.ndarray, high: np.ndarray, box: np.ndarray) -> float:
    """Common area in px^2 of the extent low..high and an xywh box."""
    sides = np.minimum(high, box[:2] + box[2:]) - np.maximum(low, box[:2])
    return float(np.prod(np.clip(sides, 0, None)))
