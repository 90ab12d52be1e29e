# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Pictures of the same size with one to ten objects, to time models on."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from projects.common.utils.pictures import read_picture

COLUMNS, ROWS = 5, 2
CELL = (96, 192)  # (w, h), pixels
_GREY = 114


@dataclass(frozen=True)
class Crowd:
    """A picture with n objects.

    Attributes:
        picture (np.ndarray): (384, 480, 3) uint8 BGR.
        boxes (np.ndarray): (n, 4) xyxy float32, picture pixels.
    """

    picture: np.ndarray
    boxes: np.ndarray


def crowded_pictures(
    truth: Mapping[str, Any], root: str | Path
) -> list[Crowd]:
    """Pictures with 1, 2 .. 10 objects on grey, the largest of a data set.

    Args:
        truth: A COCO-style keypoint file with ten objects or more.
        root: Folder that its file names start from.

    Raises:
        ValueError: If there are fewer than ten objects.
    """
    files = {i['id']: Path(root) / i['file_name'] for i in truth['images']}
    canvas = np.full(
        (ROWS * CELL[1], COLUMNS * CELL[0], 3), _GREY, dtype=np.uint8
    )
    boxes, crowds = [], []
    for index, annotation in enumerate(largest_objects(truth)):
        patch = _patch(read_picture(files[annotation['image_id']]), annotation)
        x, y = index % COLUMNS * CELL[0], index // COLUMNS * CELL[1]
        height, width = patch.shape[:2]
        canvas[y : y + height, x : x + width] = patch
        boxes.append([x, y, x + width, y + height])
        crowds.append(Crowd(canvas.copy(), np.array(boxes, np.float32)))
    return crowds


def largest_objects(truth: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The annotations of the ten largest objects, by box.

    Raises:
        ValueError: If there are fewer.
    """
    count = COLUMNS * ROWS
    largest = sorted(
        truth['annotations'],
        key=lambda a: (-a['bbox'][2] * a['bbox'][3], a['id']),
    )[:count]
    if len(largest) < count:
        raise ValueError(
            f'There are {len(largest)} objects, {count} are needed to time '
            'models on pictures with many; use a larger data set.'
        )
    return largest


def _patch(picture: np.ndarray, annotation: Mapping[str, Any]) -> np.ndarray:
    """An object's box, as large as a cell allows."""
    x, y, w, h = annotation['bbox']
    left, top = max(round(x), 0), max(round(y), 0)
    cut = picture[top : round(y + h), left : round(x + w)]
    scale = min(CELL[0] / cut.shape[1], CELL[1] / cut.shape[0])
    size = [max(int(scale * length), 1) for length in cut.shape[1::-1]]
    return cv2.resize(cut, size, interpolation=cv2.INTER_AREA)
