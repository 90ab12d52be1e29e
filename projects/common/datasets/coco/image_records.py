# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Checking ``images`` of a COCO file, and ids that records refer to."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from projects.common.datasets.coco.fields import whole_number
from projects.common.datasets.coco.report import CocoReport, shown

Record = dict[str, Any]

IDS_AS_NUMBERS = (
    'ids written as text or with a decimal point: read as whole numbers'
)
_SIZES_AS_NUMBERS = 'widths or heights written as text: read as numbers'
_BACKSLASHES = 'backslashes in file names: read as "/"'
_COPIES = 'images listed twice: taken once'
_NEEDED = ('id', 'file_name', 'width', 'height')


class IdTable:
    """The ids of one part of a file, as written and as whole numbers.

    Args:
        records: The records; their ``id`` becomes a whole number.
        what: What they are, such as 'image'.
        report: Where changes and faults go.
    """

    def __init__(
        self, records: Sequence[Record], what: str, report: CocoReport
    ) -> None:
        self._new: dict[Hashable, int] = {}
        keys = [as_key(record.get('id')) for record in records]
        anew = any(isinstance(key, str) for key in keys)
        for position, (record, key) in enumerate(zip(records, keys), 1):
            written = record.get('id')
            place = f'{what} {shown(written)}'
            if key is None:
                report.refuse(
                    f'{what} id',
                    f'entry {position} of the {what} records',
                    f'has the id {shown(written)}; give it a whole number '
                    'that no other has',
                )
                continue
            number = self._new.setdefault(key, position if anew else key)
            if anew:
                report.mend(
                    f'{what} ids that are no numbers: numbered anew from 1',
                    place,
                )
            elif not isinstance(written, int):
                report.mend(IDS_AS_NUMBERS, place)
            record['id'] = number

    def find(self, written: Any) -> int | None:
        """The whole number for an id as another record writes it."""
        key = as_key(written)
        return None if key is None else self._new.get(key)

    def forget(self, number: int) -> None:
        """Take an id out, that of a record that is left out."""
        self._new = {k: n for k, n in self._new.items() if n != number}


def as_key(written: Any) -> int | str | None:
    """What an id is compared by: '785', 785.0 and 785 are one.

    Returns:
        A number, else the text itself, None if it is neither.
    """
    number = whole_number(written)
    if number is None and isinstance(written, str) and written.strip():
        return written.strip()
    return number


def check_images(records: list[Record], report: CocoReport) -> IdTable:
    """Check the images' records and mend them in place.

    Returns:
        IdTable: Their ids.
    """
    usable = []
    for record in records:
        lacking = [key for key in sorted(_NEEDED) if record.get(key) is None]
        if lacking:
            report.refuse(
                f'image lacks {lacking}',
                f'image {shown(record.get("id"))}',
                f'lacks {", ".join(lacking)}; every image needs id, '
                'file_name, width and height',
            )
            continue
        usable.append(record)
        _check_name(record, report)
        for side in ('width', 'height'):
            _check_side(record, side, report)
    table = IdTable(usable, 'image', report)
    records[:] = _without_copies(usable, report)
    return table


def _check_name(record: Record, report: CocoReport) -> None:
    name = record['file_name']
    if not isinstance(name, str) or not name.strip():
        report.refuse(
            'file_name',
            f'image {shown(record["id"])}',
            f'has the file_name {shown(name)}; write the path of the picture '
            'below the picture folder',
        )
    elif '\\' in name:
        record['file_name'] = name.replace('\\', '/')
        report.mend(_BACKSLASHES, f'image {shown(record["id"])}')


def _check_side(record: Record, side: str, report: CocoReport) -> None:
    written = record[side]
    number = whole_number(written)
    if number is None or number < 1:
        report.refuse(
            side,
            f'image {shown(record["id"])}',
            f'has the {side} {shown(written)}; write the whole number of '
            'pixels',
        )
        return
    if isinstance(written, str):
        report.mend(_SIZES_AS_NUMBERS, f'image {shown(record["id"])}')
    record[side] = number


def _without_copies(
    records: Sequence[Record], report: CocoReport
) -> list[Record]:
    first: dict[Any, Record] = {}
    for record in records:
        number = as_key(record['id'])
        known = first.setdefault(number, record)
        if known is record:
            continue
        if all(known[key] == record[key] for key in _NEEDED):
            report.mend(_COPIES, f'image {number}')
            continue
        report.refuse(
            'image id twice',
            f'image id {number}',
            f'belongs to {shown(known["file_name"])} and to '
            f'{shown(record["file_name"])}; give each image an id of its own '
            'and correct image_id of its annotations',
        )
    return list(first.values())
