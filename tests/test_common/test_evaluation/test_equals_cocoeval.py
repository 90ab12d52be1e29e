# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The metric on COCO against COCO's own evaluation code."""

import copy
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from xtcocotools.coco import COCO
from xtcocotools.cocoeval import COCOeval

from projects.common.datasets import PromptCocoDataset
from projects.common.evaluation import PromptKeypointMetric
from projects.common.structures.category import COCO_PERSON_SIGMAS
from tests.fed_back import prediction

SAMPLES = os.environ.get('MMPOSE_TESTS_DATA')
KEYPOINTS = ('AP', 'AP50', 'AP75', 'AP_M', 'AP_L', 'AR')
BOXES = ('AP', 'AP50', 'AP75', 'AP_M', 'AP_L')


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


@pytest.mark.skipif(
    SAMPLES is None, reason="MMPOSE_TESTS_DATA, mmpose's tests/data, not set"
)
def test_equal_on_pictures_of_coco():
    path = Path(SAMPLES) / 'coco' / 'test_coco.json'
    data = PromptCocoDataset(str(path), serialize_data=False)
    rng = np.random.default_rng(0)
    samples = [spoilt(data.get_data_info(i), rng) for i in range(len(data))]
    metric = PromptKeypointMetric(str(path))
    metric.process({}, samples)
    mine = metric.evaluate(len(samples))
    content = json.loads(path.read_text())
    detections = list(as_coco(samples))
    stats = cocoeval(content, detections, 'keypoints')
    values = [mine[f'keypoint/{key}'] for key in KEYPOINTS]
    np.testing.assert_allclose(values, stats[:6], rtol=0, atol=1e-12)
    assert 0.1 < values[0] < 0.9
    assert len(set(values)) == 6
    stats = cocoeval(content, detections, 'bbox')
    values = [mine[f'bbox/{key}'] for key in BOXES]
    np.testing.assert_allclose(
        values, stats[[0, 1, 2, 4, 5]], rtol=0, atol=1e-12
    )
    assert 0.1 < values[0] < 0.9
