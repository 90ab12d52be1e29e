# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Ground truth and detections of one category, matched picture by picture.

Dims: N ground-truth instances, M detections, K keypoints.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from projects.common.evaluation.pck import match_boxes, xywh_to_xyxy
from projects.common.structures import object_area

#: Least box IoU at which a detection is taken for a ground-truth instance.
MATCH_IOU = 0.5


@dataclass
class MatchedPicture:
    """The instances of one category in one picture, image pixels.

    Attributes:
        sizes (np.ndarray): (N, 2) w, h of the ground-truth boxes.
        areas (np.ndarray): (N,) px^2, as OKS uses them.
        keypoints (np.ndarray): (N, K, 3) x, y, v.
        found (list[dict]): M detections as COCO results.
        found_keypoints (np.ndarray): (M, K, 3) x, y, score.
        matched (np.ndarray): (N,) index of the detection, -1 where none is.
    """

    sizes: np.ndarray
    areas: np.ndarray
    keypoints: np.ndarray
    found: list[dict]
    found_keypoints: np.ndarray
    matched: np.ndarray


def matched_pictures(
    images: Sequence[int],
    truth: Sequence[dict],
    found: Sequence[dict],
    num_keypoints: int,
) -> Iterator[MatchedPicture]:
    """Match one category's detections to its ground truth.

    One to one, greedily by score, at box IoU >= :data:`MATCH_IOU`. Crowd
    annotations are left out.

    Args:
        images: Ids of the pictures that are evaluated.
        truth: COCO annotations of the category.
        found: COCO results of the category.
        num_keypoints: K.

    Yields:
        MatchedPicture: One for each picture that has ground truth.
    """
    wanted = set(images)
    truth_of, found_of = defaultdict(list), defaultdict(list)
    for record in truth:
        if record['image_id'] in wanted and not record.get('iscrowd'):
            truth_of[record['image_id']].append(record)
    for record in found:
        found_of[record['image_id']].append(record)
    for image, records in truth_of.items():
        boxes, keypoints = _arrays(records, num_keypoints)
        det_boxes, det_keypoints = _arrays(found_of[image], num_keypoints)
        yield MatchedPicture(
            sizes=boxes[:, 2:],
            areas=np.array([object_area(record) for record in records]),
            keypoints=keypoints,
            found=found_of[image],
            found_keypoints=det_keypoints,
            matched=match_boxes(
                xywh_to_xyxy(det_boxes),
                np.array([d['score'] for d in found_of[image]]),
                xywh_to_xyxy(boxes),
                MATCH_IOU,
            ),
        )


def by_category(records: Sequence[dict]) -> dict[int, list[dict]]:
    """Sort COCO records by their ``category_id``; others are empty."""
    return group_by(records, 'category_id')


def group_by(records: Sequence[dict], key: str) -> dict[int, list[dict]]:
    """Sort COCO records by one of their ids; other ids have none."""
    groups = defaultdict(list)
    for record in records:
        groups[record[key]].append(record)
    return groups


def _arrays(
    records: Sequence[dict], num_keypoints: int
) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (N, 4) xywh and keypoints (N, K, 3) of COCO records."""
    boxes = np.array([r['bbox'] for r in records], dtype=np.float64)
    keypoints = np.array([r['keypoints'] for r in records], dtype=np.float64)
    return boxes.reshape(-1, 4), keypoints.reshape(-1, num_keypoints, 3)
