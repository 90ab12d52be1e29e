# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""An evaluation that is killed goes on where it was."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from projects.common.datasets import CocoKeypointFile
from projects.common.datasets.episodes import EpisodeSource, freeze_episodes
from tests import episode_files
from tests.conftest import REPO_ROOT
from tests.test_ppm.conftest import episode_config


@pytest.fixture
def start(tmp_path, model_folder):
    """Starts tools/test.py, keeping fitted episodes in a folder."""
    path = episode_files.write(tmp_path)
    source = EpisodeSource(CocoKeypointFile(str(path)))
    freeze_episodes(source, 1, 4, 4).save(tmp_path / 'e.json')
    config = episode_config(tmp_path, model_folder, max_batch=2, steps=12)

    def run(out, episodes):
        command = [sys.executable, 'tools/test.py', str(config)]
        command += ['--out', str(tmp_path / out), '--cfg-options']
        command += [f'model.episode_dir={tmp_path / episodes}']
        return subprocess.Popen(
            command,
            cwd=REPO_ROOT,
            env={**os.environ, 'CUDA_VISIBLE_DEVICES': '-1'},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    return run


@pytest.mark.slow
def test_killed_in_the_middle_and_resumed(start, tmp_path):
    assert start('whole.json', 'whole').wait(600) == 0
    names = {path.name for path in (tmp_path / 'whole').iterdir()}
    assert len(names) > 4  # two episodes may have the same shot

    process = start('cut.json', 'cut')
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline and process.poll() is None:
        fitted = list((tmp_path / 'cut').glob('*.safetensors'))
        if len(fitted) >= 2:
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL
    assert not (tmp_path / 'cut.json').exists()
    kept = {
        path: path.stat().st_mtime_ns
        for path in (tmp_path / 'cut').glob('*.safetensors')
    }
    assert 2 <= len(kept) < len(names)

    assert start('cut.json', 'cut').wait(600) == 0
    assert {p.name for p in (tmp_path / 'cut').glob('*.saf*')} == names
    # What was fitted is used, not fitted again.
    assert all(p.stat().st_mtime_ns == time for p, time in kept.items())
    first, second = (
        json.loads((tmp_path / name).read_text())
        for name in ('whole.json', 'cut.json')
    )
    assert first == second and 0 <= first['PCK@0.2'] <= 1
