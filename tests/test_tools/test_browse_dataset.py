# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import importlib.util
import json

import cv2
import numpy as np
import pytest

from projects.common.visualization import keypoint_color


@pytest.fixture
def data(tmp_path):
    """Three pictures of 60 x 40 pixels, one ball in the second."""
    content = {
        'images': [
            {'id': i, 'file_name': f's/{i}.png', 'width': 60, 'height': 40}
            for i in range(3)
        ],
        'categories': [{'id': 1, 'name': 'ball', 'keypoints': ['middle']}],
        'annotations': [
            {
                'id': 1,
                'image_id': 1,
                'category_id': 1,
                'bbox': [10, 10, 20, 20],
                'keypoints': [20, 20, 2],
            }
        ],
    }
    (tmp_path / 'pictures' / 's').mkdir(parents=True)
    for i in range(3):
        path = tmp_path / 'pictures' / 's' / f'{i}.png'
        cv2.imwrite(str(path), np.full((40, 60, 3), 90, np.uint8))
    (tmp_path / 'ann.json').write_text(json.dumps(content))
    return tmp_path


@pytest.fixture(scope='module')
def tool(repo_root):
    path = repo_root / 'tools' / 'misc' / 'browse_dataset.py'
    spec = importlib.util.spec_from_file_location('browse_dataset', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def browse(data, tool):
    def run(*args):
        paths = data / 'ann.json', data / 'pictures', '--out', data / 'out'
        return tool.main([*map(str, paths), *args])

    return run


def test_starts_from_any_folder(data, repo_root, run_python):
    script = str(repo_root / 'tools' / 'misc' / 'browse_dataset.py')
    done = run_python(script, 'none.json', '.', '--out', '.', path=())
    assert done.returncode == 1
    assert 'none.json does not exist' in done.stderr


def test_draws_chosen_pictures_and_a_montage(browse, data, capsys):
    assert browse('--categories', 'ball', '--names', '--montage') == 0
    assert 'Wrote 1 pictures to' in capsys.readouterr().out
    names = sorted(p.name for p in (data / 'out').iterdir())
    assert names == ['montage.jpg', 's_1.jpg']
    drawn = cv2.imread(str(data / 'out' / 's_1.jpg'))
    # Enlarged to 768 x 512, with a legend at the right.
    assert drawn.shape[0] == 512
    assert drawn.shape[1] > 768
    # The only keypoint is at (20, 20) of 60 x 40, in its name's colour.
    color = np.array(keypoint_color('middle'))
    assert np.abs(drawn[256, 256, ::-1] - color).max() < 40  # of a jpeg


def test_number_and_seed(browse, data):
    assert browse('--num', '2', '--seed', '1') == 0
    first = sorted(p.name for p in (data / 'out').iterdir())
    assert len(first) == 2
    assert browse('--num', '2', '--seed', '1') == 0
    assert sorted(p.name for p in (data / 'out').iterdir()) == first


@pytest.mark.parametrize(
    'args, spoil, message',
    [
        (('--categories', 'bal'), None, "'bal'; did you mean 'ball'?"),
        ((), 'pictures/s/0.png', 'is missing or cannot be read'),
        (('--num', '0'), None, 'has no picture to draw'),
    ],
)
def test_faults_are_named(browse, data, capsys, args, spoil, message):
    if spoil:
        (data / spoil).unlink()
    assert browse(*args) == 1
    assert message in capsys.readouterr().err
