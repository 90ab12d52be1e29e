# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""A part of a file that was built from several sources."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmengine.logging import print_log

Record = Mapping[str, Any]


class EmptySelectionError(ValueError):
    """Nothing of a file is selected."""


@dataclass(frozen=True)
class Selection:
    """Which records of a COCO-style file of several sources are meant.

    The file's ``images`` have ``source``; its ``categories`` have
    ``sources`` (those that annotate them) and perhaps ``supercategory`` and
    ``taxonomy`` with ``family``. Names are compared without regard to case.

    Data set and metric take the same selection, so that they cannot differ.

    Args:
        sources: Pictures of these sources and categories that these sources
            annotate; None means all.
        families: Of these, only categories of these biological families.
        supercategories: Of these, only categories of these groups.

    Raises:
        ValueError: If a list is given but empty.
    """

    sources: Sequence[str] | None = None
    families: Sequence[str] | None = None
    supercategories: Sequence[str] | None = None

    def __post_init__(self) -> None:
        for name in ('sources', 'families', 'supercategories'):
            names = getattr(self, name)
            if names is not None and not len(names):
                raise ValueError(
                    f'{name} of a selection is empty; name at least one, or '
                    'leave it out to take all.'
                )

    def apply(self, content: Record, path: str) -> dict[str, Any]:
        """Leave out what is not selected.

        With ``families`` or ``supercategories``, a picture without any
        selected object is left out as well: it was taken for another part.
        Without them, pictures without objects stay.

        Args:
            content: ``images``, ``annotations`` and ``categories``.
            path: Of the file, for messages.

        Returns:
            dict: The same with the selected records, which are not copied.

        Raises:
            EmptySelectionError: If nothing is left.
            ValueError: If the file does not say what is needed.
        """
        categories = self._categories(content['categories'], path)
        images = self._images(content['images'], path)
        # What names neither a picture nor a category stays, to be refused.
        dropped = _ids(content['categories']) - _ids(categories)
        dropped_images = _ids(content['images']) - _ids(images)
        annotations = [
            annotation
            for annotation in content['annotations']
            if annotation['image_id'] not in dropped_images
            and annotation['category_id'] not in dropped
        ]
        if self.families is not None or self.supercategories is not None:
            shown = {annotation['image_id'] for annotation in annotations}
            images = [image for image in images if image['id'] in shown]
        if not images or not categories:
            raise EmptySelectionError(
                f'{path} has {len(images)} pictures and {len(categories)} '
                f'categories of {self}; build these sources into it, or '
                'select others.'
            )
        return {
            **content,
            'images': images,
            'annotations': annotations,
            'categories': categories,
        }

    def _categories(self, records: Sequence[Record], path: str) -> list:
        if self.sources is not None:
            require(records, 'sources', path, 'categories')
            wanted = _folded(self.sources)
            records = [r for r in records if wanted & _folded(r['sources'])]
        if self.families is not None:
            wanted = _folded(self.families)
            records = [r for r in records if _family(r) in wanted]
        if self.supercategories is not None:
            wanted = _folded(self.supercategories)
            records = [
                r
                for r in records
                if r.get('supercategory', '').casefold() in wanted
            ]
        return list(records)

    def _images(self, records: Sequence[Record], path: str) -> list[Record]:
        if self.sources is None:
            return list(records)
        require(records, 'source', path, 'images')
        wanted = _folded(self.sources)
        kept = [r for r in records if r['source'].casefold() in wanted]
        absent = wanted - {r['source'].casefold() for r in kept}
        if kept and absent:
            print_log(
                f'partial: {path} has no pictures of '
                f'{", ".join(sorted(absent))}; numbers are not comparable '
                'with those of all selected sources.',
                logger='current',
                level=logging.WARNING,
            )
        return kept


def _ids(records: Sequence[Record]) -> set[Any]:
    return {record['id'] for record in records}


def _folded(names: Collection[str]) -> set[str]:
    return {name.casefold() for name in names}


def _family(record: Record) -> str:
    return (record.get('taxonomy') or {}).get('family', '').casefold()


def require(records: Sequence[Record], key: str, path: str, part: str) -> None:
    """Check that all records of a part of a file have a key.

    Raises:
        ValueError: If one does not.
    """
    for record in records:
        if key not in record:
            raise ValueError(
                f'{path}: {part} {record.get("id")} has no "{key}", so '
                'sources cannot be told apart; build the file with '
                'tools/dataset_converters/unikpt.py.'
            )
