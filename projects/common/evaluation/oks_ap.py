# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Average precision after the COCO protocol, for any number of keypoints.

COCO's own evaluation code (``xtcocotools``) does the matching and the
integration; this module only feeds it one keypoint schema at a time, because
categories of one data set may differ in their number of keypoints K.
"""

import contextlib
import copy
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from xtcocotools.coco import COCO
from xtcocotools.cocoeval import COCOeval

from projects.common.structures import object_area

# COCO's limits on the detections that count, per picture and category.
MAX_DETS_KEYPOINTS = 20
MAX_DETS_BOXES = 100
# COCO's ranges of the ground truth's area in px^2.
AREA_RANGES = {
    'all': (0, 1e5**2),
    'medium': (32**2, 96**2),
    'large': (96**2, 1e5**2),
}

Record = dict[str, Any]


def _coco_pair(
    images: Sequence[int],
    categories: Sequence[int],
    annotations: Sequence[Record],
    detections: Sequence[Record],
) -> tuple[COCO, COCO]:
    """Index ground truth and detections; both are copied."""
    truth = COCO()
    truth.dataset = {
        'images': [{'id': i} for i in images],
        'categories': [{'id': c} for c in categories],
        'annotations': [_complete(a, i) for i, a in enumerate(annotations, 1)],
    }
    truth.createIndex()
    return truth, truth.loadRes(copy.deepcopy(list(detections)))


def _complete(annotation: Record, number: int) -> Record:
    """A copy with the fields COCOeval needs (``area``, ``iscrowd``).

    It has an id of its own: COCOeval takes what matches id 0 for a false
    alarm, and of one id the first only.
    """
    # COCOeval writes into the records, hence the copy.
    record = {**annotation, 'id': number}
    record.setdefault('iscrowd', 0)
    record['area'] = object_area(annotation)
    return record


def _run(
    evaluation: COCOeval,
    images: Sequence[int],
    categories: Sequence[int],
    max_dets: int,
) -> None:
    evaluation.params.imgIds = list(images)
    evaluation.params.catIds = list(categories)
    evaluation.params.maxDets = [max_dets]
    evaluation.params.areaRng = list(map(list, AREA_RANGES.values()))
    evaluation.params.areaRngLbl = list(AREA_RANGES)
    evaluation.evaluate()
    evaluation.accumulate()


def _mean(values: np.ndarray) -> float:
    """Mean of the valid (> -1) entries, -1 if there is none."""
    valid = values[values > -1]
    return float(valid.mean()) if valid.size else -1.0


def _summary(evaluation: COCOeval) -> dict[str, float] | None:
    # (T, R, C, areas) and (T, C, areas)
    precision = evaluation.eval['precision'][..., 0]
    recall = evaluation.eval['recall'][..., 0]
    thresholds = evaluation.params.iouThrs
    of_all, medium, large = np.moveaxis(precision, -1, 0)
    ap = _mean(of_all)
    if ap == -1:
        return None
    return {
        'AP': ap,
        'AP50': _mean(of_all[np.isclose(thresholds, 0.5)]),
        'AP75': _mean(of_all[np.isclose(thresholds, 0.75)]),
        'AR': _mean(recall[..., 0]),
        'AP_M': _mean(medium),
        'AP_L': _mean(large),
    }


def keypoint_average_precision(
    images: Sequence[int],
    category_id: int,
    sigmas: Sequence[float],
    annotations: Sequence[Record],
    detections: Sequence[Record],
    max_dets: int = MAX_DETS_KEYPOINTS,
) -> dict[str, float] | None:
    """OKS average precision of one category (COCO protocol).

    Crowd annotations and annotations without a labelled keypoint are ignored:
    they are neither required nor punished.

    Args:
        images: Ids of the pictures that are evaluated.
        category_id: The category; other records are left out.
        sigmas: The category's K OKS sigmas.
        annotations: COCO annotations (``bbox`` xywh and ``keypoints`` 3K, in
            image pixels).
        detections: COCO results of the same form, with ``score``.
        max_dets: The most detections that count, per picture.

    Returns:
        ``AP`` (mean over OKS 0.50:0.05:0.95), ``AP50``, ``AP75``, ``AR`` and
        AP of objects of :data:`AREA_RANGES`, ``AP_M`` (medium) and ``AP_L``
        (large), each 0..1, -1 where there are none of that size; None if
        there is nothing to find in these pictures.
    """
    wanted = set(images)

    def select(records: Sequence[Record]) -> list[Record]:
        return [
            r
            for r in records
            if r['category_id'] == category_id and r['image_id'] in wanted
        ]

    truth_records, found = select(annotations), select(detections)
    # A picture with neither changes nothing, but costs time.
    used = sorted({r['image_id'] for r in truth_records + found})
    with contextlib.redirect_stdout(io.StringIO()):
        truth, results = _coco_pair(used, [category_id], truth_records, found)
        evaluation = COCOeval(
            truth, results, 'keypoints', np.asarray(sigmas), use_area=True
        )
        _run(evaluation, used, [category_id], max_dets)
    return _summary(evaluation)


def box_average_precision(
    images: Sequence[int],
    category_ids: Sequence[int],
    annotations: Sequence[Record],
    detections: Sequence[Record],
    max_dets: int = MAX_DETS_BOXES,
) -> dict[str, float] | None:
    """Box average precision over categories (COCO protocol).

    Args:
        images: Ids of the pictures that are evaluated.
        category_ids: Categories over which the mean is taken; those without
            ground truth do not count.
        annotations: COCO annotations, ``bbox`` xywh in image pixels.
        detections: COCO results of the same form, with ``score``.
        max_dets: The most detections that count, per picture and category.

    Returns:
        The same as :func:`keypoint_average_precision`, over IoU.
    """
    wanted = set(images)
    with contextlib.redirect_stdout(io.StringIO()):
        truth, results = _coco_pair(
            images,
            category_ids,
            [a for a in annotations if a['image_id'] in wanted],
            [d for d in detections if d['image_id'] in wanted],
        )
        evaluation = COCOeval(truth, results, 'bbox')
        _run(evaluation, images, category_ids, max_dets)
    return _summary(evaluation)
