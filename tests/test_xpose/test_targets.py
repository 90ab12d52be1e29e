# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest
import torch
from mmengine.structures import InstanceData

from projects.xpose.models.task_modules.targets import (
    build_targets,
    fit_slots,
)
from tests.test_xpose.conftest import category, make_sample

TWO = [
    category('a', 2, sigmas=(0.1, 0.2)),
    category('b', 3, sigmas=(0.3, 0.4, 0.5)),
]
MASK = torch.tensor([[[True, True, False], [True] * 3]])  # (B, C, K)


@pytest.fixture
def sample():
    """Two objects in a picture of 200 x 100 px, three slots."""
    made = make_sample(0, TWO, shape=(100, 200))
    made.gt_instances = InstanceData(
        bboxes=torch.tensor([[20.0, 10, 60, 90], [0.0, 0, 200, 100]]),
        labels=torch.tensor([1, 0]),
        keypoints=torch.tensor(
            [
                [[20.0, 10], [40, 50], [60, 90]],
                [[100.0, 50], [200, 100], [0, 0]],
            ]
        ),
        keypoints_visible=torch.tensor([[2, 1, 0], [2, 2, 2]]),
        keypoint_mask=torch.tensor([[True] * 3, [True, True, False]]),
        areas=torch.tensor([3000.0, 20000.0]),
    )
    return made


def test_units_by_hand(sample):
    (target,) = build_targets([sample], MASK, 3)
    assert target.labels.tolist() == [1, 0]
    assert torch.equal(target.bboxes, sample.gt_instances.bboxes)
    torch.testing.assert_close(
        target.boxes,
        torch.tensor([[0.2, 0.5, 0.2, 0.8], [0.5, 0.5, 1.0, 1.0]]),
    )
    torch.testing.assert_close(
        target.keypoints,
        torch.tensor(
            [
                [[0.1, 0.1], [0.2, 0.5], [0.3, 0.9]],
                [[0.5, 0.5], [1.0, 1.0], [0.0, 0.0]],
            ]
        ),
    )
    # Visible and hidden count, missing ones and unused slots do not.
    assert target.keypoint_weights.tolist() == [[1, 1, 0], [1, 1, 0]]
    torch.testing.assert_close(
        target.sigmas, torch.tensor([[0.3, 0.4, 0.5], [0.1, 0.2, 1.0]])
    )
    assert target.areas.tolist() == [3000, 20000]


@pytest.mark.parametrize('slots', [0, 2, 5])
def test_slots_fit_the_predictions(sample, slots):
    (target,) = build_targets([sample], MASK, slots)
    (whole,) = build_targets([sample], MASK, 3)
    assert target.keypoints.shape == (2, slots, 2)
    same = min(slots, 3)
    for name in ('keypoints', 'keypoint_weights', 'sigmas'):
        torch.testing.assert_close(
            target[name][:, :same], whole[name][:, :same]
        )
    assert (target.keypoint_weights[:, 3:] == 0).all()
    assert (target.sigmas[:, 3:] == 1).all()


def test_picture_without_object():
    (target,) = build_targets([make_sample(0, TWO)], MASK, 4)
    assert len(target) == 0
    assert target.keypoints.shape == (0, 4, 2)
    assert target.sigmas.shape == (0, 4)


def test_fit_slots():
    values = torch.arange(6.0).view(1, 3, 2)
    assert fit_slots(values, 2).tolist() == [[[0, 1], [2, 3]]]
    assert fit_slots(values, 4).tolist() == [[[0, 1], [2, 3], [4, 5], [0, 0]]]
    assert fit_slots(values[..., 0], 4).tolist() == [[0, 2, 4, 0]]


def test_slots_and_visibility(sample):
    (target,) = build_targets([sample], MASK, 3)
    assert target.keypoint_slots.tolist() == [[1, 1, 1], [1, 1, 0]]
    assert target.keypoint_seen.tolist() == [[1, 0, 0], [1, 1, 0]]


def test_labels_of_keypoints_that_the_prompt_does_not_show(sample):
    shown = MASK.clone()
    shown[0, 1, 1] = shown[0, 0, 0] = False
    (target,) = build_targets([sample], shown, 3)
    assert target.keypoint_slots.tolist() == [[1, 0, 1], [0, 1, 0]]
    assert target.keypoint_weights.tolist() == [[1, 0, 0], [0, 1, 0]]
    assert target.keypoint_seen.tolist() == [[1, 0, 0], [0, 1, 0]]
    # The prompt may be padded beyond the predictions, and short of them.
    (cut,) = build_targets([sample], shown, 1)
    assert cut.keypoint_slots.tolist() == [[1], [0]]
    (wide,) = build_targets([sample], shown[..., :2], 3)
    assert wide.keypoint_slots.tolist() == [[1, 0, 0], [0, 1, 0]]
