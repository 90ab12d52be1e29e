# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest
import torch
from mmengine.structures import InstanceData

from projects.xpose.models.heads.post_processing import remove_duplicates
from tests.test_xpose.conftest import category

SHARP = category('sharp', 2, sigmas=(0.02, 0.02))
BLUNT = category('blunt', 3, sigmas=(0.5, 0.5, 0.5))
# Objects of 100 x 100 px, moved to the right by so many pixels; the IoU of
# the first two is 80 / 120, of the first and the third 50 / 150.
SHIFTS = (0.0, 20.0, 50.0)


def detections(scores=(0.5, 0.9, 0.7), labels=(0, 0, 0), shifts=SHIFTS):
    shift = torch.tensor(shifts)[:, None]
    boxes = torch.tensor([[0.0, 0, 100, 100]]).repeat(len(shifts), 1)
    boxes[:, 0::2] += shift
    keypoints = torch.tensor([[[30.0, 30], [70, 70], [0, 0]]])
    keypoints = keypoints.repeat(len(shifts), 1, 1)
    counts = torch.tensor([2, 3])[torch.tensor(labels)]
    return InstanceData(
        bboxes=boxes,
        scores=torch.tensor(scores),
        labels=torch.tensor(labels),
        keypoints=keypoints,
        keypoint_mask=torch.arange(3) < counts[:, None],
    )


def scores_left(found, iou=1.0, agnostic=False, oks=None):
    left = remove_duplicates(found, (SHARP, BLUNT), iou, agnostic, oks)
    return pytest.approx([round(s, 3) for s in left.scores.tolist()])


def test_nothing_to_remove_sorts_by_score():
    assert scores_left(detections()) == [0.9, 0.7, 0.5]


def test_box_nms_keeps_the_higher_score():
    # The best (shift 20) overlaps the others by 2/3 and 70/130 = 0.54.
    assert scores_left(detections(), iou=0.7) == [0.9, 0.7, 0.5]
    assert scores_left(detections(), iou=0.6) == [0.9, 0.7]
    assert scores_left(detections(), iou=0.5) == [0.9]


def test_box_nms_inside_a_category_or_across():
    found = detections(labels=(1, 0, 0))
    assert scores_left(found, iou=0.5) == [0.9, 0.5]
    assert scores_left(found, iou=0.5, agnostic=True) == [0.9]


def test_oks_nms_keeps_the_higher_score():
    # Boxes far apart, the same pose: only OKS can tell.
    found = detections(shifts=(0.0, 200.0, 400.0))
    assert scores_left(found, iou=0.5) == [0.9, 0.7, 0.5]
    assert scores_left(found, iou=0.5, oks=0.9) == [0.9]


def test_oks_nms_uses_the_sigmas_of_each_category():
    # 5 px off: exp(-25 / (2 * 1e4 * 0.04^2)) = 0.46 for the sharp category,
    # exp(-25 / (2 * 1e4)) = 0.999 for the blunt one.
    found = detections((0.9, 0.8, 0.7, 0.6), (0, 0, 1, 1), (0.0,) * 4)
    found.keypoints[1::2, :, 0] += 5
    assert scores_left(found, oks=0.4) == [0.9, 0.7]
    assert scores_left(found, oks=0.5) == [0.9, 0.8, 0.7]
    assert scores_left(found, oks=0.9995) == [0.9, 0.8, 0.7, 0.6]


def test_oks_nms_never_crosses_categories():
    found = detections(labels=(0, 1, 1), shifts=(0.0,) * 3)
    assert scores_left(found, oks=0.5) == [0.9, 0.5]


def test_oks_nms_ignores_slots_that_the_category_lacks():
    found = detections(shifts=(0.0, 0.0, 0.0))
    found.keypoints[0, 2] = 1000.0  # the sharp category has two keypoints
    assert scores_left(found, oks=0.9) == [0.9]


def test_oks_nms_ignores_keypoints_that_no_example_shows():
    # Both are zero there, as if they agreed.
    found = detections((0.9, 0.8), (1, 1), (0.0, 0.0))
    found.keypoints[0, 0] += 500
    found.keypoints[0, 1] = found.keypoints[1, 1] = 0
    # exp(-5e5 / (2 * 1e4)) = 0 for the first keypoint, 1 for the others.
    assert scores_left(found, oks=0.6) == [0.9]
    found.keypoint_mask[:, 1] = False
    assert scores_left(found, oks=0.6) == [0.9, 0.8]


def test_all_fields_stay_together():
    found = detections()
    left = remove_duplicates(found, (SHARP, BLUNT), 0.6, False, 0.9999)
    assert left.bboxes[:, 0].tolist() == [20]
    left = remove_duplicates(found, (SHARP, BLUNT), 0.6, False, None)
    assert left.bboxes[:, 0].tolist() == [20, 50]


def test_no_detection():
    left = remove_duplicates(detections()[:0], (SHARP,), 0.5, False, 0.9)
    assert len(left) == 0
    assert left.keypoints.shape == (0, 3, 2)
