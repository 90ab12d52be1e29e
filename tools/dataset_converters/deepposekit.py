# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Convert a DeepPoseKit annotation set to a COCO-style keypoint set.

python tools/dataset_converters/deepposekit.py SET.h5 --category fly \
    --out data/fly
"""

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.common.datasets.converters import (
    LabelledFrame,
    add_common_arguments,
    category_record,
    prompt_names,
    write_coco,
)

import numpy as np


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Convert a DeepPoseKit annotation set to COCO keypoints.'
    )
    parser.add_argument('h5', type=Path, help='the annotation set')
    parser.add_argument(
        '--skeleton',
        type=Path,
        help='csv file with the columns name, parent, swap; by default '
        'skeleton.csv beside the annotation set',
    )
    parser.add_argument('--supercategory', default='insect', help='its group')
    add_common_arguments(parser)
    return parser.parse_args(argv)


def read_skeleton(
    path: Path,
) -> tuple[list[str], list[tuple[int, int]], list[tuple[int, int]]]:
    """Read ``skeleton.csv``.

    Returns:
        tuple: K names, links (child, parent) and swap pairs, 0-based.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If a column is missing or a name unknown.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f'There is no "{path}". The names of the keypoints are needed: '
            'give a csv file with the columns name, parent, swap by '
            '--skeleton.'
        )
    with path.open(newline='', encoding='utf-8') as file:
        rows = list(csv.DictReader(file))
    if not rows or not {'name', 'parent', 'swap'} <= set(rows[0]):
        raise ValueError(f'{path} must have the columns name, parent, swap.')
    names = [row['name'] for row in rows]
    index = {name: i for i, name in enumerate(names)}
    for row in rows:
        for column in ('parent', 'swap'):
            if row[column] and row[column] not in index:
                raise ValueError(
                    f'{path}: the {column} of "{row["name"]}" is '
                    f'"{row[column]}", which is none of the names.'
                )
    links = [
        (i, index[row['parent']])
        for i, row in enumerate(rows)
        if row['parent']
    ]
    swaps = [index[row['swap']] if row['swap'] else -1 for row in rows]
    return names, links, swap_pairs(names, swaps)


def swap_pairs(
    names: Sequence[str], swaps: Sequence[int]
) -> list[tuple[int, int]]:
    """Pairs of keypoints that a mirrored picture exchanges.

    Skeleton files have slips: an entry that is not answered by its partner
    is taken if both are free otherwise, and dropped if not; either is said.

    Args:
        names: K names.
        swaps: Index of each keypoint's partner, -1 for none.
    """
    pairs = [(i, j) for i, j in enumerate(swaps) if i < j and swaps[j] == i]
    used = {i for pair in pairs for i in pair}
    for i, j in enumerate(swaps):
        if j < 0 or swaps[j] == i or i == j:
            continue
        if i in used or j in used:
            print(
                f'note: swap {names[i]} -> {names[j]} contradicts another '
                'entry and is not used.'
            )
        else:
            pairs.append((min(i, j), max(i, j)))
            used |= {i, j}
            print(
                f'note: swap {names[i]} -> {names[j]} is not answered; '
                'taken for both.'
            )
    return sorted(pairs)


def read_annotations(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read pictures and keypoints.

    Returns:
        tuple: (N, H, W, 1 or 3) uint8 and (N, K, 2) x, y in pixels, NaN
        where a keypoint is not annotated.

    Raises:
        FileNotFoundError: If the file does not exist.
        ImportError: If h5py is not installed.
        ValueError: If it is no DeepPoseKit annotation set.
    """
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            f'{path} can only be read with h5py: pip install h5py'
        ) from error
    if not path.is_file():
        raise FileNotFoundError(f'There is no annotation set "{path}".')
    try:
        with h5py.File(path) as file:
            images, points, flags = (
                file[key][:] for key in ('images', 'annotations', 'annotated')
            )
    except (OSError, KeyError) as error:
        raise ValueError(
            f'{path} is no DeepPoseKit annotation set with images, '
            f'annotations and annotated: {error}.'
        ) from error
    points = points.astype(np.float64)
    if flags.any():
        points[~flags.astype(bool)] = np.nan
    elif np.isfinite(points).any():
        print(
            'note: no keypoint is flagged as annotated although positions '
            'are there; all are taken.'
        )
    return images, points


def convert(args: argparse.Namespace) -> dict[str, int]:
    """Convert as the command line says and return what was written."""
    images, points = read_annotations(args.h5)
    skeleton = args.skeleton or args.h5.parent / 'skeleton.csv'
    names, links, pairs = read_skeleton(skeleton)
    if points.shape[1] != len(names):
        raise ValueError(
            f'{skeleton} names {len(names)} keypoints, but {args.h5} has '
            f'{points.shape[1]}; give the skeleton file of this set.'
        )
    category = category_record(
        args.category,
        prompt_names(names, args.rename),
        links,
        pairs,
        args.supercategory,
    )
    digits = len(str(len(images) - 1))
    frames = [
        LabelledFrame(
            f'{index:0{digits}d}.png',
            np.squeeze(image, -1) if image.shape[-1] == 1 else image,
            [keypoints],
        )
        for index, (image, keypoints) in enumerate(zip(images, points))
    ]
    return write_coco(
        args.out, category, frames, args.hold_out_every, args.margin
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 1 if the set cannot be converted."""
    args = parse_args(argv)
    try:
        counts = convert(args)
    except (FileNotFoundError, ImportError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    print(f'{args.out}: ' + ', '.join(f'{n} {k}' for k, n in counts.items()))
    return 0


if __name__ == '__main__':
    sys.exit(main())
