# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Reading annotation sets of DeepPoseKit: an h5 file and ``skeleton.csv``."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import h5py

Note = Callable[[str], None]


def read_skeleton(
    path: Path, note: Note = print
) -> tuple[list[str], list[tuple[int, int]], list[tuple[int, int]]]:
    """Read ``skeleton.csv``.

    Args:
        path: The file.
        note: Called with a sentence about every slip of the file.

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
    return names, links, swap_pairs(names, swaps, note)


def swap_pairs(
    names: Sequence[str], swaps: Sequence[int], note: Note = print
) -> list[tuple[int, int]]:
    """Pairs of keypoints that a mirrored picture exchanges.

    Skeleton files have slips: an entry that is not answered by its partner
    is taken if both are free otherwise, and dropped if not; either is said.

    Args:
        names: K names.
        swaps: Index of each keypoint's partner, -1 for none.
        note: Called with a sentence about every slip.
    """
    pairs = [(i, j) for i, j in enumerate(swaps) if i < j and swaps[j] == i]
    used = {i for pair in pairs for i in pair}
    for i, j in enumerate(swaps):
        if j < 0 or swaps[j] == i or i == j:
            continue
        if i in used or j in used:
            note(
                f'note: swap {names[i]} -> {names[j]} contradicts another '
                'entry and is not used.'
            )
        else:
            pairs.append((min(i, j), max(i, j)))
            used |= {i, j}
            note(
                f'note: swap {names[i]} -> {names[j]} is not answered; '
                'taken for both.'
            )
    return sorted(pairs)


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """The open annotation set; what goes wrong becomes a sentence."""
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
            yield file
    except (OSError, KeyError) as error:
        raise ValueError(
            f'{path} is no DeepPoseKit annotation set with images, '
            f'annotations and annotated: {error}.'
        ) from error


def read_annotations(
    path: Path, note: Note = print
) -> tuple[np.ndarray, np.ndarray]:
    """Read pictures and keypoints.

    Args:
        path: The annotation set.
        note: Called with a sentence if the set contradicts itself.

    Returns:
        tuple: (N, H, W, 1 or 3) uint8 and (N, K, 2) x, y in pixels, NaN
        where a keypoint is not annotated.

    Raises:
        FileNotFoundError: If the file does not exist.
        ImportError: If h5py is not installed.
        ValueError: If it is no DeepPoseKit annotation set.
    """
    with _opened(path) as file:
        return file['images'][:], _points(file, note)


def read_points(
    path: Path, note: Note = print
) -> tuple[np.ndarray, tuple[int, int]]:
    """Read keypoints without the pictures.

    Args:
        path: The annotation set.
        note: Called with a sentence if the set contradicts itself.

    Returns:
        tuple: (N, K, 2) as of :func:`read_annotations` and the frames' (h, w)
        in pixels.

    Raises:
        Exception: As :func:`read_annotations`.
    """
    with _opened(path) as file:
        points = _points(file, note)
        count, height, width = file['images'].shape[:3]
        if count != len(points):
            raise ValueError(
                f'{path} has {count} pictures but annotations of '
                f'{len(points)}; fetch the file again.'
            )
        return points, (height, width)


def read_frame(path: Path, index: int) -> np.ndarray:
    """Read one picture, (H, W, 3) uint8 BGR.

    Raises:
        IndexError: If there is no frame of that index.
        Exception: As :func:`read_annotations`.
    """
    with _opened(path) as file:
        frames = file['images']
        if not 0 <= index < len(frames):
            raise IndexError(
                f'{path} has {len(frames)} frames, so there is no frame '
                f'{index}.'
            )
        frame = frames[index]
    return np.repeat(frame, 3, -1) if frame.shape[-1] == 1 else frame


def _points(file: h5py.File, note: Note) -> np.ndarray:
    flags = file['annotated'][:].astype(bool)
    points = file['annotations'][:].astype(np.float64)
    if flags.any():
        points[~flags] = np.nan
    elif np.isfinite(points).any():
        note(
            'note: no keypoint is flagged as annotated although positions '
            'are there; all are taken.'
        )
    return points
