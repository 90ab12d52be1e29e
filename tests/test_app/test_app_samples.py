# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import cv2
import pytest

from projects.app import samples
from projects.synthkpt.registry import all_shapes
from projects.synthkpt.writer import compose_picture


@pytest.mark.parametrize('name', samples._PAIRS)
def test_samples_show_one_object_of_their_name(name):
    for number in samples._PAIRS[name]:
        scene, _ = compose_picture(0, 'val', number)
        [instance] = scene.instances()
        assert all_shapes()[instance.label].category['name'] == name
        assert (instance.keypoints[:, 2] > 0).all()


def test_samples_are_drawn_once(tmp_path, monkeypatch):
    monkeypatch.setattr(samples, '_PAIRS', {'horse': (242, 329)})
    [sample] = samples.make_samples(tmp_path)
    written = sample.example.stat().st_mtime_ns
    assert samples.make_samples(tmp_path) == [sample]
    assert sample.example.stat().st_mtime_ns == written
    x1, y1, x2, y2 = sample.box
    height, width = cv2.imread(str(sample.example)).shape[:2]
    assert 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height
    assert sample.query != sample.example and sample.query.is_file()
