# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import importlib.util
import json

import open_clip
import pytest
import torch

from projects.common.models.prompt_encoders import (
    TextPromptEncoder,
    load_vocabulary,
)
from projects.common.structures import KeypointCategory, KeypointPrompt

CAT = {'id': 1, 'name': 'cat', 'keypoints': ['left_eye', 'tail']}
DOG = {'id': 2, 'name': 'dog', 'keypoints': ['nose']}
MODEL = 'ViT-S-32-alt'  # the smallest of open_clip's text towers


@pytest.fixture(scope='module')
def weights(tmp_path_factory):
    config = open_clip.get_model_config(MODEL)
    config['vision_cfg'] = {'image_size': 32, 'layers': 1, 'patch_size': 32}
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp('clip') / 'clip.pt'
    torch.save(open_clip.CLIP(**config).state_dict(), path)
    return str(path)


@pytest.fixture
def tool(repo_root):
    path = repo_root / 'tools' / 'misc' / 'encode_vocabulary.py'
    spec = importlib.util.spec_from_file_location('encode_vocabulary', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def ann_files(tmp_path):
    images = [
        {'id': i, 'file_name': f'{i}.png', 'height': 4, 'width': 4, **style}
        for i, style in enumerate([{'style': 'sketch'}, {'style': None}, {}])
    ]
    files = {
        'a.json': {'categories': [CAT], 'images': images},
        'b.json': {'categories': [DOG, CAT], 'images': images[2:]},
    }
    for name, data in files.items():
        data['annotations'] = []
        (tmp_path / name).write_text(json.dumps(data))
    return [str(tmp_path / name) for name in files]


def test_words_of_all_files_in_their_styles(
    tool, ann_files, weights, tmp_path, capsys
):
    out = str(tmp_path / 'words.safetensors')
    clip = ['--clip-model', MODEL, '--clip-weights', weights]
    tool.main([*ann_files, '--out', out, *clip])
    vocabulary, _ = load_vocabulary(out)
    assert set(vocabulary.texts) == {
        f'a {style}photo of a {name}'
        for style in ('', 'sketch ')
        for name in ('cat', 'cat / left eye', 'cat / tail', 'dog',
                     'dog / nose')
    }  # fmt: skip
    assert '10 texts of 2 categories in 2 styles' in capsys.readouterr().out
    tower = {
        'type': 'OpenCLIPTextTower',
        'model_name': MODEL,
        'pretrained': weights,
    }
    dims = vocabulary.embed_dims
    prompts = [
        KeypointPrompt.from_categories([KeypointCategory.from_coco(CAT)])
    ]
    from_file = TextPromptEncoder(
        {**tower, 'pretrained': 'gone.pt'}, dims, vocabulary_file=out
    )(prompts)
    expected = TextPromptEncoder(tower, dims)(prompts)
    for one, two in zip(vars(from_file).values(), vars(expected).values()):
        assert torch.allclose(one.float(), two.float(), atol=1e-5)


def test_styles_and_template_of_the_command_line(
    tool, ann_files, weights, tmp_path
):
    out = str(tmp_path / 'words.safetensors')
    clip = ['--clip-model', MODEL, '--clip-weights', weights]
    options = ['--template', 'flat', '--styles', 'ink,photo']
    tool.main([*ann_files, '--out', out, *clip, *options])
    vocabulary, template = load_vocabulary(out)
    assert template.keypoint == 'a photo of {keypoint}'
    assert set(vocabulary.texts) == {
        f'a photo of {name}'
        for name in ('cat', 'dog', 'left eye', 'tail', 'nose')
    }


def test_bad_input_is_one_sentence(tool, ann_files, tmp_path, capsys):
    out = ['--out', str(tmp_path / 'words.safetensors')]
    with pytest.raises(SystemExit, match='no.json'):
        tool.main([str(tmp_path / 'no.json'), *out])
    (tmp_path / 'list.json').write_text('[]')
    with pytest.raises(SystemExit, match='list.json'):
        tool.main([str(tmp_path / 'list.json'), *out])
    with pytest.raises(SystemExit, match='nowhere.*does not exist'):
        tool.main([*ann_files, *out, '--sentence-model', 'nowhere'])
    with pytest.raises(SystemExit):
        tool.main([*ann_files, *out, '--clip-model', MODEL])
    assert 'give both' in capsys.readouterr().err
    assert not (tmp_path / 'words.safetensors').exists()
