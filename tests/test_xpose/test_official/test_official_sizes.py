# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import official_instances as instances
import pytest

from projects.xpose.official.sizes import (
    is_sizes,
    layout_of,
    official_config,
    unused_sizes,
)


@pytest.fixture(scope='module')
def released():
    return official_config().model


def test_released_sizes_and_behaviour(released):
    assert released.num_queries == 900
    assert released.encoder.num_layers == 6
    assert released.encoder.prompt_self_attention == 'isolated'
    assert released.encoder.fusion_cfg.embed_dim == 1024
    assert released.backbone.depths == [2, 2, 6, 2]
    assert released.prompt_encoder.template == 'flat'
    assert released.bbox_head.calibrated is False
    assert released.bbox_head.refiner == {
        'keypoint_frame': 'image',
        'max_keypoints': 68,
    }
    assert released.test_cfg == {
        'num_groups': 50,
        'score_thr': 0.1,
        'nms_iou_thr': 0.9,
        'multi_label': False,
        'class_agnostic_nms': True,
        'oks_nms_thr': None,
        'max_per_img': 50,
    }
    layout = layout_of(released)
    assert (layout.object_layers, layout.keypoint_layers) == (2, 4)
    assert layout.backbone_maps == 3


def test_other_sizes():
    model = instances.tiny_config().model
    assert model.backbone.embed_dims == 12
    assert model.backbone.window_size == 4
    assert model.neck.in_channels == [24, 48, 96]
    assert model.neck.out_channels == 64
    assert model.positional_encoding.num_feats == 32
    assert model.num_queries == 30
    assert model.encoder.num_layers == 1
    assert model.encoder.fusion_cfg.num_heads == 2
    assert model.encoder.layer_cfg.self_attn_cfg.num_heads == 4
    assert model.encoder.layer_cfg.ffn_cfg.feedforward_channels == 48
    assert model.encoder.prompt_layer_cfg.self_attn_cfg.num_heads == 2
    assert model.encoder.prompt_layer_cfg.ffn_cfg.feedforward_channels == 40
    assert model.decoder.layer_cfg.cross_attn_text_cfg.num_heads == 4
    assert model.decoder.layer_cfg.cross_attn_cfg.embed_dims == 64
    assert model.test_cfg.num_groups == 8
    layout = layout_of(model)
    assert (layout.object_layers, layout.keypoint_layers) == (1, 2)
    assert unused_sizes(instances.TINY) == ['use_checkpoint']


@pytest.mark.parametrize('levels', [3, 5])
def test_feature_levels(levels):
    model = official_config({'num_feature_levels': levels}).model
    assert model.num_feature_levels == model.neck.num_outs == levels
    assert model.encoder.layer_cfg.self_attn_cfg.num_levels == levels
    assert model.decoder.layer_cfg.cross_attn_cfg.num_levels == levels


@pytest.mark.parametrize('order', [1, -1])
def test_depths_do_not_depend_on_their_order(order):
    sizes = {'dec_layers': 7, 'num_box_decoder_layers': 3}
    model = official_config(dict(list(sizes.items())[::order])).model
    layout = layout_of(model)
    assert (layout.object_layers, layout.keypoint_layers) == (3, 4)


def test_what_counts_as_sizes():
    assert is_sizes(instances.TINY)
    assert not is_sizes({'lr': 1})
    assert not is_sizes('swin enc_layers')
