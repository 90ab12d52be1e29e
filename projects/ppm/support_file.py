# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Labelled examples from a json file.

Either a COCO-style keypoint file, or

    {"category": "teapot", "keypoints": ["lid", "handle", "spout"],
     "shots": [{"image": "a.jpg",
                "keypoints": [[31, 12], null, [80, 45]],
                "bbox": [10, 5, 90, 80]}]}

with null for a keypoint that the picture does not show. The bbox (x, y, width,
height) may be left out; it is then that of the keypoints.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.logging import print_log

from projects.common.datasets import CocoKeypointFile
from projects.common.datasets.episodes.source import CONTEXT
from projects.common.structures import (
    KeypointCategory,
    SupportShot,
    crop_support,
)
from projects.common.utils.pictures import read_picture


@dataclass(frozen=True)
class LabelledObject:
    """One example in its picture.

    Attributes:
        image: Path of the picture.
        keypoints: (K, 2) xy, image pixels.
        visible: (K,) 0, 1 or 2.
        bbox: xyxy, image pixels, or None.
    """

    image: Path
    keypoints: np.ndarray
    visible: np.ndarray
    bbox: Sequence[float] | None


def read_image(path: str | os.PathLike) -> np.ndarray:
    """(h, w, 3) uint8 BGR.

    Raises:
        FileNotFoundError: If there is no such file.
        OSError: If it is no picture.
    """
    return read_picture(
        path,
        'pictures of a support file are looked for beside it, or in the '
        'folder of --images',
    )


def corners(box: Sequence[float]) -> tuple[float, float, float, float]:
    """A box (x, y, width, height) as xyxy."""
    x, y, width, height = box
    return x, y, x + width, y + height


def read_support(
    path: str | os.PathLike,
    images: str | os.PathLike | None = None,
    category: str | None = None,
    shots: int | None = None,
    size: int = 512,
) -> tuple[KeypointCategory, list[SupportShot]]:
    """Read examples and cut them out.

    Args:
        path: The json file.
        images: Folder of the pictures; by default the file's.
        category: Which category of a COCO-style file; not needed if it has
            only one.
        shots: Only the first so many examples.
        size: Side of the crops in pixels.

    Returns:
        tuple: The category and its shots. A keypoint that its crop cuts off
        is not shown by the shot; a warning says which.

    Raises:
        FileNotFoundError: If the file or a picture does not exist.
        OSError: If a picture cannot be read.
        ValueError: If the file says something that cannot be.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'The support file "{path}" does not exist; give a json file '
            'with pictures and keypoints.'
        )
    try:
        content = json.loads(path.read_text('utf-8'))
    except ValueError as error:
        raise ValueError(f'"{path}" is no json file ({error}).') from error
    root = path.parent if images is None else Path(images)
    if not isinstance(content, dict) or 'shots' not in content:
        found, objects = _coco(path, root, category)
    else:
        found, objects = _simple(path, content, root)
    cut = [
        _cut(number, one, found, size)
        for number, one in enumerate(objects[:shots])
    ]
    if not cut:
        raise ValueError(
            f'"{path}" shows no {found.name!r} with keypoints; label at '
            'least one example.'
        )
    return found, cut


def _cut(
    number: int, one: LabelledObject, category: KeypointCategory, size: int
) -> SupportShot:
    """Cut an example out; say which keypoints its crop cuts off."""
    lost = _cut_off(one)
    if lost.any():
        names = ', '.join(
            f'{category.keypoints[n]!r} at {one.keypoints[n].tolist()}'
            for n in lost.nonzero()[0]
        )
        text = (
            f'Shot {number}, "{one.image}": outside of the square around its '
            f'bbox lies {names}'
        )
        if lost.sum() == (one.visible > 0).sum():
            raise ValueError(
                f'{text}; nothing else is labelled. Correct the bbox (x, y, '
                'width, height) or the keypoints.'
            )
        print_log(
            f'{text}; the shot does not show it. A larger bbox would.',
            logger='current',
            level=logging.WARNING,
        )
    return crop_support(
        read_image(one.image),
        one.keypoints,
        one.visible,
        one.bbox,
        size,
        CONTEXT,
    )


def _cut_off(one: LabelledObject) -> np.ndarray:
    """(K,) bool, the labelled keypoints that the crop cuts off."""
    shown = one.visible > 0
    if one.bbox is None:  # crop_support makes one around all of them
        return np.zeros_like(shown)
    x1, y1, x2, y2 = one.bbox
    reach = max(x2 - x1, y2 - y1) / 2 * CONTEXT
    center = (x1 + x2) / 2, (y1 + y2) / 2
    return shown & (np.abs(one.keypoints - center).max(-1) > reach)


def _simple(
    path: Path, content: dict[str, Any], root: Path
) -> tuple[KeypointCategory, list[LabelledObject]]:
    missing = [k for k in ('category', 'keypoints') if k not in content]
    if missing:
        raise ValueError(
            f'"{path}" lacks {", ".join(missing)}; it needs category, '
            'keypoints (their names) and shots.'
        )
    category = KeypointCategory(
        content['category'],
        content['keypoints'],
        skeleton=content.get('skeleton', ()),
    )
    return category, list(_shots(path, content['shots'], category, root))


def _shots(
    path: Path,
    records: Sequence[dict[str, Any]],
    category: KeypointCategory,
    root: Path,
) -> Iterator[LabelledObject]:
    for number, record in enumerate(records):
        points = record.get('keypoints', ())
        if not record.get('image') or len(points) != category.num_keypoints:
            raise ValueError(
                f'"{path}": shot {number} has {len(points)} keypoints and '
                f'the picture {record.get("image")!r}; it needs a picture '
                f'and {category.num_keypoints} keypoints, [x, y] or null.'
            )
        if any(p is not None and len(p) != 2 for p in points):
            raise ValueError(
                f'"{path}": a keypoint of shot {number} is neither [x, y] '
                'nor null.'
            )
        box = record.get('bbox')
        yield LabelledObject(
            root / record['image'],
            np.array([p or (0, 0) for p in points], np.float32),
            np.array([2 * (p is not None) for p in points], np.float32),
            None if box is None else corners(box),
        )


def _coco(
    path: Path, root: Path, name: str | None
) -> tuple[KeypointCategory, list[LabelledObject]]:
    file = CocoKeypointFile(str(path), None if name is None else [name])
    if len(file.categories) != 1:
        names = ', '.join(category.name for category in file.categories)
        raise ValueError(
            f'"{path}" has the categories {names}; choose one by --category.'
        )
    category = file.categories[0]
    file.find_pictures(root, must_exist=False)
    objects = []
    for image in file.images:
        found = file.instances(image)
        for box, points in zip(found['gt_bboxes'], found['gt_keypoints']):
            if (points[:, 2] > 0).any():
                objects.append(
                    LabelledObject(
                        root / image['file_name'],
                        points[:, :2],
                        points[:, 2],
                        box.tolist(),
                    )
                )
    return category, objects
