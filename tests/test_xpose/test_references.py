# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest
import torch
from torch import nn

from projects.xpose.models.references import (
    ReferenceRefiner,
    move_in_logit_space,
)


class Constant(nn.Module):
    """A branch that always answers the same."""

    def __init__(self, *values):
        super().__init__()
        self.values = torch.tensor(values)

    def forward(self, query):
        return self.values.expand(*query.shape[:-1], -1)


def refiner(frame='box', **branches):
    module = ReferenceRefiner(8, keypoint_frame=frame)
    module.init_weights()
    for name, value in branches.items():
        setattr(module, f'{name}_branch', Constant(*value))
    return module


def sigmoid(value):
    return torch.tensor(value).sigmoid().item()


def test_logit_space_by_hand():
    # logit(0.5) = 0, logit(0.8) = ln 4; the ends are clamped at 1e-3.
    moved = move_in_logit_space(
        torch.tensor([0.5, 0.8, 0.0, 1.0]), torch.tensor([1.0, -1.0, 0, 0])
    )
    expected = [sigmoid(1.0), sigmoid(1.386294 - 1.0), 0.000999, 0.999001]
    torch.testing.assert_close(
        moved, torch.tensor(expected), atol=1e-5, rtol=0
    )


def test_initial_weights_do_not_move_anything():
    module, query = refiner(), torch.randn(1, 2, 4, 8)
    reference = torch.rand(1, 2, 4, 4) * 0.8 + 0.1
    torch.testing.assert_close(
        module.refine_groups(reference, query), reference
    )
    start = module.start_keypoints(
        query[:, :, 1:], query[:, :, 0], reference[:, :, 0]
    )
    box = reference[:, :, :1].expand(-1, -1, 3, -1)
    torch.testing.assert_close(start[..., :2], box[..., :2])
    torch.testing.assert_close(start[..., 2:], box[..., 2:] * sigmoid(-0.7))


def test_boxes_move_in_logit_space():
    box = torch.full((1, 1, 4), 0.5)
    moved = refiner(box=(0.0, 1.0, -1.0, 2.0)).refine_boxes(
        box, torch.zeros(1, 1, 8)
    )
    expected = [0.5, sigmoid(1.0), sigmoid(-1.0), sigmoid(2.0)]
    torch.testing.assert_close(moved[0, 0], torch.tensor(expected))


GROUP = torch.tensor([[[[0.5, 0.5, 0.4, 0.2], [0.6, 0.4, 0.1, 0.5]]]])


def test_keypoints_in_the_frame_of_the_box_by_hand():
    module = refiner(keypoint=(0.5, -1.0), keypoint_size=(0.0, 1.0))
    moved = module.refine_groups(GROUP, torch.zeros(1, 1, 2, 8))
    torch.testing.assert_close(moved[0, 0, 0], GROUP[0, 0, 0])
    # 0.6 + 0.5 * width 0.4; 0.4 - 1 * height 0.2; sizes by logits.
    torch.testing.assert_close(
        moved[0, 0, 1], torch.tensor([0.8, 0.2, 0.1, sigmoid(1.0)])
    )


def test_keypoints_in_the_frame_of_the_picture_by_hand():
    module = refiner('image', keypoint=(0.5, -1.0))
    moved = module.refine_groups(GROUP, torch.zeros(1, 1, 2, 8))
    logit = torch.tensor([0.6, 0.4]).logit() + torch.tensor([0.5, -1.0])
    torch.testing.assert_close(moved[0, 0, 1, :2], logit.sigmoid())


def test_keypoints_move_with_the_scale_of_the_box():
    module, query = refiner(keypoint=(0.25, 0.5)), torch.zeros(1, 1, 3, 8)
    reference = torch.full((1, 1, 3, 4), 0.5)
    box = torch.tensor([[[[0.5, 0.5, 0.1, 0.3]]]])
    small = module.refine_keypoints(reference, query, box) - 0.5
    large = module.refine_keypoints(reference, query, box * 2) - 0.5
    torch.testing.assert_close(large, 2 * small)
    torch.testing.assert_close(small[0, 0, 0], torch.tensor([0.025, 0.15]))
    # Outside the picture is allowed.
    far = refiner(keypoint=(9.0, 0.0)).refine_keypoints(reference, query, box)
    assert far[0, 0, 0, 0].item() == pytest.approx(1.4)


def test_start_by_hand():
    box = torch.tensor([[[0.5, 0.4, 0.2, 0.6]]])
    content, query = torch.zeros(1, 1, 2, 8), torch.zeros(1, 1, 8)
    module = refiner(start=(0.5, -0.5), start_size=(0.0, 1.0))
    start = module.start_keypoints(content, query, box)
    expected = [0.6, 0.1, 0.1, 0.6 * sigmoid(1.0)]
    torch.testing.assert_close(start[0, 0], torch.tensor([expected] * 2))
    module = refiner('image', keypoint=(1.0, 0.0), start_size=(0.0, 0.0))
    start = module.start_keypoints(content, query, box)
    torch.testing.assert_close(
        start[0, 0, 0], torch.tensor([sigmoid(1.0), 0.4, 0.1, 0.3])
    )


def test_start_depends_on_object_and_prompt_in_the_frame_of_the_box():
    torch.manual_seed(0)
    module = ReferenceRefiner(8)  # random weights
    content, query = torch.randn(1, 2, 3, 8), torch.randn(1, 2, 8)
    box = torch.rand(1, 2, 4)
    start = module.start_keypoints(content, query, box)
    assert start[0, 0].unique(dim=0).shape[0] == 3
    other = module.start_keypoints(content, query + 1, box)
    assert not torch.allclose(other[..., :2], start[..., :2])


def test_table_of_start_sizes():
    module = ReferenceRefiner(8, max_keypoints=3)
    table = torch.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    module.start_size.weight.data = table
    box = torch.tensor([[[0.5, 0.5, 0.5, 0.1]]])
    start = module.start_keypoints(
        torch.zeros(1, 1, 2, 8), torch.zeros(1, 1, 8), box
    )
    torch.testing.assert_close(
        start[0, 0, :, 2:], table[:2].sigmoid() * torch.tensor([0.5, 0.1])
    )
    module.init_weights()
    assert (module.start_size.weight == -0.7).all()


def test_too_many_keypoints_for_the_table():
    module = ReferenceRefiner(8, max_keypoints=3)
    message = (
        'A category has 4 keypoints, this model knows sizes for 3. Split the '
        'category, or use a model with max_keypoints=None.'
    )
    with pytest.raises(ValueError, match=message):
        module.start_keypoints(
            torch.zeros(1, 1, 4, 8), torch.zeros(1, 1, 8), torch.ones(1, 1, 4)
        )


def test_unknown_frame():
    with pytest.raises(ValueError, match='"image" or "box", got "pixel"'):
        ReferenceRefiner(8, keypoint_frame='pixel')


def test_only_sizes_of_keypoints_stay_attached():
    reference = torch.rand(1, 2, 4, 4, requires_grad=True)
    detached = ReferenceRefiner.detach_groups(reference)
    assert torch.equal(detached, reference)
    detached.sum().backward()
    expected = torch.zeros(1, 2, 4, 4)
    expected[:, :, 1:, 2:] = 1
    assert torch.equal(reference.grad, expected)


def test_start_positions_teach_the_box_and_start_sizes_do_not():
    module = refiner(start=(0.5, -0.5), start_size=(0.0, 0.0))
    box = torch.rand(1, 2, 4, requires_grad=True)
    start = module.start_keypoints(
        torch.zeros(1, 2, 3, 8), torch.zeros(1, 2, 8), box
    )
    (gradient,) = torch.autograd.grad(
        start[..., :2].sum(), box, retain_graph=True
    )
    # Three keypoints: x = cx + w / 2, y = cy - h / 2.
    assert gradient[0, 0].tolist() == [3, 3, 1.5, -1.5]
    (gradient,) = torch.autograd.grad(start[..., 2:].sum(), box)
    assert (gradient == 0).all()
