# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Which object of a frame is which of the frames before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from mmdet.evaluation.functional import bbox_overlaps
from mmpose.evaluation.functional.nms import oks_iou
from scipy.optimize import linear_sum_assignment

from projects.common.apis.results import FoundInstance, KeypointResult
from projects.common.structures import KeypointCategory

_SIMILARITIES = ('iou', 'oks')


class InstanceTracker:
    """Numbers objects so that each keeps its number from frame to frame.

    Objects of one category are assigned one to one so that the sum of their
    similarities is the largest.

    Args:
        similarity: 'iou' of boxes, or 'oks' of keypoints.
        threshold: Less similar objects are different ones; 0 to 1.
        max_age: An object that is not seen for more frames than this is
            forgotten.

    Raises:
        ValueError: If the similarity is unknown.
    """

    def __init__(
        self,
        similarity: str = 'iou',
        threshold: float = 0.3,
        max_age: int = 10,
    ) -> None:
        if similarity not in _SIMILARITIES:
            raise ValueError(
                f'Objects cannot be tracked by {similarity!r}; choose one of '
                f'{", ".join(map(repr, _SIMILARITIES))}.'
            )
        self.similarity = similarity
        self.threshold = threshold
        self.max_age = max_age
        self._next = 0
        self._now = 0
        # track id -> the object when it was last seen, and when that was
        self._tracks: dict[int, tuple[FoundInstance, int]] = {}

    def update(self, result: KeypointResult) -> KeypointResult:
        """Number the objects of the next frame."""
        self._now += 1
        self._tracks = {
            number: (one, seen)
            for number, (one, seen) in self._tracks.items()
            if self._now - seen <= self.max_age
        }
        categories = {c.name: c for c in result.categories}
        numbers = self._assign(result.instances, categories)
        tracked = tuple(
            replace(one, track_id=number)
            for one, number in zip(result.instances, numbers)
        )
        for one in tracked:
            self._tracks[one.track_id] = one, self._now
        return replace(result, instances=tracked, data_sample=None)

    def _assign(
        self,
        found: Sequence[FoundInstance],
        categories: Mapping[str, KeypointCategory],
    ) -> list[int]:
        known = list(self._tracks)
        before = [self._tracks[number][0] for number in known]
        similar = np.zeros((len(found), len(before)))
        for i, one in enumerate(found):
            rows = [
                k for k, b in enumerate(before) if b.category == one.category
            ]
            if rows:
                others = [before[k] for k in rows]
                similar[i, rows] = (
                    _iou(one, others)
                    if self.similarity == 'iou'
                    else _oks(one, others, categories[one.category])
                )
        numbers: list[int | None] = [None] * len(found)
        # What is too different counts nothing, so that it never wins a place.
        similar = np.where(similar >= self.threshold, similar, 0)
        for i, k in zip(*linear_sum_assignment(-similar)):
            if similar[i, k] > 0:
                numbers[i] = known[k]
        for i, number in enumerate(numbers):
            if number is None:
                numbers[i] = self._next
                self._next += 1
        return numbers


def _iou(one: FoundInstance, others: Sequence[FoundInstance]) -> np.ndarray:
    boxes = np.array([other.bbox for other in others])
    return bbox_overlaps(np.array([one.bbox]), boxes)[0]


def _oks(
    one: FoundInstance,
    others: Sequence[FoundInstance],
    category: KeypointCategory,
) -> np.ndarray:
    sigma = dict(zip(category.keypoints, category.sigmas))
    return oks_iou(
        _flat(one),
        np.array([_flat(other) for other in others]),
        _area(one),
        np.array([_area(other) for other in others]),
        np.array([sigma[keypoint.name] for keypoint in one.keypoints]),
    )


def _flat(one: FoundInstance) -> np.ndarray:
    """(3K,) x, y, score."""
    return np.array([[*k.xy, k.score] for k in one.keypoints]).ravel()


def _area(one: FoundInstance) -> float:
    x1, y1, x2, y2 = one.bbox
    return max((x2 - x1) * (y2 - y1), 1.0)
