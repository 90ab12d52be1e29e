# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Boards of what was measured here, from results files."""

import re
from collections import defaultdict
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from projects.benchmarks.leaderboard.boards import (
    Board,
    Row,
    ranked,
    used_columns,
)
from projects.benchmarks.results import ResultEntry, load_entries

#: Metrics that make a run a row, in the order of the columns.
ACCURACY = (
    'keypoint/AP',
    'keypoint/AP50',
    'keypoint/AP75',
    'keypoint/AR',
    'mPCK',
    'PCK@*',
    'AUC',
    'NME',
    'bbox/AP',
)
#: Metrics of cost, shown beside the accuracy of the same run.
COST = ('ms, N = *', 'million parameters', 'seconds of training')
#: What the bars per super-category show; the first that a run has.
GROUPED = ('PCK@0.2', 'keypoint/AP')
_SUPER = '/super/'
_SPREAD = '/ci95'
_COUNTS = (
    ('num_images', 'num_images_total', 'pictures'),
    ('num_queries', 'num_queries_total', 'queries'),
)
#: 'PARTIAL: 2 of 9 queries', 'PARTIAL MP-100: ..., without ...; not ...'.
_STAMP = r'PARTIAL[^;:]*: [^;]+(?:; not comparable)?'
Run = list[ResultEntry]
UNIT = 'shares 0..1; what they depend on is written beside each run'


def measured_boards(files: Sequence[str | Path]) -> list[Board]:
    """Boards of results files, one for each set of data and part of it.

    Runs without a figure of accuracy are no rows, nor are those on perturbed
    episodes: they ask what a method relies on, not how good it is.

    Args:
        files: Results files, see ``docs/results/README.md``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a file holds something else.
    """
    runs: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for file in files:
        for run in _runs(load_entries(file)):
            if any(_matches(e.metric, ACCURACY) for e in run):
                data = run[0].data or f'without data file, {Path(file).name}'
                runs[data, partial_stamp(run)].append(run)
    return [
        _board(f'{data}, {stamp}' if stamp else data, found)
        for (data, stamp), found in sorted(runs.items())
    ]


def partial_stamp(run: Run) -> str:
    """Says that a run was a partial evaluation, '' if it was none.

    Both the protocol and the counts of pictures or queries are looked at, so
    that neither alone can lose it. Of several stamps all are kept.
    """
    protocol = '; '.join(dict.fromkeys(entry.protocol for entry in run))
    found = re.findall(_STAMP, protocol)
    if not found and re.search(r'\bpartial\b', protocol, re.IGNORECASE):
        found = ['PARTIAL']
    for part, whole in re.findall(r'(\d+) of (\d+) episodes', protocol):
        if int(part) < int(whole):
            found.append(f'PARTIAL: {part} of {whole} episodes')
    counts = {entry.metric: entry.value for entry in run}
    for part, whole, things in _COUNTS:
        if counts.get(part, 0) < counts.get(whole, 0):
            found.append(
                f'PARTIAL: {counts[part]:.0f} of {counts[whole]:.0f} {things}'
            )
    return '; '.join(dict.fromkeys(text.strip() for text in found))


def _runs(entries: Sequence[ResultEntry]) -> list[Run]:
    """Entries that belong to one run, without those of perturbed data."""
    runs = defaultdict(list)
    for entry in entries:
        if 'PERTURBED' not in entry.protocol:
            runs[entry.run].append(entry)
    return list(runs.values())


def _row(run: Run, metric: str) -> Row:
    figures = {entry.metric: float(entry.value) for entry in run}
    values = {
        name: figures[name]
        for pattern in (*ACCURACY, *COST)
        for name in figures
        if _matches(name, [pattern])
    }
    first = run[0]
    weights = f', checkpoint {first.checkpoint}' * bool(first.checkpoint)
    weights += f' (sha256 {first.checkpoint_sha256[:12]})' * bool(weights)
    return Row(
        method=first.claim,
        detail=_detail(first),
        values=values,
        source=f'{first.protocol}; config {first.config}{weights}; '
        f'{first.device}, {first.date}, version {first.version}',
        stamp=partial_stamp(run),
        spread={
            name: figures[name + _SPREAD]
            for name in values
            if name + _SPREAD in figures
        },
        groups=_groups(figures, metric),
    )


def _detail(entry: ResultEntry) -> str:
    """The config's name with the split of the data.

    The environment may have chosen another split than the name's.
    """
    name = Path(entry.config).stem
    split = re.search(
        r'_(split\d+|super_\w+?)_(?:train|val|test)', Path(entry.data).stem
    )
    return re.sub(r'split\d+', split[1], name) if split else name


def _board(title: str, runs: Sequence[Run]) -> Board:
    metrics = {entry.metric for run in runs for entry in run}
    # One metric for all rows, or their bars could not be compared.
    grouped = next(
        (m for m in GROUPED if any(n.startswith(m + _SUPER) for n in metrics)),
        '',
    )
    rows = [_row(run, grouped) for run in runs]
    found = sorted(used_columns(rows), key=_natural)
    columns = tuple(
        name
        for pattern in (*ACCURACY, *COST)
        for name in found
        if fnmatchcase(name, pattern)
    )
    return Board(
        origin='measured',
        title=title,
        unit=UNIT,
        columns=columns,
        rows=ranked(rows, columns[0]),
        main=columns[0],
        group_metric=grouped,
    )


def _matches(name: str, patterns: Sequence[str]) -> bool:
    """Whether a metric is one of these, of all categories together."""
    own = re.sub(r'^(keypoint|bbox)/', '', name)
    return '/' not in own and any(fnmatchcase(name, p) for p in patterns)


def _groups(figures: dict[str, float], metric: str) -> dict[str, float]:
    start = metric + _SUPER
    return {
        name.removeprefix(start): value
        for name, value in figures.items()
        if metric and name.startswith(start) and '/' not in name[len(start) :]
    }


def _natural(name: str) -> list[float | str]:
    """Sort key by which 'ms, N = 10' comes after 'ms, N = 2'."""
    return [
        float(part) if part[:1].isdigit() else part
        for part in re.split(r'(\d+(?:\.\d+)?)', name)
    ]
