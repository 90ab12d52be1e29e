# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Reading and checking COCO-style keypoint files, for all that read them."""

from projects.common.datasets.coco.annotation_records import NEW_IDS
from projects.common.datasets.coco.pictures import check_pictures
from projects.common.datasets.coco.reading import (
    MAKE_SYNTHKPT,
    check_coco,
    read_coco,
    tell,
    with_lists,
)
from projects.common.datasets.coco.report import CocoFileError, CocoReport

__all__ = [
    'CocoFileError',
    'CocoReport',
    'MAKE_SYNTHKPT',
    'NEW_IDS',
    'check_coco',
    'check_pictures',
    'read_coco',
    'tell',
    'with_lists',
]
