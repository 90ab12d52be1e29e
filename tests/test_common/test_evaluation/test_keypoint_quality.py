# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from projects.common.evaluation import (
    area_under_roc,
    expected_calibration_error,
)
from projects.common.evaluation.instances import matched_pictures
from projects.common.evaluation.keypoint_quality import (
    KeypointSamples,
    keypoint_quality,
    keypoint_samples,
)


def test_calibration_error_by_hand():
    # Ten bins: [0.1, 0.2) has 2 scores, [0.9, 1] has 3.
    scores = np.array([0.12, 0.18, 0.9, 0.95, 1.0])
    targets = np.array([0.0, 1.0, 1.0, 1.0, 0.5])
    first, last = abs(0.15 - 0.5), abs(2.85 / 3 - 2.5 / 3)
    expected = 2 / 5 * first + 3 / 5 * last
    found = expected_calibration_error(scores, targets, num_bins=10)
    assert found == pytest.approx(expected)
    assert expected_calibration_error(targets, targets) == 0
    # One bin sees the means only.
    found = expected_calibration_error(scores, targets, num_bins=1)
    assert found == pytest.approx(abs(scores.mean() - targets.mean()))


def test_calibrated_scores_have_a_small_error():
    draw = np.random.default_rng(0)
    scores = draw.random(20000)
    hits = draw.random(20000) < scores
    assert expected_calibration_error(scores, hits) < 0.02
    assert expected_calibration_error(scores**3, hits) > 0.2


def test_area_under_roc_by_hand():
    scores = np.array([0.9, 0.8, 0.3, 0.8, 0.1])
    positive = np.array([True, True, True, False, False])
    # Of six pairs: 0.9 wins both, 0.8 ties and wins, 0.3 loses and wins.
    assert area_under_roc(scores, positive) == pytest.approx(4.5 / 6)
    assert area_under_roc(scores, ~positive) == pytest.approx(1.5 / 6)
    assert area_under_roc(scores, positive | True) is None
    assert area_under_roc(scores, positive & False) is None


def record(x=0.0, v=(2, 1, 0), **more):
    keypoints = [[10.0 + x, 10, v[0]], [30 + x, 30, v[1]], [0, 0, v[2]]]
    return {
        'image_id': 1,
        'bbox': [x, 0.0, 40.0, 40.0],
        'area': 800.0,
        'keypoints': np.ravel(keypoints).tolist(),
        **more,
    }


def samples_of(truth, found):
    (picture,) = matched_pictures([1], truth, found, 3)
    return keypoint_samples(picture, (0.1, 0.2, 0.1))


def test_samples_of_matched_instances():
    truth = [
        record(),
        record(100.0),  # nothing is found there
        record(200.0, v=(0, 0, 0)),  # a box only
        record(300.0, iscrowd=1),
    ]
    found = [
        record(200.0, score=0.9, v=(0.5, 0.5, 0.5)),
        record(2.0, score=0.8, v=(0.7, 0.6, 0.1)),
        record(300.0, score=0.7, v=(0.5, 0.5, 0.5)),
    ]
    samples = samples_of(truth, found)
    assert samples.scores.tolist() == [0.7, 0.6, 0.1]
    expected = np.exp(-4 / (2 * 800 * np.array([0.2, 0.4]) ** 2))
    assert samples.similarities.tolist() == pytest.approx([*expected, 0])
    assert samples.seen.tolist() == [True, False, False]
    assert samples.visible is None
    assert samples_of(truth[2:3], found[:1]) is None
    assert samples_of(truth[:1], []) is None


def test_keypoint_mask_and_visibility_of_detections():
    extra = {
        'keypoint_mask': [True, False, True],
        'keypoints_visible': [0.9, 0.8, 0.7],
    }
    found = [record(score=1.0, v=(0.3, 0.2, 0.1), **extra)]
    samples = samples_of([record()], found)
    assert samples.scores.tolist() == [0.3, 0.1]
    assert samples.similarities.tolist() == pytest.approx([1, 0])
    assert samples.visible.tolist() == [0.9, 0.7]
    assert samples.seen.tolist() == [True, False]


def test_what_cannot_be_told_is_left_out():
    assert keypoint_quality([]) == {}
    column = np.array([0.5, 1.0])
    seen = np.array([True, False])
    given = KeypointSamples(column, column, column[::-1], seen)
    assert keypoint_quality([given]) == {
        'score_ECE': 0,
        'visibility_AUC': 1,
    }
    blind = KeypointSamples(column, column, None, seen)
    assert keypoint_quality([given, blind]) == {'score_ECE': 0}
    always = KeypointSamples(column, column, column, seen | True)
    assert keypoint_quality([always, always]) == {'score_ECE': 0}
