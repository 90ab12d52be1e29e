# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Reading and checking a COCO-style keypoint file."""

from __future__ import annotations

import json
import math
import os.path as osp
from array import array
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from projects.common.structures import (
    KeypointCategory,
    KeypointPrompt,
    object_area,
)

MAKE_SYNTHKPT = (
    'The data set that ships is made by `python '
    'tools/dataset_converters/synthkpt.py --out data/synthkpt --size small`.'
)
_VISIBILITIES = frozenset((0, 1, 2))


class CocoKeypointFile:
    """The content of a COCO-style keypoint json, checked on reading.

    Attributes:
        path: Path of the file.
        categories: V :class:`KeypointCategory`, in the order of the file or
            of ``category_names``.
        images: The file's image records.
        partial: What every result on it has to say if the file holds a part
            of a data set only (``info.partial``), else ''.
        num_small_boxes: How many annotations were left out because less than
            one pixel of their box's width or height lies in the picture.

    Args:
        path: The json file: ``images``, ``annotations``, ``categories``.
        category_names: Keep only these categories and their annotations;
            None keeps all.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no COCO json, a category has no keypoints
            or an unknown name was asked for.
    """

    def __init__(
        self, path: str, category_names: Sequence[str] | None = None
    ) -> None:
        self.path = path
        content = self._read(path)
        self.images: list[dict[str, Any]] = content['images']
        info = content.get('info')
        self.partial: str = (
            info.get('partial', '') if isinstance(info, Mapping) else ''
        )
        self.num_small_boxes = 0
        self._read_categories(content['categories'], category_names)
        self._annotations = self._group_by_image(content['annotations'])

    def _read(self, path: str) -> dict[str, Any]:
        return _load(path)

    def _read_categories(
        self, records: Sequence[Mapping], names: Sequence[str] | None
    ) -> None:
        try:
            found = {r['id']: self._category(r) for r in records}
            prompt = KeypointPrompt.from_categories(found.values())
            if names is not None:
                prompt = prompt.select(names)
        except ValueError as error:
            raise ValueError(f'{self.path}: {error}') from error
        self.categories: tuple[KeypointCategory, ...] = prompt.categories
        label = {name: i for i, name in enumerate(prompt.names)}
        #: Label of each category id, None where it was not asked for.
        self._labels = {i: label.get(c.name) for i, c in found.items()}

    def _category(self, record: Mapping) -> KeypointCategory:
        return KeypointCategory.from_coco(record)

    def _group_by_image(
        self, annotations: Sequence[Mapping]
    ) -> dict[Any, list[Mapping]]:
        known = {image['id'] for image in self.images}
        groups = defaultdict(list)
        for annotation in annotations:
            if annotation['image_id'] not in known:
                raise self._error(
                    annotation,
                    f'names the image id {annotation["image_id"]}, which is '
                    'not in "images"; add the image or remove the annotation',
                )
            groups[annotation['image_id']].append(annotation)
        return groups

    def _error(self, annotation: Mapping, problem: str) -> ValueError:
        return ValueError(
            f'{self.path}: annotation {annotation.get("id")} {problem}.'
        )

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

        Raises:
            ValueError: If an annotation does not fit its category.
        """
        found = []
        for annotation in self._annotations.get(image['id'], ()):
            label = self._label(annotation)
            if label is None or annotation.get('iscrowd'):
                continue
            keypoints = self._keypoints(annotation, self.categories[label])
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

        Raises:
            ValueError: If an annotation does not fit its category or is not
                complete.
        """
        rows = []
        # All are read first: a bad annotation is an error, however small.
        for annotation, label, keypoints in self.objects(image):
            box = self._clipped_box(annotation, image)
            if min(box[2] - box[0], box[3] - box[1]) < 1:
                self.num_small_boxes += 1
                continue
            area = object_area(annotation)
            rows.append((box, label, keypoints, area, annotation.get('id')))
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

    def _label(self, annotation: Mapping) -> int | None:
        category_id = annotation.get('category_id')
        if category_id not in self._labels:
            raise self._error(
                annotation,
                f'has the unknown category id {category_id}; the file '
                f'declares {sorted(self._labels)}. Add the category or '
                'correct the id',
            )
        return self._labels[category_id]

    def box(self, annotation: Mapping[str, Any]) -> np.ndarray:
        """Box (4,) xywh of an annotation in image pixels, as annotated.

        Raises:
            ValueError: If it is not four finite numbers.
        """
        values = annotation.get('bbox') or ()
        if len(values) != 4 or not _are_finite(values):
            raise self._error(
                annotation,
                f'has the bbox {annotation.get("bbox")}; it must be the four '
                'finite numbers x, y, width, height',
            )
        return np.array(values, np.float64)

    def _clipped_box(self, annotation: Mapping, image: Mapping) -> np.ndarray:
        x, y, w, h = self.box(annotation).tolist()
        width, height = image['width'], image['height']
        return np.array(
            [
                min(max(x, 0), width),
                min(max(y, 0), height),
                min(max(x + w, 0), width),
                min(max(y + h, 0), height),
            ]
        )

    def _keypoints(
        self, annotation: Mapping, category: KeypointCategory
    ) -> np.ndarray:
        """Keypoints (Kmax, 3); all zeros for an object with only a box."""
        padded = np.zeros((self.max_keypoints, 3), np.float32)
        flat = annotation.get('keypoints')
        if not flat:
            return padded
        count = category.num_keypoints
        if len(flat) % 3:
            raise self._error(
                annotation,
                f'has {len(flat)} numbers in "keypoints", which is not a '
                'multiple of 3; write x, y and visibility (0, 1 or 2) of '
                f'each of the {count} keypoints of {category.name!r}',
            )
        if len(flat) != 3 * count:
            raise self._error(
                annotation,
                f'has {len(flat) // 3} keypoints, but its category '
                f'{category.name!r} names {count}; make the two agree',
            )
        if not (_are_finite(flat) and _VISIBILITIES.issuperset(flat[2::3])):
            raise self._error(
                annotation,
                'has a keypoint that is not finite or whose visibility is '
                'not 0 (not labelled), 1 (hidden) or 2 (visible); correct it',
            )
        keypoints = np.array(flat, np.float32).reshape(-1, 3)
        padded[:count] = keypoints * (keypoints[:, 2:] > 0)
        return padded


def _load(path: str) -> dict[str, Any]:
    if not osp.isfile(path):
        raise FileNotFoundError(
            f'The annotation file {path} does not exist; check data_root and '
            f'ann_file. {MAKE_SYNTHKPT}'
        )
    with open(path, encoding='utf-8') as file:
        try:
            content = json.load(file, object_hook=_packed)
        except ValueError as error:
            raise ValueError(
                f'{path} is not a json file ({error}); give a COCO-style '
                'keypoint file.'
            ) from error
    parts = ('images', 'annotations', 'categories')
    absent = [p for p in parts if p not in content]
    if absent:
        raise ValueError(
            f'{path} lacks {", ".join(absent)}; a COCO-style keypoint file '
            f'has {", ".join(parts)}.'
        )
    for image in content['images']:
        lacking = {'id', 'file_name', 'width', 'height'} - set(image)
        if lacking:
            raise ValueError(
                f'{path}: image {image.get("id")} lacks '
                f'{", ".join(sorted(lacking))}; every image needs id, '
                'file_name, width and height.'
            )
    return content


def _are_finite(values: Sequence[float]) -> bool:
    """Faster than numpy where there are few of them."""
    try:
        return all(map(math.isfinite, values))
    except TypeError:
        return False


def _packed(record: dict[str, Any]) -> dict[str, Any]:
    """A record whose keypoints take an eighth of a list's memory.

    Lists that hold anything but numbers stay as they are.
    """
    flat = record.get('keypoints')
    if isinstance(flat, list):
        with suppress(TypeError):
            record['keypoints'] = array('d', flat)
    return record
