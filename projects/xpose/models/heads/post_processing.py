# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Removal of duplicate detections.

Dims: M detections, K keypoints, C categories.
"""

import numpy as np
import torch
from mmengine.structures import InstanceData
from mmpose.evaluation.functional import oks_nms
from torchvision.ops import batched_nms

from projects.common.structures import KeypointCategory


def remove_duplicates(
    detections: InstanceData,
    categories: tuple[KeypointCategory, ...],
    nms_iou_thr: float,
    class_agnostic: bool,
    oks_nms_thr: float | None,
) -> InstanceData:
    """Box NMS, then OKS-NMS inside each category.

    Args:
        detections (InstanceData): ``bboxes`` (M, 4) xyxy px, ``scores``
            (M,), ``labels`` (M,), ``keypoints`` (M, K, 2) px,
            ``keypoint_mask`` (M, K) True = real.
        categories (tuple[KeypointCategory, ...]): What labels mean.
        nms_iou_thr (float): Of two boxes overlapping more, the lower
            scored goes.
        class_agnostic (bool): Let boxes suppress other categories too.
        oks_nms_thr (float, optional): The same for OKS; None skips it.

    Returns:
        InstanceData: What is left, by descending score.
    """
    groups = detections.labels
    if class_agnostic:
        groups = torch.zeros_like(groups)
    keep = batched_nms(
        detections.bboxes, detections.scores, groups, nms_iou_thr
    )
    detections = detections[keep]
    if oks_nms_thr is None:
        return detections
    kept = [
        index
        for label in detections.labels.unique().tolist()
        for index in _oks_nms(
            detections, label, categories[label], oks_nms_thr
        )
    ]
    order = torch.tensor(sorted(kept), dtype=torch.long)
    return detections[order.to(keep.device)]


def _oks_nms(
    detections: InstanceData,
    label: int,
    category: KeypointCategory,
    threshold: float,
) -> list[int]:
    """Indices of one category's detections that survive."""
    indices = torch.nonzero(detections.labels == label).flatten().cpu().numpy()
    chosen = detections[indices].detach().cpu()
    boxes = chosen.bboxes.numpy()
    areas = (boxes[:, 2:] - boxes[:, :2]).clip(min=0).prod(1)
    # The same for all of a category: keypoints that its prompt shows.
    real = np.flatnonzero(chosen.keypoint_mask[0].numpy())
    poses = [
        {
            # oks_iou reads flat x, y, visibility triples.
            'keypoints': np.pad(pose[real], ((0, 0), (0, 1))),
            'score': score,
            'area': area,
        }
        for pose, score, area in zip(
            chosen.keypoints.numpy(), chosen.scores.numpy(), areas, strict=True
        )
    ]
    sigmas = np.array(category.sigmas)[real]
    keep = oks_nms(poses, threshold, sigmas=sigmas)
    return indices[keep].tolist()
