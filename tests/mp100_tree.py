# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""A miniature MP-100 and its sources, with every known fault of them."""

import json

import h5py
import numpy as np

from tests.unikpt_mini_parts import HEIGHT, WIDTH, picture

#: Category -> pictures that the annotation names.
PICTURES = {
    'antelope_body': ['000000000001.jpg', '000000000002.jpg'],
    'bison_body': ['000000000003.jpg'],  # the same folder of AP-10K
    'amur_tiger_body': ['flickr/0/image00002.jpg'],  # a person of AFLW
    'shorts': ['000001.jpg'],  # that name in train and validation
    'skirt': ['000002.jpg'],  # in train there is another picture so named
    'fly_body': ['3.jpg'],  # a frame of an h5 file
    'locust_body': ['1.jpg'],  # the source is not there
    'car': ['101728037.jpg'],  # found by its annotation, the ids differ
    'bus': ['55.jpg'],  # found by its id
    'suv': ['77.jpg'],  # not in CarFusion's annotation
    'bed': ['00000001.jpg'],  # the same name in the folder of chairs
    'chair': ['00000001.jpg'],
    'camel_face': ['camel_91.jpg', 'camel_92.jpg'],  # the second is missing
    'grebe_body': ['Eared_Grebe_0001.jpg'],  # the folder is a link, and good
    'wren_body': ['Winter_Wren_0001.jpg'],  # the folder is a link, and bad
    'human_body': ['000000000009.jpg'],  # of another size
    'human_hand': ['1.jpg'],  # is a png
    'dragon_body': ['1.jpg'],  # no category of MP-100
}
INCOMPLETE = (
    *('locust_body', 'suv', 'camel_face', 'wren_body', 'human_body'),
    'dragon_body',
)
CAR_BOX = [3, 4, 20, 10]


def write(root):
    """Write ``sources``, ``mp100/annotations`` and two old links."""
    sources, images = root / 'sources', root / 'mp100' / 'images'
    for place in (
        *(f'ap-10k/data/{n:012d}.jpg' for n in (1, 2, 3)),
        'AFLW/aflw/data/flickr/0/image00002.jpg',
        'AFLW/aflw/data/flickr/2/image00002.jpg',
        *(
            f'DeepFashion2/{s}/image/000001.jpg'
            for s in ('validation', 'train')
        ),
        'DeepFashion2/validation/image/000002.jpg',
        'carfusion/train/car_craig1/images_jpg/17_28037.jpg',
        'carfusion/test/car_craig1/images_jpg/9_9.jpg',
        *(f'keypoint-5/{k}/images/00000001.jpg' for k in ('bed', 'chair')),
        'animal_dataset_v1_clean_check/camel_91.jpg',
        'CUB_200_2011/images/050.Eared_Grebe/Eared_Grebe_0001.jpg',
        'CUB_200_2011/images/198.Rock_Wren/Rock_Wren_0001.jpg',
        'CUB_200_2011/images/199.Winter_Wren/Winter_Wren_0001.jpg',
        'OneHand10K/Train/source/1.png',
    ):
        picture(sources / place)
    picture(sources / 'DeepFashion2/train/image/000002.jpg', (20, 20))
    picture(sources / 'coco/train2017/000000000009.jpg', (20, 20))
    (sources / 'ap-10k' / 'data' / 'loop').symlink_to(sources / 'ap-10k')
    _write_fly(sources / 'fly')
    _write_carfusion(sources / 'carfusion')
    images.mkdir(parents=True)
    birds = sources / 'CUB_200_2011' / 'images'
    (images / 'grebe_body').symlink_to(birds / '050.Eared_Grebe')
    (images / 'wren_body').symlink_to(birds / '198.Rock_Wren')
    _write_annotations(root / 'mp100' / 'annotations')
    return sources


def _write_fly(folder):
    folder.mkdir()
    frames = np.zeros((5, HEIGHT, WIDTH, 1), np.uint8)
    frames += (40 * np.arange(5, dtype=np.uint8))[:, None, None, None]
    with h5py.File(folder / 'annotation_data_release.h5', 'w') as file:
        file['images'] = frames
        file['annotations'] = np.ones((5, 32, 2))
        file['annotated'] = np.ones((5, 32), bool)


def _write_carfusion(folder):
    """As carfusion_to_coco writes it, with the ids of another version."""
    content = {
        'images': [
            {'id': 1, 'file_name': 'car_craig1/images_jpg/17_28037.jpg'},
            {'id': 55, 'file_name': 'car_craig1/images_jpg/9_9.jpg'},
        ],
        'annotations': [
            _object(1, 1, 1, CAR_BOX),
            _object(2, 55, 1, [1, 1, 5, 5]),
        ],
        'categories': [{'id': 1, 'name': 'car'}],
    }
    (folder / 'annotations').mkdir()
    path = folder / 'annotations' / 'car_keypoints_train.json'
    path.write_text(json.dumps(content))
    (folder / 'annotations' / 'notes.json').write_text('["no annotation"]')


def _object(number, image, category, box):
    return {
        'id': number,
        'image_id': image,
        'category_id': category,
        'bbox': box,
        'area': box[2] * box[3],
        'iscrowd': 0,
        'num_keypoints': 2,
        'keypoints': [4, 6, 2, 9, 8, 1, 0, 0, 0],
    }


def _write_annotations(folder):
    """Two files: the first half of the categories tests, the rest trains."""
    folder.mkdir(parents=True)
    names = list(PICTURES)
    halves = {'test': names[:9], 'train': names[9:]}
    for split, kept in halves.items():
        images, annotations = [], []
        for name in kept:
            for path in PICTURES[name]:
                number = len(images) + 1
                file_name = f'{name}/{path}'
                size = {'width': WIDTH, 'height': HEIGHT}
                images.append({'id': number, 'file_name': file_name, **size})
                box = CAR_BOX if name == 'car' else [2, 2, 30, 20]
                label = names.index(name) + 1
                annotations.append(_object(number, number, label, box))
        content = {
            'info': {'year': 2022},
            'images': images,
            'annotations': annotations,
            'categories': [
                {'id': i, 'name': name, 'keypoints': ['a', 'b', 'c']}
                for i, name in enumerate(names, 1)
                if name in kept
            ],
        }
        path = folder / f'mp100_split1_{split}.json'
        path.write_text(json.dumps(content))
