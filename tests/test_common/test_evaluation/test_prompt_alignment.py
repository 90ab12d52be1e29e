# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.registry import METRICS
from mmpose.structures import PoseDataSample


def picture(found, visible, angles, keypoint_angles, mask=None):
    """A sample whose embeddings have these angles to their prompts.

    The prompts of the K keypoints are orthogonal; of two dimensions each, a
    keypoint's own embedding leaves its prompt for the next one's.
    """
    count, slots = visible.shape
    prompts = torch.eye(slots + 1)[None, :slots].expand(count, -1, -1)
    beside = torch.eye(slots + 1)[None, 1:].expand(count, -1, -1)
    angles, keypoint_angles = (
        torch.deg2rad(angles),
        torch.deg2rad(keypoint_angles),
    )
    sample = PoseDataSample()
    sample.gt_instances = InstanceData(
        keypoints_visible=visible,
        keypoint_mask=torch.ones(count, slots).bool()
        if mask is None
        else mask,
    )
    turned = torch.stack([angles.cos(), angles.sin()], -1)
    sample.pred_instances = InstanceData(
        found=torch.tensor(found, dtype=torch.bool),
        # Lengths do not matter.
        embeddings=3 * turned,
        prompts=torch.tensor([[0.5, 0.0]]).expand(count, -1),
        keypoint_embeddings=keypoint_angles.cos()[..., None] * prompts
        + keypoint_angles.sin()[..., None] * beside,
        keypoint_prompts=7 * prompts,
    )
    return sample.to_dict()


def evaluate(samples):
    metric = METRICS.build({'type': 'PromptAlignment'})
    metric.process({}, samples)
    return metric.evaluate(len(samples))


def test_cosines_by_hand():
    first = picture(
        [True, True],
        torch.tensor([[2.0, 1.0], [2.0, 0.0]]),
        torch.tensor([0.0, 60.0]),
        torch.tensor([[0.0, 60.0], [180.0, 0.0]]),
    )
    second = picture(
        [False],
        torch.tensor([[2.0, 2.0, 2.0]]),
        torch.tensor([0.0]),
        torch.zeros(1, 3),
    )
    values = evaluate([first, second])
    # Found are two objects with three labelled keypoints: 0, 60 and 180
    # degrees. The one at 180 is unlike every prompt, most of all its own;
    # that at 60 leaves for a prompt that the object does not have.
    assert values == pytest.approx(
        {
            'alignment/instance': 100 * (1 + 0.5) / 2,
            'alignment/keypoint': 100 * (1 + 0.5 - 1) / 3,
            'alignment/keypoint_top1': 2 / 3,
            'alignment/found': 2 / 3,
            'alignment/num_instances': 3,
            'alignment/num_keypoints': 6,
        }
    )


def test_the_next_prompt_wins_beyond_45_degrees():
    values = evaluate(
        [
            picture(
                [True],
                torch.full((1, 3), 2.0),
                torch.zeros(1),
                torch.tensor([[40.0, 50.0, 50.0]]),
            )
        ]
    )
    # The last keypoint has no next prompt to be taken for.
    assert values['alignment/keypoint_top1'] == pytest.approx(2 / 3)


def test_padded_slots_are_neither_keypoints_nor_rivals():
    mask = torch.tensor([[True, True, False]])
    sample = picture(
        [True],
        torch.tensor([[2.0, 2.0, 0.0]]),
        torch.zeros(1),
        torch.tensor([[0.0, 80.0, 0.0]]),
        mask,
    )
    values = evaluate([sample])
    assert values['alignment/num_keypoints'] == 2
    # 80 degrees towards the padded slot's prompt is still its own.
    assert values['alignment/keypoint_top1'] == 1.0
    # The model may have fewer slots than the data set.
    for key in ('keypoint_embeddings', 'keypoint_prompts'):
        fields = sample['pred_instances']
        fields[key] = fields[key][:, :2]
    assert evaluate([sample]) == pytest.approx(values)


def test_nothing_to_compare():
    nothing = picture([], torch.zeros(0, 2), torch.zeros(0), torch.zeros(0, 2))
    values = evaluate([nothing])
    assert values == {
        'alignment/instance': -1.0,
        'alignment/keypoint': -1.0,
        'alignment/keypoint_top1': -1.0,
        'alignment/found': -1.0,
        'alignment/num_instances': 0,
        'alignment/num_keypoints': 0,
    }
