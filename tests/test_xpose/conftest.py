# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Small models and made-up samples; everything is seeded."""

import zlib

import pytest
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

import projects.xpose  # noqa: F401  registers what configs name
from projects.common.models.prompt_encoders import BasePromptEncoder
from projects.common.models.prompt_encoders.padding import pad_prompts
from projects.common.structures import KeypointCategory, KeypointPrompt

torch.set_num_threads(1)


class StubPromptEncoder(BasePromptEncoder):
    """Random embeddings that depend on the words alone, without weights."""

    def _embed(self, text):
        generator = torch.Generator().manual_seed(zlib.crc32(text.encode()))
        return torch.randn(self.embed_dims, generator=generator)

    def forward(self, prompts):
        objects, keypoints, counts = [], [], []
        for prompt in prompts:
            categories = prompt.categories
            objects.append(
                torch.stack([self._embed(c.name) for c in categories])
            )
            texts = [f'{c.name}/{k}' for c in categories for k in c.keypoints]
            keypoints.append(torch.stack([self._embed(t) for t in texts]))
            counts.append([c.num_keypoints for c in categories])
        return pad_prompts(objects, keypoints, counts)


def shrunk_backbone(backbone):
    """(replaced options, channels of the three levels) by type."""
    name = backbone['type'].rsplit('.')[-1]
    if name == 'SwinTransformer':
        options = {
            'embed_dims': 16,
            'depths': [1, 1, 1, 1],
            'num_heads': [1, 2, 4, 8],
            'drop_path_rate': 0.0,
            'init_cfg': None,
        }
        return options, [32, 64, 128]
    if name == 'ResNet':
        options = {'depth': 18, 'base_channels': 8, 'stem_channels': 8}
        return options | {'init_cfg': None}, [16, 32, 64]
    options = {'model_name': 'test_efficientnet', 'weights_package': None}
    model = MODELS.build(
        {'type': 'mmpose.TimmBackbone', **options, 'frozen_stages': 0}
    )
    return options, model.out_channels


def shrink(model, dims=32):
    """Make a model config small and keep what it is about."""
    options, channels = shrunk_backbone(model.backbone)
    model.backbone.update(options)
    model.neck.update(in_channels=channels, out_channels=dims)
    if model.neck.norm_cfg.type == 'GN':
        model.neck.norm_cfg.num_groups = 4
    model.prompt_encoder = {'type': StubPromptEncoder, 'embed_dims': 16}
    model.num_queries = 20
    model.positional_encoding.num_feats = dims // 2
    encoder, decoder = model.encoder, model.decoder
    encoder.num_layers = 1
    encoder.fusion_cfg.update(
        v_dim=dims, l_dim=dims, embed_dim=dims, num_heads=2, drop_path=0.0
    )
    attention = {'embed_dims': dims, 'num_heads': 4}
    ffn = {'embed_dims': dims, 'feedforward_channels': 2 * dims}
    decoder.update(num_object_layers=1, num_keypoint_layers=2)
    for layer in encoder.prompt_layer_cfg, encoder.layer_cfg:
        layer.self_attn_cfg.update(attention)
        layer.ffn_cfg.update(ffn)
    for part in 'self_attn_cfg', 'cross_attn_text_cfg', 'cross_attn_cfg':
        decoder.layer_cfg[part].update(attention)
    decoder.layer_cfg.ffn_cfg.update(ffn)
    model.bbox_head.embed_dims = dims
    model.dn_cfg.group_cfg.num_dn_queries = 8
    model.train_cfg.num_groups = 4
    model.test_cfg.update(num_groups=6, score_thr=0.0)
    return model


def category(name, count, **kwargs):
    """A category with the keypoints "point 0", "point 1", ..."""
    names = tuple(f'point {i}' for i in range(count))
    return KeypointCategory(name, names, **kwargs)


def make_sample(count, categories, shape=(96, 128), slots=12, seed=0):
    """A sample with ``count`` objects inside the picture.

    Args:
        count: N.
        categories: The prompt's.
        shape: (h, w) in pixels, not padded.
        slots: Kmax.
        seed: Of everything random.
    """
    draw = torch.Generator().manual_seed(seed)
    height, width = shape
    sample = PoseDataSample(
        metainfo={
            'img_id': seed,
            'img_shape': shape,
            'ori_shape': shape,
            'batch_input_shape': shape,
            'scale_factor': (1.0, 1.0),
        }
    )
    sample.prompts = KeypointPrompt.from_categories(categories)
    labels = torch.randint(len(categories), (count,), generator=draw)
    centre = torch.rand(count, 2, generator=draw) * 0.4 + 0.3
    half = torch.rand(count, 2, generator=draw) * 0.2 + 0.05
    boxes = torch.cat([centre - half, centre + half], 1)
    boxes = boxes * torch.tensor([width, height, width, height])
    counts = torch.tensor([c.num_keypoints for c in categories])[labels]
    mask = torch.arange(slots) < counts[:, None]
    position = torch.rand(count, slots, 2, generator=draw)
    corner, size = boxes[:, None, :2], boxes[:, None, 2:] - boxes[:, None, :2]
    sample.gt_instances = InstanceData(
        bboxes=boxes,
        labels=labels,
        keypoints=(corner + position * size) * mask[..., None],
        keypoints_visible=mask * 2,
        keypoint_mask=mask,
        areas=size.prod(-1).flatten(),
    )
    return sample


def prompt_mask(samples):
    """(B, C, K) True = real; the prompts show all of their keypoints."""
    counts = [
        [c.num_keypoints for c in sample.prompts.categories]
        for sample in samples
    ]
    largest = max(map(len, counts))
    padded = torch.tensor([row + [0] * (largest - len(row)) for row in counts])
    return torch.arange(int(padded.max())) < padded[..., None]


def build_model(edit=None, seed=0):
    """The shrunk tiny model with weights that are nowhere zero."""
    cfg = Config.fromfile('configs/_base_/models/xpose_tiny.py')
    cfg.model.backbone = {
        'type': 'mmdet.ResNet',
        'depth': 18,
        'out_indices': (1, 2, 3),
        'frozen_stages': 1,
        'norm_eval': True,
    }
    model_cfg = shrink(cfg.model)
    # Tests of the optional parts switch them on themselves.
    for part in ('keypoint_score', 'keypoint_alignment'):
        model_cfg.bbox_head.pop(part)
    model_cfg.test_cfg.pop('rescore')
    if edit is not None:
        edit(model_cfg)
    torch.manual_seed(seed)
    model = MODELS.build(model_cfg)
    model.init_weights()
    perturb(model)
    return model


@torch.no_grad()
def perturb(model, scale=0.05):
    """Zero-initialised layers would hide what comes before them."""
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.add_(torch.randn_like(parameter) * scale)


@pytest.fixture(autouse=True)
def in_the_checkout(monkeypatch, repo_root):
    """Configs are named relative to the checkout."""
    monkeypatch.chdir(repo_root)
    torch.manual_seed(0)
