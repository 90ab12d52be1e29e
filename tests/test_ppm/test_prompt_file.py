# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from projects.ppm.models import (
    CachedPromptMaps,
    ExactPromptMaps,
    LatentDiffusion,
    PromptLearner,
    PromptLoss,
)
from projects.ppm.pictures import to_pictures
from projects.ppm.prompt_file import (
    PromptFile,
    build_maps,
    find_diffusion,
    load_prompts,
    save_prompts,
)
from tests.test_ppm.conftest import CAT, SIZE, make_shot

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
    # What every file of earlier versions has, and no more.
    assert set(metadata) == {
        'format',
        'identity',
        'model',
        'mode',
        'settings',
        'category',
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
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ValueError, match='cut short or damaged'):
        load_prompts(path)
