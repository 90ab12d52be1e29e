# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Every experiment's model, shrunk: builds, trains, predicts."""

import copy

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpose.registry import MODELS

from tests.conftest import REPO_ROOT
from tests.test_xpose.conftest import category, make_sample, perturb, shrink

CONFIGS = sorted((REPO_ROOT / 'configs/promptable_2d_keypoint').rglob('*.py'))
CATEGORIES = [category('cat', 4), category('car', 9), category('fly', 2)]


@pytest.fixture(params=CONFIGS, ids=lambda path: path.stem)
def config(request):
    return Config.fromfile(request.param).model


@pytest.fixture
def model(config):
    model = MODELS.build(shrink(config))
    # Weights of trainable layers only; files need not be there.
    perturb(model)
    return model


def batch(counts):
    samples = [
        make_sample(count, CATEGORIES[: i + 2], seed=i)
        for i, count in enumerate(counts)
    ]
    return torch.randn(len(counts), 3, 96, 128), samples


def gradients(model, counts):
    model.zero_grad()
    losses = model.train().loss(*batch(counts))
    for name, value in losses.items():
        assert torch.isfinite(value), name
    sum(losses.values()).backward()
    return {name: p.grad for name, p in model.named_parameters()}


def test_there_are_configs():
    names = {path.stem.split('_8xb2')[0] for path in CONFIGS}
    assert {'xpose_swin-t', 'xpose_swin-l', 'xpose_r50'} <= names


def test_trains_and_predicts(model):
    trainable = {n for n, p in model.named_parameters() if p.requires_grad}
    for counts in ((2, 0), (0, 0)):
        found = gradients(model, counts)
        with_gradient = {n for n, g in found.items() if g is not None}
        assert with_gradient == trainable
        for name in trainable:
            assert torch.isfinite(found[name]).all(), name
            if any(counts):
                assert (found[name] != 0).any(), name
    inputs, samples = batch((1, 0))
    with torch.no_grad():
        results = model.eval().predict(inputs, samples)
    for result in results:
        found = result.pred_instances
        assert len(found) > 0
        assert torch.isfinite(found.keypoints).all()
        assert (found.labels < len(result.prompts.categories)).all()


@pytest.mark.parametrize('scope', ['mmpose', 'mmdet', 'mmengine'])
def test_builds_whatever_the_default_scope(config, scope):
    config = copy.deepcopy(config)
    encoder = config.prompt_encoder  # the real one; it loads no weights
    shrink(config)
    config.prompt_encoder = encoder
    with DefaultScope.overwrite_default_scope(scope):
        model = MODELS.build(config)
    assert type(model).__name__ == 'XPose'
    assert type(model.prompt_encoder).__name__ == 'TextPromptEncoder'


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_every_custom_learning_rate_has_parameters(path):
    config = Config.fromfile(path)
    model = MODELS.build(shrink(config.model))
    names = [name for name, _ in model.named_parameters()]
    keys = config.optim_wrapper.paramwise_cfg.custom_keys
    assert keys
    assert [k for k in keys if not any(k in name for name in names)] == []


def test_recipe_of_the_paper():
    for path in CONFIGS:
        if '_8xb2-12e_' not in path.stem:
            continue
        config = Config.fromfile(path)
        model = config.model
        assert model.num_queries == 900
        assert model.encoder.num_layers == 6
        decoder = model.decoder
        assert decoder.num_object_layers == 2
        assert decoder.num_keypoint_layers == 4
        assert model.train_cfg.num_groups == 50
        assert config.optim_wrapper.optimizer.lr == 1e-4
        assert config.optim_wrapper.optimizer.weight_decay == 1e-4
        assert config.train_dataloader.batch_size == 2
