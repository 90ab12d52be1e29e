# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from projects.benchmarks.results.store import load_entries, verify_entries
from projects.unikpt import SOURCES
from projects.unikpt.synthetic import write_sources


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('analysis_tools/benchmark_unikpt.py')


def test_what_is_built_opened_and_loaded(tool, tmp_path, repo_root):
    results = tmp_path / 'results.json'
    args = ['--build', '80', '--open', '72', '--load', '40', '--repeat', '1']
    args += ['--workers', '1', '--folder', str(tmp_path)]
    found = tool.main([*args, '--record', str(results)])
    built, opened, loaded = found.values()
    assert built['instances'] == 80
    assert built['instances per second'] == pytest.approx(
        80 / built['seconds']
    )
    # Two sources of 20 pictures each with two objects, two held out of each.
    assert opened['instances'] == 72
    assert 0 < opened['memory held, MB'] < opened['file, MB']
    assert opened['private memory of a worker, MB'] > 0
    assert loaded['ratio, median of the pairs'] == pytest.approx(
        loaded['ours, pictures per second']
        / loaded["mmpose's, pictures per second"]
    )
    entries = load_entries(results)
    assert len(entries) == sum(map(len, found.values()))
    assert verify_entries(entries, repo_root) == []


def test_a_measurement_can_be_left_out(tool, tmp_path):
    found = tool.main(['--build', '8', '--open', '0', '--load', '0'])
    assert list(found) == ['UniKPT built from synthetic sources']


def test_synthetic_sources_are_what_their_readers_read(tmp_path):
    faults = []
    for name, folder in write_sources(tmp_path, 80).items():
        pictures = list(SOURCES[name].read(folder, faults.append))
        assert len(pictures) == 20
        assert all(len(p.instances) == 2 for p in pictures)
        image = SOURCES[name].read_picture(folder, pictures[-1])
        assert image.shape == (480, 640, 3)
        points = np.stack([i.keypoints for p in pictures for i in p.instances])
        labelled = points[points[..., 2] > 0]
        assert (labelled[:, :2] >= 0).all()
        assert (labelled[:, :2] <= 450).all()
    assert faults == []
