# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Boards of mmpose's own model index, as the installed package has it."""

from collections import defaultdict
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from projects.benchmarks.leaderboard.boards import (
    Board,
    Row,
    ranked,
    used_columns,
)

_LOADER = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)


def zoo_folder() -> Path:
    """The folder of the installed mmpose that holds its model index.

    Raises:
        FileNotFoundError: If mmpose is not installed or came without it.
    """
    spec = find_spec('mmpose')
    root = Path(spec.origin).parent / '.mim' if spec else Path('mmpose')
    if not (root / 'model-index.yml').is_file():
        raise FileNotFoundError(
            f'There is no mmpose model index in {root}; install mmpose, or '
            'leave the model zoo out with --no-zoo.'
        )
    return root


def zoo_boards(folder: str | Path) -> list[Board]:
    """Boards of a model index, one for each task and data set.

    Names of tasks, data sets and metrics and the figures are the index's own.

    Args:
        folder: Holds ``model-index.yml`` and what it imports.
    """
    folder = Path(folder)
    index = _load(folder / 'model-index.yml')
    rows: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for file in index['Import']:
        for model in _load(folder / file).get('Models', ()):
            for result in model['Results']:
                key = (result['Task'], result['Dataset'])
                rows[key].append(_row(model, result))
    return [
        _board(f'{task}: {data}', found)
        for (task, data), found in sorted(rows.items())
    ]


def _board(title: str, rows: list[Row]) -> Board:
    columns = used_columns(rows)
    # The metric that most rows have.
    main = max(columns, key=lambda c: sum(c in row.values for row in rows))
    return Board(
        origin='zoo',
        title=title,
        unit=f'as the index of mmpose {version("mmpose")} gives them',
        columns=columns,
        rows=ranked(rows, main),
        main=main,
    )


def _row(model: dict[str, Any], result: dict[str, Any]) -> Row:
    trained = model['Metadata']['Training Data']
    if isinstance(trained, list):
        trained = ', '.join(trained)
    return Row(
        method=model['Name'],
        detail=f'{model["In Collection"]}, trained on {trained}',
        values={name: float(v) for name, v in result['Metrics'].items()},
        source=model['Config'],
        link=model['Weights'],
    )


def _load(path: Path) -> dict[str, Any]:
    return yaml.load(path.read_text(encoding='utf-8'), Loader=_LOADER)
