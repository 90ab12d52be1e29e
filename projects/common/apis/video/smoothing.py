# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Less jitter in videos."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from projects.common.apis.results import FoundInstance, KeypointResult


class OneEuroFilter:
    """A low-pass filter that follows fast movements.

    G. Casiez, N. Roussel, D. Vogel: 1 Euro Filter, CHI 2012.

    Args:
        fps: Values per second.
        min_cutoff: Cutoff frequency of what stands still, Hz; lower is
            smoother.
        beta: How much the cutoff rises with speed; higher lags less.
        derivative_cutoff: Cutoff frequency of the speed, Hz.
    """

    def __init__(
        self,
        fps: float,
        min_cutoff: float = 1.0,
        beta: float = 1.0,
        derivative_cutoff: float = 1.0,
    ) -> None:
        self.fps = fps
        self.min_cutoff = min_cutoff
        self.beta = beta
        self.derivative_cutoff = derivative_cutoff
        self._value: np.ndarray | None = None
        self._speed: np.ndarray | None = None

    def __call__(self, values: np.ndarray, unit: float = 1.0) -> np.ndarray:
        """Filter the next values.

        Args:
            values: (N, D), a place in each of N rows.
            unit: The length in which speed is measured, so that the settings
                mean the same for small and large objects.

        Returns:
            np.ndarray: (N, D).
        """
        if self._value is None:
            self._value, self._speed = values, np.zeros_like(values)
            return values
        speed = (values - self._value) * self.fps / unit
        self._speed = _mix(
            self._speed, speed, self._weight(self.derivative_cutoff)
        )
        pace = np.linalg.norm(self._speed, axis=-1, keepdims=True)
        weight = self._weight(self.min_cutoff + self.beta * pace)
        self._value = _mix(self._value, values, weight)
        return self._value

    def _weight(self, cutoff: float | np.ndarray) -> float | np.ndarray:
        ratio = 2 * np.pi * cutoff / self.fps
        return ratio / (ratio + 1)


def _mix(
    old: np.ndarray, new: np.ndarray, weight: float | np.ndarray
) -> np.ndarray:
    return weight * new + (1 - weight) * old


class KeypointSmoother:
    """Smooths boxes and keypoints of tracked objects.

    Speed is measured in object sizes (square root of the box's area) per
    second.

    Args:
        fps: Frames per second.
        min_cutoff: See :class:`OneEuroFilter`.
        beta: See :class:`OneEuroFilter`.
        max_age: An object that is not seen for more frames than this starts
            anew.
    """

    def __init__(
        self,
        fps: float,
        min_cutoff: float = 1.0,
        beta: float = 1.0,
        max_age: int = 10,
    ) -> None:
        self.settings = fps, min_cutoff, beta
        self.max_age = max_age
        self._now = 0
        # track id -> its filter and when it was last used
        self._filters: dict[int, tuple[OneEuroFilter, int]] = {}

    def update(self, result: KeypointResult) -> KeypointResult:
        """Smooth the next frame.

        Raises:
            ValueError: If an object has no number; track it first.
        """
        self._now += 1
        self._filters = {
            number: (kept, used)
            for number, (kept, used) in self._filters.items()
            if self._now - used <= self.max_age
        }
        smoothed = tuple(self._smooth(one) for one in result.instances)
        return replace(result, instances=smoothed, data_sample=None)

    def _smooth(self, one: FoundInstance) -> FoundInstance:
        if one.track_id is None:
            raise ValueError(
                'Only tracked objects can be smoothed; give the result to an '
                'InstanceTracker first.'
            )
        kept, _ = self._filters.get(one.track_id) or (
            OneEuroFilter(*self.settings),
            0,
        )
        self._filters[one.track_id] = kept, self._now
        corners = np.reshape(one.bbox, (2, 2))
        size = float(np.sqrt(max((corners[1] - corners[0]).prod(), 1.0)))
        places = kept(np.concatenate([corners, one.xy()]), size)
        return replace(
            one,
            bbox=tuple(places[:2].ravel().tolist()),
            keypoints=tuple(
                keypoint._replace(xy=tuple(place))
                for keypoint, place in zip(one.keypoints, places[2:].tolist())
            ),
        )
