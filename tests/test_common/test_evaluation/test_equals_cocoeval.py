# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The metric on COCO against COCO's own evaluation code."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from projects.common.datasets import PromptCocoDataset
from projects.common.evaluation import PromptKeypointMetric
from tests.cocoeval import KEYPOINTS, as_coco, cocoeval, spoilt

SAMPLES = os.environ.get('MMPOSE_TESTS_DATA')
BOXES = ('AP', 'AP50', 'AP75', 'AP_M', 'AP_L')


@pytest.mark.skipif(
    SAMPLES is None, reason="MMPOSE_TESTS_DATA, mmpose's tests/data, not set"
)
def test_equal_on_pictures_of_coco():
    path = Path(SAMPLES) / 'coco' / 'test_coco.json'
    data = PromptCocoDataset(
        str(path),
        data_prefix={'img': str(path.parent)},
        serialize_data=False,
    )
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
