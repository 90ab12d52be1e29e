# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Rotation of a picture with its boxes and keypoints."""

# Workers of a data loader are seeded through numpy's global state.
from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness
from mmpose.registry import TRANSFORMS

from projects.common.datasets.transforms.geometry import (
    check_shares,
    clip_instances,
    crop_keypoints,
)

#: Objects with as many labelled keypoints get a tighter box.
MIN_KEYPOINTS = 3


@TRANSFORMS.register_module()
class RandomRotateKeypoints(BaseTransform):
    """Turn the picture around its centre; its size stays.

    What comes from outside the picture is black. Keypoints that leave it
    become not labelled (0, 0, 0). A box becomes the box around its turned
    corners. That one is too large for most objects (twice the area for a
    disc at 45 degrees), so an object with at least three labelled keypoints
    gets the box around the turned ellipse in its box and its keypoints, as
    far as it lies within the box of the corners. Boxes are clipped then, and
    areas and objects dropped as in :class:`RandomCropKeypoints`.

    Required keys: ``img``; with ground truth also ``gt_bboxes`` and
    ``gt_keypoints``; what else has N rows loses those of dropped objects.

    Args:
        max_degrees: Angles are drawn from +- this, more than 0, at most 180;
            positive ones turn counter-clockwise.
        prob: Probability to turn, 0 to 1.
        min_box_area: Share of the turned box's area that must be left in
            the picture, 0 to 1.

    Raises:
        ValueError: If an argument is out of its range.
    """

    def __init__(
        self,
        max_degrees: float,
        prob: float = 1.0,
        min_box_area: float = 0.25,
    ) -> None:
        if not 0 < max_degrees <= 180:
            raise ValueError(
                f'RandomRotateKeypoints: max_degrees is {max_degrees}; give '
                'more than 0 and at most 180.'
            )
        check_shares(
            'RandomRotateKeypoints', prob=prob, min_box_area=min_box_area
        )
        self.max_degrees = max_degrees
        self.prob = prob
        self.min_box_area = min_box_area

    @cache_randomness
    def _random_degrees(self) -> float | None:
        """Draw the angle, None for no rotation."""
        if np.random.rand() >= self.prob:
            return None
        return np.random.uniform(-self.max_degrees, self.max_degrees)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Turn with probability ``prob``."""
        degrees = self._random_degrees()
        if degrees is None:
            return results
        height, width = results['img'].shape[:2]
        centre = ((width - 1) / 2, (height - 1) / 2)
        matrix = cv2.getRotationMatrix2D(centre, degrees, 1.0)
        results['img'] = cv2.warpAffine(
            results['img'], matrix, (width, height), flags=cv2.INTER_LINEAR
        )
        if 'gt_bboxes' in results:
            keypoints = results['gt_keypoints'].copy()
            results['gt_bboxes'] = _turn_boxes(
                results['gt_bboxes'], keypoints, matrix
            )
            # Rounded: a multiple of 90 degrees must not lose border pixels.
            keypoints[..., :2] = _turn(keypoints[..., :2], matrix).round(4)
            crop_keypoints(keypoints, (0, 0, width, height))
            results['gt_keypoints'] = keypoints
            clip_instances(results, (width, height), self.min_box_area)
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(max_degrees={self.max_degrees}, '
            f'prob={self.prob}, min_box_area={self.min_box_area})'
        )


def _turn(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Map points (..., 2), whole numbers being centres of pixels."""
    return points.astype(np.float64) @ matrix[:, :2].T + matrix[:, 2]


def _turn_boxes(
    boxes: np.ndarray, keypoints: np.ndarray, matrix: np.ndarray
) -> np.ndarray:
    """Boxes (N, 4) xyxy around turned objects, not clipped."""
    # Edges of pixels lie half a pixel beside their centres.
    centre = _turn((boxes[:, :2] + boxes[:, 2:]) / 2 - 0.5, matrix) + 0.5
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    parts = half[:, None] * np.abs(matrix[:, :2])  # (N, 2 axes, 2 sides)
    corners = parts.sum(-1)
    ellipse = np.sqrt(np.square(parts).sum(-1))
    labelled = keypoints[..., 2] > 0
    reach = np.where(
        labelled[..., None],
        _turn(keypoints[..., :2], matrix) + 0.5 - centre[:, None],
        0,
    )
    low = np.minimum(-ellipse, reach.min(1, initial=0)).clip(-corners)
    high = np.maximum(ellipse, reach.max(1, initial=0)).clip(None, corners)
    enough = (labelled.sum(1) >= MIN_KEYPOINTS)[:, None]
    low = np.where(enough, low, -corners)
    high = np.where(enough, high, corners)
    turned = np.concatenate([centre + low, centre + high], 1)
    return turned.astype(np.float32)
