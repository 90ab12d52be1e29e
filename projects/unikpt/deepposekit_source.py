# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Sets of one category that were annotated with DeepPoseKit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import numpy as np

from projects.unikpt.coco_reader import CocoSource
from projects.unikpt.entries import Schema
from projects.unikpt.holding_out import held_out
from projects.unikpt.reading import only_instance
from projects.unikpt.records import SourcePicture
from projects.unikpt.source import (
    UNREADABLE,
    Fault,
    Report,
    SourceFiles,
)
from projects.unikpt.vocabulary import load_vocabulary

WHOLE = 'whole set'
RELEASED = 'annotation_data_release.h5'
_SKELETON = 'skeleton.csv'


class DeepPoseKitSource(CocoSource):
    """An h5 set with ``skeleton.csv`` beside it, or mmpose's json of it.

    The h5 file has neither boxes nor a split: every fifth frame validates.
    Keypoints are those flagged as annotated; where no flag is set although
    there are positions, as in the examples of DeepPoseKit-Data, all are.
    Without ``skeleton.csv`` keypoints have to be in the schema's order.

    Attributes:
        category: The category of the vocabulary that is annotated.
    """

    category: ClassVar[str]

    def find(self, root: Path) -> SourceFiles:
        """Look for the h5 file, or else for the json files.

        An h5 file of any name counts if it has this set's keypoints.
        """
        files = super().find(root)
        sets = tuple(filter(self._is_ours, files.found.get(WHOLE, ())))
        if sets:
            names = (path.with_name(_SKELETON) for path in sets)
            beside = tuple(path for path in names if path.is_file())
            return SourceFiles({WHOLE: sets}, beside=beside)
        found = {s: p for s, p in files.found.items() if s != WHOLE}
        if found:
            missing = {s: p for s, p in files.missing.items() if s != WHOLE}
            return SourceFiles(found, missing)
        return SourceFiles({}, self.annotations)

    def _is_ours(self, path: Path) -> bool:
        if path.name == RELEASED:
            return True
        try:
            points, _ = _deepposekit().read_points(
                path, note=lambda text: None
            )
        except ValueError:
            return False
        return points.shape[1] == len(self._schema().keypoints)

    def _schema(self) -> Schema:
        return load_vocabulary().entry(self.category).schema

    def category_name(self, text: str, image: object) -> str:
        """Its one category, whatever a json calls it."""
        return self.category

    def read_split(
        self, root: Path, path: Path, split: str, report: Report
    ) -> Iterator[SourcePicture]:
        """See :meth:`CocoSource.read_split`."""
        if split != WHOLE:
            yield from super().read_split(root, path, split, report)
            return
        name = path.relative_to(root).as_posix()
        try:
            points, (height, width) = _deepposekit().read_points(
                path, note=lambda text: None
            )
        except ValueError as error:
            report(Fault(UNREADABLE, name, str(error)))
            return
        schema = self._schema()
        if points.shape[1] != len(schema.keypoints):
            detail = f'{points.shape[1]}, not {len(schema.keypoints)}'
            report(Fault('wrong number of keypoints', name, detail))
            return
        order = _order(path.with_name(_SKELETON), schema, report)
        for frame, xy in enumerate(points[:, order]):
            yield SourcePicture(
                file=name,
                split='val' if held_out(frame) else 'train',
                instances=only_instance(
                    xy, self.category, f'{name}#{frame}', report
                ),
                width=width,
                height=height,
                frame=frame,
            )

    def read_picture(self, root: Path, picture: SourcePicture) -> np.ndarray:
        """See :meth:`Source.read_picture`."""
        if picture.frame is None:
            return super().read_picture(root, picture)
        try:
            return _deepposekit().read_frame(
                Path(root) / picture.file, picture.frame
            )
        except (IndexError, ValueError) as error:
            raise OSError(str(error)) from error


def _deepposekit() -> ModuleType:
    """The reader of their files; not at the top, it brings PyTorch along."""
    from projects.common.datasets.converters import deepposekit

    return deepposekit


def _order(path: Path, schema: Schema, report: Report) -> list[int]:
    """Where the schema's keypoints stand in the set."""
    plain_order = list(range(len(schema.keypoints)))
    if not path.is_file():
        return plain_order
    try:
        names, _, _ = _deepposekit().read_skeleton(
            path, note=lambda text: None
        )
    except ValueError as error:
        report(Fault(UNREADABLE, path.name, str(error)))
        return plain_order
    order = schema.order(names)
    if order is None:
        report(Fault('unknown keypoint names', path.name, ', '.join(names)))
    return order or plain_order
