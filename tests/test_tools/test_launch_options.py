# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What tools/train.py and tools/test.py make of the command line."""

import pytest
import torch
from mmengine.config import Config

from projects.common.utils.config_options import check_options


@pytest.fixture
def train(load_tool):
    return load_tool('train.py')


def prepared(tool, *argv):
    return tool.prepare_config(tool.parse_args([str(a) for a in argv]))


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        ('model.num_querys', 'unknown, "model" .* did you mean num_queries?'),
        ('model.test_cfg.score_th', 'did you mean score_thr?'),
        ('modle.num_queries', '"the config" .* did you mean model?'),
        ('train_dataloader.batchsize', 'did you mean batch_size?'),
        ('train_cfg.max_epoch', 'did you mean max_epochs?'),
        ('optim_wrapper.optimizer.weight_decy', 'did you mean weight_decay?'),
        ('model.zzz', 'known are .*num_queries'),
        ('model.type.name', '"model.type" is \'ToyModel\', not a dict'),
        ('pipes.2.size', '"pipes" is a list of 1 .* "2" must be an index'),
        ('pipes.x', '"x" must be an index from 0 to 0'),
        ('batch_size', 'is a variable of the config file'),
    ],
)
def test_unknown_options_are_refused(toy, option, message):
    cfg = Config.fromfile(toy)
    cfg.pipes = [{'size': 3}]
    with pytest.raises(ValueError, match=message) as error:
        check_options(cfg, {option: 1})
    assert str(error.value).startswith(f'--cfg-options {option}: ')


@pytest.mark.parametrize(
    'option',
    [
        'model.num_queries',
        'model.scale',  # not in the config, but an argument of ToyModel
        'model.init_cfg.type',
        'val_cfg.fp16',  # the dict is empty
        'train_dataloader.persistent_workers',
        'train_dataloader.dataset.indices',  # of mmengine's BaseDataset
        'optim_wrapper.clip_grad.max_norm',
        'optim_wrapper.accumulative_counts',
        'optim_wrapper.optimizer.weight_decay',
        'pipes.0.size',
        'load_from',
        'randomness.seed',
        'find_unused_parameters',
        'extra.anything',
    ],
)
def test_known_options_pass(toy, option):
    cfg = Config.fromfile(toy)
    cfg.pipes, cfg.extra = [{'size': 3}], None
    check_options(cfg, {option: 1})


def test_options_are_merged(train, toy):
    cfg = prepared(
        train, toy, '--cfg-options', 'model.num_queries=7', 'model.scale=2.5'
    )
    assert (cfg.model.num_queries, cfg.model.scale) == (7, 2.5)
    argv = [toy, '--cfg-options', 'model.foo=1']
    with pytest.raises(ValueError, match='--allow-new-options'):
        prepared(train, *argv)
    assert prepared(train, *argv, '--allow-new-options').model.foo == 1


def test_work_dir(train, toy, tmp_path):
    assert prepared(train, toy).work_dir == str(tmp_path / 'work')
    assert prepared(train, toy, '--work-dir', 'x').work_dir == 'x'
    text = toy.read_text().replace('work_dir = ', 'elsewhere = ')
    toy.write_text(text)
    assert prepared(train, toy).work_dir == 'work_dirs/toy'


def test_missing_files_are_sentences(train, load_tool, toy, capsys):
    with pytest.raises(SystemExit) as stop:
        train.main(['configs/no_such.py'])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith('error: The config "configs/no_such.py" does not')
    test = load_tool('test.py')
    with pytest.raises(FileNotFoundError, match='checkpoint "no.pth" does'):
        prepared(test, toy, 'no.pth')
    with pytest.raises(FileNotFoundError, match='checkpoint "no.pth" does'):
        prepared(train, toy, '--resume', 'no.pth')


def test_resume(train, toy, tmp_path, capsys):
    weights, old = tmp_path / 'start.pth', tmp_path / 'work' / 'epoch_1.pth'
    weights.touch()
    load = ('--cfg-options', f'load_from={weights}')
    cfg = prepared(train, toy, *load, '--resume')
    # There is nothing to resume yet: start from what the config names.
    assert (cfg.resume, cfg.load_from) == (False, str(weights))
    assert 'Nothing to resume' in capsys.readouterr().out
    old.parent.mkdir()
    old.touch()
    (old.parent / 'last_checkpoint').write_text(str(old))
    cfg = prepared(train, toy, *load, '--resume')
    assert (cfg.resume, cfg.load_from) == (True, str(old))
    cfg = prepared(train, toy, '--resume', weights)
    assert (cfg.resume, cfg.load_from) == (True, str(weights))
    assert prepared(train, toy).get('resume', False) is False


def test_no_validate_and_auto_scale_lr(train, toy):
    cfg = prepared(train, toy, '--no-validate')
    assert (cfg.val_cfg, cfg.val_dataloader, cfg.val_evaluator) == (None,) * 3
    with pytest.raises(ValueError, match='needs auto_scale_lr.base_batch_si'):
        prepared(train, toy, '--auto-scale-lr')
    with toy.open('a') as file:
        file.write('auto_scale_lr = dict(base_batch_size=16)\n')
    cfg = prepared(train, toy, '--auto-scale-lr')
    assert cfg.auto_scale_lr == {'base_batch_size': 16, 'enable': True}


def test_amp(train, toy, monkeypatch):
    cfg = prepared(train, toy, '--amp')
    if not torch.cuda.is_available():
        assert cfg.optim_wrapper.type == 'CpuAmpOptimWrapper'
        assert 'dtype' not in cfg.optim_wrapper
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    for bf16, dtype in ((True, 'bfloat16'), (False, 'float16')):
        monkeypatch.setattr(torch.cuda, 'is_bf16_supported', lambda b=bf16: b)
        wrapper = prepared(train, toy, '--amp').optim_wrapper
        assert wrapper.type == 'AmpOptimWrapper'
        assert (wrapper.dtype, wrapper.loss_scale) == (dtype, 'dynamic')
    option = ('--cfg-options', 'optim_wrapper.type=Mine')
    with pytest.raises(ValueError, match='optim_wrapper.type="Mine"'):
        prepared(train, toy, '--amp', *option)


def test_show_dir(train, toy):
    hook = {'type': 'DrawPredictionsHook', 'out_dir': 'drawn'}
    cfg = prepared(train, toy, '--show-dir', 'drawn')
    assert cfg.custom_hooks == [hook]
    with toy.open('a') as file:
        file.write("custom_hooks = [dict(type='Other')]\n")
    cfg = prepared(train, toy, '--show-dir', 'drawn')
    assert cfg.custom_hooks == [{'type': 'Other'}, hook]
    assert prepared(train, toy).custom_hooks == [{'type': 'Other'}]


def test_dump_and_record_options(load_tool, toy, tmp_path):
    test, weights = load_tool('test.py'), tmp_path / 'w.pth'
    weights.touch()
    cfg = prepared(test, toy, weights, '--dump', 'a.pkl')
    assert [e.type for e in cfg.test_evaluator] == [
        'PromptKeypointMetric',
        'DumpResults',
    ]
    assert cfg.load_from is None
    cfg = prepared(test, toy, weights, '--allow-partial-load')
    assert cfg.load_from == str(weights)
    with pytest.raises(ValueError, match='must end in .pkl'):
        prepared(test, toy, weights, '--dump', 'a.json')
    with pytest.raises(ValueError, match='belong together'):
        prepared(test, toy, weights, '--record', 'a.json')


def test_recorded_command(load_tool, monkeypatch):
    test = load_tool('test.py')
    monkeypatch.setattr(test, 'get_world_size', lambda: 2)
    cfg = Config()

    def command(*argv):
        return test.command_line(test.parse_args(argv), argv, cfg)

    argv = ['c.py', 'w.pth', '--out', 'a b.json', '--claim', 'x']
    options = "--out 'a b.json' --claim x"
    assert command(*argv) == f'python tools/test.py c.py w.pth {options}'
    again = f'bash tools/dist_test.sh c.py w.pth 2 {options}'
    assert command(*argv, '--launcher', 'pytorch') == again
    assert command('--launcher=pytorch', *argv) == again
