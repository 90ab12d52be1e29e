# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What the model says of single keypoints: those there, those not."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from mmpose.structures import PoseDataSample

from projects.common.evaluation.pck import box_iou
from projects.showcase.scenes import Picture

#: How a keypoint is labelled, by its v of 0, 1 and 2.
STATES = ('outside', 'hidden', 'visible')
MIN_IOU = 0.5


def point_scores(
    sample: PoseDataSample, picture: Picture, target: int
) -> list[dict[str, Any]]:
    """Scores of the keypoints of one object.

    The answer for it is the best-scored detection of its category whose box
    has an IoU of at least 0.5 with that of the object.

    Args:
        sample (PoseDataSample): The answer to a prompt for the one category.
        picture (Picture): What is there; v = 0 means outside the picture.
        target (int): The object, an index into the ground truth.

    Returns:
        list[dict]: For each keypoint ``name``, ``state`` (of ``STATES``),
        ``score`` and ``visibility``; empty if the object was not found.
    """
    found, truth = sample.pred_instances, picture.truth
    boxes = found.bboxes.cpu().numpy().reshape(-1, 4)
    overlaps = box_iou(boxes, truth['gt_bboxes'][[target]])[:, 0]
    near = np.flatnonzero(overlaps >= MIN_IOU)
    if not len(near):
        return []
    best = near[found.scores.cpu().numpy()[near].argmax()]
    [category] = sample.prompts.categories
    rows = zip(
        category.keypoints,
        truth['gt_keypoints'][target, :, 2].astype(int),
        found.keypoint_scores[best].tolist(),
        found.keypoints_visible[best].tolist(),
    )
    return [
        {
            'name': name,
            'state': STATES[state],
            'score': round(score, 4),
            'visibility': round(visibility, 4),
        }
        for name, state, score, visibility in rows
    ]


def mean_scores(
    predictions: Iterable[Mapping[str, Any]],
) -> dict[str, dict[str, float]]:
    """Means by how the keypoints are labelled.

    Args:
        predictions (Iterable): See ``show_scene``.

    Returns:
        dict: For each state that occurs ``count`` and the means ``score``
        and ``visibility``.
    """
    rows = [r for shown in predictions for r in shown['point_scores'] or ()]
    means = {}
    for state in reversed(STATES):
        chosen = [row for row in rows if row['state'] == state]
        if chosen:
            means[state] = {
                'count': len(chosen),
                **{
                    key: round(float(np.mean([r[key] for r in chosen])), 4)
                    for key in ('score', 'visibility')
                },
            }
    return means
