# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Which objects of a data set can serve as examples of their category."""

from __future__ import annotations

import json
import os.path as osp
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from mmengine.dataset import BaseDataset
from mmpose.registry import DATASETS

from projects.common.structures import KeypointCategory

_real_path = lru_cache(maxsize=4096)(osp.realpath)


class SupportPool:
    """Usable objects of a data set by category; reads no picture.

    An object is usable if its box is large enough and it has enough
    keypoints that are labelled (v = 1 or 2) and lie in the picture and in the
    square around its box. Made before a data loader starts its workers, the
    pool and its annotations are shared by them.

    Args:
        dataset: A data set whose ``get_data_info`` gives what
            :class:`PromptCocoDataset` gives, or its config. Its pipeline is
            not run.
        min_visible: Fewest such keypoints; all of them for a category that
            has fewer. At least 1.
        min_size: Shortest length of a box's longer side in image pixels.

    Raises:
        ValueError: If an argument is out of its range or no object is usable.
    """

    def __init__(
        self,
        dataset: dict | BaseDataset,
        min_visible: int = 3,
        min_size: float = 16,
    ) -> None:
        if min_visible < 1 or min_size < 1:
            raise ValueError(
                f'SupportPool: min_visible is {min_visible} and min_size '
                f'{min_size}; both must be at least 1.'
            )
        if isinstance(dataset, dict):
            dataset = DATASETS.build(dataset)
        self.dataset = dataset
        self.min_visible = min_visible
        self.min_size = min_size
        self._categories: dict[str, KeypointCategory] = {}
        self._rows = self._index()
        if not self._rows:
            raise ValueError(
                f'The support pool of {self._source} is empty: none of its '
                f'{len(dataset)} pictures has an object with {min_visible} '
                f'labelled keypoints and a box of {min_size} pixels; lower '
                'min_visible or min_size, or take another annotation file.'
            )

    @property
    def _source(self) -> str:
        return getattr(self.dataset, 'ann_file', type(self.dataset).__name__)

    def _index(self) -> dict[str, np.ndarray]:
        """(n, 2) index of picture and of object in it, by category name."""
        rows = defaultdict(list)
        for index in range(len(self.dataset)):
            info = self.dataset.get_data_info(index)
            categories = info['categories']
            counts = shown_keypoints(info).sum(1)
            boxes = info['gt_bboxes']
            sides = (boxes[:, 2:] - boxes[:, :2]).max(1, initial=0)
            for number, label in enumerate(info['gt_labels']):
                category = categories[label]
                needed = min(self.min_visible, category.num_keypoints)
                if counts[number] >= needed and sides[number] >= self.min_size:
                    # Prompts do not tell upper from lower case either.
                    name = category.name.lower()
                    rows[name].append((index, number))
                    self._categories[name] = category
        # Arrays: worker processes would copy lists by counting references.
        return {name: np.array(found) for name, found in rows.items()}

    @property
    def counts(self) -> dict[str, int]:
        """Number of usable objects of each category that has any."""
        return {
            self._categories[name].name: len(rows)
            for name, rows in self._rows.items()
        }

    def order(
        self, category: KeypointCategory, rng: np.random.Generator
    ) -> np.ndarray:
        """Usable objects of a category in random order.

        Args:
            category: What they are examples of.
            rng: Where chance comes from; the same numbers give the same
                order.

        Returns:
            np.ndarray: (n, 2), rows for :meth:`record`; n may be 0.

        Raises:
            ValueError: If the pool's category of this name has other
                keypoints.
        """
        name = category.name.lower()
        if name not in self._rows:
            return np.empty((0, 2), int)
        known = self._categories[name].keypoints
        if known != category.keypoints:
            raise ValueError(
                f'Category {category.name!r} has the keypoints '
                f'{", ".join(category.keypoints)} in the prompt but '
                f'{", ".join(known)} in the support pool of {self._source}; '
                'take supports from a file with the same keypoints.'
            )
        return rng.permutation(self._rows[name])

    def record(self, row: np.ndarray) -> dict[str, Any]:
        """One object with all that a transform of its picture needs.

        Args:
            row: Of :meth:`order`.

        Returns:
            dict: ``img_id``, ``img_path``, ``annotation_id``, ``categories``
            (its own only) and, in image pixels, ``gt_bboxes`` (1, 4),
            ``gt_labels`` (1,), ``gt_keypoints`` (1, K, 3), zeros where not
            shown, and ``gt_areas`` (1,).
        """
        index, number = row.tolist()
        info = self.dataset.get_data_info(index)
        category = info['categories'][info['gt_labels'][number]]
        shown = shown_keypoints(info)[number, : category.num_keypoints, None]
        keypoints = info['gt_keypoints'][number, : category.num_keypoints]
        return {
            'img_id': info['img_id'],
            'img_path': info['img_path'],
            'annotation_id': info['gt_ids'][number],
            'categories': (category,),
            'gt_bboxes': info['gt_bboxes'][[number]],
            'gt_labels': np.zeros(1, np.int64),
            'gt_keypoints': (keypoints * shown)[None],
            'gt_areas': info['gt_areas'][[number]],
        }

    def candidates(
        self,
        category: KeypointCategory,
        rng: np.random.Generator,
        exclude: Mapping[str, Any] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Different objects of a category, in random order.

        Args:
            category: What they are examples of.
            rng: Where chance comes from.
            exclude: Results with ``img_path`` and ``img_id`` of a picture
                that they must not come from, see :func:`is_same_picture`.

        Yields:
            dict: As :meth:`record`.

        Raises:
            ValueError: See :meth:`order`.
        """
        for row in self.order(category, rng):
            record = self.record(row)
            if exclude is None or not is_same_picture(record, exclude):
                yield record


def shown_keypoints(info: Mapping[str, Any]) -> np.ndarray:
    """Keypoints that a square cut around their object's box shows.

    Args:
        info: ``gt_bboxes`` (N, 4) xyxy, ``gt_keypoints`` (N, K, 3), and
            ``width`` and ``height`` of the picture.

    Returns:
        np.ndarray: (N, K) bool.
    """
    xy, visible = np.split(info['gt_keypoints'], [2], axis=-1)
    boxes = info['gt_bboxes'][:, None]
    reach = (boxes[..., 2:] - boxes[..., :2]).max(-1, keepdims=True) / 2
    offset = np.abs(xy - (boxes[..., 2:] + boxes[..., :2]) / 2)
    size = (info['width'], info['height'])
    inside = (xy >= 0) & (xy < size) & (offset <= reach)
    return inside.all(-1) & (visible[..., 0] > 0)


def is_same_picture(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Whether two results show one picture, whatever file annotates them.

    They do if their paths lead to the same file, or if the file names and
    the image ids are equal: a copy of the data set in another folder.

    Args:
        a: ``img_path`` and ``img_id``.
        b: The same.
    """
    first, second = a['img_path'], b['img_path']
    if _real_path(first) == _real_path(second):
        return True
    same_name = osp.basename(first) == osp.basename(second)
    return same_name and a['img_id'] == b['img_id']


_POOLS: WeakValueDictionary[str, SupportPool] = WeakValueDictionary()


def shared_pool(cfg: Mapping[str, Any]) -> SupportPool:
    """Build a pool, or take the living one that has the same config.

    Training and evaluation take supports from the same annotations, which
    are read once so.

    Args:
        cfg: Arguments of :class:`SupportPool`, with the data set as config.
    """
    key = json.dumps(cfg, sort_keys=True)
    pool = _POOLS.get(key)
    if pool is None:
        pool = _POOLS[key] = SupportPool(**cfg)
    return pool
