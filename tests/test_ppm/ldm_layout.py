# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The names that the original Stable Diffusion gives its weights."""

import re

from safetensors.torch import load_file

_RESNET = {
    'norm1': 'in_layers.0',
    'conv1': 'in_layers.2',
    'norm2': 'out_layers.0',
    'conv2': 'out_layers.3',
    'time_emb_proj': 'emb_layers.1',
    'conv_shortcut': 'skip_connection',
}
_VAE_ATTENTION = {
    'group_norm': 'norm',
    'to_q': 'q',
    'to_k': 'k',
    'to_v': 'v',
    'to_out.0': 'proj_out',
}
_UNET_ENDS = {
    'time_embedding.linear_1': 'time_embed.0',
    'time_embedding.linear_2': 'time_embed.2',
    'conv_in': 'input_blocks.0.0',
    'conv_norm_out': 'out.0',
    'conv_out': 'out.2',
}


def to_ldm(folder, layers=1):
    """Weights of a diffusers folder under the original names."""
    weights = {}
    for key, value in load_file(
        folder / 'unet/diffusion_pytorch_model.safetensors'
    ).items():
        weights[f'model.diffusion_model.{unet_key(key, layers)}'] = value
    for key, value in load_file(
        folder / 'vae/diffusion_pytorch_model.safetensors'
    ).items():
        new = vae_key(key)
        if '.mid.attn_1.' in new and value.dim() == 2:
            value = value[:, :, None, None]
        weights[f'first_stage_model.{new}'] = value
    return {key: value.contiguous() for key, value in weights.items()}


def unet_key(key, layers):
    for ours, theirs in _UNET_ENDS.items():
        if key.startswith(f'{ours}.'):
            return key.replace(ours, theirs, 1)
    if '.resnets.' in key:
        for ours, theirs in _RESNET.items():
            key = key.replace(f'.{ours}.', f'.{theirs}.')
    count = layers + 1

    def place(match):
        side, block, kind, index = match.groups()
        block, index = int(block), int(index)
        slot = {'resnets': 0, 'attentions': 1}.get(kind)
        if side == 'down':
            if kind == 'downsamplers':
                return f'input_blocks.{count * (block + 1)}.0'
            return f'input_blocks.{count * block + index + 1}.{slot}'
        if kind == 'upsamplers':
            # After a resnet, and the attention of all but the first block.
            return f'output_blocks.{count * block + layers}.{1 + (block > 0)}'
        return f'output_blocks.{count * block + index}.{slot}'

    key = re.sub(r'(down|up)_blocks\.(\d)\.(\w+)\.(\d)', place, key)
    key = re.sub(r'(input_blocks\.\d+\.0)\.conv\.', r'\1.op.', key)
    for ours, theirs in (
        ('resnets.0', '0'),
        ('attentions.0', '1'),
        ('resnets.1', '2'),
    ):
        key = key.replace(f'mid_block.{ours}', f'middle_block.{theirs}')
    return key


def vae_key(key, levels=2):
    for ours, theirs in _VAE_ATTENTION.items():
        key = key.replace(f'.attentions.0.{ours}.', f'.attn_1.{theirs}.')
    key = re.sub(
        r'mid_block\.resnets\.(\d)',
        lambda m: f'mid.block_{int(m[1]) + 1}',
        key,
    )
    key = key.replace('mid_block.', 'mid.')
    key = re.sub(r'down_blocks\.(\d)', r'down.\1', key)
    key = re.sub(
        r'up_blocks\.(\d)', lambda m: f'up.{levels - 1 - int(m[1])}', key
    )
    key = re.sub(r'resnets\.(\d)', r'block.\1', key)
    key = re.sub(r'(down|up)samplers\.0', r'\1sample', key)
    key = key.replace('conv_shortcut', 'nin_shortcut')
    return key.replace('conv_norm_out', 'norm_out')
