# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""From an annotated object of a data set to a shot.

picture -> window around the object, shrunk -> augmentation -> square crop
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from mmpose.datasets.transforms import LoadImage

from projects.common.datasets.transforms.formatting import as_uint8
from projects.common.datasets.transforms.geometry import (
    ResizeKeypoints,
    crop_keypoints,
)
from projects.common.structures import SupportShot, crop_support

# So much more than the crop is left around the object that a turned crop
# finds no empty corner where the picture has something.
_MARGIN = 1.5
MIN_SIZE = 32
MIN_CONTEXT = 1.1


class UnreadableSupportError(OSError):
    """An example's picture does not exist or cannot be decoded."""


def check_cut(who: str, size: int, context: tuple[float, float]) -> None:
    """Check the arguments of a cut.

    Args:
        who: Named in the error.
        size: Side of the crop in pixels.
        context: Smallest and largest context.

    Raises:
        ValueError: If one is out of its range.
    """
    if size < MIN_SIZE:
        raise ValueError(
            f'{who}: size is {size}; a shot has at least {MIN_SIZE} pixels.'
        )
    if not MIN_CONTEXT <= context[0] <= context[1]:
        # With less, keypoints on the box's border would be cut off.
        raise ValueError(
            f'{who}: context is {context}; give at least {MIN_CONTEXT}, the '
            'smaller number first.'
        )


def cut_support(
    record: Mapping[str, Any],
    size: int,
    context: float,
    augment: Callable[[dict], dict | None] | None = None,
) -> SupportShot:
    """Read an object's picture and cut it out.

    Args:
        record: See :meth:`SupportPool.record`.
        size: Side of the crop in pixels.
        context: Side of the cut over the box's longer side.
        augment: Transform of the results that holds the object's
            surroundings, at most three times as wide as the crop.

    Returns:
        SupportShot: With ``annotation_id`` and ``image_id``.

    Raises:
        UnreadableSupportError: If the picture cannot be read.
    """
    try:
        results = LoadImage()(dict(record))
    except Exception as error:  # LoadImage's depend on the file's fault
        raise UnreadableSupportError(
            f'The picture {record["img_path"]} of the example '
            f'{record["annotation_id"]} cannot be read.'
        ) from error
    results['gt_keypoints'] = results['gt_keypoints'].copy()
    results = _window(results, size, context)
    if augment is not None:
        changed = augment(copy.deepcopy(results))
        if changed is not None and _shows_a_keypoint(changed, size, context):
            results = changed
    keypoints = results['gt_keypoints'][0]
    height, width = results['img'].shape[:2]
    inside = (keypoints[:, :2] >= 0) & (keypoints[:, :2] <= (width, height))
    return crop_support(
        as_uint8(results['img']),
        keypoints[:, :2],
        keypoints[:, 2] * inside.all(-1),
        results['gt_bboxes'][0],
        size=size,
        context=context,
        annotation_id=record['annotation_id'],
        image_id=record['img_id'],
    )


def _window(
    results: dict[str, Any], size: int, context: float
) -> dict[str, Any]:
    """Cut away and shrink: colour transforms cost by the pixel."""
    x1, y1, x2, y2 = map(float, results['gt_bboxes'][0])
    side = max(x2 - x1, y2 - y1) * context
    reach = side * _MARGIN / 2
    height, width = results['img'].shape[:2]
    left = max(math.floor((x1 + x2) / 2 - reach), 0)
    top = max(math.floor((y1 + y2) / 2 - reach), 0)
    right = min(math.ceil((x1 + x2) / 2 + reach), width)
    bottom = min(math.ceil((y1 + y2) / 2 + reach), height)
    results['img'] = results['img'][top:bottom, left:right]
    results['img_shape'] = (bottom - top, right - left)
    results['gt_bboxes'] = results['gt_bboxes'] - np.float32(
        [left, top, left, top]
    )
    crop_keypoints(
        results['gt_keypoints'], (left, top, right - left, bottom - top)
    )
    # Twice the resolution of the crop is left for turns and jitter.
    factor = 2 * size / side
    if factor < 1:
        resize = ResizeKeypoints(scale_factor=factor, interpolation='area')
        results = resize(results)
    return results


def _shows_a_keypoint(
    results: Mapping[str, Any], size: int, context: float
) -> bool:
    """Whether the crop around the (only) object will show a keypoint."""
    if len(results['gt_bboxes']) == 0:
        return False
    box = results['gt_bboxes'][0]
    side = (box[2:] - box[:2]).max() * context
    keypoints = results['gt_keypoints'][0]
    offset = np.abs(keypoints[:, :2] - (box[2:] + box[:2]) / 2)
    # The last pixel's centre lies one pixel before the crop's end.
    inside = (offset <= side * (0.5 - 1 / size)).all(-1)
    return bool((inside & (keypoints[:, 2] > 0)).any())
