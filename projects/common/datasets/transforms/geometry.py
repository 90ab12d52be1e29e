# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Flip, crop and resize: what moves keypoints.

N objects, Kmax keypoint slots; v is 0 (not labelled, coordinates 0), 1
(hidden) or 2 (visible). All coordinates are pixels of ``results['img']``.
"""

# Workers of a data loader are seeded through numpy's global state.
from __future__ import annotations

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform, RandomFlip, Resize
from mmcv.transforms.utils import cache_randomness
from mmpose.registry import TRANSFORMS

_INSTANCE_KEYS = (
    'gt_bboxes',
    'gt_labels',
    'gt_keypoints',
    'gt_areas',
    'gt_ids',
)


def keep_instances(results: dict[str, Any], keep: np.ndarray) -> None:
    """Drop objects from every ground-truth array, in place.

    Args:
        results: Holds any of ``gt_bboxes``, ``gt_labels``, ``gt_keypoints``,
            ``gt_areas`` and ``gt_ids``, each with N rows.
        keep: (N,) bool.
    """
    for key in _INSTANCE_KEYS:
        if key in results:
            results[key] = results[key][keep]


def clip_instances(
    results: dict[str, Any], size: tuple[int, int], min_box_area: float
) -> None:
    """Clip boxes to the picture and drop what is hardly left, in place.

    Areas shrink in proportion to their boxes.

    Args:
        results: Holds ``gt_bboxes`` (N, 4) xyxy and what
            :func:`keep_instances` names.
        size: Width and height of the picture.
        min_box_area: Share of a box's area that must be left, 0 to 1; at
            least a pixel of width and height must be, too.
    """
    boxes = results['gt_bboxes']
    clipped = boxes.clip(0, np.float32([*size, *size]))
    left = _box_area(clipped) / _box_area(boxes)
    results['gt_bboxes'] = clipped
    if 'gt_areas' in results:
        results['gt_areas'] = results['gt_areas'] * left
    sides = clipped[:, 2:] - clipped[:, :2]
    keep = (left >= min_box_area) & (sides >= 1).all(axis=1)
    keep_instances(results, keep)


def crop_keypoints(
    keypoints: np.ndarray, window: tuple[int, int, int, int]
) -> None:
    """Move keypoints into a window's frame, in place.

    Args:
        keypoints: (N, Kmax, 3) [x, y, v]; those outside the window become
            (0, 0, 0).
        window: (x, y, width, height) in the keypoints' frame.
    """
    x, y, width, height = window
    keypoints[..., :2] -= (x, y)
    inside = (keypoints[..., :2] >= 0) & (keypoints[..., :2] < (width, height))
    keypoints[~inside.all(axis=-1) | (keypoints[..., 2] == 0)] = 0


def _box_area(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def check_shares(who: str, **shares: float) -> None:
    """Refuse arguments that are not between 0 and 1.

    Args:
        who: Named in the error.
        shares: The arguments by name.

    Raises:
        ValueError: For the first that is out of range.
    """
    for name, value in shares.items():
        if not 0 <= value <= 1:
            raise ValueError(
                f'{who}: {name} is {value}; it must be between 0 and 1.'
            )


@TRANSFORMS.register_module()
class RandomFlipKeypoints(RandomFlip):
    """Mirror the picture left to right and swap each object's keypoints.

    Keypoints go to ``w - 1 - x`` (a keypoint is a pixel), box edges to
    ``w - x``; which keypoints change places is the category's own
    ``swap_indices``. A picture with an object whose keypoint names say 'left'
    or 'right' without a swap partner is not mirrored: its names would lie.

    Required keys: ``img``, ``gt_bboxes``, ``gt_labels``, ``gt_keypoints``,
    ``categories``. Adds ``flip`` and ``flip_direction``.

    Args:
        prob: Probability to mirror, 0 to 1.
    """

    def __init__(self, prob: float) -> None:
        super().__init__(prob=float(prob), direction='horizontal')

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Mirror with probability ``prob`` where the names allow it."""
        labels = np.unique(results['gt_labels'])
        if not all(results['categories'][i].can_mirror for i in labels):
            results.update(flip=False, flip_direction=None)
            return results
        return super().transform(results)

    def _flip(self, results: dict[str, Any]) -> None:
        super()._flip(results)
        for keypoints, label in zip(
            results['gt_keypoints'], results['gt_labels']
        ):
            swap = list(results['categories'][label].swap_indices)
            keypoints[: len(swap)] = keypoints[swap]

    def _flip_keypoints(
        self, keypoints: np.ndarray, img_shape: tuple[int, int], direction: str
    ) -> np.ndarray:
        """Mirror (N, Kmax, 3) keypoints; those with v = 0 stay zero."""
        flipped = keypoints.copy()
        labelled = keypoints[..., 2] > 0
        flipped[labelled, 0] = img_shape[1] - 1 - keypoints[labelled, 0]
        return flipped


@TRANSFORMS.register_module()
class RandomCropKeypoints(BaseTransform):
    """Cut out a random rectangle, at least one pixel wide and high.

    Keypoints outside the cut become not labelled (0, 0, 0), boxes are
    clipped and areas shrink in proportion to their boxes. Objects of which
    less than ``min_box_area`` is left are dropped; a picture without any
    object is a valid result.

    Required keys: ``img``; modified as well where present: ``gt_bboxes``,
    ``gt_labels``, ``gt_keypoints``, ``gt_areas``, ``img_shape``.

    Args:
        size_range: Smallest and largest width and height of the cut, drawn
            separately: two fractions of the picture's (floats, at most 1),
            or two numbers of pixels (integers; smaller pictures keep their
            size).
        prob: Probability to crop, 0 to 1.
        min_box_area: Share of a box's area that must be left, 0 to 1.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        size_range: tuple[float, float] | tuple[int, int],
        prob: float = 1.0,
        min_box_area: float = 0.25,
    ) -> None:
        low, high = size_range
        self.relative = isinstance(low, float) or isinstance(high, float)
        if not 0 < low <= high or (self.relative and high > 1):
            raise ValueError(
                f'RandomCropKeypoints: size_range is {tuple(size_range)}; '
                'give two fractions with 0 < low <= high <= 1 such as '
                '(0.6, 1.0), or two numbers of pixels such as (384, 600).'
            )
        check_shares(
            'RandomCropKeypoints', prob=prob, min_box_area=min_box_area
        )
        self.size_range = (low, high)
        self.prob = prob
        self.min_box_area = min_box_area

    @cache_randomness
    def _random_window(
        self, img_shape: tuple[int, int]
    ) -> tuple[int, int, int, int] | None:
        """Draw (x, y, width, height) of the cut, None for no cut."""
        if np.random.rand() >= self.prob:
            return None
        starts, sizes = [], []
        for side in img_shape[::-1]:
            if self.relative:
                size = round(side * np.random.uniform(*self.size_range))
            else:
                low, high = self.size_range
                size = np.random.randint(low, high + 1)
            size = min(max(size, 1), side)
            sizes.append(size)
            starts.append(np.random.randint(side - size + 1))
        return (*starts, *sizes)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Crop with probability ``prob``."""
        window = self._random_window(results['img'].shape[:2])
        if window is None:
            return results
        x, y, width, height = window
        results['img'] = results['img'][y : y + height, x : x + width]
        results['img_shape'] = (height, width)
        if 'gt_keypoints' in results:
            crop_keypoints(results['gt_keypoints'], window)
        if 'gt_bboxes' in results:
            results['gt_bboxes'] = results['gt_bboxes'] - np.float32(
                [x, y, x, y]
            )
            clip_instances(results, (width, height), self.min_box_area)
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(size_range={self.size_range}, '
            f'prob={self.prob}, min_box_area={self.min_box_area})'
        )


@TRANSFORMS.register_module()
class ResizeKeypoints(Resize):
    """mmcv's ``Resize`` that scales the areas and clips nothing.

    Clipping would pull a keypoint that lies outside the picture to its
    border, where the object is not. Use it in ``RandomChoiceResize`` as
    ``resize_type='ResizeKeypoints'``.

    Required keys: ``img``; modified as well where present: ``gt_bboxes``,
    ``gt_keypoints``, ``gt_areas``. Sets ``img_shape`` (h, w) and
    ``scale_factor`` (w, h).

    Args:
        **kwargs: ``scale`` (w, h), or ``scale_factor``, ``keep_ratio``,
            ``backend`` and ``interpolation`` of :class:`mmcv.Resize`.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(clip_object_border=False, **kwargs)

    def _resize_bboxes(self, results: dict[str, Any]) -> None:
        super()._resize_bboxes(results)
        if 'gt_areas' in results:
            factor = np.prod(results['scale_factor']).astype(np.float32)
            results['gt_areas'] = results['gt_areas'] * factor
