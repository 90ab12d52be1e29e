# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
from dataclasses import asdict

import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import Dataset

from projects.common.engine import LearntHook
from projects.common.structures import KeypointCategory
from projects.common.utils.learnt import Learnt

TRAINED = KeypointCategory('cat', ('nose',))
TESTED = KeypointCategory('dog', ('left ear', 'right ear'))


class Numbers(Dataset):
    def __init__(self, category):
        self.metainfo = {'categories': [asdict(category)]}

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return torch.ones(1)


class Model(BaseModel):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def forward(self, *inputs, mode):
        found = self.layer(torch.stack(inputs))
        return {'loss': found.mean()} if mode == 'loss' else [found]


class Metric(BaseMetric):
    thresholds = iter(())

    def process(self, data_batch, data_samples):
        self.results.append(0)

    def compute_metrics(self, results):
        value = next(self.thresholds)
        return {'keypoint/AP': value, 'keypoint/score_thr': value}


@pytest.fixture
def train(tmp_path):
    def run(*thresholds, epochs=None, **options):
        loader = {'batch_size': 2, 'num_workers': 0}
        loader['sampler'] = {'type': 'DefaultSampler', 'shuffle': False}
        if thresholds:
            metric = Metric()
            metric.thresholds = iter(thresholds)
            options |= {
                'val_dataloader': {**loader, 'dataset': Numbers(TESTED)},
                'val_cfg': {},
                'val_evaluator': [metric],
            }
        best = {'save_best': 'keypoint/AP', 'rule': 'greater'}
        epochs = epochs or len(thresholds) or 1
        runner = Runner(
            Model(),
            str(tmp_path),
            train_dataloader={**loader, 'dataset': Numbers(TRAINED)},
            train_cfg={'by_epoch': True, 'max_epochs': epochs},
            optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.1}},
            default_hooks={
                'checkpoint': {
                    'type': 'CheckpointHook',
                    'interval': 1,
                    **(best if thresholds else {}),
                },
                'learnt': {'type': LearntHook},
            },
            default_scope='mmpose',
            experiment_name=f'{tmp_path.name}-{epochs}-{len(options)}',
            **options,
        )
        runner.train()

    return run


def test_categories_are_those_of_validation_and_so_is_the_threshold(
    train, tmp_path
):
    train(0.4, 0.2)
    for name in 'epoch_1', 'best_keypoint_AP_epoch_1':
        learnt = Learnt.of_file(tmp_path / f'{name}.pth')
        assert learnt == Learnt((TESTED,), 0.4)
    # Saved before it was validated, and no better than the first.
    assert Learnt.of_file(tmp_path / 'epoch_2.pth').score_thr == 0.4


def test_a_resumed_run_keeps_its_threshold(train, tmp_path):
    train(0.4, 0.2)
    train(epochs=3, resume=True)
    # Of the checkpoint that was resumed, saved before the second validation.
    assert Learnt.of_file(tmp_path / 'epoch_3.pth').score_thr == 0.4


def test_without_validation_categories_are_those_of_training(train, tmp_path):
    train()
    assert Learnt.of_file(tmp_path / 'epoch_1.pth') == Learnt((TRAINED,))
