# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""A data set of three pictures and three categories with K = 3, 2, 1."""

import copy
import json

import cv2
import numpy as np
import pytest

CONTENT = {
    'images': [
        {
            'id': 10,
            'file_name': 'a.png',
            'width': 40,
            'height': 20,
            'style': 'sketch',
        },
        {'id': 11, 'file_name': 'b.png', 'width': 30, 'height': 50},
        {'id': 12, 'file_name': 'c.png', 'width': 24, 'height': 24},
    ],
    'categories': [
        {
            'id': 5,
            'name': 'cat',
            'keypoints': ['nose', 'left_eye', 'right_eye'],
            'skeleton': [[1, 2], [1, 3]],
        },
        {'id': 2, 'name': 'chair', 'keypoints': ['seat', 'back']},
        {'id': 9, 'name': 'ball', 'keypoints': ['middle']},
    ],
    'annotations': [
        {
            'id': 100,
            'image_id': 10,
            'category_id': 2,
            'bbox': [2, 3, 10, 8],
            'area': 60,
            'iscrowd': 0,
            'keypoints': [4, 5, 2, 6, 7, 1],
            'num_keypoints': 2,
        },
        {
            'id': 101,
            'image_id': 10,
            'category_id': 5,
            'bbox': [30, -2, 20, 12],
            'iscrowd': 0,
            'keypoints': [35, 4, 2, 33, 2, 0, 37, 3, 2],
            'num_keypoints': 2,
        },
        {
            'id': 102,
            'image_id': 10,
            'category_id': 5,
            'bbox': [0, 0, 40, 20],
            'area': 800,
            'iscrowd': 1,
            'keypoints': [0] * 9,
            'num_keypoints': 0,
        },
        {
            'id': 103,
            'image_id': 11,
            'category_id': 9,
            'bbox': [5, 5, 10, 10],
            'area': 70,
            'iscrowd': 0,
            'num_keypoints': 0,
        },
    ],
}


@pytest.fixture
def content():
    """A copy of the annotation file's content, to be spoilt by tests."""
    return copy.deepcopy(CONTENT)


@pytest.fixture
def write_coco(tmp_path):
    """Write content and pictures; returns the arguments of the data set."""

    def write(content, data=None):
        (tmp_path / 'images').mkdir(exist_ok=True)
        rng = np.random.default_rng(0)
        for image in content['images']:
            shape = (image['height'], image['width'], 3)
            picture = rng.integers(0, 256, shape, dtype=np.uint8)
            path = tmp_path / 'images' / image['file_name']
            cv2.imwrite(str(path), picture)
        text = json.dumps(content) if data is None else data
        (tmp_path / 'ann.json').write_text(text)
        return {
            'ann_file': 'ann.json',
            'data_root': str(tmp_path),
            'data_prefix': {'img': 'images'},
        }

    return write


WHITE, BLUE, RED = (255, 255, 255), (255, 0, 0), (0, 0, 255)


def face_content(count=6):
    """Pictures 1 to 6 of 100 x 80 px with a face each, see ``face_set``."""
    vocabulary = {
        'face': ['nose', 'left eye', 'right eye'],
        'lamp': ['bulb'],
        'tiny': ['middle'],
        'ghost': ['head', 'tail'],
    }
    categories = [
        {'id': i, 'name': name, 'keypoints': keypoints}
        for i, (name, keypoints) in enumerate(vocabulary.items(), 1)
    ]

    def annotation(number, image, category, bbox, keypoints):
        return {
            'id': number,
            'image_id': image,
            'category_id': category,
            'bbox': bbox,
            'area': 900,
            'keypoints': keypoints,
        }

    annotations = []
    for i in range(1, count + 1):
        eyes = [30 + i, 25, 2, 50 + i, 25, 1]
        face = [40 + i, 40, 2, *eyes]
        annotations += [
            annotation(10 * i, i, 1, [20 + i, 15, 40, 40], face),
            annotation(10 * i + 1, i, 3, [90, 70, 6, 6], [93, 73, 2]),
        ]
    annotations += [
        annotation(7, 1, 2, [70, 40, 20, 30], [80, 50, 2]),
        # One keypoint of three.
        annotation(8, 2, 1, [60, 40, 30, 30], [70, 50, 2, *[0] * 6]),
    ]
    images = [
        {'id': i, 'file_name': f'p{i}.png', 'width': 100, 'height': 80}
        for i in range(1, count + 1)
    ]
    return {
        'images': images,
        'categories': categories,
        'annotations': annotations,
    }


@pytest.fixture
def face_set(tmp_path):
    """A data set whose keypoints are coloured dots on grey of 10 * id.

    Its nose is white, left eye (in the picture on the left) blue, right eye
    red. Usable as supports are one face in each picture and a lamp in the
    first; 'tiny' is too small and 'ghost' absent. Returns arguments of the
    data set.
    """
    folder = tmp_path / 'faces'
    folder.mkdir()
    content = face_content()
    for image in content['images']:
        i = image['id']
        picture = np.full((80, 100, 3), 10 * i, np.uint8)
        points = ((40 + i, 40), (30 + i, 25), (50 + i, 25))
        for (x, y), colour in zip(points, (WHITE, BLUE, RED)):
            picture[y - 2 : y + 3, x - 2 : x + 3] = colour
        cv2.imwrite(str(folder / image['file_name']), picture)
    (tmp_path / 'faces.json').write_text(json.dumps(content))
    return {
        'ann_file': 'faces.json',
        'data_root': str(tmp_path),
        'data_prefix': {'img': 'faces'},
    }
