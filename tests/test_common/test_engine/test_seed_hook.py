# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmpose.registry import HOOKS
from torch import nn

from projects.common.engine import IterSeedHook


def draw(seed, iteration):
    runner = SimpleNamespace(seed=seed, iter=iteration)
    IterSeedHook().before_train_iter(runner, 0)
    return (
        random.random(),
        float(np.random.rand()),
        torch.rand(()).item(),
    )


def test_numbers_are_a_function_of_seed_iteration_and_rank(monkeypatch):
    assert HOOKS.get('IterSeedHook') is IterSeedHook
    first = draw(0, 0)
    assert draw(0, 0) == first
    others = [draw(0, 1), draw(7, 0)]
    monkeypatch.setattr('projects.common.engine.seed_hook.get_rank', lambda: 1)
    others.append(draw(0, 0))
    for numbers in zip(first, *others):
        assert len(set(numbers)) == 4


class Drawing(BaseModel):
    """Notes a random number in every iteration."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.drawn = []

    def forward(self, inputs, data_samples=None, mode='loss'):
        self.drawn.append(torch.rand(()).item())
        return {'loss': (self.weight - self.drawn[-1]).square().sum()}


def run(work_dir, max_epochs, resume=False, hooks=True):
    model = Drawing()
    runner = Runner(
        model,
        str(work_dir),
        train_dataloader={
            'dataset': [{'inputs': torch.zeros(1)}] * 3,
            'sampler': {'type': 'DefaultSampler', 'shuffle': False},
            'batch_size': 1,
            # Starting workers draws a random number, in one epoch only.
            'num_workers': 1,
            'persistent_workers': True,
        },
        train_cfg={'by_epoch': True, 'max_epochs': max_epochs},
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.1}},
        custom_hooks=[{'type': 'mmpose.IterSeedHook'}] if hooks else None,
        randomness={'seed': 3},
        resume=resume,
        experiment_name=f'{work_dir.name}_{max_epochs}_{resume}_{hooks}',
        default_scope='mmengine',
    )
    runner.train()
    return model.drawn, model.weight.item()


@pytest.mark.parametrize('hooks', [True, False])
def test_a_resumed_run_draws_what_an_uninterrupted_one_draws(tmp_path, hooks):
    whole, weight = run(tmp_path / 'whole', 2, hooks=hooks)
    run(tmp_path / 'cut', 1, hooks=hooks)
    resumed, resumed_weight = run(tmp_path / 'cut', 2, True, hooks=hooks)
    assert len(whole) == 6
    assert len(set(whole)) == 6
    assert len(resumed) == 3
    # Without the hook the numbers differ: it is what makes them equal.
    assert (resumed == whole[3:]) is hooks
    assert (resumed_weight == weight) is hooks
