# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Reading a COCO file: the whole of it is checked before anything else."""

from __future__ import annotations

import json
import os.path as osp
from array import array
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from mmengine.logging import print_log

from projects.common.datasets.coco.annotation_records import AnnotationCheck
from projects.common.datasets.coco.category_records import check_categories
from projects.common.datasets.coco.image_records import check_images
from projects.common.datasets.coco.report import (
    CocoFileError,
    CocoReport,
    shown,
)

MAKE_SYNTHKPT = (
    'The data set that ships is made by `python '
    'tools/dataset_converters/synthkpt.py --out data/synthkpt --size small`.'
)
PARTS = ('images', 'annotations', 'categories')

Content = dict[str, Any]
Prepare = Callable[[Content], None]

_told: set[str] = set()


def read_coco(
    path: str, prepare: Prepare | None = None
) -> tuple[Content, CocoReport]:
    """Read a COCO-style keypoint file for use; changes are logged.

    Args:
        path: The json file.
        prepare: Brings the liberties of a format into COCO's form, in place,
            before the records are checked.

    Returns:
        tuple: ``images``, ``annotations`` and ``categories`` as mended, and
        the report. Ids are whole numbers; every annotation has an id of its
        own, ``bbox``, ``iscrowd`` and ``num_keypoints``; ``keypoints``, where
        it has any, are an array of 3K numbers; ``area`` may be missing.

    Raises:
        FileNotFoundError: If there is no such file.
        CocoFileError: If it cannot be used.
    """
    content, report = check_coco(path, prepare)
    report.require_usable()
    tell(report.changes())
    return content, report


def check_coco(
    path: str, prepare: Prepare | None = None
) -> tuple[Content, CocoReport]:
    """As :func:`read_coco`, but faults of records are in the report only.

    Raises:
        FileNotFoundError: If there is no such file.
        CocoFileError: If it is no COCO json at all.
    """
    content = _load(path)
    report = CocoReport(path)
    if _has_records(content, report):
        if prepare is not None:
            prepare(content)
        _check(content, report)
    report.counts = {part: len(content[part]) for part in PARTS}
    return content, report


def with_lists(annotation: dict[str, Any]) -> dict[str, Any]:
    """A copy of an annotation that can be written as json."""
    if 'keypoints' not in annotation:
        return dict(annotation)
    return {**annotation, 'keypoints': list(annotation['keypoints'])}


def tell(changes: str) -> None:
    """Log what was mended, once for each file and kind of change."""
    if changes and changes not in _told:
        _told.add(changes)
        print_log(changes, logger='current')


def _check(content: Content, report: CocoReport) -> None:
    categories, images = content['categories'], content['images']
    category_ids, copies, left_out = check_categories(categories, report)
    image_ids = check_images(images, report)
    if report.refused:
        return  # annotations of faulty records would only add noise
    check = AnnotationCheck(
        images, image_ids, categories, category_ids, copies, left_out, report
    )
    check.run(content['annotations'])


def _has_records(content: Content, report: CocoReport) -> bool:
    """Whether all three parts are lists of records."""
    for part in PARTS:
        for position, record in enumerate(content[part], 1):
            if not isinstance(record, dict):
                report.refuse(
                    f'{part} record',
                    f'entry {position} of "{part}"',
                    f'is {shown(record)}; write a record in braces there or '
                    'remove it',
                )
    return not report.refused


def _load(path: str) -> Content:
    if not osp.isfile(path):
        raise FileNotFoundError(
            f'The annotation file {path} does not exist; check data_root and '
            f'ann_file. {MAKE_SYNTHKPT}'
        )
    # utf-8-sig: Windows tools begin a file with a byte order mark.
    with open(path, encoding='utf-8-sig') as file:
        try:
            content = json.load(file, object_hook=_packed)
        except (ValueError, RecursionError) as error:
            raise CocoFileError(
                f'{path} is not a json file ({error}); give a COCO-style '
                'keypoint file.'
            ) from error
    if not isinstance(content, dict):
        raise CocoFileError(
            f'{path} holds {shown(content)}; a COCO-style keypoint file has '
            f'{", ".join(PARTS)}.'
        )
    absent = [p for p in PARTS if p not in content]
    if absent:
        raise CocoFileError(
            f'{path} lacks {", ".join(absent)}; a COCO-style keypoint file '
            f'has {", ".join(PARTS)}.'
        )
    for part in PARTS:
        if not isinstance(content[part], list):
            raise CocoFileError(
                f'{path}: "{part}" is {shown(content[part])}; it must be a '
                'list of records.'
            )
    return content


def _packed(record: dict[str, Any]) -> dict[str, Any]:
    """An annotation whose keypoints take an eighth of a list's memory.

    Lists that hold anything but numbers stay as they are, and so do the
    names of a category, which may be numbers.
    """
    flat = record.get('keypoints')
    if isinstance(flat, list) and 'image_id' in record:
        with suppress(TypeError, OverflowError):
            record['keypoints'] = array('d', flat)
    return record
