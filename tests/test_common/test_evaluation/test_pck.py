# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import numpy as np

from projects.common.evaluation import match_boxes, pck_counts
from projects.common.evaluation.pck import box_iou


def test_box_iou():
    a = np.array([[0, 0, 10, 20], [5, 5, 5, 5]], dtype=float)
    b = np.array([[0, 0, 10, 10], [20, 0, 30, 10], [5, 5, 5, 5]], dtype=float)
    np.testing.assert_allclose(box_iou(a, b), [[0.5, 0, 0], [0, 0, 0]])


def test_match_is_one_to_one_by_score():
    truth = np.array([[0, 0, 10, 10], [100, 0, 110, 10]], dtype=float)
    boxes = np.array([[0, 0, 10, 9], [0, 0, 10, 10], [100, 0, 110, 4]])
    # The better scored box wins though it overlaps less; the third one has
    # IoU 0.4 only.
    assert match_boxes(boxes, [0.9, 0.8, 0.7], truth).tolist() == [0, -1]
    assert match_boxes(boxes, [0.1, 0.8, 0.7], truth).tolist() == [1, -1]
    assert match_boxes(boxes, [0.1, 0.8, 0.7], truth, 0.4).tolist() == [1, 2]
    half = np.array([[0, 0, 10, 5]], dtype=float)
    assert match_boxes(half, [1.0], truth).tolist() == [0, -1]
    assert match_boxes(np.zeros((0, 4)), [], truth).tolist() == [-1, -1]


def test_pck_counts_by_hand():
    # One instance, box 40 x 100: the limit at 0.2 is 20 px, strictly.
    truth = np.zeros((2, 4, 2))
    found = np.array([[[19.9, 0], [20, 0], [0, 0], [12, 16]]], dtype=float)
    visible = np.array([[2, 1, 0, 2], [2, 2, 0, 0]])
    sizes = np.array([[40, 100], [10, 10]], dtype=float)
    correct, labelled = pck_counts(
        found, truth, visible, sizes, np.array([0, -1]), [0.2, 0.21]
    )
    # Third: not labelled; fourth: distance 20; second instance is missed.
    assert correct.tolist() == [1, 3]
    assert labelled == 5
