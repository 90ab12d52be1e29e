# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What a leaderboard is made of: boards with rows, all of one origin."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

#: Where figures come from, in the order of the document. A board has one
#: origin, so figures of two origins never share a column.
ORIGINS = {
    'measured': 'Measured here',
    'reported': 'Reported by others',
    'zoo': "mmpose's model zoo",
}
#: Columns in which less is better.
_LOWER = ('*NME*', '*EPE*', '*MPJPE*', '*MRRPE*', 'ms*', 'seconds*')


@dataclass(frozen=True)
class Row:
    """One method with its figures.

    Attributes:
        method: What was measured, a few words.
        values: Column -> figure; columns without a figure are absent.
        source: Where the figures come from.
        detail: Backbone, configuration or what else tells rows apart.
        link: Address of the weights or of the paper.
        stamp: 'PARTIAL: n of m pictures' of a partial evaluation. It is a
            part of :attr:`label`, which is what every output shows.
        spread: Column -> half the width of the 95 % interval.
        groups: Group (super-category) -> figure.
    """

    method: str
    values: Mapping[str, float]
    source: str
    detail: str = ''
    link: str = ''
    stamp: str = ''
    spread: Mapping[str, float] = field(default_factory=dict)
    groups: Mapping[str, float] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The method, with the stamp if there is one."""
        return f'{self.method} [{self.stamp}]' if self.stamp else self.method


@dataclass(frozen=True)
class Board:
    """A table of rows that may be compared with each other.

    Attributes:
        origin: A key of :data:`ORIGINS`.
        title: What the rows were evaluated on.
        unit: What the figures mean.
        columns: Columns, in order.
        rows: Rows; :func:`ranked` by ``main``.
        main: The column that ranks the rows.
        group_metric: What the rows' ``groups`` show, '' without groups.

    Raises:
        ValueError: If the origin or the column to rank by is unknown.
    """

    origin: str
    title: str
    unit: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    main: str
    group_metric: str = ''

    def __post_init__(self) -> None:
        if self.origin not in ORIGINS:
            raise ValueError(
                f'The board "{self.title}" has the origin {self.origin!r}; '
                f'it must be one of {", ".join(ORIGINS)}.'
            )
        if self.main not in self.columns:
            raise ValueError(
                f'The board "{self.title}" has no column "{self.main}" to '
                'rank by.'
            )

    def cell(self, row: Row, column: str) -> str:
        """A figure as every output shows it, '' where there is none.

        A column has as many decimals as its figures need, four at most.
        """
        if column not in row.values:
            return ''
        shown = [
            f'{figures[column]:.4f}'
            for r in self.rows
            for figures in (r.values, r.spread)
            if column in figures
        ]
        decimals = max(
            len(text.rstrip('0').partition('.')[2]) for text in shown
        )
        text = f'{row.values[column]:.{decimals}f}'
        if column in row.spread:
            text += f' ± {row.spread[column]:.{decimals}f}'
        return text


def lower_is_better(column: str) -> bool:
    """Whether less is better in a column."""
    return any(fnmatchcase(column, pattern) for pattern in _LOWER)


def ranked(rows: Iterable[Row], column: str) -> tuple[Row, ...]:
    """Rows with the best figure of a column first, those without last."""
    sign = 1 if lower_is_better(column) else -1
    return tuple(
        sorted(
            rows, key=lambda r: sign * r.values.get(column, sign * math.inf)
        )
    )


def used_columns(rows: Sequence[Row]) -> tuple[str, ...]:
    """All columns that a row has a figure in, in order of appearance."""
    return tuple(dict.fromkeys(name for row in rows for name in row.values))
