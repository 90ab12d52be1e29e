# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest

from projects.common.datasets import CocoKeypointFile
from projects.common.datasets.episodes import (
    EpisodeList,
    EpisodeSource,
    freeze_episodes,
)
from tests import episode_files


@pytest.fixture
def ann_file(tmp_path):
    return episode_files.write(tmp_path)


@pytest.fixture
def freeze(load_tool, ann_file, tmp_path):
    main = load_tool('dataset_converters/freeze_episodes.py').main

    def run(*args):
        out = tmp_path / 'out' / 'e.json'
        code = main([str(ann_file), '--out', str(out), *args])
        return code, out

    return run


def test_writes_what_the_library_draws(freeze, ann_file, capsys):
    args = ['--shots', '2', '--queries', '3', '--episodes', '4', '--seed', '5']
    code, out = freeze(*args)
    assert code == 0
    source = EpisodeSource(CocoKeypointFile(str(ann_file)))
    expected = freeze_episodes(source, 2, 3, 4, 5)
    assert EpisodeList.load(out) == expected
    assert capsys.readouterr().out == (
        f'{out}: 8 episodes of 2 categories, 24 queries, sha256 '
        f'{expected.sha256}\n'
    )


def test_published_numbers_of_episodes(freeze):
    for split, count in (('test', 200), ('val', 100)):
        args = ('--split', split, '--queries', '3', '--categories', 'boat')
        code, out = freeze(*args)
        assert code == 0
        found = EpisodeList.load(out)
        assert {e.category for e in found.episodes} == {'boat'}
        assert len(found.episodes) == count
        assert found.shots == 1


def test_other_format_and_rule(freeze):
    code, out = freeze(
        '--format', 'mp100', '--rule', 'published', '--queries', '5'
    )
    assert code == 0
    assert EpisodeList.load(out).rule == 'published'


def test_too_small_category(freeze, capsys):
    code, out = freeze('--queries', '6')
    assert code == 1
    assert not out.exists()
    message = capsys.readouterr().err
    assert 'error: ' in message
    assert "'cat' has 6 usable pictures, but an episode needs 1" in message
    code, out = freeze('--queries', '6', '--fewer-queries', '--episodes', '2')
    assert code == 0
    assert {len(e.queries) for e in EpisodeList.load(out).episodes} == {5}


def test_missing_pictures_and_files(freeze, ann_file, load_tool, capsys):
    args = ('--queries', '5', '--image-root', str(ann_file.parent))
    assert freeze(*args)[0] == 0
    (ann_file.parent / '3.png').unlink()
    capsys.readouterr()
    assert freeze(*args)[0] == 1
    assert '1 of the 6 pictures' in capsys.readouterr().err
    ann_file.unlink()
    assert freeze(*args)[0] == 1
    assert 'does not exist' in capsys.readouterr().err
