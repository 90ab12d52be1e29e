# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Detections as a person sees them, and as they would be with less to do.

Records are COCO's: results with ``image_id``, ``category_id``, ``bbox`` xywh
in image pixels, ``score``, ``keypoints``; annotations alike.
"""

from collections.abc import Callable, Sequence

import numpy as np

from projects.common.evaluation.instances import group_by
from projects.common.evaluation.pck import box_iou

#: Boxes that overlap more are taken for one object.
SAME_OBJECT_IOU = 0.5


def one_label(
    detections: Sequence[dict], annotations: Sequence[dict]
) -> list[dict]:
    """Give every object its best label only.

    Of two boxes of any categories that overlap, the lower scored goes. This
    is what a drawing shows at its best: a box that is a fly and a cow at
    once counts for both categories elsewhere, and here for one.
    """
    kept = []
    for records in group_by(detections, 'image_id').values():
        records = sorted(records, key=lambda r: -r['score'])
        overlaps = box_iou(_boxes(records), _boxes(records))
        chosen: list[int] = []
        for index in range(len(records)):
            if (overlaps[index, chosen] <= SAME_OBJECT_IOU).all():
                chosen.append(index)
        kept += [records[index] for index in chosen]
    return kept


def given_class(
    detections: Sequence[dict], annotations: Sequence[dict]
) -> list[dict]:
    """Drop what would not be there, were all classes told right.

    These are detections that overlap an object, but none of their category.
    Detections of nothing stay.
    """
    truth = group_by(annotations, 'image_id')
    kept = []
    for image, records in group_by(detections, 'image_id').items():
        objects = truth[image]
        hit = box_iou(_boxes(records), _boxes(objects)) > SAME_OBJECT_IOU
        same = np.equal.outer(_categories(records), _categories(objects))
        wrong = hit.any(1) & ~(hit & same).any(1)
        kept += [r for r, w in zip(records, wrong) if not w]
    return kept


def given_box(
    detections: Sequence[dict], annotations: Sequence[dict]
) -> list[dict]:
    """Give every object the detection of its category that overlaps it most.

    All with score 1: class, box and order are told, only the keypoints are
    the model's. A detection may serve several objects.
    """
    found = group_by(detections, 'image_id')
    kept = []
    for image, objects in group_by(annotations, 'image_id').items():
        records = found[image]
        if not records:
            continue
        overlaps = box_iou(_boxes(objects), _boxes(records))
        same = np.equal.outer(_categories(objects), _categories(records))
        overlaps = np.where(same, overlaps, 0)
        for one, row in zip(objects, overlaps):
            if row.max() > SAME_OBJECT_IOU and not one.get('iscrowd'):
                kept.append({**records[int(row.argmax())], 'score': 1.0})
    return kept


VIEWS: dict[str, Callable[[Sequence[dict], Sequence[dict]], list[dict]]] = {
    'one_label': one_label,
    'given_class': given_class,
    'given_box': given_box,
}


def _boxes(records: Sequence[dict]) -> np.ndarray:
    """(N, 4) xyxy."""
    boxes = np.array([r['bbox'] for r in records], float).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)


def _categories(records: Sequence[dict]) -> np.ndarray:
    return np.array([record['category_id'] for record in records])
