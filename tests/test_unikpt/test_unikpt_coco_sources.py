# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The sources that come as COCO json, in mmpose's layouts.

The samples of mmpose's tests/data are compared with the raw json.
"""

import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from projects.unikpt import SOURCES, load_vocabulary

SAMPLES = os.environ.get('MMPOSE_TESTS_DATA')
needs_samples = pytest.mark.skipif(
    not SAMPLES, reason='MMPOSE_TESTS_DATA is not set'
)
# Folder, file, source, category, whether 1 means visible.
LAYOUT = [
    ('coco', 'test_coco.json', 'coco', 'person', False),
    ('300w', 'test_300w.json', '300w', 'human face', True),
    ('onehand10k', 'test_onehand10k.json', 'onehand10k', 'hand', True),
    ('macaque', 'test_macaque.json', 'macaque', 'macaque', False),
    ('ap10k', 'test_ap10k.json', 'ap10k', None, False),
    ('humanart', 'test_humanart.json', 'humanart', 'person', False),
    ('animalpose', 'test_animalpose.json', 'animalpose', None, False),
    ('zebra', 'test_zebra.json', 'zebra', 'zebra from above', False),
    ('horse10', 'test_horse10.json', 'horse10', 'horse from the side', False),
    ('aflw', 'test_aflw.json', 'aflw', 'person face', True),
    ('wflw', 'test_wflw.json', 'wflw', 'dense human face', True),
]


def _read(name, root):
    faults = []
    pictures = list(SOURCES[name].read(root, faults.append))
    return pictures, faults


@needs_samples
@pytest.mark.parametrize(('folder', 'file', 'name', 'category', 'one'), LAYOUT)
def test_samples_equal_their_json(folder, file, name, category, one):
    root = Path(SAMPLES, folder)
    if not root.is_dir():
        pytest.skip(f'no {folder} among the samples')
    raw = json.loads((root / file).read_text())
    pictures, faults = _read(name, root)
    assert faults == []
    objects = {
        i.annotation_id: (picture, i)
        for picture in pictures
        for i in picture.instances
    }
    images = {image['id']: image for image in raw['images']}
    assert len(pictures) == len(images)
    assert len(objects) == len(raw['annotations'])
    for annotation in raw['annotations']:
        picture, instance = objects[annotation['id']]
        image = images[annotation['image_id']]
        assert picture.file.split('/')[-1] == image['file_name'].split('/')[-1]
        assert (picture.width, picture.height) == (
            image['width'],
            image['height'],
        )
        loaded = SOURCES[name].read_picture(root, picture)
        assert loaded.shape == (image['height'], image['width'], 3)
        expected = np.array(annotation['keypoints'], float).reshape(-1, 3)
        if one:
            expected[expected[:, 2] == 1, 2] = 2
        expected[expected[:, 2] == 0] = 0
        np.testing.assert_allclose(instance.keypoints, expected, atol=1e-4)
        assert instance.bbox == tuple(annotation['bbox'])
        assert instance.area == annotation['area']
        assert instance.iscrowd == bool(annotation['iscrowd'])
        if category:
            assert instance.category == category


def _write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def _picture(path, size=(8, 6)):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.zeros((size[1], size[0], 3), np.uint8))


def _coco(images, annotations, categories):
    """A COCO json; of images the names, of annotations (image, category)."""
    return {
        'images': [
            {'id': i, 'file_name': name, 'width': 8, 'height': 6, **more}
            for i, (name, more) in enumerate(images)
        ],
        'categories': [
            {'id': i, 'name': name, 'supercategory': '', 'keypoints': list(k)}
            for i, (name, k) in enumerate(categories)
        ],
        'annotations': [
            {
                'id': 100 + i,
                'image_id': image,
                'category_id': category,
                'keypoints': np.arange(
                    len(categories[category][1]) * 3
                ).tolist(),
                'bbox': [1, 1, 4, 4],
                'area': 16,
                'iscrowd': 0,
                **more,
            }
            for i, (image, category, more) in enumerate(annotations)
        ],
    }


AP10K = [
    *('left_eye', 'right_eye', 'nose', 'neck', 'root_of_tail'),
    *('left_shoulder', 'left_elbow', 'left_front_paw', 'right_shoulder'),
    *('right_elbow', 'right_front_paw', 'left_hip', 'left_knee'),
    *('left_back_paw', 'right_hip', 'right_knee', 'right_back_paw'),
]


def test_ap10k_reads_its_three_splits(tmp_path):
    for i, split in enumerate(('train', 'val', 'test')):
        content = _coco(
            [(f'00000000000{i}.jpg', {})],
            [(0, 0, {}), (0, 1, {})],
            [('argali sheep', AP10K), ('bobcat', AP10K)],
        )
        for number in (1, 2):
            path = f'annotations/ap10k-{split}-split{number}.json'
            _write(tmp_path / path, content)
        _picture(tmp_path / 'data' / f'00000000000{i}.jpg')
    pictures, faults = _read('ap10k', tmp_path)
    assert faults == []
    assert [(p.split, p.file) for p in pictures] == [
        ('train', 'data/000000000000.jpg'),
        ('val', 'data/000000000001.jpg'),
        ('test', 'data/000000000002.jpg'),
    ]
    sheep, cat = pictures[0].instances
    assert (sheep.category, cat.category) == ('argali sheep', 'bobcat')
    # v runs through 2, 5, 8 ...: all are visible.
    assert sheep.keypoints[1].tolist() == [3, 4, 2]
    assert SOURCES['ap10k'].find(tmp_path).missing == {}
    assert SOURCES['ap10k'].find(tmp_path / 'data').missing['val'] == (
        'annotations/ap10k-val-split1.json',
    )


def test_human_art_drops_its_own_prefix_and_has_styles(tmp_path):
    coco = load_vocabulary().schemas['coco'].source_names
    name = '2D_virtual_human/oil_painting/000000001648.jpg'
    content = _coco(
        [
            (f'HumanArt/images/{name}', {'category': 'oil_painting'}),
            ('HumanArt/images/real_human/dance/1.jpg', {}),
        ],
        [(0, 0, {'keypoints_21': [0] * 63})],
        [('person', coco)],
    )
    _write(tmp_path / 'annotations' / 'validation_humanart.json', content)
    _picture(tmp_path / 'images' / name)
    pictures, faults = _read('humanart', tmp_path)
    assert faults == []
    assert [p.file for p in pictures] == [
        f'images/{name}',
        # It is not there: a check of the pictures tells so.
        'images/real_human/dance/1.jpg',
    ]
    assert [p.style for p in pictures] == ['oil painting', None]
    assert pictures[0].instances[0].category == 'person'
    # As in mmpose's tests/data, without the folder images.
    (tmp_path / 'flat').mkdir()
    _write(tmp_path / 'flat' / 'test_humanart.json', content)
    _picture(tmp_path / 'flat' / name)
    assert _read('humanart', tmp_path / 'flat')[0][0].file == name


def test_apt36k_reads_paths_of_its_authors_machine(tmp_path):
    start = 'D:\\Animal_pose\\AP-36k-patr1\\'
    content = _coco(
        [
            (f'{start}1deer\\clip46 副本\\im1.jpg', {'video_id': 3}),
            (f'{start}9raccon\\v1\\im2.jpg', {}),
            (f'{start}2howling-monkey\\v1\\im3.jpg', {}),
        ],
        [
            (0, 0, {'track_id': 5, 'video_id': 3}),
            (1, 1, {}),
            (2, 2, {}),
        ],
        [('deer', AP10K), ('raccon', AP10K), ('howling-monkey', AP10K)],
    )
    _write(tmp_path / 'apt36k_annotations.json', content)
    files = [
        '1deer/clip46/im1.jpg',
        '9raccoon/v1/im2.jpg',
        '2howler-monkey/v1/im3.jpg',
    ]
    for file in files:
        _picture(tmp_path / file)
    pictures, faults = _read('apt36k', tmp_path)
    assert faults == []
    assert [p.file for p in pictures] == files
    assert [p.instances[0].category for p in pictures] == [
        *('deer', 'raccoon', 'alouatta')
    ]
    assert pictures[0].instances[0].attributes == {
        'track_id': 5,
        'video_id': 3,
    }
    # The release has no split; that of others is no missing file.
    assert SOURCES['apt36k'].find(tmp_path).missing == {}


@pytest.mark.parametrize(
    ('name', 'text', 'listed', 'category', 'checks'),
    [
        (
            'zebra',
            'zebra',
            True,
            'zebra from above',
            {0: 'snout', 3: 'left shoulder', 8: 'tip of the tail'},
        ),
        (
            'horse10',
            'horse',
            True,
            'horse from the side',
            {2: 'near front knee', 5: 'far front knee', 21: 'ischium'},
        ),
        (
            'aflw',
            'face',
            False,
            'person face',
            {7: 'right eye', 13: 'nose', 18: 'chin'},
        ),
        (
            'wflw',
            'face',
            False,
            'dense human face',
            {16: 'chin', 54: 'nose', 76: 'mouth right corner', 97: 'left eye'},
        ),
    ],
)
def test_sets_by_mmposes_metainfo(
    tmp_path, name, text, listed, category, checks
):
    schema = load_vocabulary().entry(category).schema
    content = _coco([('1.jpg', {})], [(0, 0, {})], [(text, schema.keypoints)])
    content['categories'][0]['keypoints'] = (
        list(schema.source_names) if listed else []
    )
    _write(tmp_path / f'test_{name}.json', content)
    _picture(tmp_path / '1.jpg')
    pictures, faults = _read(name, tmp_path)
    assert faults == []
    assert (pictures[0].file, pictures[0].split) == ('1.jpg', 'test')
    instance = pictures[0].instances[0]
    assert instance.category == category
    assert instance.keypoints[1].tolist() == [3, 4, 2]
    assert len(instance.keypoints) == len(schema.keypoints)
    assert {i: schema.keypoints[i] for i in checks} == checks
    assert SOURCES[name].find(tmp_path).missing == {}


ANIMALPOSE = load_vocabulary().schemas['animalpose'].source_names


def test_mmposes_animalpose_knows_animals_by_their_pictures(tmp_path):
    names = ['ca110.jpeg', 'ho105.jpeg', 'VOC2012/JPEGImages/2008_1.jpg']
    names += ['animalpose_image_part2/sheep/sh12.jpeg']
    content = _coco(
        [(name, {}) for name in names],
        [(i, 0, {}) for i in range(4)],
        [('animal', ANIMALPOSE)],
    )
    _write(tmp_path / 'annotations' / 'animalpose_test.json', content)
    pictures, faults = _read('animalpose', tmp_path)
    assert faults == []
    assert [p.instances[0].category for p in pictures] == [
        *('whole cat', 'whole horse', 'whole animal', 'whole sheep')
    ]
    assert pictures[0].instances[0].keypoints[3].tolist() == [9, 10, 2]


@pytest.mark.parametrize(
    'spelled',
    [
        [
            *('left_eye', 'right_eye', 'nose', 'left_ear', 'right_ear'),
            *('left_front_elbow', 'right_front_elbow', 'left_back_elbow'),
            *('right_back_elbow', 'left_front_knee', 'right_front_knee'),
            *('left_back_knee', 'right_back_knee', 'left_front_paw'),
            *('right_front_paw', 'left_back_paw', 'right_back_paw'),
            *('throat', 'withers', 'tailbase'),
        ],
        [
            *('L_eye', 'R_eye', 'nose', 'L_ear', 'R_ear', 'L_F_elbow'),
            *('R_F_elbow', 'L_B_elbow', 'R_B_elbow', 'L_F_knee', 'R_F_knee'),
            *('L_B_knee', 'R_B_knee', 'L_F_paw', 'R_F_paw', 'L_B_paw'),
            *('R_B_paw', 'throat', 'withers', 'tail'),
        ],
    ],
)
def test_animalposes_own_json(tmp_path, spelled):
    # Its order is not mmpose's; boxes are corners, 1 means visible.
    content = {
        'images': {'1': '2007_000063.jpg', '2': 'do7.jpeg'},
        'annotations': [
            {
                'image_id': 1,
                'bbox': [10, 20, 40, 60],
                'keypoints': [[k, 2 * k, k % 2] for k in range(20)],
                'num_keypoints': 20,
                'category_id': 1,
            },
            {
                'image_id': 2,
                'bbox': [1, 2],
                'keypoints': [[1, 1, 1]] * 20,
                'category_id': 1,
            },
        ],
        'categories': [{'id': 1, 'name': 'dog', 'keypoints': spelled}],
    }
    _write(tmp_path / 'keypoints.json', content)
    _picture(tmp_path / 'images' / '2007_000063.jpg')
    pictures, faults = _read('animalpose', tmp_path)
    assert [f.detail for f in faults] == ['box [1, 2]']
    first, second = pictures
    assert (first.file, first.split) == ('images/2007_000063.jpg', 'test')
    (dog,) = first.instances
    assert (dog.annotation_id, dog.category) == (0, 'whole dog')
    assert dog.bbox == (10, 20, 30, 40)
    names = load_vocabulary().schemas['animalpose'].keypoints
    found = dict(zip(names, dog.keypoints.tolist(), strict=True))
    assert found['right eye'] == [1, 2, 2]
    assert found['left ear'] == [3, 6, 2]
    assert found['right front elbow'] == [0, 0, 0]
    assert found['throat'] == [17, 34, 2]
    assert found['root of tail'] == [19, 38, 2]
    assert second.instances[0].bbox is None
