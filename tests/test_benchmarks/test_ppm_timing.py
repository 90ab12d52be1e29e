# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import importlib.util

import pytest
import torch
from mmengine.config import Config

from projects.benchmarks import ppm_timing
from projects.benchmarks.results import load_entries
from projects.ppm.apis import build_model
from projects.ppm.pictures import to_pictures
from tests.conftest import REPO_ROOT
from tests.test_ppm.conftest import make_unet
from tests.test_ppm.test_ppm_fit import CONFIG


@pytest.fixture(scope='module')
def tool():
    path = REPO_ROOT / 'tools/analysis_tools/benchmark_ppm.py'
    spec = importlib.util.spec_from_file_location('tool_bench_ppm', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_ways_of_fitting(tool, model_folder, tmp_path, capsys):
    config = tmp_path / 'ppm.py'
    config.write_text(CONFIG.format(path=str(model_folder)))
    arguments = ['fit', str(config), '--keypoints', '3', '--steps', '2']
    arguments += ['--repeat', '1', '--record', str(tmp_path / 'r.json')]
    found = tool.main(arguments)
    assert found['first losses differ by'] < 1e-5
    assert found['found keypoints differ by, pixels'] <= 1
    assert found['one at a time / together'] == pytest.approx(
        found['seconds, one at a time'] / found['seconds, together']
    )
    assert 'together / cached' in capsys.readouterr().out
    entries = {e.metric: e.value for e in load_entries(tmp_path / 'r.json')}
    assert entries.keys() == found.keys()


def test_distance_of_found_keypoints(
    tool, model_folder, tmp_path, monkeypatch
):
    config = tmp_path / 'ppm.py'
    config.write_text(CONFIG.format(path=str(model_folder)))
    asked = []

    def find(fitter, fitted):
        asked.append(len(fitted.contexts))
        places = ppm_timing.find(fitter, fitted)
        assert places.shape == (len(fitted.contexts), 2)
        # Together the second is 3 and 4 pixels from where it is alone.
        moved = torch.tensor([[0.0, 1], [3, 4]])
        return moved if len(fitted.contexts) == 2 else torch.zeros(1, 2)

    monkeypatch.setattr(tool, 'find', find)
    arguments = ['fit', str(config), '--keypoints', '2', '--steps', '1']
    found = tool.main([*arguments, '--repeat', '1'])
    assert sorted(asked) == [1, 1, 2]
    assert found['found keypoints differ by, pixels'] == 5


def test_a_found_keypoint_is_the_peak_of_its_map(model_folder, tmp_path):
    config = tmp_path / 'ppm.py'
    config.write_text(CONFIG.format(path=str(model_folder)))
    model = build_model(Config.fromfile(config))
    episode = ppm_timing.random_episode(2, 32)
    start = torch.randn(2, 12, generator=torch.Generator().manual_seed(0))
    fitter = ppm_timing.Fitter(model, episode, start)
    fitted = fitter.together()
    places = ppm_timing.find(fitter, fitted)
    maps = model.maps.predict(to_pictures(episode.shots), fitted.contexts)
    for place, heat in zip(places.long().tolist(), maps[0]):
        assert heat[place[1], place[0]] == heat.max()


@pytest.mark.parametrize('command', ['fit', 'unet'])
def test_wrong_arguments(tool, command, model_folder, tmp_path, capsys):
    config = tmp_path / 'ppm.py'
    config.write_text(CONFIG.format(path=str(model_folder)))
    arguments = [command, *([str(config)] if command == 'fit' else [])]
    with pytest.raises(SystemExit):
        tool.main([*arguments, '--device', 'cuda:99'])
    said = capsys.readouterr().err
    assert "error: The device 'cuda:99' cannot be used here" in said
    with pytest.raises(SystemExit):
        tool.main([*arguments, '--keypoints', '0'])
    assert "'0' is not 1, 2, 3, ..." in capsys.readouterr().err


def test_a_large_unet(tool, monkeypatch):
    unet, rows = make_unet(), []
    unet.register_forward_pre_hook(lambda _, args: rows.append(len(args[0])))
    monkeypatch.setattr(tool, 'sd15_unet', lambda device: unet)
    monkeypatch.setattr(tool, 'step_flops', lambda size, count: 5e12 * count)
    found = tool.main(
        ['unet', '--size', '64', '--keypoints', '3', '1', '--repeat', '1']
        + ['--max-batch', '2']
    )
    assert rows == [1, 2, 1]
    assert found['TFLOP a step, K = 3'] == 15
    step = found['seconds a step, K = 1']
    assert found['hours a split, K = 1, 8 devices'] == pytest.approx(
        step * (300 + 5) * 4000 / 3600 / 8
    )
    assert found['peak memory, MB, K = 1'] > 50


def test_operations_are_counted_without_weights():
    """A prompt more is a picture's pass more; nothing is allocated."""
    one, two = (ppm_timing.step_flops(64, count) for count in (1, 2))
    assert two == 2 * one
    # 8 x 8 latents: 1/64 of 512 pixels' convolutions, whose forward pass is
    # about 0.8 TFLOP.
    assert 0.01e12 < one < 0.1e12
