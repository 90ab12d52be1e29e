# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import importlib.util
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

CONFIG = """
custom_imports = dict(imports=['toy_project'])
default_scope = 'mmpose'
work_dir = {work_dir!r}
batch_size = 1
model = dict(type='ToyModel', num_queries=1, test_cfg=dict(score_thr=0.1))
loader = dict(
    batch_size=batch_size,
    num_workers=0,
    collate_fn=dict(type='pseudo_collate'),
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='ToyDataset'))
train_dataloader = loader
val_dataloader = loader
test_dataloader = loader
val_evaluator = dict(type='PromptKeypointMetric', ann_file={ann_file!r})
test_evaluator = val_evaluator
train_cfg = dict(by_epoch=True, max_epochs=2, val_interval=2)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1))
randomness = dict(seed=0)
"""


def load_tool(path):
    """Import a script of tools/ as a module."""
    name = 'tool_' + Path(path).stem
    spec = importlib.util.spec_from_file_location(name, ROOT / 'tools' / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(name='load_tool', scope='session')
def load_tool_fixture():
    return load_tool


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Path of a config that trains the toy model."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    import toy_project

    ann_file = tmp_path / 'val.json'
    ann_file.write_text(json.dumps(toy_project.annotation_json()))
    config = tmp_path / 'toy.py'
    config.write_text(
        CONFIG.format(work_dir=str(tmp_path / 'work'), ann_file=str(ann_file))
    )
    monkeypatch.setattr(sys, 'argv', ['test.py', 'toy.py'])
    return config
