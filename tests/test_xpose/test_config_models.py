# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Every experiment's model, shrunk: builds, trains, predicts."""

import copy

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpose.registry import MODELS

from projects.common.models.prompt_encoders.open_clip_weights import (
    OpenCLIPSource,
)
from projects.common.structures import KeypointPrompt
from tests.conftest import REPO_ROOT
from tests.support_shots import TINY_CLIP, TINY_CONV_TOWER, random_shot
from tests.test_xpose.conftest import category, make_sample, perturb, shrink

# The models of unikpt/ are those of the others, see test_unikpt_configs.py.
XPOSE = REPO_ROOT / 'configs/promptable_2d_keypoint/xpose'
ALL = sorted(XPOSE.glob('xpose_*.py'))
TINY = 'xpose_tiny_2xb8_synthkpt'
#: Other data for the small model; the model is the same.
OTHER_DATA = [
    path
    for path in ALL
    if any(w in path.stem for w in ('shot', 'split', 'ablation-text'))
    or path.stem.endswith(('ablation-visual', 'synonyms'))
    if not path.stem.endswith('-closed')
]
#: The same with nothing but the text encoder replaced; not to be trained.
CLOSED = [path for path in ALL if path.stem.endswith('-closed')]
CONFIGS = [path for path in ALL if path not in OTHER_DATA + CLOSED]
CATEGORIES = [category('cat', 4), category('car', 9), category('fly', 2)]
TEXT_TOWER = {
    'type': 'mmpose.OpenCLIPTextTower',
    'model_name': {
        'embed_dim': TINY_CLIP['embed_dim'],
        'text_cfg': {
            'context_length': 16,
            'vocab_size': 49408,
            'width': 64,
            'heads': 1,
            'layers': 1,
        },
    },
}


def load(stem):
    return Config.fromfile(next(p for p in ALL if p.stem == stem))


def by_picture(config):
    return 'visual' in config.prompt_encoder


def shrink_with_encoder(config):
    """Shrink a model but keep its kind of prompt encoder; needs no weights."""
    encoder = config.prompt_encoder
    shrink(config).prompt_encoder = encoder
    text = encoder.get('text', encoder)
    text.embed_dims, text.tower = TINY_CLIP['embed_dim'], TEXT_TOWER
    if 'visual' not in encoder:
        return config
    tower = encoder.visual.tower
    if tower.type == 'mmpose.OpenCLIPImageTower':
        tower.model_name = TINY_CLIP
        return config
    tiny = dict(TINY_CONV_TOWER)
    backbone = tiny.pop('backbone')
    # Types keep their scope, freezing is the config's.
    for part, values in ((tower, tiny), (tower.backbone, backbone)):
        kept = ('type', 'frozen_stages')
        part.update({k: v for k, v in values.items() if k not in kept})
    tower.backbone.weights_package = None
    return config


@pytest.fixture(params=CONFIGS, ids=lambda path: path.stem)
def config(request):
    return Config.fromfile(request.param).model


@pytest.fixture
def model(config):
    model = MODELS.build(shrink_with_encoder(config))
    # Weights of trainable layers only; files need not be there.
    perturb(model)
    return model


def ask_by_picture(sample, modalities):
    """Give categories two shots; no shot shows their first keypoint."""
    categories = sample.prompts.categories
    supports = [
        [random_shot(i, c.num_keypoints, hidden=[0, i]) for i in range(2)]
        if modality != 'text'
        else []
        for c, modality in zip(categories, modalities)
    ]
    sample.prompts = KeypointPrompt.from_categories(
        categories, None, supports, modalities
    )


def batch(counts, mixed):
    """Pictures with other categories each, and mixed modalities."""
    samples = [
        make_sample(count, CATEGORIES[: i + 2], seed=i)
        for i, count in enumerate(counts)
    ]
    if mixed:
        for sample, modalities in zip(
            samples, (['visual', 'text'], ['combined', 'visual', 'text'])
        ):
            ask_by_picture(sample, modalities)
    return torch.randn(len(counts), 3, 96, 128), samples


def gradients(model, counts, mixed):
    model.zero_grad()
    losses = model.train().loss(*batch(counts, mixed))
    for name, value in losses.items():
        assert torch.isfinite(value), name
    sum(losses.values()).backward()
    return {name: p.grad for name, p in model.named_parameters()}


def test_there_are_configs():
    names = {path.stem.split('_8xb2')[0] for path in CONFIGS}
    assert {'xpose_swin-t', 'xpose_swin-l', 'xpose_r50'} <= names
    assert len(OTHER_DATA) >= 9


@pytest.mark.parametrize('path', OTHER_DATA, ids=lambda path: path.stem)
def test_other_data_same_model(path):
    long = 'xpose_tiny_long'
    of = long if path.stem.startswith(long) else TINY
    assert Config.fromfile(path).model == load(of).model


@pytest.mark.parametrize('path', CLOSED, ids=lambda path: path.stem)
def test_a_closed_vocabulary_and_else_the_same_model(path):
    found, expected = Config.fromfile(path).model, load(TINY).model
    text = found.prompt_encoder.text
    assert text.type == 'mmpose.ClosedVocabularyPromptEncoder'
    text.type = expected.prompt_encoder.text.type
    assert found == expected
    assert path.stem.removesuffix('-closed') in {p.stem for p in OTHER_DATA}


def test_trains_and_predicts(config, model):
    mixed = by_picture(config)
    trainable = {n for n, p in model.named_parameters() if p.requires_grad}
    for counts in ((2, 0), (0, 0)):
        found = gradients(model, counts, mixed)
        with_gradient = {n for n, g in found.items() if g is not None}
        assert with_gradient == trainable
        for name in trainable:
            assert torch.isfinite(found[name]).all(), name
            if any(counts):
                assert (found[name] != 0).any(), name
    inputs, samples = batch((1, 0), mixed)
    with torch.no_grad():
        results = model.eval().predict(inputs, samples)
    for result in results:
        found = result.pred_instances
        assert len(found) > 0
        assert torch.isfinite(found.keypoints).all()
        assert (found.labels < len(result.prompts.categories)).all()


@pytest.mark.parametrize('scope', ['mmpose', 'mmdet', 'mmengine'])
def test_builds_whatever_the_default_scope(config, scope):
    config = shrink_with_encoder(copy.deepcopy(config))
    with DefaultScope.overwrite_default_scope(scope):
        model = MODELS.build(config)
    assert type(model).__name__ == 'XPose'
    kind = 'MultiModal' if by_picture(config) else 'Text'
    assert type(model.prompt_encoder).__name__ == f'{kind}PromptEncoder'


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_every_custom_learning_rate_has_parameters(path):
    config = Config.fromfile(path)
    model = MODELS.build(shrink(config.model))
    names = [name for name, _ in model.named_parameters()]
    keys = config.optim_wrapper.paramwise_cfg.custom_keys
    assert keys
    assert [k for k in keys if not any(k in name for name in names)] == []


def test_the_alignment_of_table_9():
    flags = {}
    for stem in (
        'xpose_tiny_synthkpt_ablation-no-alignment',
        'xpose_tiny_synthkpt_ablation-object-alignment',
        TINY,
    ):
        head = MODELS.build(shrink(load(stem).model)).bbox_head
        flags[stem.rpartition('_')[-1]] = (
            head.alignment.objectness is None,
            head.keypoint_alignment is not None,
        )
    assert list(flags.values()) == [
        (False, False),
        (True, False),
        (True, True),
    ]


def test_keypoint_scores_of_the_released_weights_are_the_alignments():
    cfg = load('xpose_swin-t_official_ours')
    head = MODELS.build(shrink(cfg.model)).bbox_head
    assert head.score_source == 'alignment'
    assert list(head.keypoint_alignment.parameters()) == []
    # They have no visual prompts, so none are sampled either.
    pipeline = cfg.train_dataloader.dataset.dataset.pipeline
    assert 'SampleSupports' not in [step.type for step in pipeline]


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
        encoder = model.prompt_encoder
        towers = encoder.text.tower, encoder.visual.tower
        for key in 'model_name', 'pretrained', 'allow_download':
            assert towers[0][key] == towers[1][key]
        clip = OpenCLIPSource(
            towers[0].model_name, towers[0].pretrained, False, '', ValueError
        )
        with pytest.raises(ValueError, match='would have to be downloaded'):
            clip.weights_file()
        assert encoder.text.embed_dims == clip.config()['embed_dim'] == 512
        size = clip.config()['vision_cfg']['image_size']
        supports = config.train_dataloader.dataset.dataset.pipeline[-2]
        assert supports.type == 'SampleSupports'
        assert supports['size'] == config.fixed_supports['size'] == size
