# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The leaderboard as one HTML file that loads nothing else."""

import re
from collections.abc import Sequence
from html import escape

from projects.benchmarks.leaderboard.boards import (
    ORIGINS,
    Board,
    Row,
    lower_is_better,
)
from projects.benchmarks.leaderboard.page_assets import SCRIPT, STYLE
from projects.benchmarks.leaderboard.plots import Plot, board_plots
from projects.benchmarks.leaderboard.tables import ABOUT, INTRODUCTION


def to_page(boards: Sequence[Board]) -> str:
    """The page: sortable tables, searchable, with plots."""
    sections = []
    for origin in ORIGINS:
        chosen = [board for board in boards if board.origin == origin]
        if chosen:
            sections.append(_section(origin, chosen))
    links = ''.join(
        f'<a href="#{origin}">{escape(name)}</a>'
        for origin, name in ORIGINS.items()
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, '
        'initial-scale=1">\n<title>Leaderboard</title>\n'
        f'<style>{STYLE}</style>\n</head>\n<body>\n<h1>Leaderboard</h1>\n'
        f'<p>{_prose(INTRODUCTION)}</p>\n'
        '<p>Click a column to sort by it.</p>\n'
        f'<nav>{links}</nav>\n'
        '<input type="search" placeholder="Search methods and data sets" '
        'aria-label="Search methods and data sets">\n'
        + '\n'.join(sections)
        + f'\n<script>{SCRIPT}</script>\n</body>\n</html>\n'
    )


def _section(origin: str, boards: Sequence[Board]) -> str:
    """All boards of an origin; the zoo's many are closed at first."""
    opened = '' if origin == 'zoo' else ' open'
    content = '\n'.join(
        f'<details class="board"{opened}><summary>{_wrapped(board.title)} '
        f'<small>{len(board.rows)}</small></summary><div class="inside">'
        f'{_board(board)}</div></details>'
        for board in boards
    )
    return (
        f'<section id="{origin}">\n<h2>{escape(ORIGINS[origin])}</h2>\n'
        f'<p>{_prose(ABOUT[origin])}</p>\n{content}\n</section>'
    )


def _board(board: Board) -> str:
    heads = [_head(name, 'text', False) for name in ('method', 'detail')]
    heads += [
        _head(name, 'number', not lower_is_better(name), name == board.main)
        for name in board.columns
    ]
    rows = '\n'.join(_row(board, row) for row in board.rows)
    plots = ''.join(map(_figure, board_plots(board)))
    return (
        f'<p>{escape(board.unit)}</p><div class="scroll"><table><thead><tr>'
        f'{"".join(heads)}<th>source</th></tr></thead><tbody>\n{rows}\n'
        f'</tbody></table></div><div class="plots">{plots}</div>'
    )


def _head(
    name: str, kind: str, best_is_high: bool, ranks: bool = False
) -> str:
    first = 'descending' if best_is_high else 'ascending'
    order = f' aria-sort="{first}"' if ranks else ''
    return (
        f'<th data-kind="{kind}" data-first="{first}"{order}>'
        f'<button>{escape(name)}</button></th>'
    )


def _row(board: Board, row: Row) -> str:
    method, source = _wrapped(row.method), escape(row.source)
    if row.link and board.origin == 'zoo':  # the weights
        method = _link(row.link, method)
    elif row.link:
        source = _link(row.link, source)
    if row.stamp:
        method += f' <span class="stamp">[{escape(row.stamp)}]</span>'
    cells = [(row.label, method), (row.detail, _wrapped(row.detail))]
    cells += [
        (f'{row.values[name]:.10g}', escape(board.cell(row, name)))
        if name in row.values
        else ('', '')
        for name in board.columns
    ]
    return (
        '<tr>'
        + ''.join(
            f'<td data-value="{escape(value)}">{shown}</td>'
            for value, shown in cells
        )
        + f'<td><details><summary>show</summary>{source}</details></td></tr>'
    )


def _link(address: str, shown: str) -> str:
    return f'<a href="{escape(address)}">{shown}</a>'


def _figure(plot: Plot) -> str:
    labels = ''.join(
        f'<li><i class="s{index % 10}"></i>{escape(label)}</li>'
        for index, label in enumerate(plot.labels)
    )
    return (
        f'<figure><figcaption>{escape(plot.title)}</figcaption>{plot.svg}'
        f'<ul class="legend">{labels}</ul></figure>'
    )


def _wrapped(text: str) -> str:
    """Text in which a line may end after _, / and -."""
    return re.sub('([_/-])', r'\1<wbr>', escape(text))


def _prose(text: str) -> str:
    """Markdown's `code` as HTML."""
    parts = [escape(part) for part in text.split('`')]
    return ''.join(
        f'<code>{part}</code>' if index % 2 else part
        for index, part in enumerate(parts)
    )
