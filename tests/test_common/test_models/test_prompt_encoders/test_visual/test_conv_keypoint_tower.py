# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest
import torch
from mmpose.registry import MODELS

import projects.common.models.backbones
import projects.common.models.prompt_encoders  # noqa: F401
from projects.common.models.prompt_encoders.visual.conv_keypoint_tower import (
    _centres,
    _sample,
)
from tests.support_shots import TINY_CONV_TOWER


def test_a_keypoint_gets_the_features_at_its_place():
    features = torch.zeros(1, 2, 4, 8)
    features[0, 0] = torch.arange(8.0)  # the column
    features[0, 1] = torch.arange(4.0)[:, None]  # the row
    points = torch.tensor([[[0.5 / 8, 0.5 / 4], [4 / 8, 2.5 / 4], [1, 1]]])
    sampled = _sample(features, points)
    assert sampled.tolist() == [[[0, 0], [3.5, 2], [7, 3]]]


def test_centres_go_row_by_row():
    assert _centres(2).tolist() == [
        [0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75],
    ]  # fmt: skip


@torch.no_grad()
def test_content_makes_keypoints_on_different_patches_differ():
    torch.manual_seed(0)
    tower = MODELS.build(TINY_CONV_TOWER).eval()
    images = torch.zeros(1, 3, 32, 32)
    images[..., 16:] = 2
    points = torch.tensor([[[0.1, 0.5], [0.9, 0.5]]])
    _, content = tower._image_tokens(images, points)
    assert (content[0, 0] - content[0, 1]).abs().max() > 0.01
    tower.sampled_content = False
    assert tower._image_tokens(images, points)[1] is None


def test_the_backbone_is_frozen_by_its_config():
    tower = MODELS.build(TINY_CONV_TOWER).train()
    assert not any(p.requires_grad for p in tower.backbone.parameters())
    rest = [
        parameter.requires_grad
        for name, parameter in tower.named_parameters()
        if not name.startswith('backbone.')
    ]
    assert len(rest) > 20 and all(rest)
    free = {**TINY_CONV_TOWER['backbone'], 'frozen_stages': 0}
    tower = MODELS.build({**TINY_CONV_TOWER, 'backbone': free})
    assert any(p.requires_grad for p in tower.backbone.parameters())


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'image_size': 30}, 'image_size and patch_stride .* 30 and 8;'),
        ({'num_heads': 3}, 'width and num_heads .* 64 and 3;'),
    ],
)
def test_sizes_that_do_not_divide_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build({**TINY_CONV_TOWER, **change})
