# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""A small file of several sources, as tools/dataset_converters writes it."""

import json

import cv2
import numpy as np

KEYPOINTS = {
    'body': ['left eye', 'right eye', 'nose'],
    'face': ['left eye', 'right eye'],
    'garment': ['left sleeve', 'right sleeve', 'hem', 'collar'],
}
#: name: (keypoints, super-category, object, family, species, sources)
CATEGORIES = {
    'person': ('body', 'human', 'person', '', '', ['streets']),
    'human face': ('face', 'human', 'human face', '', '', ['portraits']),
    'shirt': ('garment', 'clothes', 'shirt', '', '', ['shop']),
    'cat': ('body', 'animal', 'cat', 'Felidae', 'Felis catus', ['zoo']),
    'lion': ('body', 'animal', 'lion', 'Felidae', 'Panthera leo', ['zoo']),
    'dog': ('body', 'animal', 'dog', 'Canidae', '', ['zoo', 'farm']),
    'cow': ('body', 'animal', 'cow', 'Bovidae', 'Bos taurus', ['farm']),
    'cat face': ('face', 'animal face', 'cat', 'Felidae', '', ['portraits']),
}
#: Pictures: (source, the categories of their objects).
PICTURES = [
    ('streets', ['person', 'person']),
    ('streets', ['person']),
    ('streets', []),
    ('portraits', ['human face']),
    ('portraits', ['cat face']),
    ('shop', ['shirt']),
    ('zoo', ['cat']),
    ('zoo', ['lion', 'cat']),
    ('zoo', ['dog']),
    ('zoo', ['dog', 'cat']),
    ('farm', ['dog']),
    ('farm', ['cow']),
]
SIZE = 96


def category_records():
    """The categories, with the additions of a build."""
    return [
        {
            'id': number,
            'name': name,
            'supercategory': group,
            'keypoints': KEYPOINTS[points],
            'object': thing,
            'taxonomy': {
                rank: value
                for rank, value in (('family', family), ('species', species))
                if value
            },
            'sources': sources,
        }
        for number, (name, row) in enumerate(CATEGORIES.items(), 1)
        for points, group, thing, family, species, sources in [row]
    ]


def annotation(number, image, category, place):
    """An object of 40 x 30 pixels with all keypoints, by its place."""
    name = list(CATEGORIES)[category - 1]
    count = len(KEYPOINTS[CATEGORIES[name][0]])
    x, y = 4.0 + 45 * place, 10.0 + 5 * place
    points = [[x + 3 + 9 * k, y + 4 + 6 * k, 1 + k % 2] for k in range(count)]
    return {
        'id': number,
        'image_id': image,
        'category_id': category,
        'bbox': [x, y, 40.0, 30.0],
        'area': 1200.0,
        'iscrowd': 0,
        'keypoints': [value for point in points for value in point],
        'num_keypoints': count,
    }


def content(pictures=PICTURES):
    """Everything of a file, ids from 1."""
    numbers = {name: i for i, name in enumerate(CATEGORIES, 1)}
    images, annotations = [], []
    for image, (source, names) in enumerate(pictures, 1):
        images.append(
            {
                'id': image,
                'file_name': f'{source}_{image}.png',
                'width': SIZE,
                'height': SIZE,
                'source': source,
            }
        )
        for place, name in enumerate(names):
            number = len(annotations) + 1
            annotations.append(annotation(number, image, numbers[name], place))
    return {
        'images': images,
        'annotations': annotations,
        'categories': category_records(),
    }


def write(root, name='unikpt_train', pictures=PICTURES, **changes):
    """Write ``annotations/<name>.json`` and the pictures below ``root``."""
    written = {**content(pictures), **changes}
    (root / 'annotations').mkdir(parents=True, exist_ok=True)
    (root / 'images').mkdir(exist_ok=True)
    path = root / 'annotations' / f'{name}.json'
    path.write_text(json.dumps(written))
    for image in written['images']:
        shade = np.full((SIZE, SIZE, 3), 20 * (image['id'] % 12), np.uint8)
        cv2.imwrite(str(root / 'images' / image['file_name']), shade)
    return path
