# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Convert a DeepLabCut project to a COCO-style keypoint set.

python tools/dataset_converters/deeplabcut.py PROJECT --category mouse \
    --out data/mouse
"""

import argparse
import csv
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.common.datasets.converters.coco import (
    LabelledFrame,
    add_common_arguments,
    category_record,
    prompt_names,
    write_coco,
)
from projects.common.datasets.converters.pandas_hdf import read_frame

import numpy as np
import yaml

# DeepLabCut's name for body parts that belong to no animal.
UNIQUE = 'single'

# (individual, body part) -> (x, y) of one picture
Points = dict[tuple[str, str], np.ndarray]


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Convert a DeepLabCut project to COCO keypoints.'
    )
    parser.add_argument('project', type=Path, help='folder of config.yaml')
    parser.add_argument(
        '--supercategory', default='animal body', help='its group'
    )
    parser.add_argument(
        '--skip-unreadable',
        action='store_true',
        help='report pictures that cannot be read and go on',
    )
    add_common_arguments(parser)
    return parser.parse_args(argv)


def read_config(project: Path) -> dict[str, Any]:
    """Read ``config.yaml`` of a project.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it names no body parts.
    """
    path = project / 'config.yaml'
    if not path.is_file():
        raise FileNotFoundError(
            f'There is no config.yaml in "{project}"; give the folder of a '
            'DeepLabCut project.'
        )
    config = yaml.safe_load(path.read_text(encoding='utf-8'))
    # Projects with several animals write "bodyparts: MULTI!".
    key = (
        'multianimalbodyparts'
        if config.get('multianimalproject')
        else 'bodyparts'
    )
    parts = config.get(key)
    if not isinstance(parts, list) or not parts:
        raise ValueError(f'{path} names no {key}; list them there.')
    config['parts'] = [str(part) for part in parts]
    return config


def read_csv(path: Path) -> Iterator[tuple[str, Points]]:
    """Read a ``CollectedData_*.csv``.

    Its header has the rows scorer, (individuals,) bodyparts and coords; the
    picture's path stands in one column or, in newer versions, in three.

    Yields:
        File name of a picture (without folder) and its labelled points.

    Raises:
        ValueError: If header or a row is not what DeepLabCut writes.
    """
    with path.open(newline='', encoding='utf-8') as file:
        rows = list(csv.reader(file))
    header = {}
    for row in rows[:4]:
        if row and row[0] in ('scorer', 'individuals', 'bodyparts', 'coords'):
            header[row[0]] = row
    axes = header.get('coords', [])
    if 'bodyparts' not in header or 'x' not in axes:
        raise ValueError(
            f'{path} does not start with the header rows scorer, bodyparts '
            'and coords that DeepLabCut writes.'
        )
    start = axes.index('x')
    names = header['bodyparts'][start:]
    owners = header.get('individuals', [''] * (start + len(names)))[start:]
    columns = list(zip(owners, names, axes[start:]))
    for number, row in enumerate(rows[len(header) :], len(header) + 1):
        if not any(row):
            continue
        if len(row) != start + len(columns):
            raise ValueError(
                f'{path}, row {number}: {len(row)} cells, but the header has '
                f'{start + len(columns)}.'
            )
        try:
            values = [float(cell) if cell else np.nan for cell in row[start:]]
        except ValueError as error:
            raise ValueError(f'{path}, row {number}: {error}.') from error
        yield _file_name(row[start - 1]), _points(columns, values)


def read_h5(path: Path) -> Iterator[tuple[str, Points]]:
    """Read a ``CollectedData_*.h5``, the same content as the csv file.

    Raises:
        ValueError: If it is no such table, see :func:`read_frame`.
    """
    frame = read_frame(path)
    depth = len(frame.columns[0]) if frame.columns else 0
    if depth not in (3, 4):
        raise ValueError(
            f'{path}: its columns have {depth} names each, but DeepLabCut '
            'writes scorer, (individual,) body part and coordinate.'
        )
    columns = [
        (column[1] if depth == 4 else '', *column[-2:])
        for column in frame.columns
    ]
    for row, values in zip(frame.rows, frame.values, strict=True):
        yield _file_name(row[-1]), _points(columns, values)


def _file_name(path: str) -> str:
    """Last part of a path that Windows or Linux wrote."""
    return path.replace('\\', '/').rsplit('/', 1)[-1]


def _points(
    columns: Sequence[tuple[str, str, str]], values: Sequence[float]
) -> Points:
    points: Points = {}
    for (owner, part, axis), value in zip(columns, values):
        if axis in ('x', 'y'):
            point = points.setdefault((owner, part), np.full(2, np.nan))
            point['xy'.index(axis)] = value
    return points


def label_files(project: Path, scorer: str) -> list[Path]:
    """The label file of every folder of ``labeled-data``, csv before h5.

    Raises:
        FileNotFoundError: If the project has none.
        ValueError: If a folder has files of several scorers, none of them
            the project's.
    """
    found = []
    root = project / 'labeled-data'
    for folder in sorted(root.iterdir() if root.is_dir() else ()):
        for kind in ('csv', 'h5'):
            files = sorted(folder.glob(f'CollectedData_*.{kind}'))
            own = folder / f'CollectedData_{scorer}.{kind}'
            files = [own] if own in files else files
            if len(files) > 1:
                raise ValueError(
                    f'{folder} has labels of several scorers and none of '
                    f'"{scorer}" (scorer in config.yaml); keep one file.'
                )
            if files:
                found += files
                break
    if not found:
        raise FileNotFoundError(
            f'There is no labeled-data/*/CollectedData_*.csv or .h5 in '
            f'"{project}"; label frames first.'
        )
    return found


def read_frames(path: Path, parts: Sequence[str]) -> list[LabelledFrame]:
    """Frames of one label file, keypoints in the order of ``parts``.

    Raises:
        ValueError: If a body part of the config is not in the file.
    """
    read = read_csv if path.suffix == '.csv' else read_h5
    frames = []
    for name, points in read(path):
        owners = [
            owner
            for owner in dict.fromkeys(o for o, _ in points)
            if owner != UNIQUE
        ]
        missing = [
            part
            for owner in owners
            for part in parts
            if (owner, part) not in points
        ]
        if missing or not owners:
            raise ValueError(
                f'{path} has no columns for the body parts {missing[:5]} of '
                'config.yaml; the two must agree.'
            )
        instances = [
            np.stack([points[owner, part] for part in parts])
            for owner in owners
        ]
        frames.append(
            LabelledFrame(
                f'{path.parent.name}/{name}', path.parent / name, instances
            )
        )
    return frames


def convert(args: argparse.Namespace) -> dict[str, int]:
    """Convert as the command line says and return what was written."""
    config = read_config(args.project)
    parts = config['parts']
    index = {part: i for i, part in enumerate(parts)}
    links = [
        (index[a], index[b])
        for a, b in config.get('skeleton') or ()
        if a in index and b in index
    ]
    category = category_record(
        args.category,
        prompt_names(parts, args.rename),
        links,
        supercategory=args.supercategory,
    )
    frames = [
        frame
        for path in label_files(args.project, str(config.get('scorer')))
        for frame in read_frames(path, parts)
    ]
    return write_coco(
        args.out,
        category,
        frames,
        args.hold_out_every,
        args.margin,
        args.skip_unreadable,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 1 if the project cannot be converted."""
    args = parse_args(argv)
    try:
        counts = convert(args)
    except (FileNotFoundError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    print(f'{args.out}: ' + ', '.join(f'{n} {k}' for k, n in counts.items()))
    return 0


if __name__ == '__main__':
    sys.exit(main())
