# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Percentage of correct keypoints (PCK) for detected instances."""

from collections.abc import Sequence

import numpy as np


def xywh_to_xyxy(boxes: np.ndarray) -> np.ndarray:
    """(N, 4) x, y, width, height to (N, 4) corners."""
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)


def box_iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of two sets of boxes.

    Args:
        a (np.ndarray): (M, 4) xyxy.
        b (np.ndarray): (N, 4) xyxy, in the same frame.

    Returns:
        np.ndarray: (M, N), 0 where the union is empty.
    """
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    overlap = np.prod(np.clip(high - low, 0, None), axis=-1)
    area_a = np.prod(np.clip(a[:, 2:] - a[:, :2], 0, None), axis=-1)
    area_b = np.prod(np.clip(b[:, 2:] - b[:, :2], 0, None), axis=-1)
    union = area_a[:, None] + area_b[None] - overlap
    return np.divide(overlap, union, out=np.zeros_like(union), where=union > 0)


def match_boxes(
    boxes: np.ndarray,
    scores: np.ndarray,
    truth_boxes: np.ndarray,
    iou_thr: float = 0.5,
) -> np.ndarray:
    """Match detections to ground truth one to one, greedily by score.

    Each detection, best score first, takes the free ground truth that it
    overlaps most, if their IoU reaches ``iou_thr``.

    Args:
        boxes (np.ndarray): (M, 4) xyxy of the detections.
        scores (np.ndarray): (M,).
        truth_boxes (np.ndarray): (N, 4) xyxy, in the same frame.
        iou_thr (float): The least IoU of a match.

    Returns:
        np.ndarray: (N,) index of the matched detection, -1 where none is.
    """
    matched = np.full(len(truth_boxes), -1, dtype=np.int64)
    if not len(boxes) or not len(truth_boxes):
        return matched
    iou = box_iou(
        np.asarray(boxes, np.float64), np.asarray(truth_boxes, np.float64)
    )
    for index in np.argsort(-np.asarray(scores), kind='stable'):
        row = np.where(matched < 0, iou[index], -1.0)
        best = int(row.argmax())
        if row[best] >= iou_thr:
            matched[best] = index
    return matched


def pck_counts(
    keypoints: np.ndarray,
    truth_keypoints: np.ndarray,
    visible: np.ndarray,
    sizes: np.ndarray,
    matched: np.ndarray,
    thresholds: Sequence[float],
) -> tuple[np.ndarray, int]:
    """Count the correct keypoints of matched instances.

    A keypoint is correct if its distance to the truth is less than (not
    equal to) ``threshold * max(w, h)`` of the ground-truth box. Keypoints of
    an unmatched instance are all wrong.

    Args:
        keypoints (np.ndarray): (M, K, 2) of the detections.
        truth_keypoints (np.ndarray): (N, K, 2), in the same frame.
        visible (np.ndarray): (N, K); only entries > 0 (labelled) count.
        sizes (np.ndarray): (N, 2) w, h of the ground-truth boxes.
        matched (np.ndarray): (N,) from :func:`match_boxes`.
        thresholds: T shares of the longer side of the box.

    Returns:
        tuple: (T,) numbers of correct keypoints, and the number of labelled
        ones.
    """
    labelled = np.asarray(visible) > 0
    correct = np.zeros(len(thresholds), dtype=np.int64)
    found = np.flatnonzero(matched >= 0)
    if len(found):
        offset = keypoints[matched[found]] - truth_keypoints[found]
        distance = np.linalg.norm(offset, axis=-1)  # (F, K)
        longer = sizes[found].max(axis=-1)[:, None]
        for index, threshold in enumerate(thresholds):
            hit = (distance < threshold * longer) & labelled[found]
            correct[index] = hit.sum()
    return correct, int(labelled.sum())
