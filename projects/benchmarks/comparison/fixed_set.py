# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""A data set of one category with a fixed keypoint list, out of many."""

import copy
from collections.abc import Mapping
from typing import Any

#: mmpose's top-down data sets read detected boxes of this id only.
CATEGORY_ID = 1


def fixed_keypoint_set(
    content: Mapping[str, Any], like: str, name: str
) -> dict[str, Any]:
    """Put all categories that have a category's keypoints into one.

    Models of a fixed keypoint list can learn these together: keypoints are
    put into the order of ``like``, others are dropped. Pictures without such
    an object are left out, ids of pictures and objects stay.

    Args:
        content: A COCO-style keypoint file.
        like: The category whose K keypoints are the list.
        name: Name of the one category of the result; its id is 1.

    Returns:
        dict: A COCO-style file; ``info.categories`` names what it is made of.

    Raises:
        ValueError: If there is no category ``like``.
    """
    records = {record['name']: record for record in content['categories']}
    if like not in records:
        raise ValueError(
            f'There is no category {like!r}; the file has '
            f'{", ".join(records)}.'
        )
    model = copy.deepcopy(records[like])
    order = {
        record['id']: [
            record['keypoints'].index(k) for k in model['keypoints']
        ]
        for record in records.values()
        if set(model['keypoints']) <= set(record['keypoints'])
    }
    annotations = [
        _reordered(annotation, order[annotation['category_id']])
        for annotation in content['annotations']
        if annotation['category_id'] in order
    ]
    kept = {annotation['image_id'] for annotation in annotations}
    members = [r['name'] for r in records.values() if r['id'] in order]
    return {
        'info': {'categories': members, 'like': like},
        'images': [i for i in content['images'] if i['id'] in kept],
        'annotations': annotations,
        'categories': [{**model, 'id': CATEGORY_ID, 'name': name}],
    }


def _reordered(
    annotation: Mapping[str, Any], order: list[int]
) -> dict[str, Any]:
    flat = annotation['keypoints']
    keypoints = [v for k in order for v in flat[3 * k : 3 * k + 3]]
    return {
        **annotation,
        'category_id': CATEGORY_ID,
        'keypoints': keypoints,
        'num_keypoints': sum(v > 0 for v in keypoints[2::3]),
    }
