# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json

import cv2
import numpy as np
import pytest

from projects.common.datasets import CocoKeypointFile
from projects.common.structures import crop_square
from tests import episode_files


@pytest.fixture
def cut(load_tool, tmp_path):
    episode_files.write(tmp_path)

    def run(*more):
        arguments = [str(tmp_path / 'ann.json'), '--images', str(tmp_path)]
        arguments += ['--out', str(tmp_path / 'out'), '--size', '40']
        tool = load_tool('dataset_converters/object_crops.py')
        return tool.main([*arguments, '--workers', '1', *more])

    return run


def test_keypoints_stay_on_their_pixels(cut, tmp_path, capsys):
    assert cut() == 0
    assert '18 objects, 2 categories, 0 pictures' in capsys.readouterr().out
    content = json.loads((tmp_path / 'ann.json').read_text())
    file = CocoKeypointFile(str(tmp_path / 'out/annotations.json'))
    assert {c.name: c.num_keypoints for c in file.categories} == {
        'cat': 3,
        'boat': 2,
    }
    assert len(file.images) == 18
    sources = {a['id']: a for a in content['annotations']}
    for image in file.images:
        source = sources[image['source_annotation']]
        (points,) = file.instances(image)['gt_keypoints']
        old = np.reshape(source['keypoints'], (-1, 3))
        x, y, width, height = source['bbox']
        # The published rule takes a pixel from box and picture.
        width, height = min(width - 1, 63 - x), min(height - 1, 47 - y)
        side = 1.5 * max(width, height)
        middle = np.array([x + width / 2, y + height / 2])
        new = (old[:, :2] - middle) / side * 40 + 20
        inside = ((new >= 0) & (new <= 39)).all(1)
        np.testing.assert_allclose(
            points[: len(old)][inside, :2], new[inside], atol=0.01
        )
        assert (points[: len(old), 2] == 2 * inside).all()
        picture = cv2.imread(str(tmp_path / 'out' / image['file_name']))
        whole = cv2.imread(str(tmp_path / f'{source["image_id"]}.png'))
        box = (x, y, x + width, y + height)
        expected, _ = crop_square(whole, box, 40, 1.5)
        error = np.abs(picture.astype(float) - expected).mean()
        assert error < 12  # a jpeg of noise


def test_pictures_of_other_files_are_left_out(cut, tmp_path, capsys):
    content = json.loads((tmp_path / 'ann.json').read_text())
    content['images'] = content['images'][:2]
    kept = {image['id'] for image in content['images']}
    content['annotations'] = [
        a for a in content['annotations'] if a['image_id'] in kept
    ]
    other = tmp_path / 'other.json'
    other.write_text(json.dumps(content))
    assert cut('--without', str(other)) == 0
    assert '12 objects, 2 categories, 2 pictures' in capsys.readouterr().out
    assert cut('--without', str(tmp_path / 'ann.json')) == 1
    assert '--without names all of its pictures' in capsys.readouterr().err
