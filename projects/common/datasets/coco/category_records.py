# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Checking ``categories`` of a COCO file."""

from __future__ import annotations

from numbers import Number
from typing import Any

from projects.common.datasets.coco.image_records import IdTable
from projects.common.datasets.coco.report import CocoReport, shown
from projects.common.structures import KeypointCategory, contradicting_pair

Record = dict[str, Any]

NO_KEYPOINTS = 'categories without keypoints: left out, with their annotations'
_NUMBERS_AS_NAMES = 'keypoint names that are numbers: read as their text'
_SKELETON = (
    'skeletons that name no keypoints of theirs: dropped, for lines are only '
    'drawn'
)
_COPIES = 'categories listed twice, alike: taken as one'
_LISTS = ('keypoints', 'parts', 'swap_pairs', 'sigmas')


def check_categories(
    records: list[Record], report: CocoReport
) -> tuple[IdTable, dict[int, int], set[int]]:
    """Check the categories' records and mend them in place.

    Returns:
        tuple: Their ids; of ids of copies those of the first; ids of the
        categories that were left out.
    """
    table = IdTable(records, 'category', report)
    kept: list[Record] = []
    copies: dict[int, int] = {}
    left_out: set[int] = set()
    for record in records:
        place = f'category {shown(record.get("name") or record.get("id"))}'
        if not _has_name(record, report) or not _are_lists(
            record, place, report
        ):
            continue
        if not record.get('keypoints'):
            report.mend(NO_KEYPOINTS, place)
            left_out.add(record['id'])
            continue
        _read_names(record, place, report)
        category = _category(record, place, report)
        if category is None:
            continue
        first = _same(record, category, kept, report)
        if first is None:
            kept.append({**record, '_category': category})
        elif record['id'] != first:
            copies[record['id']] = first
    if left_out and not kept and not report.refused:
        report.refuse(
            'no keypoints',
            '"categories"',
            'holds none with keypoints; write the names of the keypoints as '
            'a list under "keypoints" of a category',
        )
    records[:] = [
        {k: v for k, v in record.items() if k != '_category'}
        for record in kept
    ]
    return table, copies, left_out


def _has_name(record: Record, report: CocoReport) -> bool:
    name = record.get('name')
    if isinstance(name, Number) and not isinstance(name, bool):
        record['name'] = name = str(name)
    if isinstance(name, str) and name.strip():
        return True
    report.refuse(
        'category name',
        f'category {shown(record.get("id"))}',
        f'has the name {shown(name)}; give it a text such as "cat"',
    )
    return False


def _are_lists(record: Record, place: str, report: CocoReport) -> bool:
    """Whether what has to be a list is one; a text has letters instead."""
    fine = True
    for key in _LISTS:
        value = record.get(key)
        if value is None or isinstance(value, list):
            continue
        fine = False
        report.refuse(
            f'{key} no list',
            place,
            f'has the {key} {shown(value)}, which is no list; write '
            f'"{key}": [...], one entry for each',
        )
    return fine


def _read_names(record: Record, place: str, report: CocoReport) -> None:
    names = record['keypoints']
    numbers = [isinstance(n, (int, float)) for n in names]
    if any(isinstance(n, bool) for n in names) or not any(numbers):
        return
    record['keypoints'] = [
        str(name) if number else name for name, number in zip(names, numbers)
    ]
    report.mend(_NUMBERS_AS_NAMES, place)


def _category(
    record: Record, place: str, report: CocoReport
) -> KeypointCategory | None:
    bad = [n for n in record['keypoints'] if not isinstance(n, str)]
    if bad:
        report.refuse(
            'keypoint name',
            place,
            f'has the keypoint name {shown(bad[0])}; give each keypoint a '
            'text',
        )
        return None
    edges = record.pop('skeleton', None) or []
    if _is_skeleton(edges, len(record['keypoints'])):
        if edges:
            record['skeleton'] = edges
    else:
        report.mend(_SKELETON, place)
    try:
        category = KeypointCategory.from_coco(record)
    except (TypeError, ValueError) as error:
        report.refuse(
            str(error),
            f'category id {record["id"]}:',
            str(error).removesuffix('.'),
        )
        return None
    pair = contradicting_pair(category.keypoints, category.swap_pairs)
    if pair is None:
        return category
    report.refuse(
        'swap_pairs',
        place,
        f'exchanges {pair[0]!r} with {pair[1]!r} in swap_pairs, which their '
        'names contradict; correct the pair, or the names',
    )
    return None


def _is_skeleton(edges: Any, count: int) -> bool:
    """Whether edges are pairs of different keypoints, from 1 or from 0."""
    if not isinstance(edges, list):
        return False
    for edge in edges:
        if not isinstance(edge, list) or len(edge) != 2 or edge[0] == edge[1]:
            return False
        if not all(type(i) is int for i in edge):
            return False
    numbers = [i for edge in edges for i in edge]
    base = 0 if 0 in numbers else 1
    return all(base <= i < count + base for i in numbers)


def _same(
    record: Record,
    category: KeypointCategory,
    kept: list[Record],
    report: CocoReport,
) -> int | None:
    """Id of an earlier category of this name or id.

    The two have to be alike; it is a fault if they are not.
    """
    for other in kept:
        known = other['_category']
        same_name = known.name.casefold() == category.name.casefold()
        if not same_name and other['id'] != record['id']:
            continue
        if same_name and known.keypoints == category.keypoints:
            report.mend(_COPIES, f'category {shown(record["name"])}')
            return other['id']
        names = f'{shown(other["name"])} and {shown(record["name"])}'
        if same_name:
            report.refuse(
                'category name twice',
                f'The categories {names} (ids {other["id"]} and '
                f'{record["id"]})',
                'have one name but other keypoints; rename one of them',
            )
        else:
            report.refuse(
                'category id twice',
                f'category id {record["id"]}',
                f'belongs to {names}; give each category an id of its own '
                'and correct category_id of its annotations',
            )
        return other['id']
    return None
