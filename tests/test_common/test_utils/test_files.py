# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json

import pytest

from projects.common.utils.files import (
    replacing,
    write_bytes,
    write_json,
    write_text,
)


def names(folder):
    return [path.name for path in folder.iterdir()]


def test_files_are_written_into_new_folders_and_replaced(tmp_path):
    path = tmp_path / 'new' / 'a.txt'
    write_text(path, 'größer')
    assert path.read_bytes() == 'größer'.encode()
    write_bytes(str(path), b'\x00\xff')
    assert path.read_bytes() == b'\x00\xff'
    assert names(path.parent) == ['a.txt']


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / 'a.txt'
    path.write_text('old')
    with pytest.raises(RuntimeError, match='half'), replacing(path) as part:
        part.write_text('ne')
        raise RuntimeError('half')
    assert path.read_text() == 'old'
    assert names(tmp_path) == ['a.txt']


def test_links_are_replaced_not_followed(tmp_path):
    for target in ('first', 'second'):
        (tmp_path / target).mkdir()
        with replacing(tmp_path / 'link') as part:
            part.symlink_to(tmp_path / target, target_is_directory=True)
    assert (tmp_path / 'link').readlink() == tmp_path / 'second'
    assert sorted(names(tmp_path)) == ['first', 'link', 'second']


def test_json_comes_back(tmp_path):
    path = tmp_path / 'new' / 'figures.json'
    write_json(path, {'AP': 0.5, 'names': ['left eye']})
    assert json.loads(path.read_text()) == {'AP': 0.5, 'names': ['left eye']}
    with pytest.raises(TypeError):
        write_json(path, {'AP': object()})
    assert json.loads(path.read_text())['AP'] == 0.5
    assert [file.name for file in path.parent.iterdir()] == ['figures.json']
