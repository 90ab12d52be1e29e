# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""An evaluation of PPM in two processes, which share its episodes."""

import json
from collections import Counter
from pathlib import Path

import pytest
import torch

from projects.common.datasets import CocoKeypointFile
from projects.common.datasets.episodes import EpisodeSource, freeze_episodes
from projects.ppm.models.prompts.fitted_prompt_file import load_prompts
from tests import episode_files
from tests.processes import run_script
from tests.test_ppm.conftest import episode_config
from tests.test_tools.conftest import load_tool


@pytest.fixture
def config(tmp_path, model_folder, monkeypatch):
    """PPM on two episodes of each of two categories, three queries each."""
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '-1')
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    path = episode_files.write(tmp_path)
    source = EpisodeSource(CocoKeypointFile(str(path)))
    # With this seed no two episodes have the same shot, and so one fit.
    freeze_episodes(source, 1, 3, 2, seed=3).save(tmp_path / 'e.json')
    for rank in ('none', '0', '1'):
        (tmp_path / f'model_of_{rank}').symlink_to(model_folder)
    # Each process knows the model by its own name, which prompt files repeat.
    return episode_config(
        tmp_path,
        tmp_path / 'model_of_{{$RANK:none}}',
        max_batch=3,
        steps=2,
        more="test_dataloader['batch_sampler'] = "
        "dict(type='EpisodeBatchSampler')\n",
    )


def fitted_in(folder):
    return {path.name: load_prompts(path) for path in folder.iterdir()}


@pytest.mark.slow
def test_two_processes_share_the_episodes(config, tmp_path):
    keep = '--cfg-options', f'model.episode_dir={tmp_path / "alone"}'
    metrics = load_tool('test.py').main([str(config), *keep])
    assert metrics['num_queries'] == 12 and metrics['NME'] > 0

    out = tmp_path / 'two.json'
    keep = '--cfg-options', f'model.episode_dir={tmp_path / "two"}'
    run_script('dist_test.sh', config, 2, '--out', out, *keep, cwd=tmp_path)
    written = json.loads(out.read_text())
    assert {key: written[key] for key in metrics} == metrics

    alone, two = fitted_in(tmp_path / 'alone'), fitted_in(tmp_path / 'two')
    assert len(alone) == 4 and two.keys() == alone.keys()
    for name, file in two.items():
        for tensor in ('prompts', 'contexts', 'losses'):
            torch.testing.assert_close(
                getattr(file.fitted, tensor),
                getattr(alone[name].fitted, tensor),
            )
    # Who wrote them: half of them each.
    by = Counter(Path(file.model).name for file in two.values())
    assert by == {'model_of_0': 2, 'model_of_1': 2}
