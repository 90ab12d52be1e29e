# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest

from projects.benchmarks.leaderboard.boards import (
    Board,
    Row,
    lower_is_better,
    ranked,
)


def board(rows, columns=('AP',), origin='measured', main='AP'):
    return Board(origin, 'data', 'shares', columns, tuple(rows), main)


def row(method, **values):
    return Row(method, values, 'somewhere')


def test_the_best_comes_first_and_rows_without_a_figure_last():
    rows = [row('none'), row('low', AP=0.1), row('high', AP=0.3)]
    assert [r.method for r in ranked(rows, 'AP')] == ['high', 'low', 'none']
    rows = [row('none'), row('far', NME=0.3), row('near', NME=0.1)]
    assert [r.method for r in ranked(rows, 'NME')] == ['near', 'far', 'none']


@pytest.mark.parametrize(
    'name', ['NME', 'NME full', 'EPE', 'P-MPJPE', 'ms, N = 3']
)
def test_less_is_better_in(name):
    assert lower_is_better(name)
    assert not lower_is_better('AP')


def test_a_column_has_the_decimals_that_its_figures_need():
    wide = Row('a', {'AP': 0.123456}, 's', spread={'AP': 0.01})
    table = board([wide, row('b', AP=1.0), row('c')])
    assert [table.cell(r, 'AP') for r in table.rows] == [
        '0.1235 ± 0.0100',
        '1.0000',
        '',
    ]
    table = board([row('a', AP=79.7), row('b', AP=85.31)])
    assert [table.cell(r, 'AP') for r in table.rows] == ['79.70', '85.31']
    assert board([row('a', AP=59.0)]).cell(row('a', AP=59.0), 'AP') == '59'


def test_the_stamp_is_a_part_of_the_label():
    assert Row('a', {}, 's').label == 'a'
    stamp = 'PARTIAL: 2 of 9 pictures'
    assert Row('a', {}, 's', stamp=stamp).label == f'a [{stamp}]'


def test_what_is_no_board_is_refused():
    with pytest.raises(ValueError, match="origin 'paper'; it must be one of"):
        board([], origin='paper')
    with pytest.raises(ValueError, match='has no column "AR" to rank by'):
        board([], main='AR')
