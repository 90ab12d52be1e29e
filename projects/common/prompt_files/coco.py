# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Prompts from COCO-style keypoint files."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from projects.common.datasets import CocoKeypointFile
from projects.common.datasets.coco.pictures import is_foreign, last_part
from projects.common.prompt_files.description import PromptDescription
from projects.common.prompt_files.example import Example
from projects.common.structures import KeypointCategory
from projects.common.utils.pictures import read_picture

_NO_PICTURE = np.zeros((0, 0, 3), np.uint8)


def describe_coco(
    ann_file: str | os.PathLike,
    pictures: Iterable[str | os.PathLike] | None = None,
    category_names: Sequence[str] | None = None,
    folder: str | os.PathLike | None = None,
    shots: int = 0,
    modality: str | None = None,
) -> PromptDescription:
    """Make a prompt of an annotation file.

    Args:
        ann_file: COCO-style json.
        pictures: Paths of pictures that it annotates, each ending with the
            ``file_name`` of its record. All objects with a labelled keypoint
            are taken as examples, and only their categories are asked for.
        category_names: Ask for these categories only.
        folder: Where the file's pictures are, by default its own folder;
            for ``shots``.
        shots: Without ``pictures``: how many examples to take of each
            category, those with the most labelled keypoints; 0 asks by names
            alone.
        modality: How categories with examples are asked for: 'visual' (the
            default) or 'combined'.

    Raises:
        FileNotFoundError: If a file does not exist.
        OSError: If a picture cannot be read.
        ValueError: If the file is faulty, does not annotate a picture, says
            another size of it, or has too few examples of a category.
    """
    file = CocoKeypointFile(str(ann_file), category_names)
    if pictures is not None:
        found = _of_pictures(file, pictures)
    elif shots:
        root = Path(ann_file).parent if folder is None else Path(folder)
        found = _best(file, root, shots)
    else:
        return PromptDescription(file.categories)
    return PromptDescription.of_examples(found, modality)


def _of_pictures(
    file: CocoKeypointFile, pictures: Iterable[str | os.PathLike]
) -> dict[KeypointCategory, list[Example]]:
    found: dict[KeypointCategory, list[Example]] = {
        category: [] for category in file.categories
    }
    for path in pictures:
        picture = read_picture(path)
        record = _record(file, path)
        _check_size(file, record, picture, path)
        objects = list(_objects(file, record))
        if not objects:
            raise ValueError(
                f'{file.path} has no object with a labelled keypoint in the '
                f'picture "{path}"; label at least one, with visibility 1 or '
                '2.'
            )
        for category, annotated in objects:
            found[category].append(replace(annotated, picture=picture))
    return {category: some for category, some in found.items() if some}


def _best(
    file: CocoKeypointFile, root: Path, shots: int
) -> dict[KeypointCategory, list[Example]]:
    file.find_pictures(root, must_exist=False)
    ranked: dict[KeypointCategory, list] = {c: [] for c in file.categories}
    for record in file.images:
        for category, annotated in _objects(file, record):
            ranked[category].append((annotated, record))
    found = {}
    for category, objects in ranked.items():
        if len(objects) < shots:
            raise ValueError(
                f'{file.path} has {len(objects)} objects of category '
                f'{category.name!r} with a labelled keypoint, but {shots} '
                'examples of each category are asked for; take fewer, or '
                'other categories.'
            )
        # Stable: the first in the file of those that show as much.
        objects.sort(key=lambda item: -(item[0].visible > 0).sum())
        found[category] = []
        for annotated, record in objects[:shots]:
            path = root / record['file_name']
            picture = read_picture(path)
            _check_size(file, record, picture, path)
            found[category].append(replace(annotated, picture=picture))
    return found


def _objects(
    file: CocoKeypointFile, record: dict[str, Any]
) -> Iterator[tuple[KeypointCategory, Example]]:
    """What shows a keypoint; the pictures are not read."""
    objects = file.instances(record)
    for label, box, keypoints, number in zip(
        objects['gt_labels'],
        objects['gt_bboxes'],
        objects['gt_keypoints'],
        objects['gt_ids'],
    ):
        category = file.categories[label]
        points = keypoints[: category.num_keypoints]
        if points[:, 2].any():
            yield (
                category,
                Example(
                    _NO_PICTURE,
                    points[:, :2],
                    points[:, 2],
                    box.tolist(),
                    annotation_id=number,
                    image_id=record['id'],
                ),
            )


def _check_size(
    file: CocoKeypointFile,
    record: dict[str, Any],
    picture: np.ndarray,
    path: str | os.PathLike,
) -> None:
    """Raise ValueError if a picture has another size than its record says."""
    height, width = picture.shape[:2]
    if (width, height) != (record['width'], record['height']):
        raise ValueError(
            f'The picture "{path}" is {width} x {height} pixels (w x h), but '
            f'{file.path} says {record["width"]} x {record["height"]}, so '
            'its keypoints are of another picture, or of this one in '
            'another size or not turned as people see it; correct "width" '
            'and "height" if they alone are wrong.'
        )


def _record(file: CocoKeypointFile, path: str | os.PathLike) -> dict:
    parts = Path(path).resolve().parts
    for record in file.images:
        name = Path(record['file_name']).parts
        if parts[-len(name) :] == name:
            return record
    alike = [
        record
        for record in file.images
        if is_foreign(record['file_name'])
        and last_part(record['file_name']) == parts[-1]
    ]
    if len(alike) == 1:
        return alike[0]
    names = [record['file_name'] for record in file.images]
    more = ', ...' if len(names) > 3 else ''
    raise ValueError(
        f'{file.path} has no picture whose file_name ends the path "{path}"; '
        f'it has {", ".join(names[:3])}{more}.'
    )
