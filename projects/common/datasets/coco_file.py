# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The content of a COCO-style keypoint file, per picture."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from projects.common.datasets.coco import CocoReport, check_pictures, read_coco
from projects.common.datasets.coco.reading import tell
from projects.common.structures import (
    KeypointCategory,
    KeypointPrompt,
    object_area,
)


class CocoKeypointFile:
    """The content of a COCO-style keypoint json, checked on reading.

    Attributes:
        path: Path of the file.
        categories: V :class:`KeypointCategory`, in the order of the file or
            of ``category_names``.
        images: The file's image records.
        partial: What every result on it has to say if the file holds a part
            of a data set only (``info.partial``), else ''.
        report: What was mended on reading.
        records: Records of all categories of the file.
        num_small_boxes: How many annotations were left out because less than
            one pixel of their box's width or height lies in the picture.

    Args:
        path: The json file: ``images``, ``annotations``, ``categories``.
        category_names: Keep only these categories and their annotations;
            None keeps all.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be used (:class:`CocoFileError`) or an
            unknown name was asked for.
    """

    def __init__(
        self, path: str, category_names: Sequence[str] | None = None
    ) -> None:
        self.path = path
        content = self._read(path)
        self.images: list[dict[str, Any]] = content['images']
        #: Records of all categories, of those not asked for as well.
        self.records: list[dict[str, Any]] = content['categories']
        info = content.get('info')
        self.partial: str = (
            info.get('partial', '') if isinstance(info, Mapping) else ''
        )
        self.num_small_boxes = 0
        self._read_categories(category_names)
        self._annotations = defaultdict(list)
        for annotation in content['annotations']:
            self._annotations[annotation['image_id']].append(annotation)

    def _read(self, path: str) -> dict[str, Any]:
        content, self.report = read_coco(path, self._prepare)
        return content

    def _prepare(self, content: dict[str, Any]) -> None:
        """Bring what a format does differently into COCO's form."""

    def _read_categories(self, names: Sequence[str] | None) -> None:
        found = {r['id']: KeypointCategory.from_coco(r) for r in self.records}
        try:
            prompt = KeypointPrompt.from_categories(found.values())
            if names is not None:
                prompt = prompt.select(names)
        except ValueError as error:
            raise ValueError(f'{self.path}: {error}') from error
        self.categories: tuple[KeypointCategory, ...] = prompt.categories
        label = {name: i for i, name in enumerate(prompt.names)}
        #: Label of each category id, None where it was not asked for.
        self._labels = {i: label.get(c.name) for i, c in found.items()}

    def find_pictures(
        self, folder: str | os.PathLike, must_exist: bool = True
    ) -> None:
        """Check the pictures, and correct ``file_name`` where one moved.

        Args:
            folder: Where ``file_name`` starts from.
            must_exist: Whether all have to exist and to be readable.

        Raises:
            CocoFileError: If pictures are missing, unreadable or of another
                size than the file says.
        """
        report = CocoReport(self.path)
        check_pictures(self.images, folder, report, must_exist)
        report.require_usable()
        tell(report.changes())

    @property
    def annotations(self) -> Iterator[dict[str, Any]]:
        """All annotations, by picture, crowds and other categories too."""
        for image in self.images:
            yield from self._annotations.get(image['id'], ())

    @property
    def max_keypoints(self) -> int:
        """The largest number of keypoints of a category, Kmax."""
        return max(c.num_keypoints for c in self.categories)

    def objects(
        self, image: Mapping[str, Any]
    ) -> list[tuple[Mapping[str, Any], int, np.ndarray]]:
        """Annotations of a picture as they are; crowds are left out.

        Args:
            image: One of ``self.images``.

        Returns:
            Of each object its record, its label (index into ``categories``)
            and its keypoints (Kmax, 3) [x, y, v] float32 in image pixels,
            zeros where v = 0 and where the category has fewer keypoints.
        """
        found = []
        for annotation in self._annotations.get(image['id'], ()):
            label = self._labels[annotation['category_id']]
            if label is None or annotation['iscrowd']:
                continue
            keypoints = self._keypoints(annotation)
            found.append((annotation, label, keypoints))
        return found

    def instances(self, image: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Labelled objects of a picture; crowds are left out.

        Args:
            image: One of ``self.images``.

        Returns:
            Of the N objects, in image pixels, float32 unless noted:
            ``gt_bboxes`` (N, 4) xyxy, clipped to the picture; ``gt_labels``
            (N,) int64, index into ``categories``; ``gt_keypoints``
            (N, Kmax, 3) [x, y, v], zeros where v = 0, where the category
            has fewer keypoints and where the annotation has none;
            ``gt_areas`` (N,) in square pixels, see :func:`object_area`;
            ``gt_ids`` (N,) objects, the annotations' ids as in the file.
        """
        rows = []
        for annotation, label, keypoints in self.objects(image):
            box = self._clipped_box(annotation, image)
            if min(box[2] - box[0], box[3] - box[1]) < 1:
                self.num_small_boxes += 1
                continue
            area = object_area(annotation)
            rows.append((box, label, keypoints, area, annotation['id']))
        boxes, labels, keypoints, areas, ids = (
            zip(*rows) if rows else ((),) * 5
        )
        return {
            'gt_bboxes': np.array(boxes, np.float32).reshape(-1, 4),
            'gt_labels': np.array(labels, np.int64),
            'gt_keypoints': np.array(keypoints, np.float32).reshape(
                -1, self.max_keypoints, 3
            ),
            'gt_areas': np.array(areas, np.float32),
            'gt_ids': np.array(ids, object),
        }

    def _clipped_box(self, annotation: Mapping, image: Mapping) -> np.ndarray:
        x, y, w, h = annotation['bbox']
        width, height = image['width'], image['height']
        return np.array(
            [
                min(max(x, 0), width),
                min(max(y, 0), height),
                min(max(x + w, 0), width),
                min(max(y + h, 0), height),
            ]
        )

    def _keypoints(self, annotation: Mapping) -> np.ndarray:
        """Keypoints (Kmax, 3); all zeros for an object with only a box."""
        padded = np.zeros((self.max_keypoints, 3), np.float32)
        if annotation.get('keypoints'):
            keypoints = np.array(annotation['keypoints'], np.float32)
            keypoints = keypoints.reshape(-1, 3)
            padded[: len(keypoints)] = keypoints * (keypoints[:, 2:] > 0)
        return padded
