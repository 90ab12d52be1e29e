# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import asdict

import pytest

from projects.benchmarks.leaderboard.measured import measured_boards
from projects.benchmarks.results import ResultEntry
from projects.common.datasets.mp100.mp100_doctor import partial_text

SHA = '0' * 64
FULL = 'CapePCK; 1-shot, 20 of 20 episodes'


def entries(
    claim,
    protocol=FULL,
    data='episodes.json',
    config='configs/copy_layout.py',
    **metrics,
):
    return [
        asdict(
            ResultEntry(
                claim=claim,
                metric=name,
                value=value,
                protocol=protocol,
                config=config,
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


def test_perturbed_episodes_are_no_rows(boards):
    perturbed = f'{FULL}; PERTURBED: order (shuffled)'
    (board,) = boards(
        entries('plain', **pck(0.4)) + entries('order', perturbed, **pck(0.9))
    )
    assert [row.method for row in board.rows] == ['plain']
    assert boards(entries('order', perturbed, **pck(0.9))) == []


def test_parts_of_the_episodes_have_tables_of_their_own(boards):
    few = FULL.replace('20 of 20', '{} of 300')
    found = boards(
        entries('all', **pck(0.4)) + entries('a', few.format(15), **pck(0.9)),
        entries('b', few.format(60), **pck(0.6))
        + entries('c', few.format(60), **pck(0.7)),
    )
    assert [(b.title, [r.method for r in b.rows]) for b in found] == [
        ('episodes.json', ['all']),
        ('episodes.json, PARTIAL: 15 of 300 episodes', ['a']),
        ('episodes.json, PARTIAL: 60 of 300 episodes', ['c', 'b']),
    ]


@pytest.mark.parametrize(
    'data, detail',
    [
        ('e/synthmp_split1_test_1shot.json', 'xpose_split1_1shot'),
        ('e/synthmp_split2_test_1shot.json', 'xpose_split2_1shot'),
        ('mp100_super_human_body_test.json', 'xpose_super_human_body_1shot'),
        ('e/realmini_val_1shot.json', 'xpose_split1_1shot'),
    ],
)
def test_the_split_of_a_row_is_that_of_its_data(boards, data, detail):
    config = 'configs/xpose_split1_1shot.py'
    (board,) = boards(entries('a', data=data, config=config, **pck(0.4)))
    assert board.rows[0].detail == detail


PICTURES = [{'file_name': f'{name}/1.jpg'} for name in ('bus', 'car', 'suv')]
DOCTOR = partial_text(
    'mp100_split1_test.json', {'images': PICTURES}, ['car', 'bus']
)


@pytest.mark.parametrize(
    'protocol, metrics, stamp',
    [
        (DOCTOR, {}, DOCTOR),
        (
            f'1-shot, 60 of 300 episodes; {DOCTOR}; PARTIAL: 3 of 9 queries',
            {},
            f'{DOCTOR}; PARTIAL: 3 of 9 queries; PARTIAL: 60 of 300 episodes',
        ),
        (
            'a partial copy, 2 of 8 episodes',
            {},
            'PARTIAL; PARTIAL: 2 of 8 episodes',
        ),
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
