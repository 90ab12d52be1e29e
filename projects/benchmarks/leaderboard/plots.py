# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Which plots a board has. Every plot shows one board, so one origin."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from projects.benchmarks.leaderboard.boards import Board, Row
from projects.benchmarks.leaderboard.svg import Series, bar_chart, line_chart

#: Lines or sets of bars that can still be told apart.
MAX_SERIES = 10
_PCK = re.compile(r'PCK@([\d.]+)')
_MS = re.compile(r'ms, N = (\d+)')
#: Published times: of a picture, or of each object in it.
_FLAT, _PER_OBJECT = 'ms per picture', 'ms per object'


@dataclass(frozen=True)
class Plot:
    """A drawing with its legend.

    Attributes:
        title: What it shows.
        svg: The drawing.
        labels: Of each series, in the order of the colours.
    """

    title: str
    svg: str
    labels: tuple[str, ...]


def board_plots(board: Board) -> list[Plot]:
    """All plots that a board has figures for; at most ten rows in each."""
    plots = [
        _curves(board, _PCK, 'PCK over thresholds', 'share of the box', 'PCK'),
        _speed(board),
        _curves(
            board,
            _MS,
            'Latency over the number of objects',
            'objects in the picture',
            'ms per picture',
        ),
        _groups(board),
    ]
    return [plot for plot in plots if plot is not None]


def _curves(
    board: Board, pattern: re.Pattern, title: str, x_label: str, y_label: str
) -> Plot | None:
    """Lines over the number in the names of columns, if three or more."""
    series = [
        Series(_name(board, row), points)
        for row in board.rows
        if len(points := _numbered(row, pattern)) > 2
    ][:MAX_SERIES]
    if not series:
        return None
    return _plot(title, line_chart(series, x_label, y_label), series)


def _speed(board: Board) -> Plot | None:
    """Accuracy against time, from one object in the picture to ten."""
    series = [
        Series(
            _name(board, row),
            tuple((ms, row.values[board.main]) for ms in times),
        )
        for row in board.rows
        if board.main in row.values and (times := _times(row.values))
    ][:MAX_SERIES]
    if not series:
        return None
    x_label = 'ms per picture, from 1 object to 10'
    drawing = line_chart(
        series, x_label, board.main, log_x=True, from_zero=False
    )
    return _plot('Accuracy against time', drawing, series)


def _times(values: Mapping[str, float]) -> tuple[float, ...]:
    """Milliseconds with one and with ten objects, () if unknown."""
    if 'ms, N = 1' in values and 'ms, N = 10' in values:
        return values['ms, N = 1'], values['ms, N = 10']
    if _FLAT in values:
        return (values[_FLAT],)
    if _PER_OBJECT in values:
        return values[_PER_OBJECT], 10 * values[_PER_OBJECT]
    return ()


def _groups(board: Board) -> Plot | None:
    rows = [row for row in board.rows if row.groups][:MAX_SERIES]
    names = list(dict.fromkeys(g for row in rows for g in row.groups))
    if len(names) < 2:
        return None
    series = [
        Series(
            _name(board, row),
            tuple((names.index(g), v) for g, v in row.groups.items()),
        )
        for row in rows
    ]
    drawing = bar_chart(series, names, board.group_metric)
    return _plot('By super-category', drawing, series)


def _plot(title: str, svg: str, series: list[Series]) -> Plot:
    return Plot(title, svg, tuple(one.label for one in series))


def _numbered(
    row: Row, pattern: re.Pattern
) -> tuple[tuple[float, float], ...]:
    found = (
        (float(match[1]), value)
        for name, value in row.values.items()
        if (match := pattern.fullmatch(name))
    )
    return tuple(sorted(found))


def _name(board: Board, row: Row) -> str:
    """The label, with what tells it from others of the same name."""
    same = [r for r in board.rows if r.label == row.label]
    return f'{row.label}, {row.detail}' if len(same) > 1 else row.label
