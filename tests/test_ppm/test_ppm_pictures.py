# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import importlib.util
from dataclasses import replace

import cv2
import numpy as np
import pytest

from projects.common.structures import KeypointCategory
from projects.ppm.models import ExactPromptMaps, PromptLearner, PromptLoss
from projects.ppm.models.prompts.fitted_prompt_file import (
    PromptFile,
    load_prompts,
    save_prompts,
)
from tests.conftest import REPO_ROOT
from tests.test_ppm.conftest import CAT, SIZE, make_shot

DOG = KeypointCategory('dog', ('nose', 'tail', 'paw'))


@pytest.fixture(scope='module')
def tool():
    path = REPO_ROOT / 'tools/misc/ppm_pictures.py'
    spec = importlib.util.spec_from_file_location('tool_ppm_pictures', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pictures_of_captions(tool, model_folder, tmp_path):
    out = str(tmp_path / 'a.png')
    arguments = ['generate', str(model_folder), 'a', 'b', '--steps', '2']
    assert tool.main([*arguments, '--out', out]) == 0
    first = cv2.imread(out)
    assert first.shape == (128, 256, 3)
    assert tool.main([*arguments, '--out', out]) == 0
    assert np.array_equal(cv2.imread(out), first)
    assert tool.main([*arguments, '--out', out, '--seed', '1']) == 0
    assert not np.array_equal(cv2.imread(out), first)
    with pytest.raises(SystemExit):
        tool.main(['generate', str(tmp_path / 'x'), 'a', '--out', out])


def test_a_map_for_every_token(tool, model_folder, diffusion, tmp_path):
    assert diffusion.tokenize('ab') == ['a', 'b']
    picture = tmp_path / 'picture.png'
    cv2.imwrite(str(picture), np.full((20, 30, 3), 120, np.uint8))
    out = str(tmp_path / 'b.png')
    arguments = ['words', str(model_folder), str(picture), 'abc']
    assert tool.main([*arguments, '--size', '32', '--out', out]) == 0
    # Three tokens: two rows of two.
    assert cv2.imread(out).shape == (2 * (128 + 18), 256, 3)


@pytest.fixture
def fitted(tmp_path, diffusion):
    """Prompt files of two fits and a picture."""
    maps = ExactPromptMaps(diffusion, size=SIZE)
    for name, steps in (('a', 1), ('b', 3)):
        prompts = PromptLearner(lr=0.5, steps=steps).fit(
            maps, PromptLoss(sigma=2.0), CAT, [make_shot()]
        )
        file = PromptFile.of(prompts, CAT, maps)
        save_prompts(tmp_path / f'{name}.safetensors', file)
    image = make_shot(1).image.numpy().transpose(1, 2, 0)
    cv2.imwrite(str(tmp_path / 'q.png'), image)
    return tmp_path


@pytest.fixture
def drawn(tool, monkeypatch):
    """What is drawn."""
    calls = []

    def draw_maps(image, maps, names, points, **kwargs):
        calls.append((maps, list(names), points, kwargs))
        return image

    monkeypatch.setattr(tool, 'draw_maps', draw_maps)
    return calls


def test_maps_of_all_layers_are_the_mean_of_each(tool, fitted, drawn):
    arguments = ['layers', f'{fitted}/q.png', f'{fitted}/a.safetensors']
    out = ['--out', f'{fitted}/out.png']
    assert tool.main([*arguments, 'tail tip', *out]) == 0
    maps, names, points, _ = drawn[0]
    assert names[:3] == ['all layers', 'down 0.0.0', 'down 1.0.0']
    assert len(names) == len(maps) == 8 and 'mid 0.0' in names
    np.testing.assert_allclose(maps[0], maps[1:].mean(0), atol=1e-5)
    for heat, (x, y) in zip(maps, points.astype(int)):
        assert heat[y, x] == heat.max()
    # The whole picture is the crop; a box and its surroundings are another.
    box = ['--bbox', '0', '0', '16', '16']
    tool.main([*arguments, 'tail tip', *box, *out])
    assert not np.allclose(drawn[1][0], maps)
    with pytest.raises(SystemExit):
        tool.main([*arguments, 'nose', *out])


def test_a_row_of_maps_for_each_file(tool, fitted, drawn, capsys):
    files = [f'{fitted}/{name}.safetensors' for name in 'aba']
    out = ['--out', f'{fitted}/out.png']
    assert tool.main(['compare', f'{fitted}/q.png', *files, *out]) == 0
    ((maps, names, _, kwargs),) = drawn
    assert names == 3 * list(CAT.keypoints) and kwargs['columns'] == 3
    rows = maps.reshape(3, 3, SIZE, SIZE)
    np.testing.assert_array_equal(rows[0], rows[2])
    assert not np.allclose(rows[0], rows[1], atol=1e-3)
    other = replace(load_prompts(files[0]), category=DOG)
    save_prompts(fitted / 'dog.safetensors', other)
    with pytest.raises(SystemExit):
        tool.main(
            ['compare', f'{fitted}/q.png', files[0]]
            + [f'{fitted}/dog.safetensors', *out]
        )
    assert 'have other keypoints' in capsys.readouterr().err
