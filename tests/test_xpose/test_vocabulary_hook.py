# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Statistics of names in a run: fitted, loaded, resumed, averaged."""

from dataclasses import asdict

import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.runner import Runner
from torch.utils.data import Dataset

from projects.common.models.prompt_encoders.base_prompt_encoder import (
    CategoryRows,
)
from projects.common.structures import KeypointCategory
from tests.test_xpose.conftest import build_model, make_sample

CATEGORIES = [
    KeypointCategory(
        name, ('left eye', 'right eye', 'tail'), swap_pairs=((0, 1),)
    )
    for name in ('cat', 'dog')
]


class TwoImages(Dataset):
    metainfo = {'categories': [asdict(one) for one in CATEGORIES]}

    def __len__(self):
        return 2

    def __getitem__(self, index):
        image = torch.zeros(3, 96, 128, dtype=torch.uint8)
        return {
            'inputs': image,
            'data_samples': make_sample(1, CATEGORIES, seed=index),
        }


def model_with_names(separated=True):
    model = build_model(
        lambda config: config.update(name_separation={} if separated else None)
    )

    def embed_names(categories):
        torch.manual_seed(3)
        count = len(categories)
        return CategoryRows(
            torch.randn(count, 16),
            torch.randn(3 * count, 16),
            [3] * count,
            torch.ones(3 * count).bool(),
        )

    model.prompt_encoder.embed_names = embed_names
    model.prompt_encoder.add_vocabulary = lambda categories: 0
    return model


@pytest.fixture
def train(tmp_path):
    """Train for an epoch; what is left of the model and of its average."""

    def run(model=None, epochs=1, **options):
        model = model or model_with_names()
        runner = Runner(
            model,
            str(tmp_path / 'work'),
            train_dataloader={
                'batch_size': 2,
                'num_workers': 0,
                'dataset': TwoImages(),
                'sampler': {'type': 'DefaultSampler', 'shuffle': False},
                'collate_fn': pseudo_collate,
            },
            train_cfg={'by_epoch': True, 'max_epochs': epochs},
            optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 1e-6}},
            custom_hooks=[
                {'type': 'VocabularyHook'},
                {'type': 'EMAHook', 'priority': 49},
            ],
            default_scope='mmpose',
            experiment_name=f'run{torch.randint(10**9, ()).item()}',
            **options,
        )
        runner.train()
        [hook] = [h for h in runner.hooks if type(h).__name__ == 'EMAHook']
        average = hook.ema_model.module.name_separation
        return runner.model.name_separation, average

    return run


def test_fitted_at_the_start_and_kept_in_the_checkpoint(train, tmp_path):
    expected = model_with_names()
    assert expected.fit_names(CATEGORIES)
    expected = expected.name_separation.matrix
    for separation in train():
        torch.testing.assert_close(separation.matrix, expected)
    saved = torch.load(tmp_path / 'work' / 'epoch_1.pth', weights_only=False)
    for state in saved['state_dict'], saved['ema_state_dict']:
        [matrix] = [v for k, v in state.items() if 'separation.matrix' in k]
        torch.testing.assert_close(matrix, expected)


def test_a_checkpoint_brings_its_own(train, tmp_path):
    other = model_with_names()
    other.name_separation.matrix.mul_(2)
    path = tmp_path / 'other.pth'
    torch.save({'state_dict': other.state_dict(), 'meta': {}}, path)
    for separation in train(load_from=str(path)):
        torch.testing.assert_close(separation.matrix, 2 * torch.eye(16))


def test_a_checkpoint_without_leaves_what_was_fitted(train, tmp_path):
    path = tmp_path / 'old.pth'
    old = model_with_names(separated=False)
    torch.save({'state_dict': old.state_dict(), 'meta': {}}, path)
    for separation in train(load_from=str(path)):
        assert not torch.equal(separation.matrix, torch.eye(16))


def test_resumed_runs_keep_theirs(train):
    fitted = train()[0].matrix.clone()
    later = model_with_names()
    later.prompt_encoder.embed_names = lambda categories: CategoryRows(
        torch.eye(16)[:2], torch.eye(16)[:6], [3, 3], torch.ones(6).bool()
    )
    for separation in train(later, epochs=2, resume=True):
        torch.testing.assert_close(separation.matrix, fitted)
