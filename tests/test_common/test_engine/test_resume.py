# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Which checkpoints a run may continue."""

import pytest
from mmengine.config import Config

from projects.common.engine.resume import count_processes, find_differences


def config(**model):
    return {
        'model': {'type': 'a.b.XPose', 'layers': [1, 2], **model},
        'train_dataloader': {
            'batch_size': 2,
            'num_workers': 4,
            'dataset': {'ann_file': 'split1.json'},
        },
        'val_dataloader': {'dataset': {'ann_file': 'val.json'}},
        'optim_wrapper': {'type': 'OptimWrapper', 'lr': 0.1},
        'param_scheduler': None,
        'work_dir': 'x',
    }


def test_the_same_experiment_carried_out_in_another_way():
    other = config(type='elsewhere.XPose')
    other['train_dataloader'].update(batch_size=4, num_workers=0)
    other['optim_wrapper'].update(type='AmpOptimWrapper', dtype='bfloat16')
    other.update(work_dir='y', val_dataloader=None, log_level='INFO')
    assert find_differences(config(), other) == []


@pytest.mark.parametrize(
    ('path', 'value', 'difference'),
    [
        ('model.layers', [1, 3], ('model.layers.1', '2', '3')),
        ('model.type', 'a.b.PPM', ('model.type', 'XPose', 'PPM')),
        ('model.new', 1, ('model.new', 'absent', '1')),
        (
            'train_dataloader.dataset.ann_file',
            'split2.json',
            (
                'train_dataloader.dataset.ann_file',
                "'split1.json'",
                "'split2.json'",
            ),
        ),
        (
            'val_dataloader.dataset.ann_file',
            'v.json',
            ('val_dataloader.dataset.ann_file', "'val.json'", "'v.json'"),
        ),
        ('optim_wrapper.lr', 0.2, ('optim_wrapper.lr', '0.1', '0.2')),
    ],
)
def test_another_experiment(path, value, difference):
    other = Config(config())
    other.merge_from_dict({path: value})
    found = find_differences(config(), other.to_dict())
    assert found == [difference]


def test_the_length_counts_where_there_is_a_schedule():
    old, new = config(), config()
    old['train_cfg'], new['train_cfg'] = {'max_epochs': 4}, {'max_epochs': 5}
    assert find_differences(old, new) == []
    for c in (old, new):
        c['param_scheduler'] = [{'type': 'LinearLR'}]
    difference = ('train_cfg.max_epochs', '4', '5')
    assert find_differences(old, new) == [difference]


def test_processes_are_counted_as_the_launcher_says(monkeypatch):
    monkeypatch.setenv('WORLD_SIZE', '2')
    monkeypatch.setenv('SLURM_NTASKS', '3')
    monkeypatch.setenv('OMPI_COMM_WORLD_SIZE', '4')
    launchers = ('none', 'pytorch', 'slurm', 'mpi')
    assert [count_processes(name) for name in launchers] == [1, 2, 3, 4]
