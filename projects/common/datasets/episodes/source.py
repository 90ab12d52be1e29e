# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The objects that episodes are drawn from, by annotation id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from projects.common.datasets.coco import NEW_IDS
from projects.common.datasets.coco_file import CocoKeypointFile
from projects.common.datasets.episodes.boxes import clipped_box
from projects.common.structures import KeypointCategory

#: How much larger than its box the square around an object is.
CONTEXT = 1.25


@dataclass(frozen=True, eq=False)
class EpisodeObject:
    """One annotated object that can be a support or a query.

    Attributes:
        annotation_id: Id in the annotation file.
        image: The picture's record: ``id``, ``file_name``, ``width``,
            ``height``.
        bbox: x, y, width, height in image pixels, as annotated.
        keypoints: (K, 3) float32 [x, y, v] in image pixels.
        area: Square pixels of the annotation, or of the box without one.
    """

    annotation_id: int
    image: Mapping[str, Any]
    bbox: tuple[float, float, float, float]
    keypoints: np.ndarray
    area: float

    @property
    def picture_shape(self) -> tuple[int, int]:
        """(h, w) of the picture."""
        return self.image['height'], self.image['width']

    @property
    def box(self) -> np.ndarray:
        """(4,) float64 xyxy image pixels, clipped by the official rule."""
        x, y, width, height = clipped_box(self.bbox, self.picture_shape)
        return np.array([x, y, x + width, y + height])

    @property
    def shown(self) -> np.ndarray:
        """(K,) bool: labelled keypoints that a crop of the object shows.

        :func:`crop_support` with :data:`CONTEXT` shows all of them.
        """
        x1, y1, x2, y2 = self.box
        half = max(x2 - x1, y2 - y1) * CONTEXT / 2
        low = np.array([x1 + x2, y1 + y2]) / 2 - half
        high = low + 2 * half
        xy, (height, width) = self.keypoints[:, :2], self.picture_shape
        inside = (xy >= np.maximum(low, 0)) & (
            xy <= np.minimum(high, (width, height))
        )
        return inside.all(-1) & (self.keypoints[:, 2] > 0)


class EpisodeSource:
    """Objects of a keypoint file that episodes may use, per category.

    Crowds, objects without an area or a labelled keypoint and those whose
    clipped box is empty are left out, as in the published code; so are
    objects of which a crop (:data:`CONTEXT`) shows no keypoint.

    Attributes:
        path: The annotation file.
        partial: As of :class:`CocoKeypointFile`.
        categories: V categories, in the file's order.
        objects: The usable objects by annotation id.
        by_category: For each category name the ids of its usable objects,
            ascending.

    Args:
        file: What was read.

    Raises:
        ValueError: If two annotations have one id, or one has none.
    """

    def __init__(self, file: CocoKeypointFile) -> None:
        self.path = file.path
        self.partial = file.partial
        self.categories: tuple[KeypointCategory, ...] = file.categories
        self.objects: dict[int, EpisodeObject] = {}
        self.by_category: dict[str, list[int]] = {
            category.name: [] for category in file.categories
        }
        renumbered = file.report.mended.get(NEW_IDS)
        if renumbered:
            raise ValueError(
                f'{file.path}: the {renumbered.places[0]} is missing or '
                'occurs twice; episodes name annotations by id, so give each '
                'one of its own.'
            )
        for image in file.images:
            for annotation, label, keypoints in file.objects(image):
                number = annotation['id']
                category = file.categories[label]
                item = EpisodeObject(
                    number,
                    image,
                    tuple(map(float, annotation['bbox'])),
                    keypoints[: category.num_keypoints],
                    _area(annotation),
                )
                if _usable(item):
                    self.objects[number] = item
                    self.by_category[category.name].append(number)
        for ids in self.by_category.values():
            ids.sort()

    def category(self, name: str) -> KeypointCategory:
        """The category of that name.

        Raises:
            ValueError: If there is none.
        """
        for category in self.categories:
            if category.name == name:
                return category
        raise ValueError(
            f'{self.path} has no category {name!r}; it has '
            f'{", ".join(self.by_category)}.'
        )


def _area(annotation: Mapping[str, Any]) -> float:
    if 'area' in annotation:
        return float(annotation['area'])
    return float(annotation['bbox'][2] * annotation['bbox'][3])


def _usable(item: EpisodeObject) -> bool:
    x1, y1, x2, y2 = item.box
    return item.area > 0 and x2 > x1 and y2 > y1 and bool(item.shown.any())
