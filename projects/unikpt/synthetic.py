# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Large sources without content, to measure how long things take."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from projects.common.utils.files import write_bytes, write_text

WIDTH, HEIGHT = 640, 480
PER_PICTURE = 2
_PICTURES = 64  # different ones; the others are further names of them
_FILES = {
    'coco': (
        'annotations/person_keypoints_train2017.json',
        'train2017',
        ['person'],
    ),
    'ap10k': (
        'annotations/ap10k-train-split1.json',
        'data',
        ['cat', 'dog', 'horse', 'zebra'],
    ),
}


def write_sources(root: Path, instances: int) -> dict[str, Path]:
    """Write COCO and AP-10K with random objects, two a picture.

    Args:
        root: Folder of both.
        instances: Objects of both together.

    Returns:
        Source -> its folder.
    """
    folders = {}
    for seed, (name, (file, pictures, kinds)) in enumerate(_FILES.items()):
        folders[name] = root / name
        number = instances // len(_FILES) // PER_PICTURE
        _write_pictures(folders[name] / pictures, number, seed)
        rng = np.random.default_rng(seed)
        content = {
            'images': [
                {
                    'id': i,
                    'file_name': _name(i),
                    'width': WIDTH,
                    'height': HEIGHT,
                }
                for i in range(number)
            ],
            'annotations': list(_annotations(number, len(kinds), rng)),
            'categories': [
                {'id': i, 'name': kind, 'keypoints': []}
                for i, kind in enumerate(kinds, 1)
            ],
        }
        write_text(folders[name] / file, json.dumps(content))
    return folders


def _name(number: int) -> str:
    return f'{number:012d}.jpg'


def _write_pictures(folder: Path, number: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for i in range(number):
        path = folder / _name(i)
        if i < _PICTURES:
            # Blurred noise has about the size of a photo.
            noise = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
            image = cv2.GaussianBlur(noise, (0, 0), 3)
            write_bytes(path, cv2.imencode('.jpg', image)[1].tobytes())
        elif not path.exists():
            os.link(folder / _name(i % _PICTURES), path)


def _annotations(
    pictures: int, kinds: int, rng: np.random.Generator
) -> Iterator[dict[str, Any]]:
    for i in range(pictures * PER_PICTURE):
        x, y = rng.integers(0, 300, 2).tolist()
        keypoints = np.round(rng.uniform(0, 150, (17, 3)) + (x, y, 0), 2)
        keypoints[:, 2] = rng.integers(0, 3, 17)
        keypoints[keypoints[:, 2] == 0] = 0
        flat = keypoints.ravel().tolist()
        flat[2::3] = map(int, flat[2::3])
        yield {
            'id': i,
            'image_id': i // PER_PICTURE,
            'category_id': 1 + i % kinds,
            'bbox': [x, y, 150.5, 150.25],
            'area': 11000.25,
            'iscrowd': 0,
            'num_keypoints': int((keypoints[:, 2] > 0).sum()),
            'keypoints': flat,
        }
