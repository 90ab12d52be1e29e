# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Predictions with faults, evaluated by COCO's own code."""

import copy

import numpy as np
import torch
from xtcocotools.coco import COCO
from xtcocotools.cocoeval import COCOeval

from projects.common.structures.category import COCO_PERSON_SIGMAS
from tests.fed_back import prediction

#: Numbers of ours in the order of COCO's ``stats``.
KEYPOINTS = ('AP', 'AP50', 'AP75', 'AP_M', 'AP_L', 'AR')


def spoilt(info, rng):
    """Every object with noise of its own size, and one that is not there."""
    boxes, points = info['gt_bboxes'], info['gt_keypoints']
    for index in range(len(boxes)):
        spread = rng.uniform(0, 0.12) * np.sqrt(info['gt_areas'][index])
        points[index, :, :2] += rng.normal(0, spread, (points.shape[1], 2))
        boxes[index] += rng.normal(0, spread, 4)
    if len(boxes):
        for key in ('gt_bboxes', 'gt_keypoints', 'gt_labels', 'gt_areas'):
            info[key] = np.concatenate([info[key], info[key][:1]])
        info['gt_keypoints'][-1, :, 0] += 300
    sample = prediction(info)
    found = sample['pred_instances']
    scores = rng.uniform(size=len(info['gt_bboxes']))
    found['scores'] = torch.from_numpy(scores).float()
    return sample


def as_coco(samples):
    """The same predictions as COCO results; the category is the only one."""
    for sample in samples:
        found = sample['pred_instances']
        for row in range(len(found['scores'])):
            x1, y1, x2, y2 = found['bboxes'][row].tolist()
            points = np.ones((17, 3))
            points[:, :2] = found['keypoints'][row].numpy()
            yield {
                'image_id': sample['img_id'],
                'category_id': 1,
                'bbox': [x1, y1, x2 - x1, y2 - y1],
                'score': found['scores'][row].item(),
                'keypoints': points.ravel().tolist(),
            }


def cocoeval(content, detections, kind):
    truth = COCO()
    truth.dataset = copy.deepcopy(content)
    truth.createIndex()
    sigmas = np.array(list(COCO_PERSON_SIGMAS.values()))
    evaluation = COCOeval(
        truth,
        truth.loadRes(copy.deepcopy(detections)),
        kind,
        sigmas if kind == 'keypoints' else None,
    )
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation.stats
