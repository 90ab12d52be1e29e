# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Ground truth of a COCO-style file, or of a part of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from projects.common.datasets.coco import read_coco
from projects.common.datasets.selection import Selection
from projects.common.structures import KeypointCategory


def read_truth(path: str) -> dict[str, Any]:
    """Read a COCO-style annotation file.

    Raises:
        FileNotFoundError: If it does not exist.
        ValueError: If it cannot be used (:class:`CocoFileError`).
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f'The annotation file "{path}" of the metric does not exist. '
            'Check ann_file of the evaluator and build or download the data '
            'set first (see docs/dataset_zoo).'
        )
    return read_coco(path)[0]


class KeypointTruth:
    """Categories, pictures and annotations that predictions are held against.

    Attributes:
        path: The file.
        images (list[int]): Sorted ids of the pictures.
        annotations (list[dict]): COCO annotations, all with ``keypoints``.
        categories (dict[int, KeypointCategory]): By id.
        category_ids (dict[str, int]): By name in lower case.
        other_images (set[int]): Ids of the file that are not selected.
        other_names (set[str]): Likewise, names of categories, lower case.
        partial (str): What results have to say if the file holds a part of
            a data set only (``info.partial``), else ''.

    Args:
        path: The file, for messages.
        content: See :func:`read_truth`.
        selection: Which part of it; by default all.

    Raises:
        ValueError: If nothing is selected.
    """

    def __init__(
        self,
        path: str,
        content: Mapping[str, Any],
        selection: Selection | None = None,
    ) -> None:
        self.path = path
        self.partial: str = (content.get('info') or {}).get('partial', '')
        part = (selection or Selection()).apply(content, path)
        self.images = sorted(image['id'] for image in part['images'])
        self.annotations = part['annotations']
        self.categories: dict[int, KeypointCategory] = {}
        self.category_ids: dict[str, int] = {}
        for record in part['categories']:
            category = KeypointCategory.from_coco(record)
            self.categories[record['id']] = category
            self.category_ids[category.name.casefold()] = record['id']
        self.other_images = {i['id'] for i in content['images']}
        self.other_images -= set(self.images)
        self.other_names = {
            KeypointCategory.from_coco(record).name.casefold()
            for record in content['categories']
        } - set(self.category_ids)
        for annotation in self.annotations:
            if not annotation.get('keypoints'):
                # A box only: it counts for box AP.
                category = self.categories[annotation['category_id']]
                annotation['keypoints'] = [0] * 3 * category.num_keypoints
