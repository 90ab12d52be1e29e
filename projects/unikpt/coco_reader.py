# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Reading sets that come as COCO-style json, faults and all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from projects.unikpt.entries import Schema, plain
from projects.unikpt.reading import (
    PictureFinder,
    as_area,
    as_box,
    as_keypoints,
    as_size,
    read_json,
)
from projects.unikpt.records import SourceInstance, SourcePicture
from projects.unikpt.source import UNREADABLE, Fault, Report, Source
from projects.unikpt.vocabulary import load_vocabulary


@dataclass
class CocoContent:
    """What of a COCO json could be read.

    Attributes:
        name: The file, for faults.
        images: Image records by id, in the file's order.
        annotations: Image id -> its annotation records.
        categories: Category records by id.
        orders: Category id and schema -> order of the file's keypoints.
    """

    name: str
    images: dict[Any, Mapping] = field(default_factory=dict)
    annotations: Mapping[Any, list[Mapping]] = field(default_factory=dict)
    categories: dict[Any, Mapping] = field(default_factory=dict)
    orders: dict[tuple[Any, str], list[int]] = field(default_factory=dict)

    def order(self, key: Any, schema: Schema, report: Report) -> list[int]:
        """Where the schema's keypoints stand in a category of the file.

        A file that names none of them, or numbers them, has to have them in
        the schema's order; other names are reported, once.
        """
        if (key, schema.name) not in self.orders:
            names = self.categories[key].get('keypoints') or ()
            if not isinstance(names, (list, tuple)):
                where = f'{self.name}: category {key}'
                detail = f'keypoints is {names!r:.60}, not a list'
                report(Fault('unreadable record', where, detail))
                names = ()
            texts = [str(name) for name in names]
            order = schema.order(texts)
            if order is None and not all(t.isdecimal() for t in texts):
                where = f'{self.name}: category {key}'
                listed = ', '.join(texts)
                report(Fault('unknown keypoint names', where, listed))
            plain_order = list(range(len(schema.keypoints)))
            self.orders[key, schema.name] = order or plain_order
        return self.orders[key, schema.name]


class CocoSource(Source):
    """A set of COCO-style json files; subclasses say which.

    Keypoints are put into the vocabulary's order by the names that the
    file's category lists; where it lists none, or numbers only, the file has
    to have them in the order of the schema.

    Attributes:
        folders: Where pictures are looked for, relative to the root;
            '{split}' stands for the split.
        spellings: Wrong -> right spelling in the names of pictures.
        renames: Category of the file -> what the vocabulary knows.
        visible: The visibility flag that means visible; it becomes 2.
        kept: Keys of annotations that become attributes.
    """

    folders: ClassVar[tuple[str, ...]] = ('',)
    spellings: ClassVar[Mapping[str, str]] = {}
    renames: ClassVar[Mapping[str, str]] = {}
    visible: ClassVar[int] = 2
    kept: ClassVar[tuple[str, ...]] = ()

    def read(self, root: Path, report: Report) -> Iterator[SourcePicture]:
        """See :meth:`Source.read`."""
        for split, files in self.find(root).found.items():
            for path in files:
                yield from self.read_split(root, path, split, report)

    def read_split(
        self, root: Path, path: Path, split: str, report: Report
    ) -> Iterator[SourcePicture]:
        """Read one annotation file."""
        content = self.load(path, report)
        folders = [folder.format(split=split) for folder in self.folders]
        finder = PictureFinder(root, folders, self.spellings)
        for key, image in content.images.items():
            yield SourcePicture(
                file=finder(image['file_name']),
                split=split,
                instances=tuple(self._instances(content, key, report)),
                width=as_size(image.get('width')),
                height=as_size(image.get('height')),
                style=self.style(image),
            )

    def load(self, path: Path, report: Report) -> CocoContent:
        """Read the records of a file; an empty content if it has none."""
        return parse_coco(read_json(path, report), path.name, report)

    def style(self, image: Mapping[str, Any]) -> str | None:
        """Style of a picture as its record says, None for a photo."""
        return None

    def category_name(self, text: str, image: Mapping[str, Any]) -> str | None:
        """The vocabulary's name of a category of the file.

        Args:
            text: Its name in the file.
            image: Record of the picture.

        Returns:
            The name, None if the vocabulary has none.
        """
        text = self.renames.get(plain(text), text)
        return load_vocabulary().find(text, self.name)

    def _instances(
        self, content: CocoContent, key: Any, report: Report
    ) -> Iterator[SourceInstance]:
        for record in content.annotations.get(key, ()):
            where = f'{content.name}: annotation {record["id"]}'
            label = record.get('category_id')
            if not _hashable(label) or label not in content.categories:
                detail = f'category id {label!r}'
                report(Fault('unknown category', where, detail))
                continue
            text = content.categories[label]['name']
            name = self.category_name(text, content.images[key])
            if name is None:
                report(Fault('unknown category', where, f'name {text!r}'))
                continue
            schema = load_vocabulary().entry(name).schema
            order = content.order(label, schema, report)
            instance = self._instance(record, name, order, where, report)
            if instance is not None:
                yield instance

    def _instance(
        self,
        record: Mapping[str, Any],
        name: str,
        order: list[int],
        where: str,
        report: Report,
    ) -> SourceInstance | None:
        if record.get('keypoints') is None:
            report(Fault('missing key', where, 'keypoints'))
            return None
        keypoints = as_keypoints(
            record['keypoints'], len(order), self.visible, where, report
        )
        if keypoints is None:
            return None
        return SourceInstance(
            annotation_id=record['id'],
            category=name,
            keypoints=keypoints[order],
            bbox=as_box(record.get('bbox'), where, report),
            area=as_area(record.get('area')),
            iscrowd=bool(record.get('iscrowd')),
            attributes={k: record[k] for k in self.kept if k in record},
        )


def parse_coco(content: Any, name: str, report: Report) -> CocoContent:
    """Sort the records of a COCO json; faulty ones are reported, left out.

    Args:
        content: What the json holds, None for nothing.
        name: The file, for faults.
        report: Called with faults.
    """
    if content is None:
        return CocoContent(name)
    if not isinstance(content, Mapping):
        detail = f'holds a {type(content).__name__}, not a COCO json'
        report(Fault(UNREADABLE, name, detail))
        return CocoContent(name)
    images = _by_id(content, 'images', name, report)
    for image in images.values():
        # Some converters leave the underscore out.
        image.setdefault('file_name', image.get('filename'))
    images = {
        key: image
        for key, image in images.items()
        if _has_text(image, 'file_name', f'{name}: image {key}', report)
    }
    categories = {
        key: category
        for key, category in _by_id(
            content, 'categories', name, report
        ).items()
        if _has_text(category, 'name', f'{name}: category {key}', report)
    }
    groups = defaultdict(list)
    for record in _annotations(content, name, report):
        key = record.get('image_id')
        if _hashable(key) and key in images:
            groups[key].append(record)
        else:
            where = f'{name}: annotation {record["id"]}'
            report(Fault('unknown picture', where, f'image id {key!r}'))
    return CocoContent(name, images, groups, categories)


def _records(
    content: Mapping, section: str, name: str, report: Report
) -> Iterator[dict]:
    """The dicts of a section, faults for everything else."""
    records = content.get(section)
    if not isinstance(records, list):
        report(Fault('missing key', name, section))
        return
    for i, record in enumerate(records):
        if isinstance(record, dict):
            yield record
        else:
            where = f'{name}: {section}[{i}]'
            report(Fault('unreadable record', where, f'{record!r:.60}'))


def _by_id(
    content: Mapping, section: str, name: str, report: Report
) -> dict[Any, dict]:
    found: dict[Any, dict] = {}
    for record in _records(content, section, name, report):
        key = record.get('id')
        where = f'{name}: {section} id {key!r}'
        if key is None or not _hashable(key):
            report(Fault('missing key', where, f'id in {record!r:.60}'))
        elif key in found:
            report(Fault('duplicated id', where, 'the first one is kept'))
        else:
            found[key] = record
    return found


def _annotations(
    content: Mapping, name: str, report: Report
) -> Iterator[dict]:
    """Annotations, each with an id; copies of one are left out."""
    first: dict[Any, dict] = {}
    for i, record in enumerate(_records(content, 'annotations', name, report)):
        key = record.get('id')
        where = f'{name}: annotation {key!r}'
        if key is None or not _hashable(key):
            report(Fault('missing key', f'{name}: annotations[{i}]', 'id'))
            yield {**record, 'id': f'#{i}'}
        elif key not in first:
            first[key] = record
            yield record
        elif record == first[key]:
            report(Fault('duplicated id', where, 'a copy, left out'))
        else:
            report(Fault('duplicated id', where, 'of another object, kept'))
            yield record


def _has_text(record: Mapping, key: str, where: str, report: Report) -> bool:
    if isinstance(record.get(key), str) and record[key].strip():
        return True
    report(Fault('missing key', where, key))
    return False


def _hashable(key: Any) -> bool:
    return isinstance(key, (int, float, str))
