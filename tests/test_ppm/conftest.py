# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Tiny random diffusion models of Stable Diffusion's shape."""

import json

import numpy as np
import pytest
import torch

from projects.common.structures import (
    KeypointCategory,
    KeypointPrompt,
    SupportShot,
)
from tests.conftest import REPO_ROOT

WIDTH = 12
SIZE = 32

CAT = KeypointCategory(
    'cat', ('left ear', 'right ear', 'tail tip'), skeleton=((0, 1),)
)


def make_unet(kind='sd1', seed=0):
    """A UNet as in Stable Diffusion 1 or 2, three levels, random weights.

    In 2.x the heads differ from level to level, and are said, as in 1.x, in
    an argument called attention_head_dim.
    """
    from diffusers import UNet2DConditionModel

    torch.manual_seed(seed)
    extra = {}
    if kind == 'sdxl':
        extra = dict(
            addition_embed_type='text_time',
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=6 * 8 + 10,
            transformer_layers_per_block=(1, 1, 2),
        )
    return UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 16, 32),
        layers_per_block=1,
        norm_num_groups=4,
        cross_attention_dim=WIDTH,
        attention_head_dim=2 if kind == 'sd1' else (2, 4, 8),
        use_linear_projection=kind != 'sd1',
        down_block_types=(
            'CrossAttnDownBlock2D',
            'CrossAttnDownBlock2D',
            'DownBlock2D',
        ),
        up_block_types=(
            'UpBlock2D',
            'CrossAttnUpBlock2D',
            'CrossAttnUpBlock2D',
        ),
        **extra,
    ).eval()


def make_tokenizer(folder):
    """CLIP's tokenizer with a vocabulary of single bytes."""
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPTokenizer

    letters = sorted(ByteLevel.alphabet())
    words = letters + [f'{letter}</w>' for letter in letters]
    words += ['<|startoftext|>', '<|endoftext|>']
    vocab = {word: number for number, word in enumerate(words)}
    (folder / 'vocab.json').write_text(json.dumps(vocab))
    (folder / 'merges.txt').write_text('#version: 0.2\n')
    return CLIPTokenizer(
        vocab=str(folder / 'vocab.json'),
        merges=str(folder / 'merges.txt'),
        model_max_length=24,
    ), len(words)


def save_pipeline(folder, kind='sd1', seed=0, prediction_type='epsilon'):
    """Write a diffusers folder by save_pretrained; returns its path."""
    from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline
    from transformers import CLIPTextConfig, CLIPTextModel

    folder.mkdir(parents=True)
    unet = make_unet(kind, seed)
    tokenizer, count = make_tokenizer(folder)
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=count,
            hidden_size=WIDTH,
            intermediate_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=24,
            bos_token_id=count - 2,
            eos_token_id=count - 1,
            pad_token_id=count - 1,
        )
    )
    vae = AutoencoderKL(
        block_out_channels=(8, 16),
        down_block_types=('DownEncoderBlock2D',) * 2,
        up_block_types=('UpDecoderBlock2D',) * 2,
        latent_channels=4,
        norm_num_groups=4,
    )
    StableDiffusionPipeline(
        vae=vae,
        text_encoder=text,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=PNDMScheduler(
            beta_schedule='scaled_linear',
            beta_start=0.00085,
            beta_end=0.012,
            steps_offset=1,
            prediction_type=prediction_type,
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope='session')
def model_folder(tmp_path_factory):
    """A model of Stable Diffusion 1's shape; stride 2, width 12."""
    return save_pipeline(tmp_path_factory.mktemp('diffusion') / 'sd1')


@pytest.fixture(scope='session')
def other_folder(tmp_path_factory):
    """Another model, of Stable Diffusion 2's shape."""
    return save_pipeline(
        tmp_path_factory.mktemp('diffusion') / 'sd2', 'sd2', 1, 'v_prediction'
    )


@pytest.fixture(scope='session')
def diffusion(model_folder):
    """The model of model_folder; nothing may change it."""
    from projects.ppm.models import LatentDiffusion

    return LatentDiffusion(str(model_folder))


def make_shot(seed=0, points=((6, 8), (24, 7), (15, 26)), visible=(2, 2, 2)):
    """A picture of SIZE with three coloured squares at its keypoints."""
    rng = np.random.default_rng(seed)
    image = rng.integers(90, 110, (3, SIZE, SIZE)).astype(np.uint8)
    for color, (x, y) in enumerate(points):
        image[:, y - 2 : y + 3, x - 2 : x + 3] = 20
        image[color, y - 2 : y + 3, x - 2 : x + 3] = 240
    return SupportShot(
        torch.from_numpy(image),
        torch.tensor(points, dtype=torch.float32),
        torch.tensor(visible, dtype=torch.float32),
    )


def make_prompt(*shots, category=CAT):
    return KeypointPrompt.from_categories([category], supports=[shots])


#: An evaluation of episodes by ``tools/test.py``, see :func:`episode_config`.
EPISODE_CONFIG = """
_base_ = [
    {root!r} + '/configs/_base_/default_runtime.py',
    {root!r} + '/configs/_base_/datasets/cape_synthkpt.py',
]
custom_imports = dict(imports=['projects.ppm'])
checkpoint_free = True
work_dir = {folder!r} + '/work'
model = dict(
    type='PPM',
    diffusion=dict(type='LatentDiffusion', path={model!r}),
    maps=dict(type='ExactPromptMaps', size=32, max_batch={max_batch}),
    learner=dict(type='PromptLearner', steps={steps}, plateau_window=None),
    prompt_loss=dict(type='PromptLoss', sigma=2.0),
    decoder=dict(type='PeakDecoder'),
)
test_dataloader = dict(
    batch_size=2,
    num_workers=0,
    dataset=dict(
        input_size=32,
        support_size=32,
        episodes={folder!r} + '/e.json',
        dataset=dict(data_root={folder!r}, ann_file='ann.json')))
"""


def episode_config(folder, model, max_batch, steps, more=''):
    """Write a config that evaluates the episodes ``e.json`` of a folder."""
    config = folder / 'ppm.py'
    text = EPISODE_CONFIG.format(
        root=str(REPO_ROOT),
        folder=str(folder),
        model=str(model),
        max_batch=max_batch,
        steps=steps,
    )
    config.write_text(text + more)
    return config
