# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""tools/dataset_converters/check_coco.py: the report and the exit status."""

import json

import cv2
import numpy as np
import pytest

from tools.dataset_converters import check_coco

FILE = {
    'images': [{'id': 1, 'file_name': 'a.png', 'width': 40, 'height': 20}],
    'categories': [{'id': 1, 'name': 'cat', 'keypoints': ['nose', 'tail']}],
    'annotations': [
        {
            'id': 1,
            'image_id': 1,
            'category_id': 1,
            'bbox': [2, 2, 20, 10],
            'area': 90,
            'iscrowd': 0,
            'num_keypoints': 2,
            'keypoints': [4, 4, 2, 20, 8, 1],
        }
    ],
}


@pytest.mark.parametrize(
    'change, code, lines',
    [
        ({}, 0, ['Fine as it is.']),
        (
            {'area': None},
            1,
            ['mended', '     1  annotations without "area"', 'Usable, as men'],
        ),
        (
            {'area': float('inf')},
            2,
            ['refused', 'annotation 1 has the area inf; ', 'Not usable.'],
        ),
    ],
)
def test_report(tmp_path, capsys, change, code, lines):
    path = tmp_path / 'ann.json'
    content = {**FILE, 'annotations': [{**FILE['annotations'][0], **change}]}
    path.write_text(json.dumps(content))
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((20, 40, 3), np.uint8))
    for folder in ([], [str(tmp_path)]):
        assert check_coco.main([str(path), *folder]) == code
        printed = capsys.readouterr().out
        assert '1 images, 1 annotations, 1 categories' in printed
        assert all(line in printed for line in lines)


def test_pictures_and_paths(tmp_path, capsys):
    path = tmp_path / 'ann.json'
    assert check_coco.main([str(path)]) == 2
    assert 'ann.json does not exist' in capsys.readouterr().err
    path.write_text(json.dumps(FILE))
    assert check_coco.main([str(path), str(tmp_path)]) == 2
    assert 'image 1 names the picture' in capsys.readouterr().out
    assert check_coco.main([str(path), str(tmp_path / 'none')]) == 2
    assert 'folder' in capsys.readouterr().err
    path.write_text('[]')
    assert check_coco.main([str(path)]) == 2
    assert capsys.readouterr().err.startswith(str(path))
