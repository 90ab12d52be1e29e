# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Every variant of a COCO file is read right or refused in a sentence."""

import copy
import json
import re
from pathlib import Path

import pytest

from projects.common.datasets import CocoKeypointFile
from projects.common.datasets.coco import (
    CocoFileError,
    check_coco,
    read_coco,
)
from projects.common.evaluation.truth import KeypointTruth, read_truth
from tests.test_common.test_datasets.test_coco.variants import (
    CONTENT,
    MENDED,
    REFUSED,
)


@pytest.fixture
def write(tmp_path):
    """Write the file with a change; returns its path."""

    def write(change=lambda content: None):
        content = copy.deepcopy(CONTENT)
        change(content)
        path = tmp_path / 'ann.json'
        path.write_text(json.dumps(content))
        return str(path)

    return write


@pytest.mark.parametrize('name', MENDED)
def test_mended(write, name):
    change, expected = MENDED[name]
    path = write(change)
    before = Path(path).read_bytes()
    content, report = read_coco(path)
    found = [(f.count, f.text) for f in report.mended.values()]
    assert len(found) == len(expected)
    for count, text in expected:
        assert any(n == count and t.startswith(text) for n, t in found), found
    assert report.exit_code == int(bool(expected))
    assert Path(path).read_bytes() == before
    # The data set and the metric's truth are the same objects.
    file, truth = CocoKeypointFile(path), KeypointTruth(path, read_truth(path))
    assert [i['id'] for i in file.images] == truth.images
    assert [a['id'] for a in file.annotations] == [
        a['id'] for a in truth.annotations
    ]
    assert tuple(truth.categories.values()) == file.categories
    ids = [a['id'] for a in content['annotations']]
    assert len(set(ids)) == len(ids) and all(type(i) is int for i in ids)


@pytest.mark.parametrize('name', REFUSED)
def test_refused(write, name):
    change, sentence = REFUSED[name]
    path = write(change)
    report = check_coco(path)[1]
    assert report.exit_code == 2
    message = re.escape(f'{path}: ') + f'.*{re.escape(sentence)}'
    for reader in (read_coco, CocoKeypointFile, read_truth):
        with pytest.raises(CocoFileError, match=message):
            reader(path)


@pytest.mark.parametrize(
    'name',
    [
        name
        for name in MENDED
        if name
        not in (
            'visibility 0 and 1',
            'no boxes',
            'tracks without keypoints',
            'minimal',
        )
    ],
)
def test_objects_stay_what_they_are(write, name):
    """Mending changes how the file is written, not what it says."""
    plain = CocoKeypointFile(write())
    expected = [plain.instances(image) for image in plain.images]
    file = CocoKeypointFile(write(MENDED[name][0]))
    found = [file.instances(image) for image in file.images]
    for got, wanted in zip(found, expected, strict=True):
        for key in ('gt_bboxes', 'gt_labels', 'gt_keypoints'):
            assert got[key].tolist() == wanted[key].tolist()


def first(write, name):
    """The first annotation of a mended variant, and its file."""
    file = CocoKeypointFile(write(MENDED[name][0]))
    return next(file.annotations), file


def test_values(write):
    record, file = first(write, 'visibility 0 and 1')
    assert list(record['keypoints']) == [12, 14, 2, 20, 12, 2, 0, 0, 0]
    record, file = first(write, 'no boxes')
    # x 12 to 20, y 12 to 14, and 10 pixels around.
    assert record['bbox'] == [2, 2, 28, 22]
    assert [len(file.instances(i)['gt_ids']) for i in file.images] == [2, 1, 0]
    record, _ = first(write, 'minimal')
    assert record['num_keypoints'] == 2 and record['iscrowd'] == 0
    assert 'area' not in record
    record, file = first(write, 'tracks without keypoints')
    assert not file.instances(file.images[0])['gt_keypoints'][0].any()
    record, file = first(write, 'two files joined')
    assert [a['id'] for a in file.annotations] == [1, 2, 3, 4]
    _, file = first(write, 'images named')
    assert [i['id'] for i in file.images] == [1, 2, 3]
    _, file = first(write, 'numbers as names')
    assert file.categories[0].keypoints == ('0', '1', '2')
    _, file = first(write, 'skeleton from 0')
    assert file.categories[0].skeleton == ((0, 1), (0, 2))
    for name in ('wrong skeleton', 'skeleton of names'):
        assert first(write, name)[1].categories[0].skeleton == ()
    _, file = first(write, 'label without keypoints')
    assert [c.name for c in file.categories] == ['mouse']
    _, file = first(write, 'backslashes')
    assert file.images[0]['file_name'] == 's1/p1.png'


@pytest.mark.parametrize(
    'text, message',
    [
        ('[1, 2]', 'holds .1, 2.; a COCO-style keypoint file has images'),
        ('{"images": 1}', 'lacks annotations, categories'),
        (
            '{"images": 1, "annotations": [], "categories": []}',
            '"images" is 1; it must be a list of records',
        ),
        ('[' * 100000, 'is not a json file'),
        ('{"images": [', 'is not a json file'),
    ],
)
def test_other_files(tmp_path, text, message):
    path = tmp_path / 'ann.json'
    path.write_text(text)
    with pytest.raises(CocoFileError, match=f'ann.json:? {message}'):
        read_coco(str(path))


def test_byte_order_mark(tmp_path):
    path = tmp_path / 'ann.json'
    path.write_text(json.dumps(CONTENT), encoding='utf-8-sig')
    assert read_coco(str(path))[1].exit_code == 0
