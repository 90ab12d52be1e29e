# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import torch

from projects.common.structures import best_of_each_object

# A large box, one inside it, and one beside both.
BOXES = torch.tensor([[0.0, 0, 100, 40], [10, 5, 60, 35], [120, 0, 220, 40]])
SCORES = torch.tensor([0.5, 0.9, 0.7])
POSE = torch.tensor([[5.0, 20], [90, 20], [0, 0]])
MASK = torch.tensor([[True, True, False]]).expand(3, -1)


def kept(poses, labels=(0, 0, 0), same_kind_iou=0.5):
    return best_of_each_object(
        BOXES,
        SCORES,
        torch.tensor(labels),
        same_kind_iou,
        keypoints=torch.stack(poses),
        keypoint_mask=MASK,
    )


def test_a_box_within_a_box_with_the_same_keypoints_is_one_object():
    # 14 px on average, of a longest side of 100 px; the third is not real.
    near = POSE + torch.tensor([[13.0, 0], [0, 15], [90, 90]])
    far = POSE + torch.tensor([[15.0, 0], [0, 16], [0, 0]])
    assert kept([POSE, near, POSE + 50]) == [1, 2]
    assert kept([POSE, far, POSE + 50]) == [1, 2, 0]


def test_only_within_a_category_and_not_if_all_are_wanted():
    assert kept([POSE, POSE, POSE + 50], labels=(0, 1, 0)) == [1, 2, 0]
    assert kept([POSE] * 3, same_kind_iou=1) == [1, 2, 0]


def test_boxes_alone():
    shifted = torch.cat([BOXES, BOXES[:1] + torch.tensor([10.0, 0, 10, 0])])
    scores, labels = torch.tensor([0.5, 0.9, 0.7, 0.6]), torch.zeros(4)
    # The first and the last overlap by 9 / 11.
    assert best_of_each_object(shifted, scores, labels, 0.5) == [1, 2, 3]
    assert best_of_each_object(shifted, scores, labels, 0.9) == [1, 2, 3, 0]
    assert best_of_each_object(shifted[:0], scores[:0], labels[:0], 0.5) == []
