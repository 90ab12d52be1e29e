# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Sizes of the released architecture, and models of other sizes.

A small instance of the released model comes with a dict of sizes under
``config``; the names in it are the released ones.
"""

from collections.abc import Callable, Mapping
from typing import Any

from mmengine.config import Config, ConfigDict

import projects.xpose  # noqa: F401  registers what configs name
from projects.common.utils.paths import config_root

from .key_map import Layout

OFFICIAL_CONFIG = 'promptable_2d_keypoint/xpose/xpose_swin-t_official.py'


def official_config(sizes: Mapping[str, Any] | None = None) -> Config:
    """The config of the released Swin-T model, or one of other sizes.

    Args:
        sizes (Mapping, optional): Released names of sizes; those it does
            not mention stay as released.

    Returns:
        Config: With the released behaviour, thresholds included.
    """
    cfg = Config.fromfile(config_root() / OFFICIAL_CONFIG)
    for name, value in (sizes or {}).items():
        if name in _SETTERS:
            _SETTERS[name](cfg.model, value)
    return cfg


def is_sizes(value: object) -> bool:
    """Whether a file's ``config`` is such a dict of sizes."""
    return isinstance(value, Mapping) and {'swin', 'enc_layers'} <= set(value)


def unused_sizes(sizes: Mapping[str, Any]) -> list[str]:
    """Names in ``sizes`` that do not change the model."""
    return [name for name in sizes if name not in _SETTERS]


def layout_of(model: Mapping[str, Any]) -> Layout:
    """Depths of a model's config."""
    decoder = model['decoder']
    return Layout(
        decoder['num_object_layers'],
        decoder['num_keypoint_layers'],
        len(model['neck']['in_channels']),
    )


def _set_swin(model: ConfigDict, swin: Mapping[str, Any]) -> None:
    names = {'embed_dim': 'embed_dims'}
    model.backbone.update({names.get(k, k): v for k, v in swin.items()})
    model.neck.in_channels = [
        model.backbone.embed_dims * 2**stage
        for stage in model.backbone.out_indices
    ]


def _set_width(model: ConfigDict, width: int) -> None:
    model.neck.out_channels = width
    model.positional_encoding.num_feats = width // 2
    model.encoder.fusion_cfg.update(v_dim=width, l_dim=width)
    model.bbox_head.embed_dims = width
    layers = (
        model.encoder.prompt_layer_cfg,
        model.encoder.layer_cfg,
        model.decoder.layer_cfg,
    )
    for layer in layers:
        for part in layer.values():
            part.embed_dims = width


def _set_levels(model: ConfigDict, levels: int) -> None:
    model.num_feature_levels = levels
    model.neck.num_outs = levels
    model.encoder.layer_cfg.self_attn_cfg.num_levels = levels
    model.decoder.layer_cfg.cross_attn_cfg.num_levels = levels


def _set_heads(model: ConfigDict, heads: int) -> None:
    model.encoder.layer_cfg.self_attn_cfg.num_heads = heads
    for name, part in model.decoder.layer_cfg.items():
        if 'attn' in name:
            part.num_heads = heads


def _set_decoder_layers(model: ConfigDict, layers: int) -> None:
    decoder = model.decoder
    decoder.num_keypoint_layers = layers - decoder.num_object_layers


def _set_object_layers(model: ConfigDict, layers: int) -> None:
    decoder = model.decoder
    total = decoder.num_object_layers + decoder.num_keypoint_layers
    decoder.num_object_layers = layers
    decoder.num_keypoint_layers = total - layers


def _set_ffn(model: ConfigDict, width: int) -> None:
    model.encoder.layer_cfg.ffn_cfg.feedforward_channels = width
    model.decoder.layer_cfg.ffn_cfg.feedforward_channels = width


def _setter(path: str) -> Callable[[ConfigDict, Any], None]:
    """Set one value of the model, ``path`` as in --cfg-options."""
    *parents, last = path.split('.')

    def set_value(model: ConfigDict, value: object) -> None:
        for parent in parents:
            model = model[parent]
        model[last] = value

    return set_value


def _set_groups(model: ConfigDict, groups: int) -> None:
    model.test_cfg.update(num_groups=groups, max_per_img=groups)


_SETTERS: dict[str, Callable[[ConfigDict, Any], None]] = {
    'swin': _set_swin,
    'hidden_dim': _set_width,
    'nheads': _set_heads,
    'num_feature_levels': _set_levels,
    'enc_layers': _setter('encoder.num_layers'),
    'dec_layers': _set_decoder_layers,
    'num_box_decoder_layers': _set_object_layers,
    'dim_feedforward': _set_ffn,
    'num_queries': _setter('num_queries'),
    'num_select': _set_groups,
    'num_body_points': _setter('bbox_head.refiner.max_keypoints'),
    'fusion_embed_dim': _setter('encoder.fusion_cfg.embed_dim'),
    'fusion_heads': _setter('encoder.fusion_cfg.num_heads'),
    'text_ffn_dim': _setter(
        'encoder.prompt_layer_cfg.ffn_cfg.feedforward_channels'
    ),
    'text_heads': _setter('encoder.prompt_layer_cfg.self_attn_cfg.num_heads'),
}
