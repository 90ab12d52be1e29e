# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The command line with the model "matching"."""

import json

import cv2
import numpy as np
import pytest

from tests.square_finder import CONFIG
from tests.test_common.test_apis.test_matching_backend import (
    NAMES,
    bbox,
    corners,
    house,
)


@pytest.fixture
def run(load_tool, tmp_path, capsys):
    """Run it on a picture of a house; (exit code, objects, stderr)."""
    demo = load_tool('../demo/anykeypoint_demo.py')
    cv2.imwrite(str(tmp_path / 'example.png'), house((30, 40)))
    cv2.imwrite(str(tmp_path / 'picture.png'), house((90, 20)))
    points = np.column_stack([corners(30, 40), [2] * 4])
    content = {
        'images': [
            {'id': 1, 'file_name': 'example.png', 'width': 160, 'height': 120}
        ],
        'categories': [{'id': 1, 'name': 'house', 'keypoints': NAMES}],
        'annotations': [
            {
                'id': 1,
                'image_id': 1,
                'category_id': 1,
                'bbox': [30, 40, 40, 40],
                'keypoints': points.ravel().tolist(),
            }
        ],
    }
    (tmp_path / 'example.json').write_text(json.dumps(content))

    def run(*arguments):
        argv = [tmp_path / 'picture.png', '--out', tmp_path / 'out']
        argv += ['--model', 'matching', '--support', tmp_path / 'example.png']
        argv += ['--support-keypoints', tmp_path / 'example.json']
        argv += ['--device', 'cpu', '--save-json', *arguments]
        try:
            code = demo.main([str(one) for one in argv])
        except SystemExit as stopped:
            code = stopped.code
        path = tmp_path / 'out/predictions/picture.png.json'
        found = json.loads(path.read_text()) if path.is_file() else None
        return code, found, capsys.readouterr().err.replace('\n', ' ')

    return run


def test_in_a_box(run):
    code, found, _ = run('--bbox', *bbox(90, 20))
    assert code == 0
    [one] = found['instances']
    places = [(k['x'], k['y']) for k in one['keypoints']]
    assert np.abs(np.array(places) - corners(90, 20)).max() < 2


def test_in_the_boxes_of_what_is_found_in_words(run, tmp_path):
    config = tmp_path / 'finder.py'
    config.write_text(CONFIG)
    finder = f'detector.model={config}'
    code, found, _ = run('--find', 'red', '--cfg-options', finder)
    assert code == 0
    [one] = found['instances']
    assert one['bbox'] == [95, 28, 129, 59] and one['score'] == 0.9


def test_boxes_of_two_kinds(run):
    code, _, told = run('--find', 'red', '--bbox', *bbox(90, 20))
    assert code == 2 and 'give --bbox or --find' in told
