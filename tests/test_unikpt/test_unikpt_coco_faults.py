# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""A faulty COCO json: every fault is named, the rest is read."""

import copy
import json

import pytest

from projects.unikpt import SOURCES, load_vocabulary

NAMES = list(load_vocabulary().schemas['coco'].source_names)
KEYPOINTS = [v for k in range(17) for v in (10 + k, 20 + k, 2)]
CONTENT = {
    'images': [
        {'id': 1, 'file_name': 'a.jpg', 'width': 64, 'height': 48},
        {'id': 2, 'file_name': 'b.jpg', 'width': 64, 'height': 48},
    ],
    'categories': [{'id': 1, 'name': 'person', 'keypoints': NAMES}],
    'annotations': [
        {
            'id': 7,
            'image_id': 1,
            'category_id': 1,
            'keypoints': KEYPOINTS,
            'bbox': [10, 20, 16, 16],
            'area': 200.5,
            'iscrowd': 0,
        },
        {
            'id': 8,
            'image_id': 2,
            'category_id': 1,
            'keypoints': [0] * 51,
            'bbox': [1, 2, 30, 40],
            'area': 99,
            'iscrowd': 1,
        },
    ],
}


def _read(root, content):
    """Records by picture and the kinds of faults of a val json."""
    path = root / 'annotations' / 'person_keypoints_val2017.json'
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else _dump(content))
    faults = []
    pictures = list(SOURCES['coco'].read(root, faults.append))
    return pictures, faults


def _dump(content):
    return json.dumps(content)


def _ids(pictures):
    return [[i.annotation_id for i in p.instances] for p in pictures]


def test_without_a_fault(tmp_path):
    pictures, faults = _read(tmp_path, CONTENT)
    assert faults == []
    assert [p.file for p in pictures] == ['val2017/a.jpg', 'val2017/b.jpg']
    assert (pictures[0].width, pictures[0].height) == (64, 48)
    person, crowd = (p.instances[0] for p in pictures)
    assert person.keypoints.reshape(-1).tolist() == KEYPOINTS
    assert person.bbox == (10, 20, 16, 16)
    assert (person.area, person.iscrowd) == (200.5, False)
    assert crowd.iscrowd
    assert not crowd.keypoints.any()


def test_names_of_the_file_decide_the_order(tmp_path):
    content = copy.deepcopy(CONTENT)
    content['categories'][0]['keypoints'] = NAMES[::-1]
    pictures, faults = _read(tmp_path, content)
    keypoints = pictures[0].instances[0].keypoints
    assert faults == []
    assert keypoints[::-1].reshape(-1).tolist() == KEYPOINTS


@pytest.mark.parametrize('names', [[], None, [str(i) for i in range(17)]])
def test_without_names_the_order_is_the_schemas(tmp_path, names):
    content = copy.deepcopy(CONTENT)
    content['categories'][0]['keypoints'] = names
    pictures, faults = _read(tmp_path, content)
    assert faults == []
    keypoints = pictures[0].instances[0].keypoints
    assert keypoints.reshape(-1).tolist() == KEYPOINTS


def test_strange_names_are_told_once(tmp_path):
    content = copy.deepcopy(CONTENT)
    content['categories'][0]['keypoints'] = [f'joint {i}' for i in range(17)]
    pictures, faults = _read(tmp_path, content)
    assert [f.kind for f in faults] == ['unknown keypoint names']
    assert _ids(pictures) == [[7], [8]]


def test_names_that_are_no_list(tmp_path):
    content = copy.deepcopy(CONTENT)
    content['categories'][0]['keypoints'] = 17
    pictures, faults = _read(tmp_path, content)
    assert [(f.kind, f.where, f.detail) for f in faults] == [
        (
            'unreadable record',
            'person_keypoints_val2017.json: category 1',
            'keypoints is 17, not a list',
        )
    ]
    assert _ids(pictures) == [[7], [8]]


@pytest.mark.parametrize(
    ('change', 'kind', 'ids'),
    [
        (dict(keypoints=KEYPOINTS[:-3]), 'wrong number of keypoints', [[], 8]),
        (dict(keypoints='none'), 'not a number', [[], 8]),
        (dict(keypoints=None), 'missing key', [[], 8]),
        (dict(bbox=[1, 2, 3]), 'not a number', [7, 8]),
        (dict(category_id=5), 'unknown category', [[], 8]),
        (dict(category_id=[1]), 'unknown category', [[], 8]),
        (dict(image_id=3), 'unknown picture', [[], 8]),
        (dict(image_id={}), 'unknown picture', [[], 8]),
        (dict(id=None), 'missing key', ['#0', 8]),
        (dict(id=8, image_id=2), 'duplicated id', [[], 8]),
    ],
)
def test_one_faulty_annotation(tmp_path, change, kind, ids):
    content = copy.deepcopy(CONTENT)
    content['annotations'][0].update(change)
    pictures, faults = _read(tmp_path, content)
    assert [f.kind for f in faults] == [kind]
    assert 'person_keypoints_val2017.json: annotation' in faults[0].where
    if kind == 'duplicated id':
        # Two objects share an id: both stay, and the fault is told.
        assert _ids(pictures) == [[], [8, 8]]
    else:
        assert _ids(pictures) == [i if i == [] else [i] for i in ids]


def test_a_copied_annotation_is_left_out(tmp_path):
    content = copy.deepcopy(CONTENT)
    content['annotations'].append(content['annotations'][0])
    pictures, faults = _read(tmp_path, content)
    assert [f.kind for f in faults] == ['duplicated id']
    assert faults[0].detail == 'a copy, left out'
    assert _ids(pictures) == [[7], [8]]


def test_no_keypoints_at_all(tmp_path):
    content = copy.deepcopy(CONTENT)
    del content['annotations'][0]['keypoints']
    pictures, faults = _read(tmp_path, content)
    assert [(f.kind, f.detail) for f in faults] == [
        ('missing key', 'keypoints')
    ]
    assert _ids(pictures) == [[], [8]]


@pytest.mark.parametrize(
    ('section', 'record', 'kind'),
    [
        ('images', {'id': 1, 'file_name': 'c.jpg'}, 'duplicated id'),
        ('images', {'file_name': 'c.jpg'}, 'missing key'),
        ('images', {'id': 3}, 'missing key'),
        ('images', {'id': 3, 'file_name': ' '}, 'missing key'),
        ('images', 'c.jpg', 'unreadable record'),
        ('categories', {'id': 1, 'name': 'man'}, 'duplicated id'),
        ('categories', {'id': 2}, 'missing key'),
        ('annotations', None, 'unreadable record'),
    ],
)
def test_one_faulty_record(tmp_path, section, record, kind):
    content = copy.deepcopy(CONTENT)
    content[section].append(record)
    pictures, faults = _read(tmp_path, content)
    assert [f.kind for f in faults] == [kind]
    assert _ids(pictures) == [[7], [8]]


def test_a_category_of_another_set(tmp_path):
    content = copy.deepcopy(CONTENT)
    content['categories'][0]['name'] = 'giraffe'
    pictures, faults = _read(tmp_path, content)
    assert [f.kind for f in faults] == ['unknown category'] * 2
    assert faults[0].detail == "name 'giraffe'"
    assert _ids(pictures) == [[], []]


@pytest.mark.parametrize('section', ['images', 'annotations', 'categories'])
def test_a_section_is_away(tmp_path, section):
    content = copy.deepcopy(CONTENT)
    del content[section]
    pictures, faults = _read(tmp_path, content)
    assert ('missing key', section) in [(f.kind, f.detail) for f in faults]
    assert _ids(pictures) == ([] if section == 'images' else [[], []])


@pytest.mark.parametrize('text', ['', '[1, 2]', '"text"', '{"images": '])
def test_no_coco_json(tmp_path, text):
    pictures, faults = _read(tmp_path, text)
    assert pictures == []
    assert [f.kind for f in faults] == ['unreadable annotation']


def test_numbers_that_are_none(tmp_path):
    content = copy.deepcopy(CONTENT)
    content['annotations'][0]['keypoints'][3] = float('nan')
    content['annotations'][0]['area'] = float('nan')
    content['images'][0].update(width='64', height=-1)
    pictures, faults = _read(tmp_path, content)
    assert [(f.kind, f.detail) for f in faults] == [
        ('not a number', 'keypoints [1]')
    ]
    picture = pictures[0]
    assert (picture.width, picture.height) == (None, None)
    assert picture.instances[0].area is None
    assert picture.instances[0].keypoints[1].tolist() == [0, 0, 0]
    assert picture.instances[0].keypoints[2].tolist() == [12, 22, 2]


def test_a_file_name_without_the_underscore(tmp_path):
    content = copy.deepcopy(CONTENT)
    image = content['images'][0]
    image['filename'] = image.pop('file_name')
    pictures, faults = _read(tmp_path, content)
    assert faults == []
    assert pictures[0].file == 'val2017/a.jpg'
