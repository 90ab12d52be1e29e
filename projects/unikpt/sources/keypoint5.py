# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Keypoint-5: five kinds of furniture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from projects.unikpt.holding_out import held_out
from projects.unikpt.reading import only_instance, read_text
from projects.unikpt.records import SourcePicture
from projects.unikpt.source import (
    UNREADABLE,
    Fault,
    Report,
    Source,
    register_source,
)
from projects.unikpt.vocabulary import load_vocabulary

_KINDS = ('bed', 'chair', 'sofa', 'swivelchair', 'table')
_COORDINATES = 'coordinates'


@register_source
class Keypoint5(Source):
    """Keypoint-5: per kind ``coords.mat``, ``train.txt`` and ``test.txt``.

    ``coords`` is (2, K, P, N): x and y of K keypoints by P annotators in N
    pictures, NaN or 0 where one of them set no point. A keypoint is the
    median of its annotators, each coordinate by itself; there are no boxes
    and no visibility. The text files list pictures, one path a line; what
    ``test.txt`` lists tests, the rest trains. Without it every fifth picture
    tests. Pictures are numbered from 1. More keypoints than the kind has
    (some files have room for them) are ignored. The 55 keypoints of its kinds
    have 25 names here and 31 in the paper.
    """

    name = 'keypoint5'
    title = 'Keypoint-5'
    licence = 'None stated; for research.'
    page = 'http://3dinterpreter.csail.mit.edu'
    bibtex = """\
@inproceedings{wu2016single,
  title={Single Image 3D Interpreter Network},
  author={Wu, Jiajun and Xue, Tianfan and Lim, Joseph J and Tian, Yuandong
    and Tenenbaum, Joshua B and Torralba, Antonio and Freeman, William T},
  booktitle={European Conference on Computer Vision},
  year={2016}
}"""
    tree = """\
Download data/keypoint-5.zip from the page (its address is often dead; see
also github.com/jiajunwu/3dinn) and unpack:
keypoint-5
|-- bed
|   |-- coords.mat
|   |-- images/00000001.jpg ...
|   |-- train.txt
|   `-- test.txt
`-- chair, sofa, swivelchair, table"""
    paper = dict(
        keypoints=31,
        categories=5,
        images=8649,
        instances=8649,
        unified_images=2000,
        unified_instances=2000,
    )
    annotations = {
        _COORDINATES: ('*/coords.mat', '*/*/coords.mat'),
        'test': ('*/test.txt', '*/*/test.txt'),
    }
    optional = frozenset({'test'})

    def read(self, root: Path, report: Report) -> Iterator[SourcePicture]:
        """See :meth:`Source.read`."""
        for path in self.find(root).found.get(_COORDINATES, ()):
            yield from self._read_kind(Path(root), path, report)

    def _read_kind(
        self, root: Path, path: Path, report: Report
    ) -> Iterator[SourcePicture]:
        where = path.relative_to(root).as_posix()
        kind = path.parent.name
        if kind not in _KINDS:
            report(Fault('unknown category', where, f'folder {kind!r}'))
            return
        category = load_vocabulary().find(kind, self.name)
        count = len(load_vocabulary().entry(category).keypoints)
        points = _coordinates(path, count, where, report)
        if points is None:
            return
        files = {
            number: file
            for file in sorted(path.with_name('images').glob('*'))
            if (number := _number(file)) is not None
        }
        test = _listed(path.with_name('test.txt'), len(points), report)
        for number, xy in enumerate(points, 1):
            file = files.get(number)
            if file is None:
                file = path.with_name('images') / f'{number:08d}.jpg'
            tests = held_out(number - 1) if test is None else number in test
            yield SourcePicture(
                file=file.relative_to(root).as_posix(),
                split='test' if tests else 'train',
                instances=only_instance(
                    xy, category, f'{where}#{number}', report
                ),
            )


def _coordinates(
    path: Path, count: int, where: str, report: Report
) -> np.ndarray | None:
    """(N, K, 2) medians of the annotators, NaN where there is no point."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        coords = loadmat(path)['coords'].astype(np.float64)
        # Matlab drops a last dimension of 1.
        coords = coords.reshape(*coords.shape, *[1] * (4 - coords.ndim))
        if coords.ndim != 4 or coords.shape[0] != 2:
            raise ValueError(f'coords has the shape {coords.shape}')
    except (
        *(OSError, KeyError, TypeError, ValueError),
        *(NotImplementedError, MatReadError),
    ) as error:
        report(Fault(UNREADABLE, where, str(error)))
        return None
    if coords.shape[1] < count:
        detail = f'{coords.shape[1]}, but the category has {count}'
        report(Fault('wrong number of keypoints', where, detail))
        return None
    coords = coords[:, :count]
    unset = ~np.isfinite(coords).all(axis=0) | (coords == 0).any(axis=0)
    masked = np.ma.masked_array(
        coords, mask=np.broadcast_to(unset, coords.shape)
    )
    median = np.ma.median(masked, axis=2).filled(np.nan)
    return median.transpose(2, 1, 0)


def _listed(path: Path, count: int, report: Report) -> set[int] | None:
    """Numbers of the pictures that a text file lists, None without it."""
    if not path.is_file():
        return None
    numbers = set()
    where = f'{path.parent.name}/{path.name}'
    lines = (read_text(path, report) or '').splitlines()
    for line_number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        number = _number(Path(line.strip()))
        if number is None or not 1 <= number <= count:
            detail = f'{line.strip()!r}, there are 1 to {count}'
            report(Fault('unknown picture', f'{where}:{line_number}', detail))
        else:
            numbers.add(number)
    return numbers


def _number(path: Path) -> int | None:
    return int(path.stem) if path.stem.isdecimal() else None
