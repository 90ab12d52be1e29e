# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import hashlib
import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS
from torch import nn

from projects.common.models.prompt_encoders.text.vocabulary import Vocabulary
from projects.common.prompt_files import PromptDescription, save_prompt
from projects.common.structures import KeypointCategory
from projects.common.utils.learnt import Learnt
from projects.common.version import __version__

TOOL = (
    Path(__file__).parents[2] / 'tools/model_converters/publish_checkpoint.py'
)
spec = importlib.util.spec_from_file_location('publish_checkpoint', TOOL)
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)

CAT = KeypointCategory('cat', ('nose',))
DOG = KeypointCategory('dog', ('tail',))


def test_keeps_weights_and_loads_safely(tmp_path):
    source, target = tmp_path / 'epoch_3.pth', tmp_path / 'out' / 'small.pth'
    torch.save(
        {
            'state_dict': {
                'weight': torch.tensor([0.5, -2.0]),
                'texts': torch.tensor([7], dtype=torch.uint8),
            },
            'optimizer': {'state': {0: torch.zeros(1000)}},
            'message_hub': {'loss': HistoryBuffer()},
            'meta': {
                'epoch': 3,
                'iter': 30,
                'cfg': "a = 1\nload_from = '/home/a.pth'\nwork_dir = '/home'",
                'seed': 0,
            },
        },
        source,
    )
    digest = tool.publish(source, target)
    small = torch.load(target, weights_only=True)
    assert digest == hashlib.sha256(target.read_bytes()).hexdigest()
    assert set(small) == {'state_dict', 'meta'}
    assert small['meta'] == {
        'anykeypoint_version': __version__,
        'epoch': 3,
        'iter': 30,
        # Whoever gets the file has no use for paths of the machine.
        'cfg': 'a = 1\nload_from = None\n',
        'source_sha256': hashlib.sha256(source.read_bytes()).hexdigest(),
    }
    assert small['state_dict']['weight'].dtype == torch.float16
    assert small['state_dict']['weight'].tolist() == [0.5, -2.0]
    assert small['state_dict']['texts'].dtype == torch.uint8
    assert [path.name for path in target.parent.iterdir()] == ['small.pth']


def test_keeps_what_the_model_was_trained_to_find(tmp_path):
    source, target = tmp_path / 'epoch_3.pth', tmp_path / 'small.pth'
    learnt = Learnt((KeypointCategory('cat', ('nose',)),), 0.4)
    torch.save({'state_dict': {}, 'meta': learnt.to_meta()}, source)
    tool.publish(source, target)
    assert Learnt.of_file(target) == learnt
    tool.publish(source, target, score_thr=0.2)
    assert Learnt.of_file(target) == replace(learnt, score_thr=0.2)


def test_publishes_for_a_prompt(tmp_path):
    init_default_scope('mmpose')
    cfg = {'type': 'mmpose.TextPromptEncoder', 'embed_dims': 4}
    cfg['tower'] = {'type': 'mmpose.SentenceTextTower', 'path': 'no/folder'}
    encoder = MODELS.build(cfg)
    texts = encoder._texts_of([CAT, DOG])
    rows = torch.arange(4.0 * len(texts)).view(-1, 4)
    encoder._set_vocabulary(Vocabulary(tuple(texts), rows, 'tower'))
    weights = nn.ModuleDict({'prompt_encoder': encoder}).state_dict()
    weights['other'] = torch.ones(1)
    text = Config({'model': {'prompt_encoder': cfg}}).pretty_text
    source, target = tmp_path / 'epoch_3.pth', tmp_path / 'small.pth'
    meta = {'cfg': text} | Learnt((CAT, DOG), 0.4).to_meta()
    torch.save({'state_dict': weights, 'meta': meta}, source)
    save_prompt(tmp_path / 'cat.json', PromptDescription((CAT,)))
    tool.publish(source, target, prompt=tmp_path / 'cat.json')
    assert Learnt.of_file(target) == Learnt((CAT,), 0.4)
    small = torch.load(target, weights_only=True)['state_dict']
    assert small.keys() == weights.keys()
    kept = MODELS.build(cfg)
    kept.load_state_dict(
        {k[15:]: v for k, v in small.items() if k.startswith('prompt_enc')}
    )
    assert list(kept.vocabulary.texts) == kept._texts_of([CAT])
    assert kept.vocabulary_embeddings.tolist() == rows[:2].tolist()


def test_refuses_other_files(tmp_path):
    source = tmp_path / 'other.pth'
    torch.save([1], source)
    with pytest.raises(ValueError, match='has no "state_dict"'):
        tool.publish(source, tmp_path / 'small.pth')
    assert not (tmp_path / 'small.pth').exists()


@pytest.mark.parametrize('value', [70000.0, float('nan')])
def test_refuses_what_half_precision_cannot_hold(tmp_path, value):
    source = tmp_path / 'epoch_1.pth'
    weights = {'good': torch.ones(2), 'head.bad': torch.tensor([1.0, value])}
    torch.save({'state_dict': weights}, source)
    with pytest.raises(ValueError, match='"head.bad" .* largest is 65504'):
        tool.publish(source, tmp_path / 'small.pth')
    assert not (tmp_path / 'small.pth').exists()


def test_foreign_sources_must_be_trusted(tmp_path, monkeypatch, capsys):
    source, target = tmp_path / 'foreign.pth', tmp_path / 'small.pth'
    weights = {'weight': torch.ones(1)}
    torch.save({'state_dict': weights, 'path': source}, source)
    argv = ['publish_checkpoint.py', str(source), str(target)]
    monkeypatch.setattr('sys.argv', argv)
    assert tool.main() == 1
    assert 'the object pathlib.PosixPath' in capsys.readouterr().err
    monkeypatch.setattr('sys.argv', [*argv, '--trust-checkpoint'])
    assert tool.main() == 0
    assert set(torch.load(target, weights_only=True)) == {'state_dict', 'meta'}
