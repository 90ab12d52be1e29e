# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The robustness table, of a baseline that needs no weights."""

import pytest
import torch

from projects.benchmarks.results import load_entries
from projects.common.datasets import CocoKeypointFile
from projects.common.datasets.episodes import (
    PERTURBATIONS,
    EpisodeSource,
    freeze_episodes,
)
from tests import episode_files
from tests.conftest import REPO_ROOT

BASE = (
    'category_agnostic_2d_keypoint/baselines/'
    'mean_layout_synthkpt-split1_1shot.py'
)
CONFIG = """
_base_ = {base!r}
work_dir = {folder!r} + '/work'
test_dataloader = dict(
    batch_size=3,
    num_workers=0,
    dataset=dict(
        episodes={folder!r} + '/{shots}.json',
        dataset=dict(data_root={folder!r}, ann_file='ann.json')))
"""


@pytest.fixture
def write(tmp_path, monkeypatch):
    """(shots, options of the list) -> path of a config of MeanLayout."""
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '-1')
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    path = episode_files.write(tmp_path)
    source = EpisodeSource(CocoKeypointFile(str(path)))

    def write(shots, **options):
        episodes = freeze_episodes(source, shots, 3, 2, **options)
        episodes.save(tmp_path / f'{shots}.json')
        config = tmp_path / f'layout_{shots}.py'
        config.write_text(
            CONFIG.format(
                base=str(REPO_ROOT / 'configs' / BASE),
                folder=str(tmp_path),
                shots=shots,
            )
        )
        return str(config)

    return write


@pytest.fixture
def tool(load_tool):
    return load_tool('analysis_tools/cape_robustness.py')


def test_the_table_of_a_layout(tool, write, tmp_path, capsys):
    record = tmp_path / 'r.json'
    argv = [write(2), '--record', str(record), '--claim', 'Layout']
    rows = tool.main(argv)
    assert list(rows) == ['unchanged', *PERTURBATIONS]
    plain = rows['unchanged']['mPCK']
    assert 0 < plain < 1
    # It looks at no picture, only at places and boxes.
    for name in ('order', 'occluded', 'blurred'):
        assert rows[name]['mPCK'] == pytest.approx(plain, abs=1e-12)
    for name in ('wrong_box', 'wrong_support', 'flipped'):
        assert rows[name]['mPCK'] != pytest.approx(plain, abs=1e-6), name
    # Of a keypoint's place, other keypoints say nothing.
    assert rows['fewer_keypoints']['mPCK'] == rows['fewer_counted']['mPCK']
    change = rows['flipped']['mPCK'] - rows['flipped_counted']['mPCK']
    lines = capsys.readouterr().out.splitlines()
    table = [line for line in lines if line.startswith('|')]
    assert len(table) == 2 + len(rows)
    assert (
        f'| {plain:.3f} ± {rows["unchanged"]["mPCK/ci95"]:.3f} |' in table[2]
    )
    assert table[3].startswith('| order |')
    assert table[3].endswith('| +0.0000 |')
    (line,) = [line for line in table if line.startswith('| flipped |')]
    assert line.endswith(f'| {change:+.4f} |')
    change = rows['wrong_box']['mPCK'] - plain
    (line,) = [line for line in table if line.startswith('| wrong_box')]
    assert line.endswith(f'| {change:+.4f} |')
    entries = {(e.claim, e.metric): e for e in load_entries(record)}
    entry = entries['Layout: wrong_box', 'PCK@0.2']
    assert entry.value == pytest.approx(rows['wrong_box']['PCK@0.2'], abs=1e-6)
    assert 'PERTURBED: wrong_box (each edge' in entry.protocol
    assert 'PERTURBED' not in entries['Layout: unchanged', 'mPCK'].protocol
    assert entry.command.startswith(
        f'python tools/analysis_tools/cape_robustness.py {argv[0]} --record'
    )


def test_one_shot_has_no_wrong_one_among_others(tool, write):
    rows = tool.main([write(1), '--perturbations', 'blurred'])
    assert list(rows) == ['unchanged', 'blurred']
    args = tool.parse_args([write(1)])
    cfg = tool.prepare_config(args)
    assert 'wrong_support' not in tool.chosen_rows(args, cfg)
    args.perturbations = ['fewer_keypoints', 'flipped']
    assert tool.chosen_rows(args, cfg) == [
        'unchanged',
        'fewer_keypoints',
        'flipped',
        'fewer_counted',
        'flipped_counted',
    ]


def test_one_category_has_no_wrong_one_beside_it(tool, write, monkeypatch):
    config = write(2, categories=['boat'])
    args = tool.parse_args([config])
    rows = tool.chosen_rows(args, tool.prepare_config(args))
    assert set(rows) == {'unchanged', *PERTURBATIONS} - {'wrong_support'}
    # What was asked for is refused before anything is measured.
    monkeypatch.setattr(tool, 'evaluate', pytest.fail)
    with pytest.raises(SystemExit) as stop:
        tool.main([config, '--perturbations', 'blurred', 'wrong_support'])
    assert stop.value.code == 2


def test_an_interrupted_run_keeps_what_is_finished(
    tool, write, tmp_path, monkeypatch
):
    record = tmp_path / 'r.json'
    evaluate = tool.evaluate

    def interrupted(cfg, args, name):
        if name == 'blurred':
            raise KeyboardInterrupt
        return evaluate(cfg, args, name)

    monkeypatch.setattr(tool, 'evaluate', interrupted)
    argv = [write(2), '--record', str(record), '--claim', 'Layout']
    with pytest.raises(KeyboardInterrupt):
        tool.main([*argv, '--perturbations', 'order', 'blurred'])
    claims = {entry.claim for entry in load_entries(record)}
    assert claims == {'Layout: unchanged', 'Layout: order'}


@pytest.mark.parametrize(
    ('more', 'message'),
    [
        (['--perturbations', 'wrong_support'], 'take a list of 5-shot'),
        (['--claim', 'x'], '--record and --claim belong together'),
        ([str(REPO_ROOT / 'LICENSE')], 'a method without a checkpoint'),
        (['nowhere.pth'], 'does not exist'),
    ],
)
def test_refused(tool, write, capsys, more, message):
    with pytest.raises(SystemExit) as stop:
        tool.main([write(1), *more])
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_only_episodes(tool, capsys):
    config = 'configs/promptable_2d_keypoint/xpose/xpose_tiny_2xb8_synthkpt.py'
    with pytest.raises(SystemExit):
        tool.main([str(REPO_ROOT / config)])
    assert 'evaluates no episodes' in capsys.readouterr().err
