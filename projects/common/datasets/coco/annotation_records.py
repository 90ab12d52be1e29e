# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Checking ``annotations`` of a COCO file."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from projects.common.datasets.coco.fields import (
    are_finite,
    is_finite_number,
    whole_number,
)
from projects.common.datasets.coco.image_records import (
    IDS_AS_NUMBERS,
    IdTable,
)
from projects.common.datasets.coco.report import CocoReport, shown
from projects.common.datasets.converters.coco import keypoint_box

Record = dict[str, Any]

#: Kind of a change that readers which keep ids by name do not allow.
NEW_IDS = (
    'annotation ids that are missing, no number or occur twice: given a new '
    'number'
)
_LEFT_OUT = 'annotations of categories without keypoints: left out'
_EMPTY = 'annotations with neither a box nor a labelled keypoint: left out'
_NO_KEYPOINTS = 'annotations without keypoints: kept as boxes'
_NO_BOX = (
    'annotations without a box: the extent of their labelled keypoints and '
    'a fifth of its longer side around it is taken, at least 10 pixels'
)
_NO_AREA = 'annotations without "area": 0.53 of the box is taken for OKS'
_NO_CROWD = 'annotations without "iscrowd": taken for single objects'
_CROWD_TEXT = 'iscrowd as text or true/false: read as 0 or 1'
_COUNTED = (
    'annotations without "num_keypoints", or with a wrong one: counted anew'
)
_NESTED = 'keypoints as lists of x, y, visibility: joined to one list'
_ALL_ONE = (
    'visibilities are 0 and 1 alone, never 2, in the whole file: 1 is taken '
    'for visible'
)
_VISIBILITIES = frozenset((0, 1, 2))
_CROWD = {True: 1, False: 0, '0': 0, '1': 1, None: 0}


class AnnotationCheck:
    """Checks annotations against images and categories that are checked.

    Args:
        images: The images' records.
        image_ids: Their ids.
        categories: The categories' records.
        category_ids: Their ids, also of those that were left out.
        copies: Ids of categories that stand for others.
        left_out: Ids of categories that were left out.
        report: Where changes and faults go.
    """

    def __init__(
        self,
        images: Sequence[Record],
        image_ids: IdTable,
        categories: Sequence[Record],
        category_ids: IdTable,
        copies: Mapping[int, int],
        left_out: set[int],
        report: CocoReport,
    ) -> None:
        self._images = {image['id']: image for image in images}
        self._image_ids = image_ids
        self._categories = {record['id']: record for record in categories}
        self._category_ids = category_ids
        self._copies = copies
        self._left_out = left_out
        self._report = report

    def run(self, records: list[Record]) -> None:
        """Check all records and mend them in place."""
        records[:] = [r for r in records if self._keep(r)]
        self._number(records)
        self._read_visibility(records)

    def _keep(self, record: Record) -> bool:
        """Mend one record; False if it is to be left out."""
        image = self._image(record)
        category = self._category(record)
        if record.get('category_id') in self._left_out:
            self._mend(_LEFT_OUT, record)
            return False
        if image is None or category is None:
            return False  # faults
        labelled = self._check_keypoints(record, category)
        if labelled is None or not self._has_box(record, labelled, image):
            return False
        self._check_area(record)
        self._check_crowd(record)
        if record.get('num_keypoints') != len(labelled):
            record['num_keypoints'] = len(labelled)
            self._mend(_COUNTED, record)
        return True

    def _mend(self, text: str, record: Record) -> None:
        self._report.mend(text, f'annotation {shown(record.get("id"))}')

    def _refuse(self, kind: str, record: Record, problem: str) -> None:
        place = f'annotation {shown(record.get("id"))}'
        self._report.refuse(kind, place, problem)

    def _image(self, record: Record) -> Record | None:
        written = record.get('image_id')
        number = self._image_ids.find(written)
        if number is None:
            self._refuse(
                'image_id',
                record,
                f'names the image id {shown(written)}, which is not in '
                '"images"; add the image or remove the annotation',
            )
            return None
        if not isinstance(written, int):
            self._mend(IDS_AS_NUMBERS, record)
        record['image_id'] = number
        return self._images.get(number)

    def _category(self, record: Record) -> Record | None:
        written = record.get('category_id')
        number = self._category_ids.find(written)
        if number is None:
            self._refuse(
                'category_id',
                record,
                f'has the unknown category id {shown(written)}; the file '
                f'declares {sorted(self._categories)}. Add the category or '
                'correct the id',
            )
            return None
        record['category_id'] = number = self._copies.get(number, number)
        return self._categories.get(number)

    def _check_keypoints(
        self, record: Record, category: Record
    ) -> np.ndarray | None:
        """Its labelled keypoints (n, 2), image pixels; None if faulty."""
        flat = record.get('keypoints')
        none = np.zeros((0, 2))
        if flat is None or (isinstance(flat, (list, array)) and not flat):
            record.pop('keypoints', None)
            if not whole_number(record.get('iscrowd')):
                self._mend(_NO_KEYPOINTS, record)
            return none
        if isinstance(flat, list) and all(
            isinstance(one, list) and len(one) == 3 for one in flat
        ):
            flat = list(chain.from_iterable(flat))
            self._mend(_NESTED, record)
        problem = _keypoint_fault(flat, category)
        if problem is not None:
            self._refuse(problem[:40], record, problem)
            return None
        record['keypoints'] = flat = array('d', flat)
        points = np.frombuffer(flat).reshape(-1, 3)
        return points[points[:, 2] > 0, :2]

    def _has_box(
        self, record: Record, labelled: np.ndarray, image: Record
    ) -> bool:
        box = record.get('bbox')
        if box:
            if _is_box(box):
                return True
        elif len(labelled):
            size = image['width'], image['height']
            box = keypoint_box(labelled, *size)
            if min(box[2:]) > 0:
                record['bbox'] = box
                self._mend(_NO_BOX, record)
                return True
            self._refuse(
                'keypoints outside',
                record,
                'has no bbox, and its keypoints lie outside the picture of '
                f'{size[0]} x {size[1]} pixels; correct them',
            )
            return False
        else:
            self._mend(_EMPTY, record)
            return False
        self._refuse(
            'bbox',
            record,
            f'has the bbox {shown(box)}; it must be the four finite numbers '
            'x, y, width, height, the last two not negative',
        )
        return False

    def _check_area(self, record: Record) -> None:
        area = record.get('area')
        if area is None:
            record.pop('area', None)
            self._mend(_NO_AREA, record)
        elif not is_finite_number(area) or area < 0:
            self._refuse(
                'area',
                record,
                f'has the area {shown(area)}; it must be a finite number of '
                'square pixels. Remove it if it is not known',
            )

    def _check_crowd(self, record: Record) -> None:
        crowd = record.get('iscrowd')
        if type(crowd) is int and crowd in (0, 1):
            return
        if not isinstance(crowd, (bool, str, float, type(None))) or (
            crowd not in _CROWD
        ):
            self._refuse(
                'iscrowd',
                record,
                f'has the iscrowd {shown(crowd)}; write 0 for one object, 1 '
                'for a crowd',
            )
            return
        record['iscrowd'] = _CROWD[crowd]
        self._mend(_NO_CROWD if crowd is None else _CROWD_TEXT, record)

    def _number(self, records: Sequence[Record]) -> None:
        """Give every annotation an id of its own; the first keeps its."""
        seen: set[int] = set()
        again = []
        for record in records:
            written = record.get('id')
            number = whole_number(written)
            if number is None or number in seen:
                again.append(record)
                continue
            if not isinstance(written, int):
                self._mend(IDS_AS_NUMBERS, record)
            record['id'] = number
            seen.add(number)
        for number, record in enumerate(again, max(seen, default=0) + 1):
            written = shown(record.get('id'))
            self._report.mend(NEW_IDS, f'annotation id {written}')
            record['id'] = number

    def _read_visibility(self, records: Sequence[Record]) -> None:
        """Read 1 as visible in a file that never says 2."""
        labelled = [r for r in records if r['num_keypoints']]
        if any(2 in r['keypoints'][2::3] for r in labelled):
            return
        for record in labelled:
            flat = record['keypoints']
            flat[2::3] = array('d', [2 * v for v in flat[2::3]])
            self._mend(_ALL_ONE, record)


def _is_box(box: Any) -> bool:
    return (
        isinstance(box, list)
        and len(box) == 4
        and are_finite(box)
        and min(box[2:]) >= 0
    )


def _keypoint_fault(flat: Any, category: Record) -> str | None:
    """What is wrong with x, y, v of the keypoints, None if nothing is."""
    count, name = len(category['keypoints']), category['name']
    if not isinstance(flat, (list, array)):
        return (
            f'has the keypoints {shown(flat)}; write a list of x, y and '
            f'visibility of each of the {count} keypoints of {name!r}'
        )
    if len(flat) % 3:
        return (
            f'has {len(flat)} numbers in "keypoints", which is not a '
            'multiple of 3; write x, y and visibility (0, 1 or 2) of '
            f'each of the {count} keypoints of {name!r}'
        )
    if len(flat) != 3 * count:
        return (
            f'has {len(flat) // 3} keypoints, but its category {name!r} '
            f'names {count}; make the two agree'
        )
    if not (are_finite(flat) and _VISIBILITIES.issuperset(flat[2::3])):
        return (
            'has a keypoint that is not finite or whose visibility is not 0 '
            '(not labelled), 1 (hidden) or 2 (visible); correct it'
        )
    return None
