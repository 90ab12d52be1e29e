# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Timing of supports remembered and forgotten, with a small model."""

import pytest

from projects.benchmarks.results import load_entries
from projects.common.datasets.episodes import EpisodeList
from projects.common.models.prompt_encoders import ConvImageTower
from tests.conftest import REPO_ROOT
from tests.test_tools.test_xpose_episodes import small  # noqa: F401  fixture


@pytest.fixture
def tool(load_tool):
    return load_tool('analysis_tools/benchmark_episodes.py')


def test_both_ways_in_turn(tool, small, tmp_path, monkeypatch):  # noqa: F811
    calls = []
    forward, seconds = ConvImageTower.forward, tool.seconds

    def counted(self, images, *args):
        calls[-1][1] += len(images)
        return forward(self, images, *args)

    def timed(model, item):
        calls.append([model.prompt_encoder.visual.cache_size, 0])
        seconds(model, item)
        return 1.0 if calls[-1][0] else 4.0

    monkeypatch.setattr(ConvImageTower, 'forward', counted)
    monkeypatch.setattr(tool, 'seconds', timed)
    record = tmp_path / 'r.json'
    words = ['--episodes', '99', '--record', str(record)]
    figures = tool.main([*small('crop'), *words])
    assert figures['ms per query, supports once per episode'] == 1000
    assert figures['speed-up'] == figures['speed-up, median query'] == 4
    # Each way has warmed up once and leads in every other query.
    assert [size for size, _ in calls[:2]] == [0, 0]
    order = [bool(size) for size, _ in calls[2:]]
    assert order == [True, False, False, True] * 8
    episodes = EpisodeList.load(tmp_path / 'e.json').episodes
    assert len({i for e in episodes for i in e.supports}) == 7
    # 16 queries of 2 shots each; a shot that two episodes share is known.
    assert sum(n for size, n in calls[2:] if size) == 7
    assert sum(n for size, n in calls[2:] if not size) == 32
    # The list has four episodes.
    protocol = load_entries(record)[0].protocol
    assert protocol.startswith('2-shot, 16 queries of 4 episodes, one at a ')


@pytest.mark.parametrize('number', ['0', '-1', 'two'])
def test_number_of_episodes(tool, capsys, number):
    with pytest.raises(SystemExit) as stop:
        tool.main(['config.py', 'model.pth', f'--episodes={number}'])
    assert stop.value.code == 2
    assert f"'{number}' is not 1, 2, 3, ..." in capsys.readouterr().err


@pytest.mark.parametrize(
    'name',
    [
        'category_agnostic_2d_keypoint/xpose/'
        'memory_matching_synthkpt-split1_1shot.py',
        'category_agnostic_2d_keypoint/baselines/'
        'copy_layout_synthkpt-split1_1shot.py',
        'promptable_2d_keypoint/xpose/xpose_tiny_2xb8_synthkpt.py',
    ],
)
def test_other_configs_are_refused(tool, capsys, name):
    with pytest.raises(SystemExit) as stop:
        tool.main([str(REPO_ROOT / 'configs' / name), 'model.pth'])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert f'{name} does not ask X-Pose by the supports of ep' in error
