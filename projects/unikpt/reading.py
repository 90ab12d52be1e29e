# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Reading files that may be faulty: what is wrong is reported, not raised."""

from __future__ import annotations

import json
import math
import os.path
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from projects.unikpt.records import SourceInstance
from projects.unikpt.source import UNREADABLE, Fault, Report


def read_text(path: Path, report: Report) -> str | None:
    """Text of an annotation file, None (and a fault) if it cannot be read.

    Bytes that are no UTF-8 are a fault and become surrogates, so that names
    of files still find the files.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        report(Fault(UNREADABLE, str(path), str(error)))
        return None
    try:
        return data.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        report(Fault('text that is no UTF-8', str(path), str(error)))
        return data.decode('utf-8', 'surrogateescape')


def read_json(path: Path, report: Report) -> Any:
    """Content of a json file, None (and a fault) if it is none."""
    text = read_text(path, report)
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        report(Fault(UNREADABLE, str(path), f'no json: {error}'))
        return None


def as_keypoints(
    values: Any, count: int, visible: int, where: str, report: Report
) -> np.ndarray | None:
    """Keypoints of an annotation.

    Args:
        values: [x, y, v, x, y, v, ...] or [[x, y, v], ...] of a file.
        count: K that there have to be.
        visible: The v that means visible here; it becomes 2.
        where: Where they stand, for faults.
        report: Called with faults.

    Returns:
        (K, 3) float32 of x, y, v; zeros where v is 0 or something is not
        finite. None if they are not K keypoints.
    """
    try:
        array = np.array(values, np.float64).reshape(-1)
    except (TypeError, ValueError):
        report(Fault('not a number', where, f'keypoints {values!r:.60}'))
        return None
    if len(array) != 3 * count:
        found = f'{len(array) / 3:g}, but the category has {count}'
        report(Fault('wrong number of keypoints', where, found))
        return None
    keypoints = array.reshape(-1, 3)  # a copy of the file's
    finite = np.isfinite(keypoints).all(axis=1)
    if not finite.all():
        broken = np.flatnonzero(~finite).tolist()
        report(Fault('not a number', where, f'keypoints {broken}'))
    labelled = finite & (keypoints[:, 2] > 0)
    keypoints[:, 2] = 1 + (keypoints[:, 2] >= visible)
    keypoints[~labelled] = 0
    return keypoints.astype(np.float32)


def only_instance(
    xy: np.ndarray, category: str, where: str, report: Report
) -> tuple[SourceInstance, ...]:
    """The object of a picture that holds one, none if nothing is annotated.

    Args:
        xy: (K, 2) image px, not finite where there is no point.
        category: Its name in the vocabulary.
        where: Its annotation id.
        report: See :meth:`Source.read`.
    """
    labelled = np.isfinite(xy).all(axis=1)
    if not labelled.any():
        return ()
    values = np.where(labelled[:, None], xy, 0)
    values = np.concatenate([values, 2 * labelled[:, None]], axis=1)
    keypoints = as_keypoints(values, len(xy), 2, where, report)
    return (SourceInstance(where, category, keypoints, None),)


def as_box(
    values: Any, where: str, report: Report
) -> tuple[float, float, float, float] | None:
    """Four finite numbers; None for no box, and (with a fault) for others."""
    if values is None:
        return None
    try:
        box = tuple(float(value) for value in values)
    except (TypeError, ValueError):
        box = ()
    if len(box) == 4 and all(map(math.isfinite, box)):
        return box
    report(Fault('not a number', where, f'box {values!r:.60}'))
    return None


def as_size(value: Any) -> int | None:
    """A width or height in px; None for anything else."""
    if isinstance(value, (int, float)) and 0 < value < 2**31:
        return int(value)
    return None


def as_area(value: Any) -> float | None:
    """An area in px^2; None for anything else."""
    if isinstance(value, (int, float)) and 0 < value < float('inf'):
        return float(value)
    return None


def read_pts(path: Path, count: int, report: Report) -> np.ndarray | None:
    """Points of a ``.pts`` file, the format of the iBUG group.

    Args:
        path: The file: a header, then ``{``, ``x y`` a line, ``}``.
        count: K that there have to be.
        report: Called with faults.

    Returns:
        (K, 2) float32 as in the file, where the centre of the first pixel is
        (1, 1); None (and a fault) for anything else.
    """
    text = read_text(path, report)
    if text is None:
        return None
    body = text.partition('{')[2].partition('}')[0]
    try:
        points = np.array(body.split(), np.float32)
    except ValueError as error:
        report(Fault('not a number', str(path), str(error)))
        return None
    if len(points) != 2 * count:
        found = f'{len(points) / 2:g}, but the category has {count}'
        report(Fault('wrong number of keypoints', str(path), found))
        return None
    return points.reshape(-1, 2)


class PictureFinder:
    """Finds the pictures that an annotation file names.

    Releases move pictures between folders, and annotations keep paths of
    their authors' machines. A name is looked for in each folder, whole and
    then with leading folders dropped; what worked last is tried first.

    Args:
        root: Folder of the set.
        folders: Folders below it to look in.
        spellings: Wrong -> right spelling in names, tried after the names
            as they are.
    """

    def __init__(
        self,
        root: Path,
        folders: Sequence[str],
        spellings: Mapping[str, str] = {},
    ) -> None:
        self.root = Path(root)
        self.folders = tuple(folders)
        self.spellings = dict(spellings)
        self._last: tuple[str, int] = (self.folders[0], 0)

    def __call__(self, name: str) -> str:
        r"""Path of a picture relative to the root.

        Args:
            name: As the annotation has it, with '/' or '\'.

        Returns:
            A path to a file; if there is none, where it should be.
        """
        parts = [p for p in name.replace('\\', '/').split('/') if p]
        names = [parts, *self._respelled(parts)]
        for candidate in names:
            for folder, drop in self._places(len(candidate)):
                path = '/'.join([*filter(None, [folder]), *candidate[drop:]])
                # Unlike Path.is_file, this takes any text for a name.
                if os.path.isfile(self.root / path):
                    self._last = (folder, drop)
                    return path
        folder, drop = self._last
        kept = parts[drop:] or parts[-1:]
        return '/'.join([*filter(None, [folder]), *kept])

    def _places(self, length: int) -> Iterator[tuple[str, int]]:
        if self._last[1] < length:
            yield self._last
        for drop, folder in product(range(length), self.folders):
            if (folder, drop) != self._last:
                yield folder, drop

    def _respelled(self, parts: Iterable[str]) -> Iterator[list[str]]:
        if not self.spellings:
            return
        fixed = []
        for part in parts:
            for wrong, right in self.spellings.items():
                part = part.replace(wrong, right)
            fixed.append(part)
        yield fixed
        # Folders whose names had other letters, which unpacking lost.
        yield [p.encode('ascii', 'ignore').decode().strip() for p in fixed]
