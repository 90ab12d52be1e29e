# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import importlib.util
import json
import shutil

import cv2
import numpy as np
import pytest
import torch

from projects.ppm.models.prompts.fitted_prompt_file import load_prompts
from tests.conftest import REPO_ROOT
from tests.test_ppm.conftest import make_shot

POINTS = ((6, 8), (24, 7), (15, 26))
CONFIG = """
default_scope = 'mmpose'
model = dict(
    type='PPM',
    diffusion=dict(type='LatentDiffusion', path={path!r}),
    maps=dict(type='ExactPromptMaps', size=32),
    learner=dict(type='PromptLearner', steps=3, lr=0.05),
    prompt_loss=dict(type='PromptLoss', sigma=2.0),
    decoder=dict(type='PeakDecoder'),
)
"""


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location(
        'tool_ppm_fit', REPO_ROOT / 'tools' / 'ppm_fit.py'
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path, model_folder):
    for seed, name in enumerate('ab'):
        image = make_shot(seed, POINTS).image.numpy().transpose(1, 2, 0)
        # Not square: what is right of the object is empty.
        wide = np.concatenate([image, np.full_like(image, 100)], 1)
        cv2.imwrite(str(tmp_path / f'{name}.png'), wide)
    content = {
        'category': 'pot',
        'keypoints': ['lid', 'handle', 'spout', 'foot'],
        'shots': [
            {'image': 'a.png', 'keypoints': [*POINTS, None]},
            {
                'image': 'b.png',
                'keypoints': [POINTS[0], None, None, None],
                'bbox': [0, 0, 32, 32],
            },
        ],
    }
    (tmp_path / 'shots.json').write_text(json.dumps(content))
    (tmp_path / 'ppm.py').write_text(CONFIG.format(path=str(model_folder)))
    return tmp_path


def fit(tool, folder, *more):
    arguments = ['fit', str(folder / 'ppm.py')]
    arguments += ['--support', str(folder / 'shots.json')]
    arguments += ['--out', str(folder / 'pot.safetensors'), *more]
    return tool.main(arguments)


def predict(tool, folder, *more):
    arguments = ['predict', str(folder / 'pot.safetensors')]
    arguments += [str(folder / 'a.png'), str(folder / 'b.png')]
    return tool.main([*arguments, '--out', str(folder / 'found'), *more])


def test_fit_and_predict_offline(tool, folder, capsys, monkeypatch):
    import socket

    def refuse(*_):
        raise AssertionError('the network was asked for something')

    monkeypatch.setattr(socket.socket, 'connect', refuse)
    assert fit(tool, folder) == 0
    said = capsys.readouterr().out
    assert "4 keypoints of 'pot' from 2 shots" in said
    assert 'lid: loss 1.' in said and '3 steps' in said
    assert 'foot: no shot shows it; it will have score 0' in said
    file = load_prompts(folder / 'pot.safetensors')
    assert file.fitted.steps.tolist() == [3, 3, 3, 0]

    assert predict(tool, folder, '--bbox', '4', '2', '24', '28') == 0
    content = json.loads((folder / 'found/keypoints.json').read_text())
    assert content['category'] == 'pot' and len(content['pictures']) == 2
    for picture in content['pictures']:
        names = [keypoint['name'] for keypoint in picture['keypoints']]
        assert names == ['lid', 'handle', 'spout', 'foot']
        assert picture['bbox'] == [4, 2, 28, 30]
        # The crop is the box times 1.25.
        for keypoint in picture['keypoints']:
            assert -4 <= keypoint['x'] <= 36 and -4 <= keypoint['y'] <= 36
        assert picture['keypoints'][3]['score'] == 0
        assert picture['keypoints'][0]['score'] > 0
    for name in ('a.png', 'a_maps.png', 'b.png', 'b_maps.png'):
        assert cv2.imread(str(folder / 'found' / name)) is not None

    assert predict(tool, folder, '--window', '3', '--score', 'sharpness') == 0
    content = json.loads((folder / 'found/keypoints.json').read_text())
    assert content['pictures'][0]['bbox'] == [0, 0, 64, 32]


def test_what_is_found_is_the_peak_of_the_map(tool, folder):
    from projects.ppm.apis import locate
    from projects.ppm.models import LatentDiffusion, PeakDecoder
    from projects.ppm.models.prompts.fitted_prompt_file import build_maps
    from projects.ppm.support_file import read_image

    fit(tool, folder)
    file = load_prompts(folder / 'pot.safetensors')
    maps = build_maps(file, LatentDiffusion(file.model))
    image = read_image(folder / 'a.png')
    found = locate(file, maps, PeakDecoder(), image, (0, 0, 32, 32), 1.0)
    assert np.array_equal(found.crop, image[:, :32])
    for number, (x, y) in enumerate(found.peaks.astype(int)):
        assert found.maps[number, y, x] == found.maps[number].max()
    np.testing.assert_allclose(found.keypoints, found.peaks)
    whole = locate(file, maps, PeakDecoder(), image)
    # 64 wide, so 32 pixels of the map are 64 of the picture; centred.
    np.testing.assert_allclose(
        whole.keypoints, whole.peaks * 2 - np.array([0, 16])
    )


def test_settings_and_other_model(tool, folder, other_folder, capsys):
    options = ['--cfg-options', 'model.learner.steps=1', '--shots', '1']
    assert fit(tool, folder, *options, '--model', str(other_folder)) == 0
    assert 'from 1 shots' in capsys.readouterr().out
    file = load_prompts(folder / 'pot.safetensors')
    assert file.model == str(other_folder)
    assert len(file.fitted.losses) == 1
    with pytest.raises(SystemExit) as error:
        predict(tool, folder, '--model', str(folder / '..' / 'nothing'))
    assert error.value.code == 2


def sentence(capsys):
    error = capsys.readouterr().err
    assert error.startswith('error: ') and 'Traceback' not in error
    return error


def test_prompts_of_another_model_are_refused(
    tool, folder, other_folder, capsys
):
    fit(tool, folder)
    with pytest.raises(SystemExit):
        predict(tool, folder, '--model', str(other_folder))
    assert 'they mean nothing to it' in sentence(capsys)
    assert not (folder / 'found').exists()


def test_errors_are_sentences(tool, folder, model_folder, capsys):
    def refused(*more):
        with pytest.raises(SystemExit) as error:
            fit(tool, folder, *more)
        assert error.value.code == 2
        return sentence(capsys)

    assert 'unknown' in refused('--cfg-options', 'model.learner.step=1')
    assert 'ends in .safetensors' in refused('--out', 'prompts.pth')
    broken = shutil.copytree(model_folder, folder / 'broken')
    shutil.rmtree(broken / 'vae')
    assert 'lacks vae/config.json' in refused('--model', str(broken))
    options = [
        '--cfg-options',
        'model.shared_prompt.type=CategorySharedPrompt',
    ]
    assert 'give --checkpoint' in refused(*options)
    (folder / 'ppm.py').unlink()
    assert 'those of PPM lie under' in refused()
    with pytest.raises(SystemExit):
        tool.main(['predict', str(folder / 'x'), 'a', '--out', 'b'])
    assert 'prompt file' in sentence(capsys)


def test_two_pictures_of_one_name(tool, folder, capsys):
    fit(tool, folder)
    capsys.readouterr()
    with pytest.raises(SystemExit):
        prompts, picture = folder / 'pot.safetensors', folder / 'a.png'
        tool.main(
            ['predict', str(prompts), str(picture), str(picture), '--out=y']
        )
    assert 'Two pictures have the same name' in capsys.readouterr().err


def test_memory_errors_are_sentences(tool, folder, capsys, monkeypatch):
    from projects.ppm.models import PromptLearner

    def fail(*args):
        raise MemoryError('A single keypoint does not fit into memory.')

    monkeypatch.setattr(PromptLearner, 'fit', fail)
    with pytest.raises(SystemExit):
        fit(tool, folder)
    assert 'A single keypoint does not fit' in sentence(capsys)


def test_devices_that_are_not_there(tool, folder, capsys):
    with pytest.raises(SystemExit):
        fit(tool, folder, '--device', 'cuda:99')
    assert "The device 'cuda:99' cannot be used here" in sentence(capsys)
    fit(tool, folder)
    capsys.readouterr()
    with pytest.raises(SystemExit):
        predict(tool, folder, '--device', 'cuda:99')
    assert "The device 'cuda:99' cannot be used here" in sentence(capsys)


@pytest.mark.parametrize('shots', ['-1', '0'])
def test_the_number_of_shots_is_positive(tool, folder, shots, capsys):
    with pytest.raises(SystemExit):
        fit(tool, folder, '--shots', shots)
    said = capsys.readouterr().err
    assert f"argument --shots: '{shots}' is not 1, 2, 3, ..." in said


def test_cpt_is_used_by_fit_and_not_needed_to_predict(
    tool, folder, model_folder
):
    from mmengine.config import Config
    from mmpose.registry import MODELS

    with (folder / 'ppm.py').open('a') as file:
        file.write("model['shared_prompt'] = dict(")
        file.write("type='CategorySharedPrompt')\n")
    config = Config.fromfile(folder / 'ppm.py')
    torch.manual_seed(0)
    model = MODELS.build(config.model)
    torch.save({'state_dict': model.state_dict()}, folder / 'cpt.pth')
    assert fit(tool, folder, '--checkpoint', str(folder / 'cpt.pth')) == 0
    fitted = load_prompts(folder / 'pot.safetensors').fitted
    with torch.no_grad():
        expected = model.shared_prompt(fitted.prompts)
    torch.testing.assert_close(fitted.contexts, expected)
    assert predict(tool, folder) == 0
