# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Small towers and made-up shots, for tests of visual prompts."""

import torch

from projects.common.structures import SupportShot

#: Config of a CLIP that is built in milliseconds.
TINY_CLIP = {
    'embed_dim': 24,
    'quick_gelu': True,
    'vision_cfg': {
        'image_size': 32,
        'layers': 3,
        'width': 64,
        'patch_size': 8,
        'head_width': 32,
    },
}
TINY_TOWER = {'type': 'OpenCLIPImageTower', 'model_name': TINY_CLIP}
#: No weights are read, and the backbone's config freezes all of it.
TINY_CONV_TOWER = {
    'type': 'ConvImageTower',
    'backbone': {
        'type': 'TimmBackbone',
        'model_name': 'test_efficientnet.r160_in1k',
        'out_indices': (1, 2),
        'frozen_stages': 9,
    },
    'embed_dims': 24,
    'image_size': 32,
    'width': 64,
    'num_blocks': 2,
    'num_heads': 2,
    'patch_stride': 8,
}


def random_shot(seed, num_keypoints, hidden=(), size=32):
    """A shot of noise that shows all keypoints but ``hidden``."""
    generator = torch.Generator().manual_seed(seed)
    visible = torch.full((num_keypoints,), 2.0)
    visible[list(hidden)] = 0
    return SupportShot(
        torch.randint(0, 256, (3, size, size), generator=generator).byte(),
        torch.rand(num_keypoints, 2, generator=generator) * size,
        visible,
    )
