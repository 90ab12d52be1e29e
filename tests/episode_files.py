# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""A small data set to draw episodes from: cats (K = 3) and boats (K = 2)."""

import json

import cv2
import numpy as np

CATEGORIES = [
    {
        'id': 4,
        'name': 'cat',
        'supercategory': 'animal',
        'keypoints': ['nose', 'left_ear', 'right_ear'],
    },
    {
        'id': 2,
        'name': 'boat',
        'supercategory': 'vehicle',
        'keypoints': ['bow', 'stern'],
    },
]


def content(num_images=6, seed=0):
    """Pictures of 64 x 48 with two cats and a boat each."""
    rng = np.random.default_rng(seed)
    images, annotations = [], []
    for i in range(num_images):
        images.append(
            {'id': i, 'file_name': f'{i}.png', 'width': 64, 'height': 48}
        )
        for category in (CATEGORIES[0], CATEGORIES[0], CATEGORIES[1]):
            low = rng.uniform((0, 0), (30, 20))
            size = rng.uniform(12, 26, 2)
            count = len(category['keypoints'])
            xy = low + rng.uniform(0.1, 0.9, (count, 2)) * size
            keypoints = np.column_stack([xy, np.full(count, 2)])
            annotations.append(
                {
                    'id': 100 + len(annotations),
                    'image_id': i,
                    'category_id': category['id'],
                    'bbox': [*low.round(2).tolist(), *size.round(2).tolist()],
                    'area': float(size.prod().round(2)),
                    'iscrowd': 0,
                    'keypoints': keypoints.round(2).ravel().tolist(),
                }
            )
    return {
        'images': images,
        'annotations': annotations,
        'categories': CATEGORIES,
    }


def write(folder, data=None):
    """Write pictures and ``ann.json``; returns the file's path."""
    data = content() if data is None else data
    rng = np.random.default_rng(1)
    for image in data['images']:
        picture = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        size = (image['width'], image['height'])
        path = folder / image['file_name']
        cv2.imwrite(str(path), cv2.resize(picture, size))
    path = folder / 'ann.json'
    path.write_text(json.dumps(data))
    return path
