# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Ground truth of a COCO-style file, or of a part of it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from projects.common.datasets.selection import Selection
from projects.common.structures import KeypointCategory

_PARTS = {'images', 'annotations', 'categories'}


def read_truth(path: str) -> dict[str, Any]:
    """Read a COCO-style annotation file.

    Raises:
        FileNotFoundError: If it does not exist.
        ValueError: If it has no ground truth.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(
            f'The annotation file "{path}" of the metric does not exist. '
            'Check ann_file of the evaluator and build or download the data '
            'set first (see docs/dataset_zoo).'
        )
    with open(path, encoding='utf-8') as file:
        content = json.load(file)
    missing = _PARTS - set(content)
    if missing:
        raise ValueError(
            f'{path} has no {sorted(missing)}: it is no COCO-style '
            'annotation file with ground truth.'
        )
    return content


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
        ValueError: If it is not usable keypoint ground truth.
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
            self._add(record['id'], KeypointCategory.from_coco(record))
        self.other_images = {i['id'] for i in content['images']}
        self.other_images -= set(self.images)
        self.other_names = {
            KeypointCategory.from_coco(record).name.casefold()
            for record in content['categories']
        } - set(self.category_ids)
        for annotation in self.annotations:
            self._check(annotation)

    def _add(self, number: int, category: KeypointCategory) -> None:
        key = category.name.casefold()
        if key in self.category_ids:
            raise ValueError(
                f'{self.path} has two categories named "{category.name}". '
                'Predictions are told apart by name: rename one of them.'
            )
        self.categories[number] = category
        self.category_ids[key] = number

    def _check(self, annotation: dict[str, Any]) -> None:
        """Refuse an annotation that does not fit its category."""
        where = f'{self.path}, annotation {annotation.get("id")}:'
        category = self.categories.get(annotation['category_id'])
        if category is None:
            raise ValueError(
                f'{where} there is no category with the id '
                f'{annotation["category_id"]}. Add it or drop the annotation.'
            )
        if annotation.get('keypoints') is None:
            # A box only: it counts for box AP.
            annotation['keypoints'] = [0] * 3 * category.num_keypoints
        length = len(annotation['keypoints'])
        if length != 3 * category.num_keypoints:
            raise ValueError(
                f'{where} keypoints has {length} numbers, but the '
                f'{category.num_keypoints} keypoints of "{category.name}" '
                f'need {3 * category.num_keypoints} (x, y, v each).'
            )
