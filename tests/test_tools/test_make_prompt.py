# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json

import cv2
import jsonschema
import pytest

from projects.common.prompt_files import load_prompt
from tests.square_finder import CONFIG, square
from tests.test_common.test_prompt_files import SCHEMA


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('misc/make_prompt.py')


@pytest.fixture
def annotations(tmp_path):
    pictures = tmp_path / 'pictures'
    pictures.mkdir()
    for name in ('a.png', 'b.png'):
        cv2.imwrite(str(pictures / name), square('red', 10, 20))
    box = {'bbox': [10, 20, 10, 10], 'category_id': 1}
    content = {
        'images': [
            {'id': i, 'file_name': name, 'width': 60, 'height': 40}
            for i, name in enumerate(('a.png', 'b.png'))
        ],
        'categories': [
            {'id': 1, 'name': 'red', 'keypoints': ['left eye', 'right_eye']},
            {'id': 2, 'name': 'green', 'keypoints': ['top']},
        ],
        'annotations': [
            {**box, 'id': 1, 'image_id': 0, 'keypoints': [10, 20, 2, 0, 0, 0]},
            {
                **box,
                'id': 2,
                'image_id': 1,
                'keypoints': [10, 20, 2, 19, 29, 1],
            },
        ],
    }
    path = tmp_path / 'coco.json'
    path.write_text(json.dumps(content))
    return path


def make(tool, source, out, *options):
    assert tool.main([str(a) for a in (source, '--out', out, *options)]) == 0
    if out.suffix == '.json':
        jsonschema.validate(json.loads(out.read_text()), SCHEMA)
        return load_prompt(out)
    return None


def test_names_of_annotations(tool, annotations, tmp_path, capsys):
    out = tmp_path / 'prompt.json'
    prompt = make(tool, annotations, out)
    assert capsys.readouterr().out == f'{out}: 2 categories, 0 examples\n'
    assert prompt.names == ('red', 'green')
    assert prompt.categories[0].keypoints == ('left eye', 'right eye')
    assert prompt.categories[0].swap_pairs == ((0, 1),)
    assert make(tool, annotations, out, '--categories', 'green').names == (
        'green',
    )


def test_examples_of_annotations(tool, annotations, tmp_path):
    out = tmp_path / 'prompt.json'
    images = ('--images', tmp_path / 'pictures')
    prompt = make(
        tool, annotations, out, '--categories', 'red', '--shots', 1, *images
    )
    [[example]] = prompt.examples
    assert prompt.modalities == ('visual',)
    assert example.visible.tolist() == [2, 1]
    x, y = example.keypoints[0].astype(int)
    assert example.picture[y, x].tolist() == [0, 0, 255]
    assert example.picture[y - 1, x].tolist() == [0, 0, 0]
    shown = make(
        tool,
        annotations,
        out,
        *('--support', tmp_path / 'pictures/a.png'),
        *('--modality', 'combined'),
    )
    assert shown.modalities == ('combined',)
    assert shown.examples[0][0].visible.tolist() == [2, 0]


def test_encoded_for_a_model(tool, annotations, tmp_path):
    config = tmp_path / 'finder.py'
    config.write_text(CONFIG)
    prompt = tmp_path / 'prompt.json'
    make(tool, annotations, prompt)
    out = tmp_path / 'prompt.safetensors'
    options = ('--encode', '--model', config, '--device', 'cpu')
    make(tool, prompt, out, *options)
    assert json.loads(out.read_text()) == ['red', 'green']


def test_wrong_arguments(tool, annotations, tmp_path, capsys):
    def refused(*arguments):
        with pytest.raises(SystemExit) as stopped:
            tool.main([str(a) for a in arguments])
        assert stopped.value.code == 2
        return capsys.readouterr().err

    out = ('--out', tmp_path / 'p.json')
    assert 'does not exist' in refused(tmp_path / 'no.json', *out)
    assert 'has 0 objects of category' in refused(
        annotations, *out, '--shots', 1, '--images', tmp_path / 'pictures'
    )
    assert 'give --encode together with' in refused(
        annotations, *out, '--encode'
    )
    encode = ('--encode', '--model', 'x')
    assert 'let it end in .safetensors' in refused(annotations, *out, *encode)
    assert 'did you mean' in refused(annotations, *out, '--categories', 'rad')
    wrong = tmp_path / 'missing'
    assert 'does not exist' in refused(
        annotations,
        *out,
        '--shots',
        1,
        '--categories',
        'red',
        '--images',
        wrong,
    )
    assert not (tmp_path / 'p.json').exists()
    prompt = tmp_path / 'q.json'
    make(tool, annotations, prompt)
    capsys.readouterr()
    assert 'is a prompt file already; leave --shots out' in refused(
        prompt, *out, '--shots', 1
    )
