# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""MP-100: 100 categories, each with keypoints of its own.

``annotations/mp100_split{1..5}_{train,val,test}.json`` are COCO files with
some liberties: a category may lack its keypoint names (the original release
has none for some) or its skeleton (the original release has none, that of
PoseAnything counts from 0), and visibilities go beyond 0, 1 and 2.
Pictures are at ``images/<category>/<file>``. The category
``amur_tiger_body`` holds human faces (AFLW, 19 keypoints without names).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmpose.registry import DATASETS

from projects.common.datasets.coco_file import CocoKeypointFile
from projects.common.datasets.prompt_coco_dataset import PromptCocoDataset


class MP100File(CocoKeypointFile):
    """An annotation file of MP-100, original or PoseAnything's.

    Keypoints without names (none, empty, or twice the same) are called
    'keypoint 1' to 'keypoint K', where K is that of the annotations. The
    names of categories stay as they are but for underscores.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If annotations of a category differ in their number of
            keypoints, or as :class:`CocoKeypointFile`.
    """

    def _prepare(self, content: dict[str, Any]) -> None:
        counts: dict[Any, int] = {}
        for annotation in content['annotations']:
            flat = annotation.get('keypoints') or ()
            annotation['keypoints'] = _plain_visibility(flat)
            category = annotation.get('category_id')
            if flat and counts.setdefault(category, len(flat)) != len(flat):
                raise ValueError(
                    f'{self.path}: annotation {annotation.get("id")} has '
                    f'{len(flat) / 3:g} keypoints, others of its category '
                    f'{counts[category] / 3:g}; correct the file.'
                )
        for record in content['categories']:
            count = counts.get(record['id'], 0) // 3
            names = record.get('keypoints') or ()
            record['keypoints'] = _names(names, count)
            record['skeleton'] = self._skeleton(record)

    def _skeleton(self, record: Mapping) -> list[list[int]]:
        edges = record.get('skeleton') or ()
        count = len(record['keypoints'])
        for edge in edges:
            if not all(0 <= i < count for i in edge):
                raise ValueError(
                    f'{self.path}: category {record.get("name")!r}: the '
                    f'skeleton holds {list(edge)}, but it counts from 0 and '
                    f'there are {count} keypoints.'
                )
        # COCO's own skeletons count from 1.
        return [[a + 1, b + 1] for a, b in edges if a != b]


@DATASETS.register_module()
class MP100Dataset(PromptCocoDataset):
    """MP-100 as a :class:`PromptCocoDataset`; see there for the arguments.

    ``data_prefix=dict(img='images')`` is the usual place of the pictures.
    """

    file_type = MP100File


def _plain_visibility(flat: list[float]) -> list[float]:
    """[x, y, v, ...] with v brought to 0, 1 or 2."""
    flat = list(flat)
    flat[2::3] = [(v > 0) + (v >= 2) for v in flat[2::3]]
    return flat


def _names(names: list[str], count: int) -> list[str]:
    """The names, or numbers where they cannot name ``count`` keypoints."""
    plain = [' '.join(str(n).replace('_', ' ').split()) for n in names]
    complete = all(plain) and len(set(plain)) == len(plain)
    if plain and complete and count in (0, len(plain)):
        return list(names)
    total = count or len(plain)
    return [f'keypoint {i + 1}' for i in range(total)]
