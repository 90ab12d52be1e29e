# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json

import cv2
import numpy as np
import official_instances as instances
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from projects.common.structures import KeypointCategory, KeypointPrompt
from projects.xpose.official import convert_file
from tests.support_shots import TINY_CONV_TOWER


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


@pytest.fixture
def example(converted, picture, tmp_path):
    """Arguments: a random model that takes examples, and two of a mouse."""
    cfg = Config.fromstring(
        torch.load(converted, weights_only=True)['meta']['cfg'], '.py'
    )
    text = cfg.model.prompt_encoder
    tower = {**TINY_CONV_TOWER, 'embed_dims': text.embed_dims}
    cfg.model.prompt_encoder = {
        'type': 'mmpose.MultiModalPromptEncoder',
        'text': text,
        'visual': {'type': 'VisualPromptEncoder', 'tower': tower},
        'fusion': {'type': 'PromptFusion', 'mode': 'mean'},
    }
    config = tmp_path / 'config.py'
    cfg.dump(config)
    mouse = {'category_id': 3, 'image_id': 1, 'bbox': [20, 10, 40, 40]}
    points = [[30, 20, 2, 0, 0, 0, 0, 0, 0], [30, 20, 2, 0, 0, 0, 50, 40, 1]]
    names = ['nose', 'ear', 'tail']
    content = {
        'images': [
            {'id': 1, 'file_name': picture.name, 'width': 100, 'height': 60}
        ],
        'categories': [{'id': 3, 'name': 'mouse', 'keypoints': names}],
        'annotations': [
            {**mouse, 'id': i, 'keypoints': xyv}
            for i, xyv in enumerate(points)
        ],
    }
    (tmp_path / 'keypoints.json').write_text(json.dumps(content))
    clip = converted.with_name('ours_clip.safetensors')
    return [
        *('--config', str(config), '--text-weights', str(clip)),
        *('--support', str(picture)),
        *('--support-keypoints', str(tmp_path / 'keypoints.json')),
    ]


def test_words_and_examples_in_one_pass(
    demo, example, picture, tmp_path, capsys, monkeypatch
):
    load = demo.load_config
    monkeypatch.setattr(demo, 'load_config', lambda args: small(load(args)))

    def run(*arguments):
        torch.manual_seed(0)
        out = tmp_path / 'drawn.png'
        options = [*example, '--score-thr', '0', *arguments]
        sample = demo.main([str(picture), str(out), *options])
        return sample, cv2.imread(str(out))

    sample, discs = run('--category', 'hand', '--kpt-thr', '0')
    prompt, found = sample.prompts, sample.pred_instances
    assert prompt.names == ('hand', 'mouse')
    assert prompt.modalities == ('text', 'visual')
    assert [len(shots) for shots in prompt.supports] == [0, 2]
    # One of the shots shows the tail, none an ear.
    mice = found.keypoint_mask[found.labels == 1]
    assert len(mice) > 0
    assert mice[:, :4].unique(dim=0).tolist() == [[True, False, True, False]]
    error = capsys.readouterr().err
    assert "warning: no example of 'mouse' shows ear; not looked for" in error
    assert 'come from how much they resemble their prompts' in error
    # Nothing is sure enough: small crosses and no skeleton.
    same, crosses = run('--category', 'hand', '--kpt-thr', '1.1')
    assert torch.equal(same.pred_instances.bboxes, found.bboxes)
    assert (discs != crosses).any(axis=-1).sum() > 100
    capsys.readouterr()
    both, _ = run('--modality', 'combined')
    assert both.prompts.modalities == ('combined',)
    assert both.pred_instances.keypoint_mask.all()
    assert 'no example' not in capsys.readouterr().err


@pytest.mark.parametrize(
    ('source', 'warned'),
    [('head', ''), ('instance', 'the object, whose score they repeat')],
)
def test_the_report_says_where_scores_come_from(demo, capsys, source, warned):
    sample = PoseDataSample()
    sample.prompts = KeypointPrompt.from_categories(
        [KeypointCategory('cat', ('nose',))]
    )
    sample.pred_instances = InstanceData(
        scores=torch.tensor([0.75, 0.25]), labels=torch.tensor([0, 0])
    )
    sample.pred_instances.set_metainfo(
        {'unshown_keypoints': {}, 'keypoint_score_source': source}
    )
    arguments = ['in.png', 'out.png', '--category', 'cat', '--config', 'x.py']
    demo.report(sample, demo.parse_args(arguments))
    told = capsys.readouterr()
    assert told.out == '1 of 2 objects drawn in out.png\n  0.750 cat\n'
    assert warned in told.err and bool(warned) == bool(told.err)


def test_released_weights_take_no_examples(
    demo, example, converted, picture, capsys
):
    with pytest.raises(SystemExit) as stopped:
        demo.main(
            [str(picture), 'out.png', *example[4:]]
            + ['--checkpoint', str(converted)]
        )
    assert stopped.value.code == 2
    assert (
        'error: This model cannot be asked by example: its prompt encoder is '
        'a TextPromptEncoder' in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--category', 'hrse', '--config', 'x.py'], "did you mean 'horse'"),
        (['--category', 'horse', '--checkpoint', 'x.pth'], 'does not exist'),
        (['--category', 'horse'], 'give --config, --checkpoint or both'),
        (['--config', 'x.py'], 'give --category, --support or both'),
        (
            ['--support', 'a.png', '--config', 'x.py'],
            'give --support and --support-keypoints together',
        ),
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


@pytest.mark.parametrize('nested', [False, True])
@pytest.mark.parametrize(
    ('kind', 'setting'),
    [
        ('OpenCLIPTextTower', 'pretrained'),
        ('mmpose.SentenceTextTower', 'path'),
    ],
)
def test_text_weights_suit_the_tower(demo, tmp_path, kind, setting, nested):
    config = tmp_path / 'config.py'
    encoder = {'tower': {'type': kind, setting: 'old', 'batch_size': 2}}
    if nested:
        encoder = {'text': encoder, 'visual': {'tower': {'type': 'x'}}}
    Config({'model': {'prompt_encoder': encoder}}).dump(config)
    arguments = ['--config', str(config), '--text-weights', 'new']
    cfg = demo.load_config(
        demo.parse_args(['in.png', 'out.png', '--category', 'x', *arguments])
    )
    tower = {'type': kind, setting: 'new', 'batch_size': 2}
    text = cfg.model.prompt_encoder['text'] if nested else None
    assert (text or cfg.model.prompt_encoder).tower == tower
