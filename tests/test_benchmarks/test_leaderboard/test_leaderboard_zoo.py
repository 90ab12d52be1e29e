# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest

from projects.benchmarks.leaderboard import zoo


@pytest.fixture(scope='module')
def boards():
    return {b.title: b for b in zoo.zoo_boards(zoo.zoo_folder())}


def test_every_model_of_the_index_is_there(boards):
    assert len(boards) == 34
    assert len(boards['Body 2D Keypoint: COCO'].rows) == 166
    for name in ('Animal 2D Keypoint: AP-10K', 'Face 2D Keypoint: 300W'):
        assert name in boards
    assert {board.origin for board in boards.values()} == {'zoo'}


def test_a_model_with_its_weights(boards):
    board = boards['Animal 2D Keypoint: AP-10K']
    (row,) = (r for r in board.rows if 'hrnet-w48' in r.method)
    assert row.method == 'td-hm_hrnet-w48_8xb64-210e_ap10k-256x256'
    assert row.detail == 'HRNet, trained on AP-10K'
    assert row.values == {
        'AP': 0.728,
        'AP@0.5': 0.936,
        'AP@0.75': 0.802,
        'AP (L)': 0.735,
        'AP (M)': 0.577,
    }
    assert row.link.endswith('hrnet_w48_ap10k_256x256-d95ab412_20211029.pth')
    assert row.source.endswith(f'ap10k/{row.method}.py')
    assert board.main == 'AP'
    assert board.rows[0].values['AP'] == max(
        r.values['AP'] for r in board.rows
    )


def test_errors_are_ranked_from_the_smallest(boards):
    board = boards['Face 2D Keypoint: WFLW']
    errors = [
        r.values[board.main] for r in board.rows if board.main in r.values
    ]
    assert errors == sorted(errors)
    assert len(errors) > 3


def test_missing_mmpose(monkeypatch):
    monkeypatch.setattr(zoo, 'find_spec', lambda name: None)
    with pytest.raises(FileNotFoundError, match='out with --no-zoo'):
        zoo.zoo_folder()
