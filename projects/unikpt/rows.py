# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Records of a source as rows of a COCO-style file, checked and mended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2

from projects.common.structures import KeypointCategory, object_area
from projects.common.utils.files import write_bytes
from projects.unikpt.checks import (
    CleanInstance,
    clean_instance,
    look_at,
    printable,
    size_faults,
)
from projects.unikpt.records import SourceInstance, SourcePicture
from projects.unikpt.source import Fault, Source
from projects.unikpt.vocabulary import Vocabulary

_EXAMPLES = 5
_REPORT_EVERY = 50


@dataclass
class Summary:
    """What a source gave; plain values only.

    Attributes:
        listed: Split of the source -> pictures that its files list.
        pictures, instances: Of the source, by its own split; an object
            counts if it is no crowd and has a labelled keypoint, a picture
            if it has such an object.
        written: Split of ours -> [pictures, objects], all that are written.
        mixed_pictures, mixed_instances: Counted as above, in the mix.
        mixed: Split of ours -> [pictures, objects] of the mix.
        categories, keypoints: Names that occur, in order.
        keypoints_added_up: Sum of K over the categories.
        faults: Kind -> number.
        examples: Kind -> the first few.
        left_out: ``pictures`` and ``objects`` that could not be written.
        boxes_from_keypoints: Objects whose box was made.
        split_drawn: Whether the split was drawn by the seed.
    """

    listed: dict[str, int] = field(default_factory=dict)
    pictures: dict[str, int] = field(default_factory=dict)
    instances: dict[str, int] = field(default_factory=dict)
    written: dict[str, list[int]] = field(default_factory=dict)
    mixed_pictures: int = 0
    mixed_instances: int = 0
    mixed: dict[str, list[int]] = field(default_factory=dict)
    categories: list[str] = field(default_factory=list)
    keypoints: list[str] = field(default_factory=list)
    keypoints_added_up: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    boxes_from_keypoints: int = 0
    split_drawn: bool = False

    def report(self, fault: Fault) -> None:
        """Count a fault and keep it if it is among the first."""
        self.faults[fault.kind] = self.faults.get(fault.kind, 0) + 1
        kept = self.examples.setdefault(fault.kind, [])
        if len(kept) < _EXAMPLES:
            detail = f' ({fault.detail})' if fault.detail else ''
            kept.append(printable(fault.where + detail))

    def leave_out(self, what: str) -> None:
        """Count a picture or an object that is not written."""
        self.left_out[what] = self.left_out.get(what, 0) + 1


@dataclass(frozen=True)
class Row:
    """A picture as it is written.

    Attributes:
        split: The source's own.
        group: See :meth:`Source.group`.
        counted: Objects that are no crowd and have a labelled keypoint.
        image: Json of the picture without its opening brace and id.
        annotations: Category of each of its objects and the same json.
    """

    split: str
    group: str
    counted: int
    image: str
    annotations: list[tuple[str, str]]


def read_rows(
    source: Source,
    root: Path,
    out: Path,
    vocabulary: Vocabulary,
    summary: Summary,
    advance: Callable[[int], None],
) -> Iterator[Row]:
    """Read, check and mend a source.

    Args:
        source: What to read.
        root: Its folder.
        out: Folder of the whole set; pictures of containers are written
            below its ``images``.
        vocabulary: Names and keypoints of the categories.
        summary: Takes counts, faults and what is left out.
        advance: Called with numbers of pictures as they are done.

    Yields:
        Row: Every picture that can be read.
    """
    reader = _Reader(source, root, out, vocabulary, summary)
    pending = 0
    for picture in source.read(root, summary.report):
        row = reader.row(picture)
        if row is not None:
            yield row
        pending += 1
        if pending == _REPORT_EVERY:
            advance(pending)
            pending = 0
    advance(pending)
    summary.categories = sorted(reader.used)


@dataclass
class _Reader:
    source: Source
    root: Path
    out: Path
    vocabulary: Vocabulary
    summary: Summary
    used: set[str] = field(default_factory=set)
    known: dict[str, KeypointCategory | None] = field(default_factory=dict)

    def row(self, picture: SourcePicture) -> Row | None:
        """The row of a picture, None if it cannot be read."""
        summary = self.summary
        listed = summary.listed
        listed[picture.split] = listed.get(picture.split, 0) + 1
        look = look_at(self.source, self.root, picture, decode=False)
        if look.fault:
            summary.report(look.fault)
            summary.leave_out('pictures')
            return None
        for fault in size_faults(picture, look.size):
            summary.report(fault)
        annotations, counted = [], 0
        for instance in picture.instances:
            category = self._category(instance.category)
            clean, faults = clean_instance(
                picture, instance, category, look.size
            )
            for fault in faults:
                summary.report(fault)
            if clean is None:
                summary.leave_out('objects')
                continue
            self.used.add(instance.category)
            summary.boxes_from_keypoints += clean.box_from_keypoints
            labelled = int((clean.keypoints[:, 2] > 0).sum())
            counted += labelled > 0 and not instance.iscrowd
            record = _annotation(instance, clean, labelled)
            annotations.append((instance.category, record))
        image = {
            'file_name': self._file_name(picture),
            'width': look.size[0],
            'height': look.size[1],
            'source': self.source.name,
        }
        if picture.style is not None:
            image['style'] = picture.style
        group = self.source.group(picture)
        return Row(picture.split, group, counted, _tail(image), annotations)

    def _category(self, name: str) -> KeypointCategory | None:
        if name not in self.known:
            try:
                self.known[name] = self.vocabulary.category(name)
            except ValueError:
                self.known[name] = None
        return self.known[name]

    def _file_name(self, picture: SourcePicture) -> str:
        """Path below images/; a picture of a container is written there."""
        if picture.frame is None:
            return f'{self.source.name}/{picture.file}'
        stem = picture.file.rsplit('.', 1)[0]
        name = f'{self.source.name}_frames/{stem}/{picture.frame:06d}.png'
        image = self.source.read_picture(self.root, picture)
        write_bytes(
            self.out / 'images' / name,
            cv2.imencode('.png', image)[1].tobytes(),
        )
        return name


def _annotation(
    instance: SourceInstance, clean: CleanInstance, labelled: int
) -> str:
    box = [round(v, 3) for v in clean.bbox]
    area = None if clean.box_from_keypoints else instance.area
    flat = []
    for x, y, v in clean.keypoints.round(3).tolist():
        flat += [x, y, int(v)]
    record = {
        'bbox': box,
        'area': round(object_area({'bbox': box, 'area': area}), 3),
        'iscrowd': int(instance.iscrowd),
        'keypoints': flat,
        'num_keypoints': labelled,
        'source_id': instance.annotation_id,
    }
    if clean.box_from_keypoints:
        record['box_from'] = 'keypoints'
    if instance.attributes:
        record['attributes'] = dict(instance.attributes)
    return _tail(record)


def _tail(record: Mapping[str, Any]) -> str:
    """Json of a record that something is put in front of."""
    return json.dumps(record, separators=(',', ':'), default=_plain)[1:]


def _plain(value: Any) -> Any:
    """Numbers of numpy, which readers may leave in a record."""
    return value.item()
