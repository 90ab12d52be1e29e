# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Boards of what others have published, from ``docs/results/reported.yml``."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import NoneType
from typing import Any

import yaml

from projects.benchmarks.leaderboard.boards import Board, Row, ranked

#: What a table has, and of which kind it is.
_KINDS = {
    **dict.fromkeys(('source', 'where', 'board', 'unit', 'rank'), str),
    **dict.fromkeys(('columns', 'rows'), list),
    'note': str,
    'groups': list,
}
_OPTIONAL = {'note', 'groups'}


def reported_boards(path: str | Path) -> list[Board]:
    """Boards of published figures.

    The file has ``sources`` (name -> ``title``, ``url``) and ``tables``: each
    with a ``source``, ``where`` in it the figures are printed, the ``board``
    they belong to, ``unit``, ``columns``, the column to ``rank`` by, an
    optional ``note`` and ``groups`` (columns to show as bars), and ``rows``
    of method, detail and one figure or null per column. Tables of one board
    are put together; a row that two of them print alike appears once, with
    both sources.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no yaml, a source or a table lacks something or
            is of another kind, or a row does not fit.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'There is no file "{path}" of published figures; give it with '
            '--reported.'
        )
    content = _read(path)
    boards: dict[str, list[Mapping[str, Any]]] = {}
    for table in content['tables']:
        _check_table(table, content['sources'], path)
        boards.setdefault(table['board'], []).append(table)
    return [
        _board(title, tables, content['sources'])
        for title, tables in boards.items()
    ]


def _read(path: Path) -> dict[str, Any]:
    """The file, with sources that are complete and a list of tables."""
    try:
        content = yaml.safe_load(path.read_bytes())
    except yaml.YAMLError as error:
        reason = ' '.join(str(error).split())
        raise ValueError(f'{path} is no valid yaml: {reason}.') from error
    parts = content if isinstance(content, dict) else {}
    for name, kind, meaning in (
        ('sources', dict, 'names with title and url'),
        ('tables', list, 'a list'),
    ):
        if not isinstance(parts.get(name), kind):
            raise ValueError(f'{path} must hold "{name}", {meaning}.')
    for name, source in parts['sources'].items():
        if not isinstance(source, dict) or {'title', 'url'} - set(source):
            raise ValueError(
                f'{path}: the source {name} must have a title and a url.'
            )
    return parts


def _check_table(table: Any, sources: Mapping[str, Any], path: Path) -> None:
    if not isinstance(table, dict):
        raise ValueError(
            f'{path}: "{table}" is no table; each one starts with '
            '"- source: NAME".'
        )
    where = f'{path}, table "{table.get("board")}" ({table.get("where")}):'
    wrong = (set(_KINDS) ^ set(table)) - _OPTIONAL
    if wrong:
        raise ValueError(
            f'{where} {", ".join(sorted(map(str, wrong)))} is missing or '
            'unknown.'
        )
    for name, value in table.items():
        kind = 'text' if _KINDS[name] is str else 'list'
        if not isinstance(value, _KINDS[name]):
            raise ValueError(
                f'{where} {name} is {value!r}, it must be a {kind}.'
            )
    if table['source'] not in sources:
        raise ValueError(
            f'{where} the source {table["source"]} is not among "sources".'
        )
    for name in table['columns']:
        if not isinstance(name, str):
            raise ValueError(f'{where} the column {name!r} must be a text.')
    for name in (table['rank'], *table.get('groups', ())):
        if name not in table['columns']:
            raise ValueError(f'{where} there is no column "{name}".')
    for row in table['rows']:
        _check_row(row, table['columns'], where)


def _check_row(row: Any, columns: Sequence[str], where: str) -> None:
    if not (
        isinstance(row, list)
        and [type(cell) for cell in row[:2]] == [str, str]
        and all(type(cell) in (int, float, NoneType) for cell in row[2:])
    ):
        raise ValueError(
            f'{where} the row {row} must be a list: method, detail, and a '
            'number or null for each column.'
        )
    if len(row) != len(columns) + 2:
        raise ValueError(
            f'{where} the row of {row[0]} has {len(row) - 2} figures for '
            f'{len(columns)} columns; write null where none is printed.'
        )


def _board(
    title: str,
    tables: Sequence[Mapping[str, Any]],
    sources: Mapping[str, Mapping[str, str]],
) -> Board:
    rows: list[Row] = []
    for table in tables:
        for row in _rows(table, sources[table['source']]):
            twin = next(
                (i for i, r in enumerate(rows) if _alike(r, row)), None
            )
            if twin is None:
                rows.append(row)
            else:
                rows[twin] = _merged(rows[twin], row)
    groups = tables[0].get('groups', ())
    return Board(
        origin='reported',
        title=title,
        unit=tables[0]['unit'],
        columns=tuple(dict.fromkeys(c for t in tables for c in t['columns'])),
        rows=ranked(rows, tables[0]['rank']),
        main=tables[0]['rank'],
        group_metric=tables[0]['unit'] if groups else '',
    )


def _rows(table: Mapping[str, Any], source: Mapping[str, str]) -> list[Row]:
    note = f' ({table["note"]})' if 'note' in table else ''
    rows = []
    for method, detail, *values in table['rows']:
        found = {
            name: float(value)
            for name, value in zip(table['columns'], values)
            if value is not None
        }
        rows.append(
            Row(
                method=method,
                detail=detail,
                values=found,
                source=f'{source["title"]}, {table["where"]}{note}',
                link=source['url'],
                groups={
                    name: found[name]
                    for name in table.get('groups', ())
                    if name in found
                },
            )
        )
    return rows


def _alike(a: Row, b: Row) -> bool:
    """Whether two tables print the same row."""
    shared = set(a.values) & set(b.values)
    return (
        a.method == b.method
        and (a.detail == b.detail or not a.detail or not b.detail)
        and bool(shared)
        and all(a.values[name] == b.values[name] for name in shared)
    )


def _merged(a: Row, b: Row) -> Row:
    return replace(
        a,
        detail=a.detail or b.detail,
        values={**a.values, **b.values},
        source=f'{a.source}; {b.source}',
    )
