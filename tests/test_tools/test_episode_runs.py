# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""tools/test.py on episodes, with methods that need no checkpoint."""

import json
from argparse import Namespace

import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator

from projects.benchmarks.results import load_entries
from projects.common.datasets import CocoKeypointFile
from projects.common.datasets.episodes import EpisodeSource, freeze_episodes
from projects.common.evaluation import CapePCK
from tests import episode_files
from tests.conftest import REPO_ROOT
from tests.processes import run_script

CONFIG = """
_base_ = {base!r}
work_dir = {folder!r} + '/work'
test_dataloader = dict(
    batch_size=2,
    num_workers=0,
    dataset=dict(
        episodes={folder!r} + '/e.json',
        dataset=dict(data_root={folder!r}, ann_file='ann.json')))
"""
BASE = 'category_agnostic_2d_keypoint/baselines/{}_synthkpt-split1_1shot.py'


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A config of CopyLayout on three 1-shot episodes of each category."""
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '-1')
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    path = episode_files.write(tmp_path)
    source = EpisodeSource(CocoKeypointFile(str(path)))
    freeze_episodes(source, 1, 5, 3).save(tmp_path / 'e.json')
    config = tmp_path / 'layout.py'
    base = str(REPO_ROOT / 'configs' / BASE.format('copy_layout'))
    config.write_text(CONFIG.format(base=base, folder=str(tmp_path)))
    return config


def test_recorded_without_a_checkpoint(config, load_tool, tmp_path):
    record = tmp_path / 'r.json'
    argv = [str(config), '--record', str(record), '--claim', 'Copied layout']
    metrics = load_tool('test.py').main(argv)
    assert metrics['num_queries'] == 30
    entries = {e.metric: e for e in load_entries(record)}
    entry = entries['PCK@0.2']
    assert entry.value == pytest.approx(metrics['PCK@0.2'], abs=1e-6)
    assert entry.data == str(tmp_path / 'e.json')
    assert entry.checkpoint == ''
    assert entry.protocol == metrics['protocol']
    assert metrics['episodes_sha256'] in entry.protocol
    assert 'protocol' not in entries


def test_an_address_is_named_without_a_hash(load_tool, tmp_path):
    scores, address = tmp_path / 'scores.json', 'https://example.com/w.pth'
    scores.write_text('{"PCK@0.2": 0.5}')
    load_tool('test.py').store(
        Namespace(checkpoint=address, out=None, record=None),
        [],
        Config(),
        Evaluator(CapePCK(outfile=str(scores))),
        {'protocol': 'CAPE'},
    )
    assert json.loads(scores.read_text()) == {
        'PCK@0.2': 0.5,
        'checkpoint': address,
        'checkpoint_sha256': '',
    }


def test_checkpoint_where_there_is_none_and_none_where_one_is_needed(
    config, toy, load_tool, tmp_path, capsys
):
    weights = tmp_path / 'w.pth'
    torch.save({'state_dict': {}}, weights)
    for argv, message in (
        ([str(config), str(weights)], 'a method without a checkpoint'),
        ([str(toy)], 'toy.py needs a checkpoint'),
    ):
        with pytest.raises(SystemExit) as stop:
            load_tool('test.py').main(argv)
        assert stop.value.code == 2
        assert message in capsys.readouterr().err


def test_episodes_of_other_annotations_are_a_sentence(
    config, load_tool, tmp_path, capsys
):
    data = episode_files.content(seed=3)
    episode_files.write(tmp_path, data)
    with pytest.raises(SystemExit) as stop:
        load_tool('test.py').main([str(config)])
    assert stop.value.code == 2
    assert 'another data set or has changed' in capsys.readouterr().err


@pytest.mark.slow
def test_two_processes_give_the_very_same_figures(config, load_tool, tmp_path):
    alone = load_tool('test.py').main([str(config)])
    out = tmp_path / 'two.json'
    run_script('dist_test.sh', config, 2, '--out', out, cwd=tmp_path)
    stored = json.loads(out.read_text())
    assert stored == {**alone, 'checkpoint': '', 'checkpoint_sha256': ''}
