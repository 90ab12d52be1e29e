# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""MacaquePose: macaques in photographs."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from projects.unikpt.coco_reader import CocoSource
from projects.unikpt.entries import plain
from projects.unikpt.reading import (
    PictureFinder,
    as_keypoints,
    read_text,
)
from projects.unikpt.records import SourceInstance, SourcePicture
from projects.unikpt.source import Fault, Report, register_source
from projects.unikpt.vocabulary import load_vocabulary

# A cell holds the outlines of all macaques of a picture.
_LARGEST_CELL = 2**27


@register_source
class Macaque(CocoSource):
    """MacaquePose, from its own csv or from mmpose's json.

    A row of the csv is the name of a picture, its macaques' keypoints (json:
    per macaque a list of names and positions, null where not seen) and
    their outlines (json), which give box and area. It has no split: all is
    'train'. mmpose's json divides it by chance.
    """

    name = 'macaque'
    title = 'MacaquePose'
    licence = (
        'Terms on the page; pictures come from Google Open Images (CC BY), '
        'zoos and Kyoto University.'
    )
    page = 'https://www.pri.kyoto-u.ac.jp/datasets/macaquepose/index.html'
    bibtex = """\
@article{labuguen2021macaquepose,
  title={{MacaquePose}: A Novel "In the Wild" Macaque Monkey Pose Dataset for
    Markerless Motion Capture},
  author={Labuguen, Rollyn and Matsumoto, Jumpei and Negrete, Salvador Blanco
    and Nishimaru, Hiroshi and Nishijo, Hisao and Takada, Masahiko and Go,
    Yasuhiro and Inoue, Ken-ichi and Shibata, Tomohiro},
  journal={Frontiers in Behavioral Neuroscience},
  volume={14},
  year={2021}
}"""
    tree = """\
Download macaquepose_v1.zip from the page and unpack:
macaquepose_v1
`-- v1
    |-- annotations.csv
    `-- images/01418849d54b3005.jpg ...
mmpose's annotations/macaque_{train,test}.json are read instead where they
are."""
    paper = dict(
        keypoints=17,
        categories=1,
        images=13083,
        instances=16393,
        unified_images=2000,
        unified_instances=2320,
    )
    annotations = {
        'train': (
            'annotations/macaque_train.json',
            'annotations.csv',
            'v1/annotations.csv',
        ),
        'test': ('annotations/macaque_test.json', 'test_macaque.json'),
    }
    optional = frozenset({'test'})
    folders = ('images', 'v1/images', '')

    def read_split(
        self, root: Path, path: Path, split: str, report: Report
    ) -> Iterator[SourcePicture]:
        """See :meth:`CocoSource.read_split`."""
        if path.suffix == '.json':
            yield from super().read_split(root, path, split, report)
            return
        finder = PictureFinder(root, self.folders)
        csv.field_size_limit(_LARGEST_CELL)
        text = read_text(path, report) or ''
        for row in list(csv.reader(io.StringIO(text)))[1:]:
            where = f'{path.name}: {row[0] if row else "empty row"}'
            try:
                name, keypoints, outlines = row[:3]
                pairs = _pairs(json.loads(keypoints), json.loads(outlines))
            except (TypeError, ValueError) as error:
                report(Fault('unreadable record', where, str(error)))
                continue
            instances = [
                _instance(f'{name}#{i}', points, outline, where, report)
                for i, (points, outline) in enumerate(pairs)
            ]
            yield SourcePicture(
                file=finder(name),
                split=split,
                instances=tuple(i for i in instances if i is not None),
            )


def _pairs(
    keypoints: Sequence[Any], outlines: Sequence[Any]
) -> list[tuple[Any, Any]]:
    """Keypoints and outline of each macaque; the outline may be missing."""
    padded = [*outlines, *[None] * len(keypoints)]
    return list(zip(keypoints, padded[: len(keypoints)]))


def _instance(
    key: str, points: Any, outline: Any, where: str, report: Report
) -> SourceInstance | None:
    names = load_vocabulary().entry('macaque').keypoints
    try:
        at = {plain(p['name']): p['position'] for p in points}
        rows = [[*at[n], 2] if at.get(n) else [0, 0, 0] for n in names]
        box, area = _box_and_area(outline)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        report(Fault('unreadable record', where, f'{type(error)}: {error}'))
        return None
    keypoints = as_keypoints(rows, len(names), 2, where, report)
    if keypoints is None:
        return None
    return SourceInstance(key, 'macaque', keypoints, box, area)


def _box_and_area(
    outline: Any,
) -> tuple[tuple[float, float, float, float] | None, float | None]:
    """Box (xywh) and area of an outline, of polygons where it has several."""
    polygons = outline if isinstance(outline, list) else [outline]
    rings = [np.array(p['segment'], float) for p in polygons if p]
    rings = [ring for ring in rings if len(ring) > 2]
    if not rings:
        return None, None
    corners = np.concatenate(rings)
    low, high = corners.min(axis=0), corners.max(axis=0)
    area = sum(
        abs(np.cross(ring, np.roll(ring, -1, axis=0)).sum()) / 2
        for ring in rings
    )
    return tuple(map(float, (*low, *(high - low)))), float(area)
