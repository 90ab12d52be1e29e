# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Reading values, text, points and pictures of files that may be faulty."""

import numpy as np
import pytest

from projects.unikpt.reading import (
    PictureFinder,
    as_area,
    as_box,
    as_keypoints,
    as_size,
    read_json,
    read_pts,
    read_text,
)


@pytest.fixture
def faults():
    return []


@pytest.mark.parametrize(
    'values', [[1, 2, 2, 3, 4, 1, 5, 6, 0], [[1, 2, 2], [3, 4, 1], [5, 6, 0]]]
)
def test_keypoints_flat_or_nested(faults, values):
    found = as_keypoints(values, 3, 2, 'here', faults.append)
    assert found.dtype == np.float32
    assert found.tolist() == [[1, 2, 2], [3, 4, 1], [0, 0, 0]]
    assert faults == []


def test_where_one_means_visible(faults):
    found = as_keypoints([1, 2, 1, 3, 4, 0], 2, 1, 'here', faults.append)
    assert found.tolist() == [[1, 2, 2], [0, 0, 0]]


def test_visibility_flags_out_of_range(faults):
    values = [1, 2, -1, 3, 4, 7, 5, 6, 0.5]
    found = as_keypoints(values, 3, 2, 'here', faults.append)
    assert found.tolist() == [[0, 0, 0], [3, 4, 2], [5, 6, 1]]


def test_a_keypoint_that_is_no_number_is_not_labelled(faults):
    values = [float('nan'), 2, 2, 3, float('inf'), 1, 5, 6, 2]
    found = as_keypoints(values, 3, 2, 'here', faults.append)
    assert found.tolist() == [[0, 0, 0], [0, 0, 0], [5, 6, 2]]
    assert [(f.kind, f.where) for f in faults] == [('not a number', 'here')]
    assert faults[0].detail == 'keypoints [0, 1]'


@pytest.mark.parametrize(
    ('values', 'kind', 'detail'),
    [
        ([1, 2, 2], 'wrong number of keypoints', '1, but the category has 2'),
        ([1, 2, 2, 3], 'wrong number of keypoints', '1.33333, but'),
        ([], 'wrong number of keypoints', '0, but'),
        ([1, 2, 'x', 3, 4, 2], 'not a number', "keypoints [1, 2, 'x'"),
        ({'x': 1}, 'not a number', "keypoints {'x': 1}"),
        ([[1, 2, 2], [3, 4]], 'not a number', 'keypoints [[1, 2, 2]'),
    ],
)
def test_what_are_no_keypoints(faults, values, kind, detail):
    assert as_keypoints(values, 2, 2, 'here', faults.append) is None
    (fault,) = faults
    assert fault.kind == kind
    assert fault.detail.startswith(detail)


def test_boxes_sizes_and_areas(faults):
    assert as_box([1, 2.5, 3, 0], 'here', faults.append) == (1, 2.5, 3, 0)
    assert as_box(None, 'here', faults.append) is None
    assert faults == []
    for broken in ([1, 2, 3], 'abcd', 7, [1, 2, 3, float('nan')]):
        assert as_box(broken, 'here', faults.append) is None
    assert [f.kind for f in faults] == ['not a number'] * 4
    assert [as_size(v) for v in (640, 3.0, 0, -1, None, '640')] == [
        *(640, 3, None, None, None, None)
    ]
    values = (2, 0.5, 0, float('nan'), float('inf'), None)
    assert [as_area(v) for v in values] == [2.0, 0.5, None, None, None, None]


def test_text_that_is_no_utf8_still_names_the_file(tmp_path, faults):
    path = tmp_path / 'notes.txt'
    path.write_bytes(b'caf\xe9.jpg')
    text = read_text(path, faults.append)
    assert text.encode('utf-8', 'surrogateescape') == b'caf\xe9.jpg'
    assert [f.kind for f in faults] == ['text that is no UTF-8']


@pytest.mark.parametrize('content', [b'', b'{"a": ', b'[1, 2', b'\xff\xfe'])
def test_json_that_is_none(tmp_path, faults, content):
    path = tmp_path / 'a.json'
    path.write_bytes(content)
    assert read_json(path, faults.append) is None
    assert faults[-1].kind == 'unreadable annotation'
    assert faults[-1].where == str(path)


def test_a_file_that_is_away(tmp_path, faults):
    assert read_json(tmp_path / 'a.json', faults.append) is None
    assert [f.kind for f in faults] == ['unreadable annotation']


def test_json_with_a_byte_order_mark(tmp_path, faults):
    (tmp_path / 'a.json').write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json(tmp_path / 'a.json', faults.append) == {'a': 1}
    assert faults == []


def test_points_of_a_pts_file(tmp_path, faults):
    path = tmp_path / 'a.pts'
    path.write_text('version: 1\nn_points: 2\n{\n1.5 2\n3 4e1\n}\n')
    assert read_pts(path, 2, faults.append).tolist() == [[1.5, 2], [3, 40]]
    assert faults == []
    assert read_pts(path, 3, faults.append) is None
    path.write_text('{\n1.5 two\n}')
    assert read_pts(path, 1, faults.append) is None
    assert read_pts(tmp_path / 'b.pts', 1, faults.append) is None
    assert [f.kind for f in faults] == [
        'wrong number of keypoints',
        'not a number',
        'unreadable annotation',
    ]


def _touch(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def test_pictures_in_other_folders(tmp_path):
    _touch(tmp_path, 'val2017/1.jpg', 'set/a/2.jpg', '3.jpg')
    find = PictureFinder(tmp_path, ['val2017', 'set', ''])
    assert find('1.jpg') == 'val2017/1.jpg'
    # Leading folders of the authors' machine are dropped.
    assert find('HumanArt/images/a/2.jpg') == 'set/a/2.jpg'
    assert find('D:\\data\\set\\a\\2.jpg') == 'set/a/2.jpg'
    assert find('3.jpg') == '3.jpg'


def test_a_missing_picture_is_told_where_the_last_was(tmp_path):
    _touch(tmp_path, 'set/a/2.jpg')
    find = PictureFinder(tmp_path, ['images', 'set'])
    assert find('x/y/0.jpg') == 'images/x/y/0.jpg'
    find('HumanArt/a/2.jpg')
    assert find('HumanArt/b/3.jpg') == 'set/b/3.jpg'
    assert find('4.jpg') == 'set/4.jpg'


def test_pictures_spelled_otherwise(tmp_path):
    _touch(tmp_path, '5raccoon/clip46/1.jpg')
    find = PictureFinder(tmp_path, [''], {'raccon': 'raccoon'})
    assert find('D:\\x\\5raccon\\clip46\\1.jpg') == '5raccoon/clip46/1.jpg'
    # Letters that unpacking has lost.
    assert find('5raccon/clip46 副本/1.jpg') == '5raccoon/clip46/1.jpg'


def test_a_loop_of_links_is_no_picture(tmp_path):
    (tmp_path / 'a.jpg').symlink_to(tmp_path / 'a.jpg')
    assert PictureFinder(tmp_path, ['images'])('a.jpg') == 'images/a.jpg'


@pytest.mark.parametrize('name', ['a' * 5000, 'a\0.jpg', '/', '.'])
def test_names_that_no_file_can_have(tmp_path, name):
    found = PictureFinder(tmp_path, ['images'])(name)
    assert found.startswith('images')
    assert not (tmp_path / 'images').exists()
