# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json
import shutil
from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from projects.ppm.models import (
    CachedPromptMaps,
    ExactPromptMaps,
    LatentDiffusion,
    PromptLearner,
    PromptLoss,
)
from projects.ppm.models.prompts.fitted_prompt_file import (
    PromptFile,
    build_maps,
    find_diffusion,
    load_prompts,
    save_prompts,
)
from projects.ppm.pictures import to_pictures
from tests.test_ppm.conftest import CAT, SIZE, WIDTH, make_shot
from tests.test_ppm.ldm_layout import to_ldm

COMMIT = 'c0ffee' * 6 + 'abcd'


@pytest.fixture
def saved(diffusion, tmp_path):
    maps = CachedPromptMaps(
        diffusion, size=SIZE, layers=['up_blocks.1'], num_noises=2, timestep=7
    )
    fitted = PromptLearner(steps=2).fit(
        maps, PromptLoss(), CAT, [make_shot(visible=(2, 0, 2))]
    )
    path = tmp_path / 'folder' / 'cat.safetensors'
    save_prompts(path, PromptFile.of(fitted, CAT, maps))
    return path, maps, fitted


def test_round_trip(saved, diffusion):
    path, maps, fitted = saved
    file = load_prompts(path)
    assert file.category == CAT
    assert file.identity == diffusion.identity
    assert file.mode == 'cached' and file.model == diffusion.path
    assert file.settings == maps.settings()
    assert file.settings['timestep'] == 7
    assert len(file.settings['layers']) == 2  # by their names
    for name in ('prompts', 'contexts', 'learned'):
        assert torch.equal(getattr(file.fitted, name), getattr(fitted, name))
    assert file.fitted.steps.tolist() == [2, 0, 2]
    assert file.fitted.fit == {
        'learner': {
            'lr': 2e-3,
            'steps': 2,
            'init': 'random',
            'init_std': 0.02,
            'plateau_window': 25,
            'plateau_tolerance': 0.005,
        },
        'loss': {'sigma': 16.0, 'dm_weight': 1.0, 'reduction': 'mean'},
        'seed': 0,
        'shots': 1,
    }


def rewrite(path, tensors=None, **metadata):
    """Change a prompt file; metadata that is None goes."""
    with safe_open(path, framework='pt') as file:
        metadata = {**file.metadata(), **metadata}
    save_file(
        {**load_file(path), **(tensors or {})},
        path,
        {key: value for key, value in metadata.items() if value is not None},
    )


def test_files_of_earlier_versions(saved):
    path, _, fitted = saved
    rewrite(path, fit=None)
    file = load_prompts(path)
    assert file.fitted.fit == {}
    assert torch.equal(file.fitted.prompts, fitted.prompts)


def test_settings_of_a_newer_version_are_refused(saved, diffusion):
    path, maps, _ = saved
    rewrite(path, settings=json.dumps({**maps.settings(), 'zoom': 2}))
    with pytest.raises(ValueError, match="does not know .*'zoom'.*; use the"):
        build_maps(load_prompts(path), diffusion)


@pytest.mark.parametrize(
    'name, value',
    [
        ('prompts', torch.zeros(2, WIDTH)),
        ('contexts', torch.zeros(3, WIDTH + 1)),
        ('learned', torch.ones(4, dtype=torch.bool)),
        ('learned', torch.ones(3)),
        ('losses', torch.zeros(2, 4)),
        ('losses', torch.zeros(3)),
    ],
)
def test_tensors_that_do_not_fit_the_category(saved, name, value):
    path = saved[0]
    rewrite(path, {name: value})
    with pytest.raises(ValueError, match="'cat' of 3 keypoints: it holds pro"):
        load_prompts(path)


def test_a_single_file_is_opened_again(saved, model_folder, tmp_path):
    single = tmp_path / 'model.safetensors'
    save_file(to_ldm(model_folder), single)
    diffusion = LatentDiffusion(str(single), config=str(model_folder))
    maps = CachedPromptMaps(diffusion, size=SIZE)
    path = tmp_path / 'single.safetensors'
    save_prompts(path, PromptFile.of(saved[2], CAT, maps))
    file = load_prompts(path)
    assert (file.config, file.variant) == (str(model_folder), None)
    assert find_diffusion(file).identity == file.identity
    moved = single.rename(tmp_path / 'moved.safetensors')
    assert find_diffusion(file, str(moved)).identity == file.identity


def test_a_variant_is_opened_again(saved, model_folder, tmp_path):
    folder = shutil.copytree(model_folder, tmp_path / 'fp16')
    for part in ('unet', 'vae'):
        file = folder / part / 'diffusion_pytorch_model.safetensors'
        file.rename(file.with_suffix('.fp16.safetensors'))
    maps = CachedPromptMaps(
        LatentDiffusion(str(folder), variant='fp16'), size=SIZE
    )
    path = tmp_path / 'variant.safetensors'
    save_prompts(path, PromptFile.of(saved[2], CAT, maps))
    file = load_prompts(path)
    assert (file.config, file.variant) == (None, 'fp16')
    assert find_diffusion(file).identity == file.identity


def test_maps_of_a_file_are_those_of_the_fit(saved, diffusion):
    path, maps, fitted = saved
    file = load_prompts(path)
    pictures = to_pictures([make_shot(4)])
    again = build_maps(file, diffusion, max_batch=1)
    assert again.chunks.max_batch == 1
    torch.testing.assert_close(
        again.predict(pictures, file.fitted.contexts),
        maps.predict(pictures, fitted.contexts),
    )
    exact = replace(
        file, mode='exact', settings=ExactPromptMaps(diffusion).settings()
    )
    assert isinstance(build_maps(exact, diffusion), ExactPromptMaps)
    with pytest.raises(ValueError, match="prompts of mode 'other'"):
        build_maps(replace(file, mode='other'), diffusion)


@pytest.fixture
def hub(model_folder, tmp_path, monkeypatch):
    """The hub's cache with a model of two revisions, the same files."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, 'HF_HUB_CACHE', str(tmp_path))
    cache = tmp_path / 'models--some--model'
    for folder in ('refs', 'snapshots'):
        (cache / folder).mkdir(parents=True)
    for branch, commit in (('main', 'f' * 40), ('v2', COMMIT)):
        (cache / 'refs' / branch).write_text(commit)
        (cache / 'snapshots' / commit).symlink_to(model_folder)


def test_id_and_commit_of_a_model_of_the_hub(hub, saved, tmp_path):
    assert LatentDiffusion('some/model').revision == 'f' * 40
    diffusion = LatentDiffusion('some/model', revision='v2')
    maps = CachedPromptMaps(diffusion, size=SIZE)
    path = tmp_path / 'hub.safetensors'
    save_prompts(path, PromptFile.of(saved[2], CAT, maps))
    file = load_prompts(path)
    assert (file.model, file.revision) == ('some/model', COMMIT)
    again = find_diffusion(file)
    assert again.revision == COMMIT
    assert build_maps(file, again).settings() == maps.settings()
    with pytest.raises(
        ValueError, match=f'"some/model", revision {COMMIT}\\)'
    ):
        file.check_model('0' * 64)


def test_a_model_in_a_folder_has_no_commit(saved):
    path, maps, _ = saved
    assert maps.diffusion.revision is None
    file = load_prompts(path)
    assert file.revision is None
    with safe_open(path, framework='pt') as opened:
        metadata = opened.metadata()
    assert set(metadata) == {
        'format',
        'identity',
        'model',
        'mode',
        'settings',
        'category',
        'fit',
    }
    with pytest.raises(ValueError, match=f'"{file.model}"\\), but this one'):
        file.check_model('0' * 64)


def test_another_model_is_refused(saved, other_folder):
    file = load_prompts(saved[0])
    other = LatentDiffusion(str(other_folder))
    with pytest.raises(ValueError, match='they mean nothing to it'):
        build_maps(file, other)
    file.check_model(file.identity)


def test_bad_files(saved, tmp_path):
    with pytest.raises(FileNotFoundError, match='does not exist; tools/ppm'):
        load_prompts(tmp_path / 'none.safetensors')
    foreign = tmp_path / 'foreign.safetensors'
    save_file({'a': torch.zeros(1)}, foreign)
    with pytest.raises(ValueError, match='holds no fitted prompts'):
        load_prompts(foreign)
    path = saved[0]
    whole = path.read_bytes()
    rewrite(path, settings='{')
    with pytest.raises(ValueError, match='cat.safetensors" cannot be read'):
        load_prompts(path)
    path.write_bytes(whole[:-10])
    with pytest.raises(ValueError, match='cut short or damaged'):
        load_prompts(path)
