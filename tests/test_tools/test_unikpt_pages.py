# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest

from projects.unikpt import SOURCES
from projects.unikpt.pages import listed, page
from projects.unikpt.vocabulary import load_vocabulary


def test_pages_are_up_to_date(load_tool, repo_root, capsys):
    tool = load_tool('misc/unikpt_pages.py')
    assert tool.main(['--check']) == 0, capsys.readouterr().out
    folder = repo_root / 'docs/dataset_zoo/unikpt'
    assert {p.stem for p in folder.iterdir()} == set(SOURCES)


def test_stale_pages_are_told_and_written(load_tool, tmp_path, monkeypatch):
    tool = load_tool('misc/unikpt_pages.py')
    monkeypatch.setattr(tool, 'FOLDER', tmp_path)
    (tmp_path / 'unikpt.md').write_text('# UniKPT\n')
    with pytest.raises(ValueError, match='between which the list of sources'):
        tool.main([])
    (tmp_path / 'unikpt.md').write_text(
        'a\n<!-- sources -->\nold\n<!-- /sources -->\nb\n'
    )
    assert tool.main(['--check']) == 1
    assert not (tmp_path / 'unikpt').exists()
    assert tool.main([]) == 0
    assert tool.main(['--check']) == 0
    text = (tmp_path / 'unikpt.md').read_text()
    assert 'old' not in text
    assert (text[:2], text[-2:]) == ('a\n', 'b\n')
    assert '| [COCO](unikpt/coco.md) | `coco` | whole |' in text


def test_a_page_says_what_the_source_says():
    text = page(SOURCES['macaque'], load_vocabulary())
    assert text.startswith('# MacaquePose\n')
    assert (
        '| in the paper | 17 keypoints, 1 categories, 13,083 pictures, '
        '16,393 instances |\n' in text
    )
    assert '| in UniKPT | 2,000 pictures with 2,320 instances |' in text
    assert SOURCES['macaque'].bibtex.strip() in text
    assert SOURCES['macaque'].tree.strip() in text
    assert '``' not in text.replace('```', '')
    unseen = page(SOURCES['animalpose'], load_vocabulary())
    assert '| in the paper | not a part of UniKPT |' in unseen
    assert '| in UniKPT | with `--add` only |' in unseen


def test_the_list_keeps_what_is_around_it():
    marks = '<!-- sources -->', '<!-- /sources -->'
    text = listed(f'before {marks[0]} x {marks[1]} after')
    assert text.startswith(f'before {marks[0]}\n\n| data set |')
    assert text.endswith(f'\n\n{marks[1]} after')
    assert listed(text) == text
