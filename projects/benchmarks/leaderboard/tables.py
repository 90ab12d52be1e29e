# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The leaderboard as markdown and as comma-separated values."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence

from projects.benchmarks.leaderboard.boards import ORIGINS, Board, Row

INTRODUCTION = (
    'Written by `python tools/analysis_tools/leaderboard.py`; do not edit. '
    '`docs/guides/leaderboard.md` says where the figures come from and how '
    'to add some. Figures of different origin are never in one table: '
    'data, protocol and hardware differ.'
)
ABOUT = {
    'measured': 'From `docs/results/*.json`, each with its command and '
    'hashes. `[PARTIAL: ...]` marks an evaluation of a part of the data, '
    'which has a table of its own.',
    'reported': 'From papers and the pages of their authors, as printed '
    'there; nothing here was measured again.',
    'zoo': 'From the model index of the installed mmpose. Names lead to the '
    'weights.',
}


def to_markdown(boards: Sequence[Board]) -> str:
    """A document with a section per origin and a table per board."""
    lines = ['# Leaderboard', '', INTRODUCTION]
    for origin, name in ORIGINS.items():
        chosen = [board for board in boards if board.origin == origin]
        if chosen:
            lines += ['', f'## {name}', '', ABOUT[origin]]
            for board in chosen:
                lines += ['', *_board_lines(board)]
    return '\n'.join(lines) + '\n'


def to_csv(boards: Iterable[Board]) -> str:
    """One line per figure, with a column of values for each origin."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator='\n')
    writer.writerow(
        ['board', 'method', 'stamp', 'detail', 'metric', *ORIGINS.values()]
        + ['source', 'link']
    )
    for board in boards:
        for row in board.rows:
            for metric, value in _figures(board, row):
                values = [
                    value if origin == board.origin else ''
                    for origin in ORIGINS
                ]
                writer.writerow(
                    [board.title, row.method, row.stamp, row.detail, metric]
                    + [*values, row.source, row.link]
                )
    return out.getvalue()


def _figures(board: Board, row: Row) -> Iterator[tuple[str, str]]:
    for column in board.columns:
        if column in row.values:
            yield column, f'{row.values[column]:.10g}'
        if column in row.spread:
            yield f'{column}, ci95', f'{row.spread[column]:.10g}'
    for group, value in row.groups.items():
        if group not in row.values:
            yield f'{board.group_metric}, {group}', f'{value:.10g}'


def _board_lines(board: Board) -> list[str]:
    """Heading, unit, table, and for measured and reported the sources."""
    sources = list(dict.fromkeys(row.source for row in board.rows))
    numbered = board.origin != 'zoo'
    head = ['method', 'detail', *board.columns, *(['source'] * numbered)]
    rows = [head, ['---'] * 2 + ['---:'] * (len(head) - 2)]
    for row in board.rows:
        name = row.label if numbered else f'[{row.label}]({row.link})'
        cells = [board.cell(row, column) for column in board.columns]
        number = [str(sources.index(row.source) + 1)] * numbered
        rows.append([name, row.detail, *cells, *number])
    lines = [f'### {board.title}', '', f'{board.unit}.', '']
    lines += ['| ' + ' | '.join(map(_escaped, row)) + ' |' for row in rows]
    if numbered:
        lines.append('')
        lines += [f'{i}. {source}' for i, source in enumerate(sources, 1)]
    return lines


def _escaped(text: str) -> str:
    return text.replace('|', '\\|')
