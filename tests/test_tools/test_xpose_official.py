# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json
import os
import pickle

import official_instances as instances
import pytest
import torch
from mmengine.config import Config
from mmpose.registry import MODELS

from projects.common.structures import KeypointPrompt
from projects.common.utils.checkpoints import check_compatible, file_sha256
from projects.xpose.prompts import predefined_category


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('model_converters/xpose_official.py')


@pytest.fixture(scope='module')
def clip():
    """CLIP with random weights, as small as 512 features allow."""
    return instances.openai_layout(instances.small_clip())


@pytest.fixture(scope='module')
def released(tmp_path_factory, clip):
    """A file of the released layout, of a tiny model, CLIP included."""
    path = tmp_path_factory.mktemp('released') / 'tiny.pth'
    cases = [
        instances.make_case(
            [(75, 103), (96, 64), (61, 110)], [(1, 1), (60, 68), (3, 17)]
        )
    ]
    content = instances.write_instance(path, cases)
    state = {**content['model']}
    state.update((f'clip_model.{k}', v) for k, v in clip.items())
    content['model'] = {f'module.{k}': v for k, v in state.items()}
    torch.save(content, path)
    return path


@pytest.fixture(scope='module')
def converted(tool, released, tmp_path_factory):
    path = tmp_path_factory.mktemp('converted') / 'sub' / 'ours.pth'
    assert tool.main(['convert', str(released), str(path)]) == 0
    return path


def test_convert_accounts_for_everything(
    tool, released, tmp_path, capsys, clip
):
    target = tmp_path / 'ours.pth'
    assert tool.main(['convert', str(released), str(target)]) == 0
    text = capsys.readouterr().out
    assert 'ignored  6' in text
    assert 'label_enc.weight: labels of denoising queries' in text
    assert 'top-level entry "config": gave the sizes' in text
    assert 'top-level entry "cases": holds no weights' in text
    assert 'missing  0' in text
    assert f'{len(clip)} tensors of CLIP' in text
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        'ours.pth',
        'ours_clip.safetensors',
    ]


def test_the_new_file_is_safe_and_says_where_it_is_from(converted, released):
    content = torch.load(converted, weights_only=True)
    assert set(content) == {'state_dict', 'meta', 'official_unused'}
    meta = content['meta']
    assert meta['source'] == 'tiny.pth'
    assert meta['source_sha256'] == file_sha256(released)
    assert 'non-commercial research' in meta['licence']
    assert meta['clip_sha256'] == file_sha256(
        converted.parent / meta['clip_file']
    )
    assert set(content['official_unused']) == {
        'label_enc.weight',
        'pos_proj.weight',
        'pos_proj.bias',
        'padding.weight',
    }


def test_known_names_need_no_text_model(converted):
    meta = torch.load(converted, weights_only=True)['meta']
    model = MODELS.build(Config.fromstring(meta['cfg'], '.py').model)
    check_compatible(model, str(converted))
    horse = KeypointPrompt.from_categories([predefined_category('horse')])
    encoded = model.prompt_encoder([horse])
    # With its own file the tower gives the same features.
    tower = model.prompt_encoder.tower
    tower.pretrained = str(converted.parent / meta['clip_file'])
    (feature,) = tower.encode_text(['a photo of horse'])
    assert torch.allclose(encoded.object_embeddings[0, 0], feature, atol=1e-6)
    assert tower.identity in str(model.prompt_encoder.vocabulary.tower)


def test_export_is_the_inverse_of_convert(tool, released, converted, tmp_path):
    target = tmp_path / 'back.pth'
    clip_file = str(converted.parent / 'ours_clip.safetensors')
    arguments = ['export', str(converted), str(target), '--clip', clip_file]
    assert tool.main(arguments) == 0
    back = torch.load(target, weights_only=True)['model']
    first = torch.load(released, weights_only=True)['model']
    assert sorted(back) == sorted(k.removeprefix('module.') for k in first)
    for name, tensor in first.items():
        assert torch.equal(back[name.removeprefix('module.')], tensor), name


def test_export_refuses_another_architecture(tool, tmp_path, capsys):
    cfg = Config.fromfile(
        'configs/promptable_2d_keypoint/xpose/xpose_tiny_2xb8_synthkpt.py'
    )
    cfg.model.backbone.weights_package = None
    model = MODELS.build(cfg.model)
    torch.save(
        {'state_dict': model.state_dict(), 'meta': {'cfg': cfg.pretty_text}},
        tmp_path / 'tiny.pth',
    )
    with pytest.raises(SystemExit) as stopped:
        tool.main(['export', str(tmp_path / 'tiny.pth'), str(tmp_path / 'x')])
    assert stopped.value.code == 2
    assert 'nothing like our' in capsys.readouterr().err
    assert not (tmp_path / 'x').exists()


@pytest.mark.parametrize('passes', [True, False])
def test_check(tool, released, tmp_path, capsys, passes):
    path, out = tmp_path / 'f.pt', tmp_path / 'out' / 'check.json'
    content = torch.load(released, weights_only=True)
    if not passes:
        content['model']['module.projection.layers.2.bias'][0] += 1
    torch.save(content, path)
    code = tool.main(['check', str(path), '--json', str(out)])
    assert code == (0 if passes else 1)
    written = json.loads(out.read_text())
    assert written['passed'] is passes
    assert written['sha256'] == file_sha256(path)
    table = capsys.readouterr().out
    for stage in ('backbone', 'enhanced prompts', 'keypoint queries'):
        assert f'\n  {stage} ' in table
    assert table.strip().endswith('passed' if passes else 'FAILED')
    if passes:
        stages = written['cases'][0]['stages']
        assert max(s['absolute'] for s in stages.values()) < 1e-5


class Malicious:
    def __reduce__(self):
        return os.mkdir, ('witness',)


def spoil(content, how):
    state = content['model']
    if how == 'missing':
        del state['module.transformer.tgt_embed.weight']
    elif how == 'extra':
        state['module.transformer.surprise'] = torch.ones(2)
    elif how == 'shape':
        state['module.projection.layers.0.weight'] = torch.ones(2, 2)
    elif how == 'clip':
        del state['module.clip_model.ln_final.weight']
    elif how == 'clip width':
        name = 'module.clip_model.text_projection'
        state[name] = state[name][:, :100].clone()
    else:
        content['extra'] = Malicious()


@pytest.mark.parametrize(
    ('how', 'message'),
    [
        ('missing', r'transformer.tgt_embed.weight: missing, shape (30, 64)'),
        ('extra', 'transformer.surprise: not known, shape (2,)'),
        (
            'shape',
            'projection.layers.0.weight: has shape (2, 2), this architecture '
            '(64, 512)',
        ),
        ('clip', "missing are ['ln_final.weight']"),
        ('clip width', 'gives 100 features, the prompt encoder takes 512'),
        ('malicious', 'posix.mkdir'),
    ],
)
def test_convert_refuses(
    tool, released, tmp_path, monkeypatch, capsys, how, message
):
    monkeypatch.chdir(tmp_path)
    content = torch.load(released, weights_only=True)
    spoil(content, how)
    torch.save(content, 'spoiled.pth')
    with pytest.raises(SystemExit) as stopped:
        tool.main(['convert', 'spoiled.pth', 'ours.pth'])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
    assert os.listdir(tmp_path) == ['spoiled.pth']


def test_pickles_are_converted_when_allowed(tool, released, tmp_path, capsys):
    path = tmp_path / 'pickled.pth'
    content = torch.load(released, weights_only=True)
    content['extra'] = pickle.PickleError('harmless')
    torch.save(content, path)
    arguments = ['convert', str(path), str(tmp_path / 'ours.pth')]
    with pytest.raises(SystemExit):
        tool.main(arguments)
    assert '--allow-pickle' in capsys.readouterr().err
    assert tool.main([*arguments, '--allow-pickle']) == 0
    assert 'top-level entry "extra"' in capsys.readouterr().out


def test_convert_with_a_config_of_other_sizes(
    tool, released, tmp_path, capsys
):
    with pytest.raises(SystemExit):
        tool.main(
            [
                'convert',
                str(released),
                str(tmp_path / 'ours.pth'),
                '--config',
                'configs/promptable_2d_keypoint/xpose/xpose_swin-t_official.py',
            ]
        )
    error = capsys.readouterr().err
    assert 'entries are unexplained' in error
    assert '--config' in error
