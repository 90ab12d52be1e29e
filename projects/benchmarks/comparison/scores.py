# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""One metric for the predictions of all models that are compared."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from projects.common.evaluation.oks_ap import keypoint_average_precision
from projects.common.structures import KeypointCategory


def score_results(
    truth: Mapping[str, Any], results: Sequence[Mapping[str, Any]]
) -> dict[str, float]:
    """OKS average precision of results in COCO's form.

    mmpose's ``CocoMetric`` and our ``PromptKeypointMetric`` both write such
    results; scoring them here, by the same code and the same sigmas, leaves
    no difference but the predictions.

    Args:
        truth: A COCO-style keypoint file with one category.
        results: Records with ``image_id``, ``keypoints`` (3K, image pixels)
            and ``score``.

    Returns:
        dict: ``keypoint/AP``, ``/AP50``, ``/AP75`` and ``/AR``, 0..1.
    """
    (record,) = truth['categories']
    detections = [
        {
            'image_id': result['image_id'],
            'category_id': record['id'],
            'keypoints': result['keypoints'],
            'score': result['score'],
        }
        for result in results
    ]
    scores = keypoint_average_precision(
        [image['id'] for image in truth['images']],
        record['id'],
        KeypointCategory.from_coco(record).sigmas,
        truth['annotations'],
        detections,
    )
    return {
        f'keypoint/{key}': scores[key] for key in ('AP', 'AP50', 'AP75', 'AR')
    }


def best_boxes(
    results: Sequence[Mapping[str, Any]], count: int
) -> list[dict[str, Any]]:
    """The boxes that score best in each picture, as mmpose reads them.

    Args:
        results: Records with ``image_id``, ``category_id``, ``bbox`` (x, y,
            w, h in image pixels) and ``score``.
        count: The most boxes of a picture.
    """
    pictures = defaultdict(list)
    for result in results:
        pictures[result['image_id']].append(result)
    return [
        {k: box[k] for k in ('image_id', 'category_id', 'bbox', 'score')}
        for boxes in pictures.values()
        for box in sorted(boxes, key=lambda b: -b['score'])[:count]
    ]
