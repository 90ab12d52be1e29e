# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from projects.ppm.models import LatentDiffusion
from projects.ppm.models.diffusion.folder import find_model
from tests.conftest import REPO_ROOT
from tests.test_ppm.conftest import WIDTH, make_unet
from tests.test_ppm.ldm_layout import to_ldm

UNET = 'unet/diffusion_pytorch_model.safetensors'


@pytest.fixture
def copy(model_folder, tmp_path):
    return shutil.copytree(model_folder, tmp_path / 'copy')


def test_a_saved_pipeline_gives_what_diffusers_gives(model_folder, diffusion):
    from diffusers import AutoencoderKL

    torch.manual_seed(0)
    pictures = torch.rand(2, 3, 32, 32) * 2 - 1
    latents = diffusion.encode(pictures)
    vae = AutoencoderKL.from_pretrained(model_folder / 'vae')
    with torch.no_grad():
        expected = vae.encode(pictures).latent_dist.mode() * 0.18215
    torch.testing.assert_close(latents, expected, atol=1e-5, rtol=1e-5)
    assert latents.shape == (2, 4, 16, 16)

    noisy, noise = diffusion.add_noise(
        latents, 10, torch.Generator().manual_seed(0)
    )
    steps = torch.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    kept = (1 - steps).cumprod(0)[10]
    torch.testing.assert_close(
        noisy, latents * kept.sqrt() + noise * (1 - kept).sqrt()
    )
    context = torch.randn(2, 1, WIDTH)
    with torch.no_grad():
        plain = make_unet('sd1')(noisy, 10, context).sample
        torch.testing.assert_close(diffusion(noisy, 10, context), plain)
    assert torch.equal(diffusion.target(latents, noise, 10), noise)


def test_larger_time_steps_are_noisier(diffusion):
    latents = torch.zeros(1, 4, 8, 8)
    noise = [
        diffusion.add_noise(latents, t, torch.Generator().manual_seed(1))[0]
        for t in (0, 10, 500, 999)
    ]
    stds = [float(x.std()) for x in noise]
    assert stds == sorted(stds)
    assert stds[0] < 0.05 and stds[-1] > 0.8
    for t in (-1, 1000):
        with pytest.raises(ValueError, match=f'time step {t} is out of range'):
            diffusion.add_noise(latents, t)


def test_velocity_models_have_another_target(other_folder):
    model = LatentDiffusion(str(other_folder))
    latents, noise = torch.randn(2, 1, 4, 8, 8)
    noisy = model._scheduler.add_noise(latents, noise, torch.tensor([300]))
    velocity = model.target(latents, noise, 300)
    kept = model._scheduler.alphas_cumprod[300]
    expected = kept.sqrt() * noise - (1 - kept).sqrt() * latents
    torch.testing.assert_close(velocity, expected)
    assert not torch.allclose(velocity, noisy)
    model._scheduler.register_to_config(prediction_type='sample')
    assert model.target(latents, noise, 300) is latents
    model._scheduler.register_to_config(prediction_type='flow')
    with pytest.raises(ValueError, match="prediction_type='flow'"):
        model.target(latents, noise, 300)


def test_frozen_hidden_and_moved_together(model_folder):
    model = LatentDiffusion(str(model_folder))
    outer = torch.nn.Sequential(model)
    outer.train()
    parts = [model.unet, model.vae]
    assert not any(part.training for part in parts)
    assert not any(p.requires_grad for m in parts for p in m.parameters())
    assert list(outer.parameters()) == [] and outer.state_dict() == {}
    outer.to(torch.float64)
    assert {p.dtype for m in parts for p in m.parameters()} == {torch.float64}
    assert model.to('meta').device.type == 'meta'


def test_dtype_of_unet_only(model_folder):
    model = LatentDiffusion(str(model_folder), dtype='bfloat16')
    assert model.unet.dtype == torch.bfloat16
    assert model.vae.dtype == torch.float32
    latents = model.encode(torch.zeros(1, 3, 32, 32))
    assert latents.dtype == torch.float32
    context = torch.randn(1, 1, WIDTH, requires_grad=True)
    output = model(latents, 10, context)
    output.sum().backward()
    assert output.dtype == context.grad.dtype == torch.float32
    with pytest.raises(ValueError, match="dtype of the diffusion model is 'h"):
        LatentDiffusion(str(model_folder), dtype='half')


def test_identity_is_that_of_the_weights(model_folder, other_folder, copy):
    first, same, other = (
        LatentDiffusion(str(folder)).identity
        for folder in (model_folder, copy, other_folder)
    )
    assert first == same != other
    assert len(first) == 64


def test_texts(diffusion):
    states, last = diffusion.encode_texts(['left ear', 'ear'])
    assert states.shape == (2, 24, WIDTH) and last.shape == (2, WIDTH)
    # start, the bytes of "left" and "ear", end
    torch.testing.assert_close(last[0], states[0, 8])
    torch.testing.assert_close(last[1], states[1, 4])


def test_sdxl_unets(model_folder, tmp_path):
    folder = shutil.copytree(model_folder, tmp_path / 'xl')
    shutil.rmtree(folder / 'unet')
    unet = make_unet('sdxl')
    unet.save_pretrained(folder / 'unet')
    model = LatentDiffusion(str(folder))
    context = torch.randn(2, 1, WIDTH)
    latents = torch.randn(2, 4, 16, 16)
    with model.recorder() as recorder, torch.no_grad():
        output = model(latents, 10, context)
        expected = unet(
            latents,
            10,
            context,
            added_cond_kwargs={
                'text_embeds': torch.zeros(2, 10),
                'time_ids': torch.tensor([[32.0, 32, 0, 0, 32, 32]] * 2),
            },
        ).sample
    torch.testing.assert_close(output, expected)
    assert len(recorder.maps) == 8  # two in the middle block
    with pytest.raises(ValueError, match='SDXL.* two text encoders'):
        model.encode_texts(['ear'])


@pytest.mark.parametrize(
    'gone, named',
    [
        ([UNET], 'lacks unet/diffusion_pytorch_model.safetensors;'),
        (['vae'], 'lacks vae/config.json, vae/diffusion_pytorch_model.safe'),
        (['scheduler', 'unet/config.json'], 'unet/config.json, scheduler/sch'),
    ],
)
def test_incomplete_folders(copy, gone, named):
    for name in gone:
        path = copy / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(FileNotFoundError, match=named):
        LatentDiffusion(str(copy))


def test_variant(copy):
    (copy / UNET).rename(
        copy / 'unet/diffusion_pytorch_model.fp16.safetensors'
    )
    with pytest.raises(FileNotFoundError, match='give variant="fp16"'):
        LatentDiffusion(str(copy))
    vae = copy / 'vae/diffusion_pytorch_model.safetensors'
    vae.rename(vae.with_name('diffusion_pytorch_model.fp16.safetensors'))
    assert LatentDiffusion(str(copy), variant='fp16').embed_dims == WIDTH


def test_sharded_weights(copy, diffusion):
    shutil.rmtree(copy / 'unet')
    make_unet('sd1').save_pretrained(copy / 'unet', max_shard_size='100KB')
    assert len(list((copy / 'unet').glob('*-of-*'))) > 1
    model = LatentDiffusion(str(copy))
    for ours, theirs in zip(model.unet.parameters(), make_unet().parameters()):
        assert torch.equal(ours, theirs)


def test_missing_and_damaged_weights(copy):
    weights = load_file(copy / UNET)
    del weights['conv_in.bias']
    save_file(weights, copy / UNET, metadata={'format': 'pt'})
    with pytest.raises(ValueError, match='incomplete: 1 .* conv_in.bias'):
        LatentDiffusion(str(copy))
    (copy / UNET).write_bytes((copy / UNET).read_bytes()[:1000])
    with pytest.raises(ValueError, match='unet of .* cannot be read'):
        LatentDiffusion(str(copy))


def change_config(folder, **changes):
    path = folder / 'unet/config.json'
    config = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps(config))


def test_other_kinds_of_models(copy):
    from diffusers import UNet2DConditionModel

    change_config(copy, _class_name='UNetMotionModel')
    with pytest.raises(ValueError, match='a UNetMotionModel as its UNet'):
        LatentDiffusion(str(copy))
    shutil.rmtree(copy / 'unet')
    for setting, message in (
        (dict(in_channels=9), 'takes 9 channels but its VAE makes 4'),
        (dict(cross_attention_dim=(12, 12, 16)), 'contexts of widths'),
        (
            dict(addition_embed_type='image', encoder_hid_dim=8),
            "also takes 'image'",
        ),
    ):
        config = {**make_unet().config, **setting}
        config.pop('_use_default_values')
        UNet2DConditionModel.from_config(config).save_pretrained(copy / 'unet')
        with pytest.raises(ValueError, match=message):
            LatentDiffusion(str(copy))


def test_no_text_encoder(copy):
    text = copy / 'text_encoder/model.safetensors'
    weights = load_file(text)
    removed = sorted(weights)[0]
    del weights[removed]
    save_file(weights, text, metadata={'format': 'pt'})
    with pytest.raises(ValueError, match='text encoder .* 1 are missing'):
        LatentDiffusion(str(copy)).encode_texts(['ear'])
    shutil.rmtree(copy / 'text_encoder')
    model = LatentDiffusion(str(copy))
    with pytest.raises(ValueError, match='holds no text encoder'):
        model.encode_texts(['ear'])
    (copy / 'text_encoder').mkdir()
    (copy / 'text_encoder/model.safetensors').write_bytes(b'damaged')
    with pytest.raises(ValueError, match='text encoder .* cannot be read'):
        model.encode_texts(['ear'])


def test_where_models_are_looked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(
        'huggingface_hub.constants.HF_HUB_CACHE', str(tmp_path)
    )
    with pytest.raises(FileNotFoundError, match='allow_download=True once'):
        LatentDiffusion('nobody/no-such-model')
    with pytest.raises(FileNotFoundError, match='does not exist; give a'):
        LatentDiffusion(str(tmp_path / 'nothing'))
    # What ships is found from anywhere.
    monkeypatch.chdir(tmp_path)
    shipped = 'checkpoints/ppm_tiny/split1'
    assert find_model(shipped, None, None, False) == REPO_ROOT / shipped


def test_downloads_only_when_told(model_folder, monkeypatch):
    import huggingface_hub

    calls = []

    def snapshot_download(path, **kwargs):
        calls.append((path, kwargs))
        return str(model_folder)

    monkeypatch.setattr(
        huggingface_hub, 'snapshot_download', snapshot_download
    )
    LatentDiffusion('some/model')
    LatentDiffusion('some/model', revision='abc', allow_download=True)
    assert [kw['local_files_only'] for _, kw in calls] == [True, False]
    assert [kw['revision'] for _, kw in calls] == [None, 'abc']
    assert 'unet/*.safetensors' in calls[0][1]['allow_patterns']
    assert 'unet/*.bin' not in calls[0][1]['allow_patterns']

    def offline(path, **kwargs):
        raise OSError('no route')

    monkeypatch.setattr(huggingface_hub, 'snapshot_download', offline)
    with pytest.raises(FileNotFoundError, match='check the id, the revision'):
        LatentDiffusion('some/model', allow_download=True)


def test_wrong_pictures_and_contexts(diffusion):
    with pytest.raises(ValueError, match='31 x 32 .* divisible by 2'):
        diffusion.encode(torch.zeros(1, 3, 32, 31))
    with pytest.raises(ValueError, match='7 wide, .* takes 12'):
        diffusion(torch.zeros(1, 4, 8, 8), 10, torch.zeros(1, 1, 7))


def test_single_file(model_folder, diffusion, tmp_path):
    file = tmp_path / 'model.safetensors'
    save_file(to_ldm(model_folder), file)
    model = LatentDiffusion(str(file), config=str(model_folder))
    pictures = torch.rand(1, 3, 32, 32)
    latents = diffusion.encode(pictures)
    torch.testing.assert_close(model.encode(pictures), latents)
    context = torch.randn(1, 1, WIDTH)
    torch.testing.assert_close(
        model(latents, 10, context), diffusion(latents, 10, context)
    )
    assert model.identity != diffusion.identity

    with pytest.raises(ValueError, match='single file.* give config=FOLDER'):
        LatentDiffusion(str(file))
    with pytest.raises(FileNotFoundError, match='config of unet, vae, sched'):
        LatentDiffusion(str(file), config=str(tmp_path))
    weights = load_file(file)
    weights.pop('model.diffusion_model.out.2.bias')
    save_file(weights, file)
    with pytest.raises(ValueError, match='does not fit the config'):
        LatentDiffusion(str(file), config=str(model_folder))
    pickled = file.with_suffix('.ckpt')
    torch.save({}, pickled)
    with pytest.raises(ValueError, match='is no .safetensors file'):
        LatentDiffusion(str(pickled), config=str(model_folder))
