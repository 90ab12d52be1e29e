# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Detections as a person sees them, and as they would be with less to do.

Records are COCO's: results with ``image_id``, ``category_id``, ``bbox`` xywh
in image pixels, ``score``, ``keypoints``; annotations alike.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from projects.common.evaluation.instances import MATCH_IOU, group_by
from projects.common.evaluation.pck import box_iou, xywh_to_xyxy
from projects.common.structures import best_of_each_object


def one_label(
    detections: Sequence[dict], annotations: Sequence[dict]
) -> list[dict]:
    """Give every object its best label only.

    Of two boxes of any categories that overlap by half, the lower scored
    goes: a box that is a fly and a cow at once counts for both categories
    elsewhere, and here for one. A drawing leaves out as much within a
    category and less between two, see ``best_of_each_object``.
    """
    kept = []
    for records in group_by(detections, 'image_id').values():
        best = best_of_each_object(
            torch.from_numpy(_corners(records)),
            torch.tensor([record['score'] for record in records]),
            torch.from_numpy(_categories(records)),
            MATCH_IOU,
            MATCH_IOU,
        )
        kept += [records[index] for index in best]
    return kept


def given_class(
    detections: Sequence[dict], annotations: Sequence[dict]
) -> list[dict]:
    """Drop detections of a wrong class.

    These overlap an object by half, but none of their category. What is
    told is which labels are wrong, not what was missed: an object that was
    never found as what it is stays missing. Detections of nothing stay.
    """
    truth = group_by(annotations, 'image_id')
    kept = []
    for image, records in group_by(detections, 'image_id').items():
        objects = truth[image]
        hit = box_iou(_corners(records), _corners(objects)) >= MATCH_IOU
        same = np.equal.outer(_categories(records), _categories(objects))
        wrong = hit.any(1) & ~(hit & same).any(1)
        kept += [r for r, w in zip(records, wrong) if not w]
    return kept


def given_box(
    detections: Sequence[dict], annotations: Sequence[dict]
) -> list[dict]:
    """Of every object keep the detection that overlaps it most.

    Of those of its category, by half at least, with the score it has: which
    box is which object is told; where keypoints are and how the objects rank
    is the model's. An object that was not found stays missing; a detection
    may serve several objects.
    """
    found = group_by(detections, 'image_id')
    kept = []
    for image, objects in group_by(annotations, 'image_id').items():
        records = found[image]
        if not records:
            continue
        overlaps = box_iou(_corners(objects), _corners(records))
        same = np.equal.outer(_categories(objects), _categories(records))
        overlaps = np.where(same, overlaps, 0)
        for one, row in zip(objects, overlaps):
            if row.max() >= MATCH_IOU and not one.get('iscrowd'):
                kept.append(records[int(row.argmax())])
    return kept


def label_accuracy(
    detections: Sequence[dict], annotations: Sequence[dict]
) -> float:
    """Of the objects that were found, the share with the right best label.

    An object counts as found where any detection overlaps it by half; its
    label is that of the best scored of these. -1 = none was found.
    """
    found, right, objects_found = group_by(detections, 'image_id'), 0, 0
    for image, objects in group_by(annotations, 'image_id').items():
        records = found[image]
        overlaps = box_iou(_corners(objects), _corners(records))
        scores = np.array([record['score'] for record in records])
        for one, row in zip(objects, overlaps >= MATCH_IOU):
            if row.any() and not one.get('iscrowd'):
                best = records[int(np.where(row, scores, -np.inf).argmax())]
                objects_found += 1
                right += best['category_id'] == one['category_id']
    return right / objects_found if objects_found else -1.0


VIEWS: dict[str, Callable[[Sequence[dict], Sequence[dict]], list[dict]]] = {
    'one_label': one_label,
    'given_class': given_class,
    'given_box': given_box,
}


def _corners(records: Sequence[dict]) -> np.ndarray:
    """(N, 4) xyxy."""
    boxes = np.array([r['bbox'] for r in records], float).reshape(-1, 4)
    return xywh_to_xyxy(boxes)


def _categories(records: Sequence[dict]) -> np.ndarray:
    return np.array([record['category_id'] for record in records])
