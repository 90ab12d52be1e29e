# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What the miniature sets of UniKPT's sources have in common."""

import json
import zlib

import cv2
import numpy as np

WIDTH, HEIGHT = 40, 32
BOX = [2, 3, 34, 26]


def picture(path, size=(WIDTH, HEIGHT)):
    """Write a picture whose content depends on its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = zlib.crc32(str(path).encode('utf-8', 'surrogateescape'))
    pixels = np.random.default_rng(seed).integers(
        0, 256, (size[1], size[0], 3), dtype=np.uint8
    )
    path.write_bytes(cv2.imencode(path.suffix, pixels)[1].tobytes())


def spots(count):
    """(count, 2) points inside the box, all different."""
    index = np.arange(count)
    return np.stack([3 + index * 7 % 31, 4 + index * 5 % 23], axis=1)


def triplets(count, visible=2):
    """[x, y, v] rows: the first not labelled, the second hidden.

    Where 1 means visible there is no flag for hidden.
    """
    rows = [[int(x), int(y), visible] for x, y in spots(count)]
    rows[0] = [0, 0, 0]
    rows[1][2] = 1
    return rows


def expected(splits, instances, keypoints, faults=None, doctor=None):
    """See the module."""
    return {
        'pictures': sum(splits.values()),
        'instances': instances,
        'keypoints': keypoints,
        'splits': splits,
        'faults': faults or {},
        'doctor': doctor or {},
    }


PLANTED = {
    'wrong number of keypoints': 1,
    'duplicated id': 1,
    'unknown picture': 1,
    'unknown category': 1,
}
PLANTED_DOCTOR = {
    'missing picture': 1,
    'wrong picture size': 1,
    'empty box': 1,
    'keypoints outside the picture': 1,
}


class CocoMini:
    """A COCO-style json and its pictures."""

    def __init__(self, root, categories, visible=2, first_id=1):
        self.root = root
        self.visible = visible
        self.categories = categories
        self.images = []
        self.annotations = []
        self.next_id = first_id

    def image(self, name, folder='', write=True, **extra):
        if write:
            picture(self.root / folder / name)
        record = {'id': self.next_id, 'file_name': name}
        size = {'width': WIDTH, 'height': HEIGHT}
        self.images.append({**record, **size, **extra})
        self.next_id += 1
        return record['id']

    def object(self, image_id, category=0, **changes):
        record = self.categories[category]
        rows = triplets(len(record['keypoints']), self.visible)
        annotation = {
            'id': self.next_id,
            'image_id': image_id,
            'category_id': record['id'],
            'bbox': BOX,
            'area': 884,
            'iscrowd': 0,
            'num_keypoints': len(rows) - 1,
            'keypoints': [value for row in rows for value in row],
        }
        self.annotations.append({**annotation, **changes})
        self.next_id += 1
        return annotation

    def plant(self, folder=''):
        """Two more pictures and objects, and what PLANTED says.

        One picture is missing. Of the other the annotation says another
        size, its object's box is empty and its last keypoint lies outside.
        Four annotations more cannot be used.
        """
        first = self.object(self.image('gone.jpg', folder, write=False))
        odd = self.image('odd.jpg', folder, width=50, height=50)
        flat = [*first['keypoints'][:-3], 1000, 5, 2]
        self.object(odd, bbox=[5, 5, 0, 9], keypoints=flat)
        self.object(odd, keypoints=flat[:-3])
        self.annotations.append(dict(first))
        self.object(987654)
        self.object(odd, category_id=4321)

    def save(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {
            'images': self.images,
            'annotations': self.annotations,
            'categories': self.categories,
        }
        path.write_text(json.dumps(content))


def write_pts(path, points):
    """A .pts file as the iBUG group writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = '\n'.join(f'{x:.6f} {y:.6f}' for x, y in points)
    path.write_text(f'version: 1\nn_points: {len(points)}\n{{\n{rows}\n}}\n')
