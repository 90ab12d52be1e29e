# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json
import os
import sys
from pathlib import Path

import pytest
import torch

from projects.benchmarks.leaderboard import measured_boards

IMAGES = range(7, 17)
CATEGORY = {'id': 1, 'name': 'person', 'keypoints': ['nose', 'tail']}
SAME = [1, 2, 2, 30, 40, 2]


@pytest.fixture
def compare(load_tool, tmp_path, monkeypatch):
    """The tool with a small data set, and nothing that is slow."""
    tool = load_tool('analysis_tools/compare_mmpose.py')
    annotations = tmp_path / 'annotations'
    annotations.mkdir()
    monkeypatch.setattr(tool, 'ANNOTATIONS', annotations)
    monkeypatch.setattr(
        tool,
        'time_models',
        lambda runs, truth, repeat: {
            name: [10.0 * n + repeat for n in range(1, 11)]
            for run in runs
            for name in (run.name, f'{run.name}, detected')
        },
    )
    return tool


def write_synthkpt(folder, images=IMAGES):
    content = {
        'images': [
            {'id': i, 'file_name': f'{i}.png', 'width': 50, 'height': 50}
            for i in images
        ],
        'categories': [{**CATEGORY, 'id': 3}],
        'annotations': [
            {
                'id': i,
                'image_id': i,
                'category_id': 3,
                'bbox': [0, 0, 40, 45],
                'area': 900,
                'iscrowd': 0,
                'keypoints': SAME,
                'num_keypoints': 2,
            }
            for i in images
        ],
    }
    for split in ('train', 'val'):
        path = folder / f'synthkpt_{split}.json'
        path.write_text(json.dumps(content))


def fake_tools(calls, found=True):
    """What tools/train.py and tools/test.py leave behind."""

    def run(command, cwd, env, check):
        assert command[0] == sys.executable and check
        assert env['COMPARE_ITERATIONS'] == '2'
        script, config, *words = command[1:]
        folder = Path(words[-1])
        calls.append((script, Path(config).parts[-2:], words[:-2]))
        if script == 'tools/train.py':
            folder.mkdir(parents=True, exist_ok=True)
            weights = {
                'a': torch.zeros(1500, 1000),
                'n': torch.tensor(1),
                'bn.running_mean': torch.zeros(64),
            }
            torch.save({'state_dict': weights}, folder / 'iter_2.pth')
            return
        prefix = words[2].partition('=')[2]
        # Ours finds the person, the others are a little off.
        keypoints = SAME if 'xpose' in config else [1, 2, 2, 70, 40, 2]
        results = [
            {
                'image_id': i,
                'category_id': 1,
                'keypoints': keypoints,
                'bbox': [0, 0, 40, 45],
                'score': 0.5,
            }
            for i in IMAGES
            if found or 'xpose' not in config
        ]
        Path(f'{prefix}.keypoints.json').write_text(json.dumps(results))

    return run


def run(tool, tmp_path, *words):
    tool.main(
        [
            *('--iterations', '2', '--sets', 'human', '--repeat', '3'),
            *('--work-dir', str(tmp_path / 'work')),
            *('--record', str(tmp_path / 'out.json'), *words),
        ]
    )
    (board,) = measured_boards([tmp_path / 'out.json'])
    return board


def test_compare(compare, tmp_path, monkeypatch, capsys):
    write_synthkpt(compare.ANNOTATIONS)
    calls = []
    monkeypatch.setattr(compare.subprocess, 'run', fake_tools(calls))
    board = run(compare, tmp_path, '--models', 'rtmpose-t', 'rtmo-s')
    scripts = [
        (script, config[-1].split('_')[0]) for script, config, _ in calls
    ]
    assert scripts == [
        ('tools/train.py', 'xpose'),
        ('tools/train.py', 'rtmpose-t'),
        ('tools/train.py', 'rtmo-s'),
        ('tools/test.py', 'xpose'),
        ('tools/test.py', 'rtmpose-t'),
        ('tools/test.py', 'rtmpose-t'),
        ('tools/test.py', 'rtmo-s'),
    ]
    boxes = tmp_path / 'work/human_xpose_tiny/boxes.json'
    assert json.loads(boxes.read_text()) == [
        {
            'image_id': i,
            'category_id': 1,
            'bbox': [0, 0, 40, 45],
            'score': 0.5,
        }
        for i in IMAGES
    ]
    # Given boxes first, then those of our model.
    assert len(calls[4][2]) == 3
    assert calls[5][2][-1] == f'test_dataloader.dataset.bbox_file={boxes}'
    rows = {row.method: row.values for row in board.rows}
    assert list(rows) == [
        'X-Pose tiny, by text, human',
        'RTMPose-t, ground-truth boxes, human',
        "RTMPose-t, X-Pose tiny's boxes, human",
        'RTMO-s, human',
    ]
    ours = rows['X-Pose tiny, by text, human']
    assert ours['keypoint/AP'] == pytest.approx(1.0)
    assert rows['RTMO-s, human']['keypoint/AP'] < 0.5
    assert (ours['ms, N = 1'], ours['ms, N = 10']) == (13.0, 103.0)
    assert ours['million parameters'] == 1.5
    assert 'ImageNet weights at the start' in board.rows[0].source
    assert '2 iterations of 16 objects, random weights' in board.rows[1].source
    assert 'RTMPose-t, ground-truth boxes' in capsys.readouterr().out
    # What is trained is not trained again.
    before = len(calls)
    run(compare, tmp_path, '--models', 'rtmpose-t', 'rtmo-s')
    assert {script for script, *_ in calls[before:]} == {'tools/test.py'}


def test_a_detector_that_finds_nothing(compare, tmp_path, monkeypatch):
    write_synthkpt(compare.ANNOTATIONS)
    calls = []
    tools = fake_tools(calls, found=False)
    monkeypatch.setattr(compare.subprocess, 'run', tools)
    board = run(compare, tmp_path, '--models', 'rtmpose-t')
    values = {row.method: row.values['keypoint/AP'] for row in board.rows}
    assert values["RTMPose-t, X-Pose tiny's boxes, human"] == 0
    assert values['X-Pose tiny, by text, human'] == 0
    assert len(calls) == 4  # no test run without boxes


def test_times_with_our_boxes_hold_both(load_tool, monkeypatch, tmp_path):
    tool = load_tool('analysis_tools/compare_mmpose.py')
    runs = [
        tool.Run(n, 'human', tmp_path, 2) for n in (tool.OURS, 'rtmpose-t')
    ]
    monkeypatch.setattr(tool, 'method', lambda run, truth: run.name)
    monkeypatch.setattr(tool, 'crowded_pictures', lambda truth, root: [1, 2])
    monkeypatch.setattr(
        tool,
        'paired_medians',
        lambda methods, crowds, repeat: {
            tool.OURS: [50.0, 51.0],
            'rtmpose-t': [10.0, 20.0],
        },
    )
    times = tool.time_models(runs, {}, 1)
    assert times == {
        tool.OURS: [50.0, 51.0],
        'rtmpose-t': [10.0, 20.0],
        'rtmpose-t, detected': [60.0, 71.0],
    }


def test_missing_data_is_a_sentence(compare, capsys):
    with pytest.raises(SystemExit):
        compare.main(['--sets', 'human'])
    error = capsys.readouterr().err
    assert f'There is no {compare.ANNOTATIONS}{os.sep}synthkpt_tr' in error
    assert 'tools/dataset_converters/synthkpt.py' in error


def test_bad_input_is_refused_before_training(compare, monkeypatch, capsys):
    monkeypatch.setattr(compare.subprocess, 'run', pytest.fail)
    write_synthkpt(compare.ANNOTATIONS, IMAGES[:9])
    for words, message in (
        (['--repeat', '0'], "argument --repeat: '0' is not 1, 2, 3"),
        (['--iterations', '0'], "argument --iterations: '0' is not 1, 2"),
        (['--sets', 'human'], 'There are 9 objects, 10 are needed'),
    ):
        with pytest.raises(SystemExit) as stop:
            compare.main(words)
        assert stop.value.code == 2
        assert message in capsys.readouterr().err


def test_all_sets_are_checked_first(compare, monkeypatch, capsys):
    monkeypatch.setattr(compare.subprocess, 'run', pytest.fail)
    write_synthkpt(compare.ANNOTATIONS)  # persons, but no dogs
    with pytest.raises(SystemExit):
        compare.main(['--sets', 'human', 'animal'])
    assert "There is no category 'dog'" in capsys.readouterr().err


def test_weights_that_could_run_code_are_not_read(compare, tmp_path):
    run = compare.Run('rtmo-s', 'human', tmp_path, 2)
    run.folder.mkdir()
    weights = {'state_dict': {'a': torch.ones(1)}, 'path': tmp_path}
    torch.save(weights, run.checkpoint)
    with pytest.raises(ValueError, match='could run code'):
        compare.parameters(run)


def test_fixed_keypoints_tool(load_tool, tmp_path, capsys):
    tool = load_tool('dataset_converters/fixed_keypoints.py')
    write_synthkpt(tmp_path)
    out = tmp_path / 'sub/fixed.json'
    words = ['--like', 'person', '--name', 'human', '--out', str(out)]
    tool.main([str(tmp_path / 'synthkpt_val.json'), *words])
    (category,) = json.loads(out.read_text())['categories']
    assert category == {**CATEGORY, 'name': 'human'}
    printed = capsys.readouterr().out
    assert '10 pictures, 10 objects with 2 keypoints, from person' in printed
    with pytest.raises(SystemExit):
        tool.main([str(tmp_path / 'none.json'), *words])
    assert 'none.json does not exist' in capsys.readouterr().err
