# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import importlib.util

import pytest

from projects.common.results import load_entries
from projects.ppm import benchmark
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
    assert found['one at a time / together'] == pytest.approx(
        found['seconds, one at a time'] / found['seconds, together']
    )
    assert 'together / cached' in capsys.readouterr().out
    entries = {e.metric: e.value for e in load_entries(tmp_path / 'r.json')}
    assert entries.keys() == found.keys()


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
    one, two = (benchmark.step_flops(64, count) for count in (1, 2))
    assert two == 2 * one
    # 8 x 8 latents: 1/64 of 512 pixels' convolutions, whose forward pass is
    # about 0.8 TFLOP.
    assert 0.01e12 < one < 0.1e12
