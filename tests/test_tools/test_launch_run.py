# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""tools/train.py and tools/test.py, run with a toy model."""

import datetime
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from projects.benchmarks.results import load_entries
from projects.common.engine import launch
from tests.conftest import REPO_ROOT
from tests.processes import run_script

PROTOCOL = 'PromptKeypointMetric(); test_cfg(score_thr=0.1); 5 pictures'


@pytest.fixture(autouse=True)
def cpu(monkeypatch):
    """The toy model and its process groups are for the CPU."""
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '-1')
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)


def weight(path):
    return torch.load(path, weights_only=False)['state_dict']['shift'].item()


def expected_shift(steps):
    # loss = (0.1 w)^2, learning rate 0.1: w <- w (1 - 0.1 * 2 * 0.01)
    return (1 - 0.002) ** steps


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def save(path, shift):
    torch.save({'state_dict': {'shift': torch.tensor(shift)}}, path)
    return str(path)


def test_train_then_resume(load_tool, toy, tmp_path):
    main = load_tool('train.py').main
    work = tmp_path / 'work'
    main([str(toy), '--cfg-options', 'train_cfg.max_epochs=1'])
    assert weight(work / 'epoch_1.pth') == pytest.approx(expected_shift(5))
    main([str(toy), '--resume', '--amp'])
    # bfloat16 rounds the gradient, hence the tolerance.
    assert weight(work / 'epoch_2.pth') == pytest.approx(
        expected_shift(10), abs=2e-4
    )
    assert not (work / 'epoch_3.pth').exists()


def test_amp_runs_in_bfloat16():
    from projects.common.engine import CpuAmpOptimWrapper

    layer = torch.nn.Linear(2, 2)
    wrapper = CpuAmpOptimWrapper(torch.optim.SGD(layer.parameters(), lr=1.0))
    with wrapper.optim_context(layer):
        out = layer(torch.ones(1, 2))
    assert out.dtype == torch.bfloat16
    before = layer.bias.detach().clone()
    wrapper.update_params(out.float().sum())
    assert torch.equal(layer.bias.detach(), before - 1)
    assert layer(torch.ones(1, 2)).dtype == torch.float32


def test_evaluate_and_record(load_tool, toy, tmp_path):
    test = load_tool('test.py')
    weights = save(tmp_path / 'weights.pth', [1.0])
    out, record = tmp_path / 'out' / 'm.json', tmp_path / 'results' / 'r.json'
    argv = [str(toy), weights, '--out', str(out), '--record', str(record)]
    metrics = test.main([*argv, '--claim', 'The toy model'])
    # 10 px off: less than 0.2 of the boxes of 60 px and more, four of five.
    assert metrics['PCK@0.2'] == pytest.approx(0.8)
    assert metrics['bbox/AP'] == pytest.approx(1.0)
    assert json.loads(out.read_text()) == {
        **metrics,
        'protocol': PROTOCOL,
        'checkpoint': weights,
        'checkpoint_sha256': sha256(weights),
    }
    entries = {e.metric: e for e in load_entries(record)}
    entry = entries['PCK@0.2']
    assert (entry.claim, entry.value) == ('The toy model', 0.8)
    assert entry.external is True
    for name in ('checkpoint', 'data'):
        digest = sha256(getattr(entry, name))
        assert getattr(entry, f'{name}_sha256') == digest
    assert entry.data == str(tmp_path / 'val.json')
    assert entry.protocol == PROTOCOL


@pytest.mark.parametrize(
    'option', [['--out', 'm.json'], ['--record', 'r.json', '--claim', 'c']]
)
def test_an_address_has_no_hash_to_store(load_tool, toy, option, capsys):
    address = 'https://example.com/w.pth'
    with pytest.raises(SystemExit) as stop:
        load_tool('test.py').main([str(toy), address, *option])
    assert stop.value.code == 2
    assert f'"{address}" must be a file: download' in capsys.readouterr().err


def test_checkpoint_of_another_size(load_tool, toy, tmp_path, capsys):
    path = save(tmp_path / 'wide.pth', [1.0, 2.0])
    for tool, argv in (
        ('test.py', [str(toy), path]),
        ('train.py', [str(toy), '--cfg-options', f'load_from={path}']),
    ):
        with pytest.raises(SystemExit) as stop:
            load_tool(tool).main(argv)
        assert stop.value.code == 2
        error = capsys.readouterr().err
        assert f'error: The checkpoint "{path}" does not fit' in error
        assert 'shift: torch.Size([2]) in the checkpoint, torch.Size' in error
    metrics = load_tool('test.py').main(
        [str(toy), path, '--allow-partial-load']
    )
    assert metrics['num_images'] == 5


def test_checkpoints_that_could_run_code(load_tool, toy, tmp_path, capsys):
    path = str(tmp_path / 'foreign.pth')
    weights = {'shift': torch.tensor([1.0])}
    torch.save({'state_dict': weights, 'path': tmp_path}, path)
    load = ['--cfg-options', f'load_from={path}', 'train_cfg.max_epochs=1']
    for tool, argv in (
        ('test.py', [str(toy), path]),
        ('test.py', [str(toy), path, '--allow-partial-load']),
        ('train.py', [str(toy), *load]),
    ):
        with pytest.raises(SystemExit) as stop:
            load_tool(tool).main(argv)
        assert stop.value.code == 2
        error = capsys.readouterr().err
        assert f'error: The checkpoint "{path}" was not read' in error
        load_tool(tool).main([*argv, '--trust-checkpoint'])
    assert weight(tmp_path / 'work' / 'epoch_1.pth') == pytest.approx(
        expected_shift(5)
    )


DATA = """
for name in ('train', 'val', 'test'):
    globals()[name + '_dataloader'] = dict(loader, dataset=dict(
        type='PromptCocoDataset', ann_file='annotations/train.json',
        data_root={root!r}, pipeline=[]))
del name
"""


def test_missing_data_is_a_sentence(load_tool, toy, tmp_path, capsys):
    path = save(tmp_path / 'weights.pth', [1.0])
    root = tmp_path / 'no_such_data'
    with toy.open('a') as file:
        file.write(DATA.format(root=str(root)))
    for tool, argv in (
        ('test.py', [str(toy), path]),
        ('train.py', [str(toy)]),
        ('train.py', [str(toy), '--no-validate']),
    ):
        with pytest.raises(SystemExit) as stop:
            load_tool(tool).main(argv)
        assert stop.value.code == 2
        error = capsys.readouterr().err.splitlines()
        (sentence,) = (s for s in error if s.startswith('error: '))
        assert f'{root}/annotations/train.json does not exist' in sentence
        assert 'check data_root and ann_file' in sentence
        # A traceback of it would end so; logging prints others of its own.
        assert not any(line.startswith('FileNotFoundError') for line in error)
    (root / 'annotations').mkdir(parents=True)
    (root / 'annotations/train.json').write_text('{')
    with pytest.raises(SystemExit) as stop:
        load_tool('train.py').main([str(toy)])
    assert stop.value.code == 2
    assert 'train.json is not a json file' in capsys.readouterr().err


@pytest.mark.slow
def test_two_processes_on_gloo(load_tool, toy, tmp_path, monkeypatch):
    monkeypatch.setenv('PYTHONPATH', str(Path(__file__).parent))
    weights, out = save(tmp_path / 'weights.pth', [1.0]), tmp_path / 'two.json'
    argv = (toy, weights, 2, '--out', out)
    run_script('dist_test.sh', *argv, cwd=tmp_path)
    # Five pictures, so one of the processes gets a picture twice.
    alone = load_tool('test.py').main([str(toy), weights])
    assert json.loads(out.read_text()) == {
        **{name: pytest.approx(value) for name, value in alone.items()},
        'protocol': PROTOCOL,
        'checkpoint': weights,
        'checkpoint_sha256': sha256(weights),
    }
    assert alone['num_images'] == 5
    run_script('dist_train.sh', toy, 2, cwd=tmp_path)
    # Three steps per epoch and process, with the mean of the gradients.
    final = weight(tmp_path / 'work' / 'epoch_2.pth')
    assert final == pytest.approx(expected_shift(6))


@pytest.mark.parametrize('launcher', ['slurm', 'mpi'])
def test_cluster_variables(launcher, tmp_path, monkeypatch):
    scontrol = tmp_path / 'scontrol'
    scontrol.write_text('#!/usr/bin/env bash\necho node7; echo node8\n')
    scontrol.chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path}:{os.environ["PATH"]}')
    names = ('MASTER_ADDR', 'MASTER_PORT', 'RANK', 'WORLD_SIZE')
    for name in (*names, 'GLOO_SOCKET_IFNAME'):
        monkeypatch.setenv(name, 'x')  # so that it is restored afterwards
        monkeypatch.delenv(name)
    for name, value in (
        ('SLURM_NODELIST', 'node[7-8]'),
        ('SLURM_PROCID', '3'),
        ('SLURM_NTASKS', '4'),
        ('SLURM_LOCALID', '1'),
        ('OMPI_COMM_WORLD_RANK', '3'),
        ('OMPI_COMM_WORLD_SIZE', '4'),
        ('OMPI_COMM_WORLD_LOCAL_RANK', '1'),
        ('LOCAL_RANK', '0'),
    ):
        monkeypatch.setenv(name, value)
    calls = []
    monkeypatch.setattr(
        launch.distributed,
        'init_process_group',
        lambda *args, **kwargs: calls.append((args, kwargs)),
    )
    cfg = Config(
        {
            'launcher': launcher,
            'env_cfg': {'dist_cfg': {'timeout': 60}},
            'find_unused_parameters': True,
        }
    )
    launch.start_distributed_cpu(cfg)
    assert calls == [(('gloo',), {'timeout': datetime.timedelta(0, 60)})]
    names = ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_PORT')
    assert [os.environ[n] for n in names] == ['3', '4', '1', '29500']
    host = {'slurm': 'node7', 'mpi': '127.0.0.1'}[launcher]
    assert os.environ['MASTER_ADDR'] == host
    # Processes of one machine need no address of its own.
    loopback = 'lo' if (launcher, sys.platform) == ('mpi', 'linux') else None
    assert os.environ.get('GLOO_SOCKET_IFNAME') == loopback
    assert cfg.model_wrapper_cfg == {
        'type': 'MMDistributedDataParallel',
        'broadcast_buffers': False,
        'find_unused_parameters': True,
        'device_ids': None,
    }


def test_the_group_is_left(tmp_path):
    store = f'file://{tmp_path / "store"}'
    launch.distributed.init_process_group(
        'gloo', init_method=store, rank=0, world_size=1
    )
    launch.end_distributed()
    assert not launch.distributed.is_initialized()
    launch.end_distributed()  # of one process there is nothing to leave


def test_one_process_or_a_gpu_is_left_alone(monkeypatch):
    cfg = Config({'launcher': 'none'})
    launch.start_distributed_cpu(cfg)
    assert 'model_wrapper_cfg' not in cfg
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    cfg = Config({'launcher': 'pytorch'})
    launch.start_distributed_cpu(cfg)
    assert 'model_wrapper_cfg' not in cfg


@pytest.mark.parametrize(
    'script',
    ['dist_train.sh', 'dist_test.sh', 'slurm_train.sh', 'slurm_test.sh'],
)
def test_usage(script):
    result = subprocess.run(
        ['bash', str(REPO_ROOT / 'tools' / script), 'one'],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 2
    assert result.stderr.startswith('usage: bash ')


def test_slurm_scripts_call_srun(tmp_path):
    srun = tmp_path / 'srun'
    srun.write_text('#!/usr/bin/env bash\nprintf "%s\\n" "$@"\n')
    srun.chmod(0o755)
    env = {
        'PATH': f'{tmp_path}:{os.environ["PATH"]}',
        'GPUS': '4',
        'GPUS_PER_NODE': '2',
        'SRUN_ARGS': '--qos low',
    }
    for script, last, expected in (
        ('slurm_train.sh', 'work', ['c.py', '--work-dir', 'work']),
        ('slurm_test.sh', 'w.pth', ['c.py', 'w.pth']),
    ):
        output = subprocess.run(
            ['bash', REPO_ROOT / 'tools' / script, 'gpu', 'job', 'c.py', last]
            + ['--amp'],
            env=env,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split('\n')
        start = output.index('c.py')
        tail = [*expected, '--launcher', 'slurm', '--amp', '']
        assert output[start:] == tail
        assert output[output.index('--ntasks') + 1] == '4'
        assert output[output.index('--gres') + 1] == 'gpu:2'
        assert output[output.index('--qos') + 1] == 'low'
