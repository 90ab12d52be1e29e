# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import asdict

import pytest

from projects.common.leaderboard.measured import measured_boards
from projects.common.results import ResultEntry

SHA = '0' * 64
FULL = 'CapePCK; 1-shot, 20 of 20 episodes'


def entries(claim, protocol=FULL, data='episodes.json', **metrics):
    return [
        asdict(
            ResultEntry(
                claim=claim,
                metric=name,
                value=value,
                protocol=protocol,
                config='configs/copy_layout.py',
                checkpoint='',
                checkpoint_sha256='',
                external=False,
                data=data,
                data_sha256=SHA if data else '',
                device='CPU',
                command='run',
                date='2026-01-31',
                version='0.1',
            )
        )
        for name, value in metrics.items()
    ]


@pytest.fixture
def boards(tmp_path):
    def read(*lists):
        files = []
        for index, found in enumerate(lists):
            files.append(tmp_path / f'{index}.json')
            files[-1].write_text(json.dumps(found))
        return measured_boards(files)

    return read


def pck(value, **others):
    return {
        'PCK@0.2': value,
        'PCK@0.05': value / 4,
        'PCK@0.2/ci95': 0.02,
        'PCK@0.2/dog': 0.9,
        'PCK@0.2/super/hand': value - 0.1,
        'mPCK': value / 2,
        'num_queries': 300,
        'num_queries_total': 300,
        **others,
    }


def test_a_board_per_data_with_figures_in_order(boards):
    found = boards(
        entries('copied', **pck(0.4)) + entries('mean', **pck(0.6)),
        entries('other', data='val.json', **{'keypoint/AP': 0.25}),
    )
    assert [board.title for board in found] == ['episodes.json', 'val.json']
    episodes, val = found
    assert episodes.columns == ('mPCK', 'PCK@0.05', 'PCK@0.2')
    assert [row.method for row in episodes.rows] == ['mean', 'copied']
    best = episodes.rows[0]
    assert best.values == {'mPCK': 0.3, 'PCK@0.2': 0.6, 'PCK@0.05': 0.15}
    assert best.spread == {'PCK@0.2': 0.02}
    assert best.detail == 'copy_layout'
    assert best.stamp == ''
    assert f'{FULL}; config configs/copy_layout.py; CPU' in best.source
    assert val.rows[0].values == {'keypoint/AP': 0.25}


def test_groups_of_one_metric_for_the_whole_board(boards):
    (board,) = boards(
        entries('a', **pck(0.4), **{'keypoint/AP/super/hand': 0.7})
        + entries('b', **{'keypoint/AP': 0.1, 'keypoint/AP/super/hand': 0.2})
    )
    assert board.group_metric == 'PCK@0.2'
    groups = {row.method: dict(row.groups) for row in board.rows}
    assert groups == {'a': {'hand': pytest.approx(0.3)}, 'b': {}}


def test_costs_alone_are_no_row(boards):
    assert boards(entries('speed', data='', **{'seconds, total': 3.0})) == []
    (board,) = boards(
        entries(
            'fast',
            **{
                'keypoint/AP': 0.5,
                'ms, N = 10': 9.0,
                'ms, N = 2': 8.0,
            },
        )
    )
    assert board.columns == ('keypoint/AP', 'ms, N = 2', 'ms, N = 10')


@pytest.mark.parametrize(
    'protocol, metrics, stamp',
    [
        (FULL + '; PARTIAL: 3 of 9 queries; x', {}, 'PARTIAL: 3 of 9 queries'),
        ('a partial copy of MP-100', {}, 'PARTIAL'),
        (
            FULL,
            {'num_queries': 30, 'num_queries_total': 300},
            'PARTIAL: 30 of 300 queries',
        ),
        (
            FULL,
            {'num_images': 1, 'num_images_total': 8},
            'PARTIAL: 1 of 8 pictures',
        ),
        (
            'PARTIAL: 1 of 8 pictures',
            {'num_images': 1, 'num_images_total': 8},
            'PARTIAL: 1 of 8 pictures',
        ),
    ],
)
def test_no_way_of_being_partial_goes_unsaid(boards, protocol, metrics, stamp):
    (board,) = boards(entries('some', protocol, **pck(0.4, **metrics)))
    assert board.rows[0].stamp == stamp
    assert board.rows[0].label == f'some [{stamp}]'
