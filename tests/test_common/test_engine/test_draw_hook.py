# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from mmpose.structures import PoseDataSample

from projects.common.engine import DrawPredictionsHook


class Visualizer:
    def __init__(self):
        self.calls = []

    def add_datasample(self, name, image, sample, kpt_thr, out_file):
        self.calls.append((name, image[0, 0].tolist(), kpt_thr, out_file))


@pytest.fixture
def samples(tmp_path):
    path = tmp_path / 'a.png'
    cv2.imwrite(str(path), np.full((4, 4, 3), (1, 2, 3), np.uint8))
    return [
        PoseDataSample(metainfo={'img_id': i, 'img_path': str(path)})
        for i in (7, 8, 9)
    ]


def test_draws_every_picture_of_a_test(samples, tmp_path):
    runner = SimpleNamespace(visualizer=Visualizer(), iter=30)
    hook = DrawPredictionsHook(str(tmp_path / 'out'), kpt_thr=0.1)
    hook.after_test_iter(runner, 0, None, samples)
    expected = [
        (f'{i}_a', [3, 2, 1], 0.1, str(tmp_path / 'out' / f'{i}_a.jpg'))
        for i in (7, 8, 9)
    ]
    assert runner.visualizer.calls == expected


def test_interval_and_folder_of_a_validation(samples, tmp_path):
    runner = SimpleNamespace(visualizer=Visualizer(), iter=30)
    hook = DrawPredictionsHook(str(tmp_path), interval=2)
    for _ in range(2):
        hook.before_val_epoch(runner)
        hook.after_val_iter(runner, 0, None, samples)
    # The count starts anew, so it is the same picture every time.
    out_file = str(tmp_path / 'iter_30' / '8_a.jpg')
    assert runner.visualizer.calls == [('8_a', [3, 2, 1], 0.3, out_file)] * 2
