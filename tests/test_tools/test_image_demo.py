# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import cv2
import numpy as np
import official_instances as instances
import pytest
import torch
from mmengine.config import Config

from projects.xpose.official import convert_file


@pytest.fixture(scope='module')
def demo(load_tool):
    return load_tool('../demo/image_demo.py')


@pytest.fixture(scope='module')
def converted(tmp_path_factory):
    """A converted checkpoint of a tiny random model with CLIP."""
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


def small(cfg):
    """Shrink the test pipeline's 800 pixels."""
    for transform in cfg.test_dataloader.dataset.pipeline:
        if 'scale' in transform:
            transform.scale = (64, 107)
    return cfg


def test_from_pixels_to_drawn_keypoints(
    demo, converted, picture, tmp_path, capsys, monkeypatch
):
    load = demo.load_config
    monkeypatch.setattr(demo, 'load_config', lambda args: small(load(args)))
    out = tmp_path / 'out' / 'drawn.png'
    arguments = [str(picture), str(out), '--checkpoint', str(converted)]
    arguments += [
        '--category',
        'horse',
        '--category',
        'tapir:short_sleeved_shirt',
    ]
    text_weights = converted.with_name('ours_clip.safetensors')
    arguments += ['--text-weights', str(text_weights), '--score-thr', '0.2']
    sample = demo.main([*arguments, '--category', 'teapot=lid,handle'])
    found = sample.pred_instances
    assert sample.prompts.names == ('horse', 'tapir', 'teapot')
    assert sample.ori_shape == (60, 100)
    assert len(found) > 0
    assert found.keypoints.shape[2] == 2
    # All objects are of the categories that were asked for.
    counts = torch.tensor([17, 25, 2])[found.labels]
    assert torch.equal(found.keypoint_mask.sum(1), counts)
    drawn = cv2.imread(str(out))
    plain = cv2.resize(
        cv2.imread(str(picture)), drawn.shape[1::-1], interpolation=1
    )
    assert (drawn != plain).any()
    assert f'of {len(found)} objects drawn in {out}' in capsys.readouterr().out


def test_a_config_alone_runs_with_random_weights(
    demo, converted, picture, tmp_path, capsys, monkeypatch
):
    load = demo.load_config
    monkeypatch.setattr(demo, 'load_config', lambda args: small(load(args)))
    cfg = torch.load(converted, weights_only=True)['meta']['cfg']
    config = tmp_path / 'config.py'
    config.write_text(cfg)
    out = tmp_path / 'drawn.png'
    demo.main(
        [str(picture), str(out), '--config', str(config), '--category', 'hand']
    )
    assert out.exists()
    assert 'the weights are random' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--category', 'hrse', '--config', 'x.py'], "did you mean 'horse'"),
        (['--category', 'horse', '--checkpoint', 'x.pth'], 'does not exist'),
        (['--category', 'horse'], 'give --config, --checkpoint or both'),
    ],
)
def test_wrong_arguments_are_explained(
    demo, picture, tmp_path, capsys, arguments, message
):
    with pytest.raises(SystemExit) as stopped:
        demo.main([str(picture), str(tmp_path / 'out.png'), *arguments])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_a_checkpoint_without_config(demo, picture, tmp_path, capsys):
    torch.save({'state_dict': {}}, tmp_path / 'bare.pth')
    with pytest.raises(SystemExit):
        demo.main(
            [
                str(picture),
                'out.png',
                '--checkpoint',
                str(tmp_path / 'bare.pth'),
                '--category',
                'horse',
            ]
        )
    assert 'holds no config; give it as --config' in capsys.readouterr().err


def test_a_published_file_needs_no_config(
    demo, converted, picture, tmp_path, load_tool, monkeypatch, capsys
):
    tool = load_tool('model_converters/publish_checkpoint.py')
    tool.publish(converted, tmp_path / 'published.pth')
    load = demo.load_config
    monkeypatch.setattr(demo, 'load_config', lambda args: small(load(args)))
    out = tmp_path / 'drawn.png'
    arguments = ['--checkpoint', str(tmp_path / 'published.pth')]
    arguments += ['--category', 'horse']
    sample = demo.main([str(picture), str(out), *arguments])
    assert sample.prompts.names == ('horse',)
    assert out.exists()
    # A word that it does not know, and no text model to encode it.
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        demo.main(
            [str(picture), str(out), *arguments, '--category', 'teapot=lid']
            + ['--text-weights', 'no_such_file']
        )
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith('error: The texts ')
    assert 'are not among the' in error
    assert "'no_such_file'" in error
    # A file that is no picture.
    text = tmp_path / 'text.png'
    text.write_text('no picture')
    with pytest.raises(SystemExit) as stopped:
        demo.main([str(text), str(out), *arguments])
    assert stopped.value.code == 2
    error = capsys.readouterr().err
    assert f'error: The file "{text}" cannot be read as a picture' in error


@pytest.mark.parametrize(
    ('kind', 'setting'),
    [
        ('OpenCLIPTextTower', 'pretrained'),
        ('mmpose.SentenceTextTower', 'path'),
    ],
)
def test_text_weights_suit_the_tower(demo, tmp_path, kind, setting):
    config = tmp_path / 'config.py'
    encoder = {'tower': {'type': kind, setting: 'old', 'batch_size': 2}}
    Config({'model': {'prompt_encoder': encoder}}).dump(config)
    arguments = ['--config', str(config), '--text-weights', 'new']
    cfg = demo.load_config(
        demo.parse_args(['in.png', 'out.png', '--category', 'x', *arguments])
    )
    tower = {'type': kind, setting: 'new', 'batch_size': 2}
    assert cfg.model.prompt_encoder.tower == tower
