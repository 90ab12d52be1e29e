# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json

import cv2
import numpy as np
import pytest

from projects.ppm import support_file
from projects.ppm.support_file import corners, read_support


@pytest.fixture
def folder(tmp_path):
    image = np.zeros((60, 80, 3), np.uint8)
    image[20, 30] = 255
    cv2.imwrite(str(tmp_path / 'a.png'), image)
    (tmp_path / 'b.png').write_bytes(b'no picture')
    return tmp_path


def simple(**changes):
    shot = {
        'image': 'a.png',
        'keypoints': [[30, 20], None],
        'bbox': [10, 0, 40, 40],
    }
    content = {'category': 'pot', 'keypoints': ['lid', 'spout']}
    return {**content, 'shots': [{**shot, **changes}]}


def coco(**changes):
    annotation = dict(
        id=5,
        image_id=1,
        category_id=1,
        bbox=[10, 0, 40, 40],
        keypoints=[30, 20, 2, 0, 0, 0],
    )
    other = dict(id=2, name='cup', keypoints=['rim'], skeleton=[])
    return dict(
        images=[dict(id=1, file_name='a.png', width=80, height=60)],
        annotations=[
            {**annotation, **changes},
            {**annotation, 'id': 6, 'keypoints': [0] * 6},
        ],
        categories=[
            dict(id=1, name='pot', keypoints=['lid', 'spout'], skeleton=[]),
            other,
        ],
    )


def write(folder, content):
    path = folder / 'support.json'
    path.write_text(
        content if isinstance(content, str) else json.dumps(content)
    )
    return path


@pytest.mark.parametrize('content, name', [(simple(), None), (coco(), 'pot')])
def test_both_layouts_give_the_same_shot(folder, content, name):
    path = write(folder, content)
    category, (shot,) = read_support(path, category=name, size=100)
    assert category.name == 'pot'
    assert category.keypoints == ('lid', 'spout')
    # The box, 40 wide, times 1.25, is 50 wide and becomes 100.
    assert shot.keypoints[0].tolist() == [50, 50]
    assert shot.visible.tolist() == [2, 0]
    assert shot.image[:, 50, 50].tolist() == [255] * 3
    elsewhere = folder / 'json'
    elsewhere.mkdir()
    moved = write(elsewhere, content)
    _, (same,) = read_support(moved, folder, name, size=100)
    assert same.key == shot.key


def test_corners():
    assert corners([10, 5, 90, 80]) == (10, 5, 100, 85)


def test_box_of_the_keypoints_and_number_of_shots(folder):
    content = simple(bbox=None, keypoints=[[30, 20], [50, 20]])
    content['shots'] *= 3
    path = write(folder, content)
    _, shots = read_support(path, shots=2, size=64)
    assert len(shots) == 2
    distance = shots[0].keypoints[1] - shots[0].keypoints[0]
    assert distance.tolist() == pytest.approx([64 / 1.25 / 21 * 20, 0])


@pytest.mark.parametrize(
    'content, message',
    [
        ('{', 'is no json file'),
        ({'shots': []}, 'lacks category, keypoints'),
        (simple(keypoints=[[1, 2]]), 'shot 0 has 1 keypoints .* needs .* 2'),
        (simple(image=None), 'needs a picture'),
        (simple(keypoints=[[1, 2, 2], None]), r'neither \[x, y\] nor null'),
        (simple(keypoints=[None, None]), 'shows no keypoint'),
        (
            simple(keypoints=[[99, 20], [50, 20]], bbox=None),
            'outside its picture of 80 x 60',
        ),
        ({**simple(), 'shots': []}, "shows no 'pot' with keypoints"),
        (coco(), 'has the categories pot, cup; choose one by --category'),
        ([], 'has images, annotations, categories'),
    ],
)
def test_wrong_files(folder, content, message):
    with pytest.raises(ValueError, match=message):
        read_support(write(folder, content))


def said(folder, content, monkeypatch, **kwargs):
    """The shots and what is said of them."""
    texts = []
    monkeypatch.setattr(
        support_file, 'print_log', lambda text, **_: texts.append(text)
    )
    _, shots = read_support(write(folder, content), size=100, **kwargs)
    return shots, texts


@pytest.mark.parametrize('layout', ['simple', 'coco'])
def test_a_keypoint_outside_the_square_is_named(folder, layout, monkeypatch):
    # The square of the box 10..50, 0..40 is 5..55, -5..45.
    if layout == 'simple':
        content, name = simple(keypoints=[[30, 20], [56, 20]]), None
    else:
        content, name = coco(keypoints=[30, 20, 2, 56, 20, 1]), 'pot'
    (shot,), (text,) = said(folder, content, monkeypatch, category=name)
    assert shot.visible.tolist() == [2, 0]
    assert text.startswith(f'Shot 0, "{folder}/a.png": outside of the square')
    assert "its bbox lies 'spout' at [56.0, 20.0]; the shot" in text


def test_a_keypoint_on_the_edge_of_the_square_counts(folder, monkeypatch):
    content = simple(keypoints=[[30, 20], [55, 45]])
    (shot,), texts = said(folder, content, monkeypatch)
    assert texts == [] and shot.visible.tolist() == [2, 2]


def test_all_keypoints_outside_the_square(folder):
    content = simple(keypoints=[[56, 20], [30, 46]])
    content['shots'].insert(0, simple()['shots'][0])
    with pytest.raises(
        ValueError,
        match=r"Shot 1, .*a.png\": outside .* lies 'lid' at \[56.0, 20.0\], "
        r"'spout' at \[30.0, 46.0\]; nothing else is labelled",
    ):
        read_support(write(folder, content))


def test_wrong_pictures(folder):
    with pytest.raises(FileNotFoundError, match='"none.json" does not exist'):
        read_support('none.json')
    with pytest.raises(FileNotFoundError, match='c.png" does not exist; pict'):
        read_support(write(folder, simple(image='c.png')))
    with pytest.raises(OSError, match='cannot be read as a picture'):
        read_support(write(folder, simple(image='b.png')))
    with pytest.raises(ValueError, match="no 'pot' with keypoints"):
        content = coco(keypoints=[0] * 6)
        read_support(write(folder, content), category='pot')
