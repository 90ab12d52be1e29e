# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What the configs of PPM say, and the small model that ships."""

import pytest
import torch
from mmengine.config import Config

from projects.common.apis import model_index
from projects.ppm.models import CrossAttentionRecorder, LatentDiffusion
from tests.conftest import REPO_ROOT

ROOT = REPO_ROOT / 'configs/category_agnostic_2d_keypoint/ppm'
LEAVES = sorted(ROOT.glob('*shot*.py'))
SHIPPED = REPO_ROOT / 'checkpoints/ppm_tiny/split1'
# Of the categories that split 1 tests and validates on; without the pig of
# 'pig face' and the fly of 'butterfly', which it trains on.
NOVEL = [
    *('dancer', 'snowman', 'carnival', 'glove', 'lion', 'fox', 'ant'),
    *('trousers', 'shorts', 'stool', 'airplane', 'sailing', 'boat'),
    *('spider', 'horse', 'dress', 'table', 'car'),
]


def load(name):
    return Config.fromfile(ROOT / f'{name}.py')


@pytest.mark.parametrize('path', LEAVES, ids=lambda path: path.stem)
def test_pictures_and_shots_are_as_large_as_the_model_wants(path):
    config = Config.fromfile(path)
    size = config.size if 'size' in config else 64
    dataset = config.test_dataloader.dataset
    assert (dataset.input_size, dataset.support_size) == (size, size)
    if config.model.type == 'PPM':
        assert config.model.maps.size == size
        with_cpt = 'shared_prompt' in config.model
        assert config.checkpoint_free == (not with_cpt)
        assert with_cpt == ('_cpt' in path.stem)
        assert ('layers' in config.model.maps) == ('layer' in path.stem)
    else:
        assert config.checkpoint_free


@pytest.mark.parametrize('data', ['mp100', 'synthkpt'])
def test_all_of_table_1_to_3(data):
    stems = {path.stem for path in LEAVES}
    for model in ('sd15', 'sd21') if data == 'mp100' else ('tiny',):
        for method in ('', '_cpt', '_single-layer'):
            for shots in (1, 5):
                name = f'ppm_{model}{method}_{data}-split1_{shots}shot'
                assert name in stems


@pytest.mark.parametrize('shots', [1, 5])
def test_the_small_model_on_real_pictures(shots):
    plain = load(f'ppm_tiny_realmini_{shots}shot')
    cached = load(f'ppm_tiny_cached_realmini_{shots}shot')
    synthetic = load(f'ppm_tiny_synthkpt-split1_{shots}shot')
    assert plain.model == synthetic.model
    assert cached.model.maps.pop('type') == 'CachedPromptMaps'
    assert plain.model.maps.pop('type') == 'ExactPromptMaps'
    assert cached.model == plain.model
    for config in (plain, cached):
        tested = config.test_dataloader.dataset
        assert tested.dataset.data_root == 'data/realmini/'
        assert tested.episodes.endswith(f'realmini_val_{shots}shot.json')


@pytest.mark.parametrize('model', ['sd15', 'sd21'])
def test_the_single_layer_has_16_places_along_a_side(model):
    """On a UNet of Stable Diffusion's shape, without weights."""
    from diffusers import UNet2DConditionModel

    maps = load(f'ppm_{model}_single-layer_mp100-split1_1shot').model.maps
    side = maps.size // 8
    with torch.device('meta'):
        unet = UNet2DConditionModel(
            block_out_channels=(8,) * 4,
            norm_num_groups=4,
            cross_attention_dim=8,
        )
        with CrossAttentionRecorder(unet, maps.layers) as recorder:
            latents = torch.zeros(1, 4, side, side)
            unet(latents, torch.tensor(10), torch.zeros(1, 1, 8))
    (heat,) = recorder.maps.values()
    assert heat.shape[-2:] == (maps.size // 32, maps.size // 32) == (16, 16)


def test_recipe_of_cpt():
    for name in ('ppm_sd15_cpt_mp100', 'ppm_tiny_cpt_synthkpt'):
        config = load(f'{name}-split1_1shot')
        assert config.optim_wrapper.optimizer == dict(type='Adam', lr=5e-4)
        assert config.train_dataloader.batch_size == 4
        assert config.model.learner.lr == 2e-3
        assert config.model.maps.timestep == 10
    dataset = load('ppm_sd21_cpt_mp100-split1_1shot').train_dataloader.dataset
    assert dataset.dataset.ann_file == 'annotations/mp100_split1_train.json'


@pytest.mark.parametrize(
    'split, name',
    [('', 'split1'), ('4', 'split4'), ('super_vehicle', 'super_vehicle')],
)
def test_the_split_decides_what_the_model_has_seen(split, name, monkeypatch):
    monkeypatch.delenv('SYNTHMP_SPLIT', raising=False)
    if split:
        monkeypatch.setenv('SYNTHMP_SPLIT', split)
    config = load('ppm_tiny_cpt_synthkpt-split1_5shot')
    assert config.model.diffusion.path == f'checkpoints/ppm_tiny/{name}'
    crops = f'data/synthkpt_crops/{name}/'
    assert config.train_dataloader.dataset.data_root == crops
    assert config.model.shared_prompt.base_keypoints.startswith(crops)
    tested = config.test_dataloader.dataset
    assert tested.dataset.ann_file == f'annotations/synthmp_{name}_test.json'
    matching = load('diffusion_matching_tiny_synthkpt-split1_1shot').model
    assert matching.backbone.diffusion.path == config.model.diffusion.path
    trained = load('ppm_tiny_text-to-image_synthkpt')
    assert trained.model.words == f'{crops}annotations.json'
    assert trained.model.vae.endswith(name)
    assert trained.train_dataloader.dataset.dataset.data_root == crops


def test_names_in_the_model_index(tmp_path, monkeypatch):
    (tmp_path / 'configs').symlink_to(REPO_ROOT / 'configs')
    path = f'configs/{ROOT.relative_to(REPO_ROOT / "configs")}/ppm.yml'
    (tmp_path / 'model-index.yml').write_text(f'Import:\n  - {path}\n')
    monkeypatch.setattr(model_index, 'data_root', lambda: tmp_path)
    for name, mode, model in (
        ('ppm_tiny', 'Exact', 'ppm_tiny/split1'),
        ('ppm_tiny_synthkpt-split1_1shot', 'Exact', 'ppm_tiny/split1'),
        ('PPM-tiny-cached', 'Cached', 'ppm_tiny/split1'),
        ('ppm-sd15', 'Exact', 'stable-diffusion-v1-5'),
        ('ppm-sd21', 'Exact', 'stable-diffusion-2-1-base'),
    ):
        config, weights = model_index.load_model_config(name)
        assert weights is None  # nothing is learned before the examples
        assert config.model.maps.type == f'{mode}PromptMaps'
        assert config.model.diffusion.path.endswith(model)
    with pytest.raises(ValueError, match='did you mean ppm-tiny'):
        model_index.load_model_config('ppm_tinny')


def test_the_shipped_model():
    diffusion = LatentDiffusion(str(SHIPPED))
    assert (diffusion.embed_dims, diffusion.stride) == (384, 4)
    for file in SHIPPED.rglob('*.safetensors'):
        assert file.stat().st_size <= 16 * 2**20, file
    states, _ = diffusion.encode_texts(['photo of a dog, left ear'])
    assert states.shape == (1, 32, 384)
    # Words of unseen categories were never in a caption: they are spelled.
    tokenizer = diffusion._tokenizer
    assert tokenizer.tokenize('dog') == ['dog</w>']
    known = [w for w in NOVEL if len(tokenizer.tokenize(w)) == 1]
    assert known == []
