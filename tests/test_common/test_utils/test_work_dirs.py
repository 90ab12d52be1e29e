# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Names of work dirs."""

import pytest

from projects.common.utils.work_dirs import MAX_SUFFIX, default_work_dir

LR = 'optim_wrapper.optimizer.lr'


@pytest.mark.parametrize(
    ('options', 'suffix'),
    [
        ({}, ''),
        ({LR: 0.001}, '_lr-0.001'),
        ({'train_cfg.max_epochs': 1, LR: 1e-05}, '_lr-1e-05_max_epochs-1'),
        ({'a.split': 2, 'b.split': 2, 'a.shots': 5}, '_shots-5_split-2'),
        ({'a.sources': ['coco', '300w']}, '_sources-coco-300w'),
        (
            {'a.ann_file': '/data/mp100/split1 train.json'},
            '_ann_file-split1-train',
        ),
        ({'model.name': '../../x y'}, '_name-x-y'),
        ({'model.name': '', 'model.flag': False}, '_flag-False_name-empty'),
        ({'train_dataloader.num_workers': 2, 'load_from': 'w.pth'}, ''),
        ({'a.data_root': '/d', 'custom_hooks.0.interval': 3}, ''),
    ],
)
def test_what_was_overridden_is_in_the_name(options, suffix):
    name = default_work_dir('configs/x/toy.py', options)
    assert name == f'work_dirs/toy{suffix}'


def test_the_order_of_options_is_of_no_consequence():
    options = {LR: 0.1, 'model.scale': 2}
    turned = dict(reversed(options.items()))
    assert default_work_dir('a.py', options) == default_work_dir(
        'a.py', turned
    )


def test_long_names_are_cut_and_stay_different():
    names = {
        default_work_dir('toy.py', {f'model.{"x" * 90}': value})
        for value in (1, 2)
    }
    assert len(names) == 2
    assert {len(name) for name in names} == {
        len('work_dirs/toy_') + MAX_SUFFIX
    }
