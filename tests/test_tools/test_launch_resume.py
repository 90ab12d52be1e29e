# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""tools/train.py --resume: continued rightly, or refused."""

import shutil
from pathlib import Path

import pytest
import torch

from projects.synthkpt.writer import generate
from tests.conftest import REPO_ROOT
from tests.processes import run_script

SCHEDULE = """
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=8),
    dict(type='CosineAnnealingLR', by_epoch=True, T_max=2, eta_min=0.01,
         convert_to_iter_based=True)]
auto_scale_lr = dict(base_batch_size=2)
"""
ONE_EPOCH = 'train_cfg.max_epochs=1'
BATCH = 'train_dataloader.batch_size='


@pytest.fixture(autouse=True)
def cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)


@pytest.fixture
def train(load_tool):
    """Run the tool, with options for the config after ``--cfg-options``."""

    def run(config, *options, flags=()):
        given = ['--cfg-options', *options] if options else []
        load_tool('train.py').main([str(config), *flags, *given])

    return run


@pytest.fixture
def scheduled(toy):
    with toy.open('a') as file:
        file.write(SCHEDULE)
    return toy


def cut(work):
    """Leave what a run of two epochs has after the first."""
    (work / 'epoch_2.pth').unlink()
    (work / 'last_checkpoint').write_text(str(work / 'epoch_1.pth'))


def refusal(train, capsys, *args, **kwargs):
    with pytest.raises(SystemExit) as stop:
        train(*args, **kwargs)
    assert stop.value.code == 2
    error = capsys.readouterr().err
    return next(
        line for line in error.splitlines() if line.startswith('error: ')
    )


def state(path):
    content = torch.load(path, weights_only=False)
    (group,) = content['optimizer']['param_groups']
    steps = [s['last_step'] for s in content['param_schedulers']]
    return {
        'lr': group['lr'],
        'initial_lr': group['initial_lr'],
        'iter': content['meta']['iter'],
        'steps': steps,
    }


def test_another_experiment_is_refused(train, toy, tmp_path, capsys):
    train(toy, ONE_EPOCH)
    checkpoint = tmp_path / 'work' / 'epoch_1.pth'
    for option, difference in (
        ('model.scale=3.0', 'model.scale is absent there and 3.0 here'),
        (
            'train_dataloader.dataset.indices=[0,1]',
            'train_dataloader.dataset.indices.0 is absent there and 0 here',
        ),
        (
            'optim_wrapper.optimizer.lr=0.2',
            'optim_wrapper.optimizer.lr is 0.1 there and 0.2 here',
        ),
    ):
        for flags in (['--resume'], ['--resume', str(checkpoint)]):
            said = refusal(train, capsys, toy, option, flags=flags)
            assert f'"{checkpoint}" is of another experiment' in said
            assert difference in said
    # As the config itself may say it.
    said = refusal(train, capsys, toy, 'resume=True', 'model.scale=3.0')
    assert 'model.scale is absent there' in said
    train(toy, flags=['--resume', '--no-validate'])
    assert (tmp_path / 'work' / 'epoch_2.pth').exists()


def test_weights_alone_are_not_resumed(train, toy, tmp_path, capsys):
    path = str(tmp_path / 'weights.pth')
    torch.save({'state_dict': {'shift': torch.ones(1)}}, path)
    said = refusal(train, capsys, toy, flags=['--resume', path])
    assert f'give --cfg-options load_from={path}' in said


def test_another_batch_size_needs_auto_scale_lr(
    train, scheduled, tmp_path, capsys
):
    work = tmp_path / 'work'
    train(scheduled, f'{BATCH}2')
    cut(work)
    said = refusal(train, capsys, scheduled, flags=['--resume'])
    assert '1 process(es) with 2 image(s) each, this run has 1 with 1' in said
    assert '--auto-scale-lr' in said
    train(scheduled, flags=['--resume', '--auto-scale-lr'])
    resumed = state(work / 'epoch_2.pth')
    shutil.rmtree(work)
    train(scheduled, flags=['--auto-scale-lr'])
    assert resumed == state(work / 'epoch_2.pth')
    # Five images one by one, twice, at half the rate of the config.
    assert resumed == {
        'lr': pytest.approx(0.011188, abs=1e-6),
        'initial_lr': pytest.approx(0.05),
        'iter': 10,
        'steps': [7, 9],
    }


def test_as_many_images_by_another_number_of_processes(
    train, scheduled, load_tool, tmp_path, monkeypatch
):
    train(scheduled, f'{BATCH}2')
    cut(tmp_path / 'work')
    tool = load_tool('train.py')
    monkeypatch.setenv('WORLD_SIZE', '2')

    def check(*argv):
        argv = [str(scheduled), '--resume', '--launcher', 'pytorch', *argv]
        cfg = tool.prepare_config(tool.parse_args(argv))
        return tool.resume.check_resumable(cfg)

    assert check() is False
    two = ('--cfg-options', f'{BATCH}2')
    with pytest.raises(ValueError, match=r'1 .* with 2 .* has 2 with 2'):
        check(*two)
    assert check(*two, '--auto-scale-lr') is True


def test_a_schedule_of_iterations_stays_with_its_batch(
    train, toy, tmp_path, capsys
):
    text = toy.read_text().replace(
        'by_epoch=True, max_epochs=2', 'by_epoch=False, max_iters=2'
    )
    hook = 'dict(checkpoint=dict(type="CheckpointHook", interval=1, '
    toy.write_text(
        f'{text}{SCHEDULE.replace("True", "False")}'
        f'default_hooks = {hook}by_epoch=False))\n'.replace(
            ',\n         convert_to_iter_based=False', ''
        )
    )
    train(toy)
    said = refusal(
        train, capsys, toy, f'{BATCH}2', flags=['--resume', '--auto-scale-lr']
    )
    assert 'The schedule counts iterations' in said


def test_checkpoints_of_before_do_not_say_how_many(
    train, toy, tmp_path, capsys
):
    train(toy, ONE_EPOCH)
    path = tmp_path / 'work' / 'epoch_1.pth'
    content = torch.load(path, weights_only=False)
    lines = content['meta']['cfg'].splitlines()
    content['meta']['cfg'] = '\n'.join(
        line for line in lines if not line.startswith('num_processes')
    )
    torch.save(content, path)
    train(toy, flags=['--resume'])
    assert 'does not say how many processes' in capsys.readouterr().out


@pytest.mark.slow
def test_two_processes_then_one(train, scheduled, tmp_path, monkeypatch):
    monkeypatch.setenv('PYTHONPATH', str(REPO_ROOT / 'tests/test_tools'))
    run_script('dist_train.sh', scheduled, 2, cwd=tmp_path)
    work = tmp_path / 'work'
    cut(work)
    assert state(work / 'epoch_1.pth')['iter'] == 3
    train(scheduled, flags=['--resume', '--auto-scale-lr'])
    assert state(work / 'epoch_2.pth') == {
        'lr': pytest.approx(0.011188, abs=1e-6),
        'initial_lr': pytest.approx(0.05),
        'iter': 10,
        'steps': [7, 9],
    }


@pytest.mark.slow
def test_a_small_model_across_splits(train, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path('configs').symlink_to(REPO_ROOT / 'configs')
    generate(tmp_path / 'data/synthkpt', 0, {'train': 60, 'val': 4})
    config = (
        'configs/promptable_2d_keypoint/xpose/xpose_tiny_synthkpt-split1.py'
    )
    flags = ['--no-validate', '--work-dir', 'work']
    options = [
        f'{BATCH}2',
        'train_cfg.max_epochs=2',
        'train_dataloader.num_workers=0',
        'train_dataloader.persistent_workers=False',
        'train_dataloader.dataset.dataset.indices=[0,1]',
    ]
    train(config, *options, flags=flags)
    work = tmp_path / 'work'
    whole = torch.load(work / 'epoch_2.pth', weights_only=False)
    cut(work)
    flags.append('--resume')
    monkeypatch.setenv('SYNTHMP_SPLIT', '2')
    said = refusal(train, capsys, config, *options, flags=flags)
    assert "is 'annotations/synthmp_split1_train.json' there" in said
    assert "and 'annotations/synthmp_split2_train.json' here" in said
    monkeypatch.delenv('SYNTHMP_SPLIT')
    train(config, *options, flags=flags)
    resumed = torch.load(work / 'epoch_2.pth', weights_only=False)
    assert resumed['meta']['iter'] == 2
    assert resumed['param_schedulers'] == whole['param_schedulers']
    for name, weight in whole['state_dict'].items():
        assert torch.equal(resumed['state_dict'][name], weight), name
