# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Training a small diffusion model, from crops to a diffusers folder."""

import importlib.util
import json

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from mmpose.registry import DATASETS, MODELS
from mmpose.structures import PoseDataSample

from projects.common.structures import KeypointCategory, KeypointPrompt
from projects.ppm.models import LatentDiffusion
from projects.ppm.models.generation import CaptionParts
from projects.ppm.models.generation.captions import caption_words
from projects.ppm.models.generation.tokenizer import build_tokenizer
from projects.ppm.pictures import normalize
from tests.conftest import REPO_ROOT

NAMES = ('left ear', 'right ear', 'tail tip')
VAE = dict(
    block_out_channels=(8, 16),
    down_block_types=('DownEncoderBlock2D',) * 2,
    up_block_types=('UpDecoderBlock2D',) * 2,
    latent_channels=4,
    norm_num_groups=4,
)
UNET = dict(
    sample_size=8,
    block_out_channels=(8, 16),
    layers_per_block=1,
    norm_num_groups=4,
    attention_head_dim=2,
    down_block_types=('CrossAttnDownBlock2D', 'DownBlock2D'),
    up_block_types=('UpBlock2D', 'CrossAttnUpBlock2D'),
)
TEXT = dict(
    hidden_size=12,
    intermediate_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
)
SCHEDULER = dict(
    beta_schedule='scaled_linear',
    beta_start=0.00085,
    beta_end=0.012,
    clip_sample=False,
    steps_offset=1,
)
PREPROCESSOR = dict(
    type='mmpose.PoseDataPreprocessor',
    mean=[127.5] * 3,
    std=[127.5] * 3,
    bgr_to_rgb=True,
)


def load_tool(path):
    spec = importlib.util.spec_from_file_location(
        'tool_' + path.stem, REPO_ROOT / path
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def crops(tmp_path_factory):
    """Four small pictures of a cat, as object_crops.py writes them."""
    root = tmp_path_factory.mktemp('crops')
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for number in range(4):
        image = rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)
        cv2.imwrite(str(root / f'{number}.png'), image)
        images.append(
            dict(
                id=number,
                file_name=f'{number}.png',
                width=16,
                height=16,
                style='sketch',
            )
        )
        annotations.append(
            dict(
                id=number,
                image_id=number,
                category_id=1,
                bbox=[2, 2, 12, 12],
                area=144,
                iscrowd=0,
                keypoints=[3, 3, 2, 0, 0, 0, 9, 9, 1],
                num_keypoints=2,
            )
        )
    category = dict(id=1, name='Cat', keypoints=list(NAMES), skeleton=[])
    content = dict(
        images=images, annotations=annotations, categories=[category]
    )
    (root / 'annotations.json').write_text(json.dumps(content))
    return root


def crops_config(root):
    return dict(
        type='PromptCocoDataset',
        data_root=str(root) + '/',
        ann_file='annotations.json',
        pipeline=[
            dict(type='LoadImage'),
            dict(type='RandomFlipKeypoints', prob=0.5),
            dict(type='SamplePromptCategories', mode='present'),
            dict(type='PackPromptInputs'),
        ],
    )


def vae_config():
    return dict(
        type='LatentAutoencoder', vae=VAE, data_preprocessor=PREPROCESSOR
    )


@pytest.fixture(scope='module')
def vae_folder(tmp_path_factory):
    init_default_scope('mmpose')
    torch.manual_seed(0)
    model = MODELS.build(vae_config())
    model.latent_std.fill_(4.0)
    folder = tmp_path_factory.mktemp('vae')
    model.save_pretrained(folder)
    return folder


def t2i_config(vae_folder, crops):
    return dict(
        type='TextToImageDiffusion',
        vae=str(vae_folder),
        unet=UNET,
        text_encoder=TEXT,
        scheduler=SCHEDULER,
        words=str(crops / 'annotations.json'),
        max_tokens=16,
    )


@pytest.fixture(scope='module')
def model(vae_folder, crops):
    torch.manual_seed(0)
    return MODELS.build(t2i_config(vae_folder, crops))


def test_autoencoder_losses_are_those_of_its_pictures():
    torch.manual_seed(0)
    model = MODELS.build(vae_config())
    inputs = torch.rand(2, 3, 16, 16) * 2 - 1
    torch.manual_seed(1)
    losses = model(inputs, mode='loss')
    torch.manual_seed(1)
    latents = model.vae.encode(inputs).latent_dist
    found = model.vae.decode(latents.sample()).sample
    error = found - inputs
    torch.testing.assert_close(losses['loss_picture'], error.abs().mean())
    edges = error.diff(dim=2).abs().mean() + error.diff(dim=3).abs().mean()
    torch.testing.assert_close(losses['loss_edges'], edges)
    kl = 0.5 * (latents.mean**2 + latents.var - 1 - latents.logvar).mean()
    torch.testing.assert_close(losses['loss_kl'], 1e-4 * kl)
    assert float(model.latent_std) != 1
    decoded = model(inputs)
    torch.testing.assert_close(
        decoded, model.vae.decode(latents.mode()).sample
    )


def test_autoencoder_learns():
    torch.manual_seed(0)
    model = MODELS.build(vae_config())
    inputs = torch.rand(2, 3, 1, 1).expand(2, 3, 16, 16) * 2 - 1
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    errors = []
    for _ in range(30):
        optimizer.zero_grad()
        losses = model(inputs, mode='loss')
        sum(losses.values()).backward()
        optimizer.step()
        errors.append(losses['loss_picture'].item())
    assert errors[-1] < 0.5 * errors[0]


def test_words_of_captions(crops, tmp_path):
    words = caption_words(crops / 'annotations.json')
    assert words == [
        'a', 'cat', 'ear', 'left', 'of', 'photo', 'right', 'sketch', 'tail',
        'tip',
    ]  # fmt: skip
    with pytest.raises(FileNotFoundError, match='words of captions are read'):
        caption_words(tmp_path / 'none.json')


def test_tokenizer_knows_words_and_spells_others(tmp_path):
    from transformers import CLIPTokenizer

    words = ['ear', 'earring', 'left', 'photo', 'of', 'a', 'cat']
    tokenizer = build_tokenizer(words, 12)
    text = 'Photo of a cat, left ear earring'
    tokens = [
        'photo', 'of', 'a', 'cat', ',', 'left', 'ear', 'earring',
    ]  # fmt: skip
    assert tokenizer.tokenize(text) == [f'{word}</w>' for word in tokens]
    assert ''.join(tokenizer.tokenize('zebra')) == 'zebra</w>'
    ids = tokenizer(text).input_ids
    assert ids[0] == tokenizer.bos_token_id == len(tokenizer) - 2
    assert ids[-1] == tokenizer.eos_token_id == len(tokenizer) - 1
    tokenizer.save_pretrained(tmp_path)
    again = CLIPTokenizer.from_pretrained(tmp_path, local_files_only=True)
    assert again(text).input_ids == ids
    assert build_tokenizer(words[::-1], 12).get_vocab() == (
        tokenizer.get_vocab()
    )


def make_sample(count, visible=(2, 0, 1), style='sketch'):
    sample = PoseDataSample(metainfo={'style': style})
    sample.prompts = KeypointPrompt.from_categories(
        [KeypointCategory('dog', ('nose', 'tail')),
         KeypointCategory('cat', NAMES)]
    )  # fmt: skip
    sample.gt_instances = InstanceData(
        labels=torch.ones(count, dtype=torch.long),
        keypoints_visible=torch.tensor([visible] * count).reshape(count, 3),
    )
    return sample


def test_captions_name_what_is_there():
    parts = CaptionParts.of(make_sample(1))
    assert parts == CaptionParts('sketch', 'cat', ('left ear', 'tail tip'))
    assert CaptionParts.of(make_sample(0, style=None)) == CaptionParts(
        'photo', None
    )
    rng = np.random.default_rng(0)
    found = {parts.caption(rng) for _ in range(60)}
    text = 'sketch of a cat'
    assert found == {
        text,
        f'{text}, left ear',
        f'{text}, tail tip',
        f'{text}, left ear, tail tip',
        f'{text}, tail tip, left ear',
    }
    assert CaptionParts('photo', None).caption(rng) == 'photo'
    many = CaptionParts('photo', 'bug', tuple('abcdefgh'))
    assert max(many.caption(rng).count(',') for _ in range(60)) == 4


def latents_config(vae_folder, crops, file, **changes):
    return dict(
        type='LatentDataset',
        dataset=crops_config(crops),
        vae=str(vae_folder),
        file=str(file),
        **changes,
    )


def test_latents_are_those_of_the_vae(vae_folder, crops, tmp_path):
    file = tmp_path / 'latents.safetensors'
    config = latents_config(vae_folder, crops, file, views=2)
    latents = DATASETS.build(config)
    assert len(latents) == 8
    diffusion_vae = load_vae(vae_folder)
    expected = []
    for number in range(4):
        image = cv2.imread(str(crops / f'{number}.png'))
        for flipped in (image, image[:, ::-1]):
            picture = torch.from_numpy(flipped.copy()).permute(2, 0, 1)
            mean = diffusion_vae.encode(normalize(picture)[None])
            expected.append(mean.latent_dist.mode()[0] * 0.25)
    for number in range(8):
        item = latents[number]
        assert item['inputs'].dtype == torch.float32
        errors = [(item['inputs'] - e).abs().max().item() for e in expected]
        assert min(errors) < 1e-2, number
        assert item['captions'].startswith('sketch of a Cat')
    # Made once; made anew when something has changed.
    before = file.stat().st_mtime_ns
    DATASETS.build(latents_config(vae_folder, crops, file, views=2))
    assert file.stat().st_mtime_ns == before
    few = DATASETS.build(latents_config(vae_folder, crops, file, limit=3))
    assert len(few) == 3
    with pytest.raises(FileNotFoundError, match='lacks vae/config.json'):
        DATASETS.build(latents_config(tmp_path, crops, file))


def load_vae(folder):
    from diffusers import AutoencoderKL

    vae = AutoencoderKL.from_pretrained(
        folder / 'vae', torch_dtype=torch.float32
    )
    assert vae.config.scaling_factor == 0.25
    return vae


def test_noise_loss_and_empty_captions(model, monkeypatch):
    texts = []
    encode = model.encode
    monkeypatch.setattr(
        model, 'encode', lambda t: (texts.extend(t), encode(t))[1]
    )
    latents = torch.randn(64, 4, 8, 8)
    torch.manual_seed(3)
    loss = model(latents, ['a cat'] * 64, mode='loss')['loss_noise']
    assert 0.5 < loss.item() < 2  # random weights predict about nothing
    assert set(texts) == {'a cat', ''}
    assert 1 <= texts.count('') <= 16
    loss.backward()
    assert all(p.grad is not None for p in model.parameters())
    model.zero_grad()
    contexts = model(latents, ['a cat', ''])
    assert contexts.shape == (2, 16, 12)


def test_the_folder_is_read_as_stable_diffusion_is(
    model, vae_folder, crops, tmp_path
):
    tool = load_tool(REPO_ROOT / 'tools/model_converters/export_diffusion.py')
    checkpoint = tmp_path / 'iter_1.pth'
    torch.save({'state_dict': model.state_dict()}, checkpoint)
    config = Config(dict(model=t2i_config(vae_folder, crops)))
    folder = tmp_path / 'model'
    files = tool.export(config, str(checkpoint), folder)
    assert [str(path.relative_to(folder)) for path in files] == [
        'text_encoder/model.safetensors',
        'unet/diffusion_pytorch_model.safetensors',
        'vae/diffusion_pytorch_model.safetensors',
    ]
    # Again, over what is there.
    tool.export(config, str(checkpoint), folder)
    diffusion = LatentDiffusion(str(folder))
    assert (diffusion.embed_dims, diffusion.stride) == (12, 2)
    # Half precision is what is kept.
    states, _ = diffusion.encode_texts(['a cat'])
    torch.testing.assert_close(
        states, model.encode(['a cat']), atol=5e-3, rtol=0
    )
    latents = torch.randn(1, 4, 8, 8)
    with torch.no_grad():
        expected = model.unet(latents, 10, states).sample
        found = diffusion(latents, 10, states)
    torch.testing.assert_close(found, expected, atol=5e-3, rtol=0)
    picture = torch.rand(1, 3, 16, 16)
    torch.testing.assert_close(
        diffusion.encode(picture),
        load_vae(vae_folder).encode(picture).latent_dist.mode() * 0.25,
    )


def test_export_refuses(model, vae_folder, crops, tmp_path):
    tool = load_tool(REPO_ROOT / 'tools/model_converters/export_diffusion.py')
    other = Config(dict(model=dict(type='PPM')))
    with pytest.raises(ValueError, match='describes a PPM, not one of'):
        tool.export(other, 'x.pth', tmp_path / 'model')
    config = Config(dict(model=t2i_config(vae_folder, crops)))
    with pytest.raises(ValueError, match='exists and is no diffusers folder'):
        tool.export(config, 'x.pth', tmp_path)
