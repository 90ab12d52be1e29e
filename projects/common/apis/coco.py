# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Results as a COCO-style annotation file."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from projects.common.structures import object_area

if TYPE_CHECKING:
    from projects.common.apis.results import FoundInstance, KeypointResult


def results_to_coco(
    results: Iterable[KeypointResult], kpt_thr: float = 0.3
) -> dict[str, Any]:
    """Make annotations of what was found, to correct or to train with.

    Args:
        results: Of pictures, all asked for the same categories.
        kpt_thr: Keypoints with a lower score are not labelled (v = 0);
            others are hidden (v = 1) where the model thinks so, else visible
            (v = 2).

    Returns:
        dict: ``images``, ``annotations`` (with ``score`` besides COCO's
        entries) and ``categories``, ids from 1. A picture without path is
        called by its number.

    Raises:
        ValueError: If the results are of other categories each.
    """
    images, annotations = [], []
    categories = None
    for result in results:
        if categories is None:
            categories = result.categories
        if result.categories != categories:
            raise ValueError(
                f'The result of {result.picture!r} is of other categories '
                'than those before it; write one file for each prompt.'
            )
        number = len(images) + 1
        images.append(
            {
                'id': number,
                'file_name': result.picture or f'{number:06d}',
                'width': result.size[0],
                'height': result.size[1],
            }
        )
        ids = {c.name: i for i, c in enumerate(categories, 1)}
        names = {c.name: c.keypoints for c in categories}
        for one in result.instances:
            record = _annotation(one, names[one.category], kpt_thr)
            record.update(
                id=len(annotations) + 1,
                image_id=number,
                category_id=ids[one.category],
            )
            annotations.append(record)
    return {
        'images': images,
        'annotations': annotations,
        'categories': [
            {
                'id': i,
                'name': category.name,
                'keypoints': list(category.keypoints),
                'skeleton': [[a + 1, b + 1] for a, b in category.skeleton],
            }
            for i, category in enumerate(categories or (), 1)
        ],
    }


def _annotation(
    one: FoundInstance, names: Iterable[str], kpt_thr: float
) -> dict[str, Any]:
    x1, y1, x2, y2 = (round(value, 2) for value in one.bbox)
    found = {keypoint.name: keypoint for keypoint in one.keypoints}
    flat: list[float] = []
    for name in names:
        keypoint = found.get(name)
        if keypoint is None or keypoint.score < kpt_thr:
            flat += [0, 0, 0]
            continue
        hidden = keypoint.visibility is not None and keypoint.visibility < 0.5
        flat += [round(v, 2) for v in keypoint.xy] + [1 if hidden else 2]
    bbox = [x1, y1, round(x2 - x1, 2), round(y2 - y1, 2)]
    return {
        'bbox': bbox,
        'area': round(object_area({'bbox': bbox}), 2),
        'iscrowd': 0,
        'keypoints': flat,
        'num_keypoints': sum(v > 0 for v in flat[2::3]),
        'score': round(one.score, 4),
    }
