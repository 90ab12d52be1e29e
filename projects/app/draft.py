# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""An example while a person clicks its keypoints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from projects.common.prompt_files import Example, PromptDescription
from projects.common.structures import KeypointCategory

#: More is asked for with a prompt file.
MAX_POINTS = 100
_MAX_PAST = 100


@dataclass(frozen=True)
class Point:
    """One keypoint of the example.

    Attributes:
        name: What it is called.
        x: Pixels of the picture.
        y: Pixels of the picture.
        visible: 0 not shown, 1 hidden, 2 visible.
    """

    name: str
    x: float
    y: float
    visible: int = 2


@dataclass(frozen=True, eq=False)
class Draft:
    """A picture and what has been clicked in it; never changed.

    Every action gives a new draft, which :meth:`undo` takes back.

    Attributes:
        picture: (h, w, 3) uint8 BGR.
        points: The keypoints, in their order.
        edges: Skeleton, pairs of indices of ``points``.
        box: Box of the object, xyxy in pixels of the picture, if given.
        chosen: Index of the point that is named, moved or removed next.
        start: The first of two clicks: (x, y) of a corner of the box, or the
            index of the point that a line starts at.
    """

    picture: np.ndarray
    points: tuple[Point, ...] = ()
    edges: tuple[tuple[int, int], ...] = ()
    box: tuple[float, float, float, float] | None = None
    chosen: int | None = None
    start: tuple[float, float] | int | None = None
    _past: tuple[Draft, ...] = ()

    def _changed(self, **values: Any) -> Draft:
        past = (*self._past, replace(self, _past=()))[-_MAX_PAST:]
        return replace(self, **{'start': None, **values}, _past=past)

    def undo(self) -> Draft:
        """Take the last action back; without one nothing happens."""
        if not self._past:
            return self
        return replace(self._past[-1], _past=self._past[:-1])

    def add(self, x: float, y: float, visible: int = 2) -> Draft:
        """Add a keypoint, with a name that can be changed.

        Raises:
            ValueError: If there are too many.
        """
        if len(self.points) >= MAX_POINTS:
            raise ValueError(
                f'There are {MAX_POINTS} points, more cannot be clicked; '
                'load a prompt file for more.'
            )
        names = {point.name for point in self.points}
        number = len(self.points) + 1
        while f'point {number}' in names:
            number += 1
        added = Point(f'point {number}', x, y, visible)
        return self._changed(
            points=(*self.points, added), chosen=len(self.points)
        )

    def choose(self, index: int) -> Draft:
        """Say which point the next actions are about."""
        if not 0 <= index < len(self.points):
            raise ValueError(f'There is no point {index + 1}.')
        return replace(self, chosen=index)

    def move(self, x: float, y: float) -> Draft:
        """Put the chosen point somewhere else."""
        point = self._chosen()
        return self._replaced(
            replace(point, x=x, y=y, visible=point.visible or 2)
        )

    def rename(self, name: str) -> Draft:
        """Call the chosen point something.

        Raises:
            ValueError: If another point is called so, or it is no name.
        """
        name = ' '.join(name.split())
        point = self._chosen()
        if name == point.name:
            return self
        if not name:
            raise ValueError('A keypoint needs a name, such as "left ear".')
        if name in {other.name for other in self.points}:
            raise ValueError(
                f'Another point is called {name!r} already; give each a name '
                'of its own.'
            )
        return self._replaced(replace(point, name=name))

    def show(self, visible: int) -> Draft:
        """Say that the chosen point is visible (2), hidden (1) or not here."""
        point = self._chosen()
        if visible == point.visible:
            return self
        return self._replaced(replace(point, visible=visible))

    def remove(self) -> Draft:
        """Remove the chosen point and its lines."""
        self._chosen()
        gone = self.chosen
        left = [i for i in range(len(self.points)) if i != gone]
        place = {index: new for new, index in enumerate(left)}
        return self._changed(
            points=tuple(self.points[i] for i in left),
            edges=tuple(
                (place[a], place[b])
                for a, b in self.edges
                if gone not in (a, b)
            ),
            chosen=len(left) - 1 if left else None,
        )

    def connect(self, x: float, y: float) -> Draft:
        """Choose the point nearest to a click; the second ends a line.

        A line that is there already is removed.
        """
        shown = [i for i, p in enumerate(self.points) if p.visible]
        if len(shown) < 2:
            raise ValueError('Click at least two points first, then lines.')
        near = min(
            shown,
            key=lambda i: (
                (self.points[i].x - x) ** 2 + (self.points[i].y - y) ** 2
            ),
        )
        if not isinstance(self.start, int):
            return replace(self, start=near, chosen=near)
        edge = tuple(sorted((self.start, near)))
        if edge[0] == edge[1]:
            return replace(self, start=None)
        edges = [other for other in self.edges if other != edge]
        if len(edges) == len(self.edges):
            edges.append(edge)
        return self._changed(edges=tuple(edges), chosen=near)

    def corner(self, x: float, y: float) -> Draft:
        """Two clicks are opposite corners of the object's box."""
        if not isinstance(self.start, tuple):
            return replace(self, start=(x, y))
        x1, y1 = self.start
        if x1 == x or y1 == y:
            raise ValueError('The box is empty; click two opposite corners.')
        return self._changed(
            box=(min(x1, x), min(y1, y), max(x1, x), max(y1, y))
        )

    def describe(
        self, name: str, modality: str | None = None
    ) -> PromptDescription:
        """The prompt that the example makes.

        Args:
            name: Of the category.
            modality: 'visual' or 'combined'.

        Raises:
            ValueError: If no point is shown, or the points do not say how
                large the object is.
        """
        if not any(point.visible for point in self.points):
            raise ValueError('Click at least one keypoint in the example.')
        category = KeypointCategory.from_coco(
            {
                'name': name,
                'keypoints': [point.name for point in self.points],
                'skeleton': [[a + 1, b + 1] for a, b in self.edges],
            }
        )
        example = Example(
            self.picture,
            self.places(),
            np.array([point.visible for point in self.points], np.float32),
            self.box,
        )
        return PromptDescription.of_examples({category: [example]}, modality)

    def places(self) -> np.ndarray:
        """(K, 2) xy of the points, pixels of the picture."""
        rows: Sequence = [(point.x, point.y) for point in self.points]
        return np.array(rows, np.float32).reshape(-1, 2)

    def _chosen(self) -> Point:
        if self.chosen is None:
            raise ValueError('Click a point first, or choose one in the list.')
        return self.points[self.chosen]

    def _replaced(self, point: Point) -> Draft:
        points = list(self.points)
        points[self.chosen] = point
        return self._changed(points=tuple(points))
