# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""AnimalWeb: nine points of the faces of 350 kinds of animals."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from projects.unikpt.holding_out import held_out
from projects.unikpt.reading import as_keypoints, read_pts
from projects.unikpt.records import SourceInstance, SourcePicture
from projects.unikpt.source import (
    Fault,
    Report,
    Source,
    register_source,
)
from projects.unikpt.vocabulary import load_vocabulary

_COUNT = 9
_SUFFIXES = ('.jpg', '.jpeg', '.png', '.JPG')


@register_source
class AnimalWeb(Source):
    """AnimalWeb: ``<kind>_<number>.jpg`` with a ``.pts`` file each.

    It has no boxes, no visibility (hidden points are placed by guess; all
    count as visible) and no split: of each kind every fifth picture, in the
    order of their numbers, validates. ``.pts`` files count pixels from 1.
    """

    name = 'animalweb'
    title = 'AnimalWeb'
    licence = 'None stated; for research.'
    page = 'https://fdmaproject.wordpress.com/author/fdmaproject/'
    bibtex = """\
@inproceedings{khan2020animalweb,
  title={AnimalWeb: A Large-Scale Hierarchical Dataset of Annotated Animal
    Faces},
  author={Khan, Muhammad Haris and McDonagh, John and Khan, Salman and
    Shahabuddin, Muhammad and Arora, Aditya and Khan, Fahad Shahbaz and Shao,
    Ling and Tzimiropoulos, Georgios},
  booktitle={Proceedings of the IEEE/CVF Conference on Computer Vision and
    Pattern Recognition},
  year={2020}
}"""
    tree = """\
Follow the link of the page to animal_dataset_v1_c.rar and unpack:
animalweb
`-- animal_dataset_v1_clean_check
    `-- alpaca_0.jpg, alpaca_0.pts ..."""
    paper = dict(
        keypoints=9,
        categories=332,
        images=22451,
        instances=21921,
        unified_images=22451,
        unified_instances=21921,
    )
    annotations = {
        'train': (
            'animal_dataset_v1_clean_check/*.pts',
            # Not the numbered .pts files of 300-W.
            '[a-z]*_*.pts',
        ),
    }

    def read(self, root: Path, report: Report) -> Iterator[SourcePicture]:
        """See :meth:`Source.read`."""
        seen: Counter[str] = Counter()
        files = self.find(root).found.get('train', ())
        for path in sorted(files, key=_order):
            kind, number = _order(path)
            where = path.relative_to(root).as_posix()
            if number < 0 or not kind.strip('_'):
                detail = 'is not KIND_NUMBER.pts'
                report(Fault('unreadable record', where, detail))
                continue
            index, seen[kind] = seen[kind], seen[kind] + 1
            yield SourcePicture(
                file=_picture(path).relative_to(root).as_posix(),
                split='val' if held_out(index) else 'train',
                instances=tuple(self._faces(path, kind, where, report)),
            )

    def _faces(
        self, path: Path, kind: str, where: str, report: Report
    ) -> Iterator[SourceInstance]:
        """The face of a file; none if it is faulty."""
        category = load_vocabulary().find(kind, self.name)
        if category is None:
            report(Fault('unknown category', where, f'name {kind!r}'))
            return
        points = read_pts(path, _COUNT, report)
        if points is None:
            return
        flags = np.full((_COUNT, 1), 2)
        values = np.concatenate([points - 1, flags], axis=1)
        yield SourceInstance(
            annotation_id=path.stem,
            category=category,
            keypoints=as_keypoints(values, _COUNT, 2, where, report),
            bbox=None,
        )


def _order(path: Path) -> tuple[str, int]:
    """Kind and number of a file, number -1 where it has none."""
    kind, number = re.fullmatch(r'(.+?)_?(\d*)', path.stem).groups()
    return kind, int(number or -1)


def _picture(path: Path) -> Path:
    """The picture of a ``.pts`` file; if there is none, where to expect it."""
    choices = [path.with_suffix(suffix) for suffix in _SUFFIXES]
    return next((p for p in choices if p.is_file()), choices[0])
