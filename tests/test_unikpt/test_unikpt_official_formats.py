# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Sources in their own text formats: 300-W, OneHand10K, MacaquePose."""

import csv
import json

import numpy as np
import pytest

from projects.unikpt import SOURCES, load_vocabulary
from projects.unikpt.source import Source, register_source

FACE = np.stack([np.arange(68) + 1.5, 2.0 * np.arange(68) + 1], axis=1)


def _read(name, root):
    faults = []
    pictures = list(SOURCES[name].read(root, faults.append))
    return pictures, faults


def _write(path, text=''):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def _pts(points):
    body = '\n'.join(f'{x:.6f} {y:.6f}' for x, y in points)
    return f'version: 1\nn_points:  {len(points)}\n{{\n{body}\n}}\n'


def test_300w_has_the_customary_split(tmp_path):
    places = {
        'afw/1_1': 'train',
        'helen/trainset/2_1': 'train',
        'lfpw/trainset/image_0003': 'train',
        'helen/testset/4_1': 'val',
        'ibug/image_005_1': 'val',
        'lfpw/testset/image_0006': 'val',
        '300W/01_Indoor/indoor_007': 'test',
        'Test/02_Outdoor/outdoor_008': 'test',
    }
    for i, place in enumerate(places):
        _write(tmp_path / f'{place}.pts', _pts(FACE + i))
        suffix = 'png' if 'image_' in place else 'jpg'
        _write(tmp_path / f'{place}.{suffix}')
    pictures, faults = _read('300w', tmp_path)
    assert faults == []
    assert {p.file.rsplit('.')[0]: p.split for p in pictures} == places
    by_file = {p.file: p for p in pictures}
    face = by_file['lfpw/testset/image_0006.png'].instances[0]
    # The files count pixels from 1.
    np.testing.assert_allclose(face.keypoints[:, :2], FACE + 5 - 1)
    assert (face.keypoints[:, 2] == 2).all()
    assert (face.category, face.bbox) == ('human face', None)
    assert face.annotation_id == 'lfpw/testset/image_0006.pts'
    assert SOURCES['300w'].find(tmp_path).missing == {}


def test_300w_below_a_folder_of_images_with_a_faulty_file(tmp_path):
    _write(tmp_path / 'images' / 'afw' / '1_1.pts', _pts(FACE))
    _write(tmp_path / 'images' / 'afw' / '2_1.pts', _pts(FACE[:67]))
    pictures, faults = _read('300w', tmp_path)
    # The picture is away: a check of the pictures tells so.
    assert [p.file for p in pictures] == ['images/afw/1_1.jpg']
    assert [f.kind for f in faults] == ['wrong number of keypoints']
    assert faults[0].where.endswith('2_1.pts')
    missing = SOURCES['300w'].find(tmp_path).missing
    assert set(missing) == {'val', 'test'}
    assert 'helen/testset' in missing['val']


def test_onehand10k_reads_its_lines(tmp_path):
    joints = [[10 * k, 10 * k + 1] for k in range(21)]
    joints[4] = [-1, -1]
    flat = ','.join(str(v) for xy in joints for v in xy)
    two = ','.join(['7'] * 84)
    lines = [f'0.jpg,238,358,1,{flat}', f'3.jpg,100,200,2,{two}', '']
    lines += ['5.jpg,1,2,1,3,4', '6.jpg,x']
    _write(tmp_path / 'Train' / 'label_joint.txt', '\n'.join(lines))
    _write(tmp_path / 'Test' / 'label_joint.txt', lines[0])
    pictures, faults = _read('onehand10k', tmp_path)
    assert [(p.file, p.split, len(p.instances)) for p in pictures] == [
        ('Train/source/0.jpg', 'train', 1),
        ('Train/source/3.jpg', 'train', 2),
        ('Test/source/0.jpg', 'test', 1),
    ]
    assert (pictures[0].width, pictures[0].height) == (238, 358)
    hand = pictures[0].instances[0]
    assert (hand.category, hand.bbox) == ('hand', None)
    assert hand.keypoints[3].tolist() == [30, 31, 2]
    assert hand.keypoints[4].tolist() == [0, 0, 0]
    ids = [i.annotation_id for i in pictures[1].instances]
    assert ids == ['Train/source/3.jpg#0', 'Train/source/3.jpg#1']
    assert [(f.kind, f.where) for f in faults] == [
        ('unreadable record', 'Train/label_joint.txt:4'),
        ('unreadable record', 'Train/label_joint.txt:5'),
    ]


MACAQUE = load_vocabulary().schemas['macaque'].source_names


def _points(positions):
    return [
        {'name': name, 'position': position}
        for name, position in zip(MACAQUE, positions, strict=True)
    ]


def _macaques(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, 'w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(['image file name', 'keypoints', 'segmentation'])
        writer.writerows(rows)


def test_macaque_reads_its_csv(tmp_path):
    seen = [[k + 0.5, 2 * k] for k in range(17)]
    seen[3] = None
    square = {'name': '', 'segment': [[10, 20], [30, 20], [30, 60], [10, 60]]}
    corner = {'name': '', 'segment': [[40, 5], [44, 5], [44, 8]]}
    keypoints = [_points(seen), _points([None] * 17), _points(seen)[::-1]]
    rows = [
        # One macaque with one outline, one with none, one with two.
        ['a.jpg', json.dumps(keypoints), json.dumps([[square], []])],
        [
            'b.jpg',
            json.dumps([_points(seen)]),
            json.dumps([[square, corner]]),
        ],
        ['c.jpg', 'no json', '[]'],
        ['d.jpg', '[[{"name": "nose"}]]', '[]'],
    ]
    _macaques(tmp_path / 'v1' / 'annotations.csv', rows)
    _write(tmp_path / 'v1' / 'images' / 'a.jpg')
    pictures, faults = _read('macaque', tmp_path)
    assert [(p.file, len(p.instances)) for p in pictures] == [
        ('v1/images/a.jpg', 3),
        ('v1/images/b.jpg', 1),
        ('v1/images/d.jpg', 0),
    ]
    first, second, third = pictures[0].instances
    assert first.annotation_id == 'a.jpg#0'
    assert first.bbox == (10, 20, 20, 40)
    assert first.area == 800
    assert first.keypoints[2].tolist() == [2.5, 4, 2]
    assert first.keypoints[3].tolist() == [0, 0, 0]
    assert (second.bbox, second.keypoints.any()) == (None, False)
    # Names decide, not the order.
    assert (third.keypoints == first.keypoints).all()
    outlined = pictures[1].instances[0]
    assert outlined.bbox == (10, 5, 34, 55)
    assert outlined.area == 800 + 4 * 3 / 2
    assert [(f.kind, f.where) for f in faults] == [
        ('unreadable record', 'annotations.csv: c.jpg'),
        ('unreadable record', 'annotations.csv: d.jpg'),
    ]


def test_mmposes_json_goes_before_the_text(tmp_path):
    _macaques(tmp_path / 'annotations.csv', [])
    path = tmp_path / 'annotations' / 'macaque_train.json'
    _write(path, '{"images": [], "annotations": [], "categories": []}')
    found = SOURCES['macaque'].find(tmp_path).found
    assert found == {'train': (path,)}


def test_every_source_says_how_to_obtain_it():
    assert set(SOURCES) >= {
        *('coco', '300w', 'onehand10k', 'humanart', 'ap10k', 'apt36k'),
        *('macaque', 'animalpose'),
    }
    vocabulary = load_vocabulary()
    for name, source in SOURCES.items():
        for field in ('title', 'licence', 'page', 'bibtex', 'tree'):
            assert getattr(source, field).strip(), (name, field)
        assert source.page.startswith('http')
        assert source.bibtex.startswith('@')
        assert name in vocabulary.sources


def test_numbers_of_the_paper():
    rows = {
        'coco': (17, 1, 58945, 156165, 58945, 156165),
        '300w': (68, 1, 3837, 4437, 3837, 4437),
        'onehand10k': (21, 1, 11703, 11289, 2000, 2000),
        'humanart': (17, 1, 50000, 123131, 50000, 123131),
        'ap10k': (17, 54, 10015, 13028, 10015, 13028),
        'apt36k': (17, 30, 36000, 53006, 36000, 53006),
        'macaque': (17, 1, 13083, 16393, 2000, 2320),
    }
    for name, row in rows.items():
        assert tuple(SOURCES[name].paper.values()) == row
        counts = load_vocabulary().counts([name])
        assert (counts.keypoints, counts.categories) == row[:2]
    assert SOURCES['animalpose'].paper == {}


def test_a_name_is_taken():
    class Again(Source):
        name = 'coco'

        def read(self, root, report):
            return iter(())

    with pytest.raises(ValueError, match="named 'coco': Coco and Again"):
        register_source(Again)


def test_a_picture_that_cannot_be_read(tmp_path):
    _write(tmp_path / 'Train' / 'source' / '0.jpg', 'no picture')
    _write(
        tmp_path / 'Train' / 'label_joint.txt',
        '0.jpg,8,8,1,' + ','.join(['1'] * 42),
    )
    pictures, _ = _read('onehand10k', tmp_path)
    with pytest.raises(OSError, match='0.jpg is missing or is not a picture'):
        SOURCES['onehand10k'].read_picture(tmp_path, pictures[0])
