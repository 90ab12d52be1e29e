# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Markdown tables from results files.

In a document, a line ``<!-- results:NAME -->`` and a later line
``<!-- /results -->`` enclose a table of ``docs/results/NAME.json``. With
``<!-- results:NAME metrics=keypoint/AP,PCK@* -->`` the table has one row per
claim and these metrics (``*`` matches anything) as columns.
"""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from projects.benchmarks.results.store import ResultEntry, load_entries

_BEGIN = re.compile(r'<!-- results:([\w.-]+)(?: metrics=(\S+))? -->\s*')
_END = '<!-- /results -->'


def render_document(text: str, results_dir: str | Path) -> str:
    """Write the tables of a document anew.

    Args:
        text: Markdown; text outside the markers is left as it is.
        results_dir: Folder of the results files.

    Raises:
        FileNotFoundError: If a marker names a file that does not exist.
        ValueError: If a marker is not closed, or no metric matches.
    """
    lines, output, index = text.split('\n'), [], 0
    while index < len(lines):
        output.append(lines[index])
        begin = _BEGIN.fullmatch(lines[index])
        if begin:
            name, metrics = begin.groups()
            try:
                index = lines.index(_END, index)
            except ValueError:
                raise ValueError(
                    f'Line {index + 1}, "{lines[index]}", is not followed '
                    f'by a line "{_END}"; add it.'
                ) from None
            entries = load_entries(Path(results_dir) / f'{name}.json')
            output += ['', *render_table(entries, metrics), '', _END]
        index += 1
    return '\n'.join(output)


def render_table(
    entries: Sequence[ResultEntry], metrics: str = ''
) -> list[str]:
    """Lines of a table and of a list of what its figures were made with.

    Args:
        entries: What to show.
        metrics: Names or patterns of metrics, separated by commas, which
            become columns; empty: one row per entry.

    Raises:
        ValueError: If no entry has such a metric.
    """
    runs = list(dict.fromkeys(_run(entry) for entry in entries))
    if metrics:
        rows = _wide(entries, runs, _matching(entries, metrics.split(',')))
    else:
        rows = [['claim', 'metric', 'value', 'run']]
        rows += [
            [e.claim, e.metric, _number(e.value), str(runs.index(_run(e)) + 1)]
            for e in entries
        ]
    rows.insert(1, ['---'] * len(rows[0]))
    table = ['| ' + ' | '.join(map(_cell, row)) + ' |' for row in rows]
    return (
        table
        + ['']
        + [f'{number}. {run}' for number, run in enumerate(runs, 1)]
    )


def _matching(
    entries: Sequence[ResultEntry], patterns: Sequence[str]
) -> list[str]:
    names = list(dict.fromkeys(entry.metric for entry in entries))
    chosen = []
    for pattern in patterns:
        found = [name for name in names if fnmatchcase(name, pattern)]
        if not found:
            raise ValueError(
                f'No result has the metric "{pattern}"; there are '
                f'{", ".join(names)}.'
            )
        chosen += [name for name in found if name not in chosen]
    return chosen


def _wide(
    entries: Sequence[ResultEntry], runs: list[str], columns: list[str]
) -> list[list[str]]:
    """Header and one row per claim and run."""
    values = {}
    for entry in entries:
        row = values.setdefault((entry.claim, _run(entry)), {})
        row[entry.metric] = _number(entry.value)
    return [['claim', *columns, 'run']] + [
        [
            claim,
            *(row.get(column, '') for column in columns),
            str(runs.index(run) + 1),
        ]
        for (claim, run), row in values.items()
    ]


def _run(entry: ResultEntry) -> str:
    """What a figure was made with, in one line of markdown."""
    parts = [f'`{entry.command}`', f'config `{entry.config}`']
    for name, file, digest in (
        ('checkpoint', entry.checkpoint, entry.checkpoint_sha256),
        ('data', entry.data, entry.data_sha256),
    ):
        if file:
            parts.append(f'{name} `{file}` (sha256 {digest[:12]})')
    return '; '.join(
        [
            *parts,
            entry.protocol,
            entry.device,
            entry.date,
            f'version {entry.version}',
        ]
    )


def _number(value: int | float) -> str:
    return str(value) if isinstance(value, int) else f'{value:.3f}'


def _cell(text: str) -> str:
    return text.replace('|', '\\|')
