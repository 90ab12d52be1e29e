# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""From which score on objects are worth showing."""

import math
from collections.abc import Sequence

import numpy as np

from projects.common.evaluation.instances import MATCH_IOU, group_by
from projects.common.evaluation.pck import box_iou, xywh_to_xyxy
from projects.common.evaluation.views import one_label


def best_score_threshold(
    detections: Sequence[dict], annotations: Sequence[dict]
) -> float:
    """Score at which a user sees the right objects and little else.

    That of the best F1 over all objects: those shown with the right label in
    a box that overlaps theirs by half, against all that are shown and all
    that are there, every object with its best label only. Objects of a crowd
    do not count.

    Args:
        detections (Sequence[dict]): COCO results with ``bbox`` and ``score``.
        annotations (Sequence[dict]): COCO annotations of the same images.

    Returns:
        float: 0 to 1 in hundredths, rounded down; -1 if nothing is right at
        any score.
    """
    truth = group_by(annotations, 'image_id')
    scores, right = [], []
    for image, records in group_by(
        one_label(detections, annotations), 'image_id'
    ).items():
        free = [one for one in truth[image] if not one.get('iscrowd')]
        for record in records:  # by descending score
            hit = _first_match(record, free)
            if hit is not None:
                free.pop(hit)
            scores.append(record['score'])
            right.append(hit is not None)
    if not any(right):
        return -1.0
    order = np.argsort(np.negative(scores), kind='stable')
    count = sum(not one.get('iscrowd') for one in annotations)
    shown = np.arange(1, len(order) + 1)
    f1 = 2 * np.cumsum(np.array(right)[order]) / (shown + count)
    return math.floor(100 * scores[order[int(f1.argmax())]]) / 100


def _first_match(record: dict, objects: Sequence[dict]) -> int | None:
    """Index of the object of its category that a detection overlaps most."""
    boxes = np.array([one['bbox'] for one in objects], float).reshape(-1, 4)
    overlaps = box_iou(
        xywh_to_xyxy(np.array([record['bbox']], float)), xywh_to_xyxy(boxes)
    )[0]
    same = [one['category_id'] == record['category_id'] for one in objects]
    overlaps = np.where(same, overlaps, 0)
    if not len(objects) or overlaps.max() < MATCH_IOU:
        return None
    return int(overlaps.argmax())
