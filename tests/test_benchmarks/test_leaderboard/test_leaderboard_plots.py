# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import re

import pytest

from projects.benchmarks.leaderboard.boards import Board, Row
from projects.benchmarks.leaderboard.plots import MAX_SERIES, board_plots
from projects.benchmarks.leaderboard.svg import Series, bar_chart, line_chart


def circles(svg):
    found = re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', svg)
    return [(float(x), float(y)) for x, y in found]


def test_points_lie_where_their_values_are():
    line = Series('a', ((0, 0), (5, 0.5), (10, 1)))
    svg = line_chart([line], 'x', 'y')
    # The frame: x from 60 to 420, y from 224 (zero) up to 12.
    assert circles(svg) == [(60, 224), (240, 118), (420, 12)]
    assert '<title>a: 5, 0.5</title>' in svg


def test_a_logarithmic_axis():
    line = Series('a', ((1, 3), (10, 4), (100, 4)))
    svg = line_chart([line], 'ms', 'AP', log_x=True, from_zero=False)
    assert [x for x, _ in circles(svg)] == [60, 240, 420]
    assert circles(svg)[0][1] == 224  # the smallest, where zero is not shown


def test_a_single_point_has_an_axis():
    svg = line_chart([Series('a', ((59, 86.14),))], 'ms', 'PCK', log_x=True)
    (x, y) = circles(svg)[0]
    assert 60 < x < 420 and 12 < y < 224


def test_bars_start_at_zero():
    svg = bar_chart([Series('a', ((0, 1.0), (1, -0.5)))], ['u', 'v'], 'AP')
    heights = re.findall(r'y="([\d.]+)" width="144.0" height="([\d.]+)"', svg)
    (top, up), (zero, down) = [(float(y), float(h)) for y, h in heights]
    assert up == pytest.approx(2 * down, abs=0.2)
    assert top + up == pytest.approx(zero, abs=0.2)


def board(rows, columns, **options):
    return Board(
        'measured', 'd', 'u', columns, tuple(rows), columns[0], **options
    )


def test_which_plots_a_board_has():
    thresholds = ('PCK@0.05', 'PCK@0.1', 'PCK@0.2')
    times = tuple(f'ms, N = {n}' for n in (1, 2, 10))
    values = dict.fromkeys(('AP', *thresholds, *times), 0.5)
    values.update({'ms, N = 2': 20.0, 'ms, N = 10': 100.0})
    values['ms, N = 1'] = 10.0
    row = Row('a', values, 's', groups={'hand': 0.1, 'face': 0.2})
    plots = board_plots(board([row], ('AP', *thresholds, *times)))
    assert [plot.title for plot in plots] == [
        'PCK over thresholds',
        'Accuracy against time',
        'Latency over the number of objects',
        'By super-category',
    ]
    assert {plot.labels for plot in plots} == {('a',)}
    curve, speed, latency, _ = (circles(plot.svg) for plot in plots)
    assert len(curve) == len(latency) == 3
    assert len(speed) == 2  # with one object and with ten
    assert board_plots(board([Row('a', {'AP': 1}, 's')], ('AP',))) == []


def test_published_times():
    columns = ('AP', 'ms per picture', 'ms per object')
    rows = [
        Row('flat', {'AP': 86.14, 'ms per picture': 59.0}, 's'),
        Row('top-down', {'AP': 85.31, 'ms per object': 57.0}, 's'),
        Row('unknown', {'AP': 90.0}, 's'),
    ]
    (plot,) = board_plots(board(rows, columns))
    assert plot.labels == ('flat', 'top-down')
    titles = re.findall('<title>(.*?)</title>', plot.svg)
    assert titles == [
        'flat: 59, 86.14',
        'top-down: 57, 85.31',
        'top-down: 570, 85.31',
    ]


def test_labels_tell_rows_apart_and_are_not_too_many():
    rows = [
        Row('same', {'AP': n, 'ms per picture': 1.0 + n}, 's', f'd{n}')
        for n in range(MAX_SERIES + 2)
    ]
    (plot,) = board_plots(board(rows, ('AP', 'ms per picture')))
    assert plot.labels == tuple(f'same, d{n}' for n in range(MAX_SERIES))
