# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The command line with converted weights, which hold their config."""

import json

import cv2
import numpy as np
import official_instances as instances
import pytest
import torch

from projects.xpose.official import convert_file


@pytest.fixture(scope='module')
def demo(load_tool):
    return load_tool('../demo/anykeypoint_demo.py')


@pytest.fixture(scope='module')
def converted(tmp_path_factory):
    """A converted checkpoint of a tiny random model, with CLIP beside it."""
    folder = tmp_path_factory.mktemp('converted')
    weights = instances.official_weights(instances.build())
    weights.update(
        (f'clip_model.{name}', tensor)
        for name, tensor in instances.openai_layout(
            instances.small_clip()
        ).items()
    )
    content = dict(model=weights, config=instances.TINY)
    torch.save(content, folder / 'official.pth')
    convert_file(folder / 'official.pth', folder / 'ours.pth')
    return folder / 'ours.pth'


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / 'picture.png'
    random = np.random.default_rng(0).integers(0, 256, (60, 100, 3))
    cv2.imwrite(str(path), random.astype(np.uint8))
    return path


@pytest.fixture
def run(demo, picture, tmp_path, capsys):
    """Run the demo on a small picture: (exit code, stderr)."""
    small = 'test_dataloader.dataset.pipeline.1.scale=(64,107)'

    def run(*arguments):
        options = [picture, '--out', tmp_path / 'out', '--device', 'cpu']
        options += [*arguments, '--cfg-options', small]
        capsys.readouterr()
        try:
            code = demo.main([str(option) for option in options])
        except SystemExit as stopped:
            code = stopped.code
        return code, capsys.readouterr().err.replace('\n', ' ')

    return run


def test_released_weights_are_asked_in_words(run, converted, tmp_path):
    clip = converted.with_name('ours_clip.safetensors')
    text = 'horse; tapir like short_sleeved_shirt; teapot: lid, handle'
    code, error = run(
        *('--weights', converted, '--text-weights', clip, '--text', text),
        *('--score-thr', '0', '--nms-thr', '1', '--save-json'),
    )
    assert code == 0
    assert 'come from how much they resemble their prompts' in error
    out = tmp_path / 'out'
    record = json.loads((out / 'predictions/picture.png.json').read_text())
    counts = {c['name']: len(c['keypoints']) for c in record['categories']}
    assert counts == {'horse': 17, 'tapir': 25, 'teapot': 2}
    assert record['instances']
    for one in record['instances']:
        assert len(one['keypoints']) == counts[one['category']]
    drawn = cv2.imread(str(out / 'visualizations/picture.png'))
    plain = cv2.imread(str(tmp_path / 'picture.png'))
    size = drawn.shape[1::-1]
    plain = cv2.resize(plain, size, interpolation=cv2.INTER_CUBIC)
    assert (drawn != plain).any(-1).sum() > 100


def test_what_released_weights_refuse(run, converted, picture, tmp_path):
    weights = ('--weights', converted)
    code, error = run(*weights, '--text', 'hrse')
    assert code == 2 and "did you mean 'horse'" in error
    # A word that they do not know, and no text model to encode it.
    no_model = ('--text-weights', 'no_such_file')
    code, error = run(*weights, '--text', 'teapot: lid', *no_model)
    assert code == 2 and "'no_such_file'" in error
    assert error.startswith('error: The texts ') and 'not among the' in error
    mouse = {'id': 3, 'name': 'mouse', 'keypoints': ['nose', 'ear']}
    shown = {'id': 1, 'image_id': 1, 'category_id': 3}
    shown |= {'bbox': [20, 10, 40, 40], 'keypoints': [30, 20, 2, 0, 0, 0]}
    size = {'width': 100, 'height': 60}
    content = {
        'images': [{'id': 1, 'file_name': picture.name, **size}],
        'categories': [mouse],
        'annotations': [shown],
    }
    keypoints = tmp_path / 'keypoints.json'
    keypoints.write_text(json.dumps(content))
    example = ('--support', picture, '--support-keypoints', keypoints)
    code, error = run(*weights, *example)
    assert code == 2
    assert 'error: This model cannot be asked by example' in error


def test_a_config_alone_and_weights_alone(run, converted, tmp_path):
    config = tmp_path / 'config.py'
    meta = torch.load(converted, weights_only=True)['meta']
    config.write_text(meta['cfg'])
    code, _ = run('--model', config, '--text', 'hand')  # random weights
    assert code == 0
    assert (tmp_path / 'out/visualizations/picture.png').exists()
    torch.save({'state_dict': {}}, tmp_path / 'bare.pth')
    code, error = run('--weights', tmp_path / 'bare.pth', '--text', 'hand')
    assert code == 2
    assert 'holds no config; give the config as well, as --model' in error
    code, error = run('--weights', 'no.pth', '--text', 'hand')
    assert code == 2 and 'checkpoint "no.pth" does not exist' in error
