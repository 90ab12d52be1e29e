# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import math

import pytest
import torch
from mmengine.structures import InstanceData

from projects.xpose.models.task_modules.match_costs import (
    FORBIDDEN,
    KeypointL1Cost,
    OKSCost,
)


def predictions():
    return InstanceData(
        keypoints=torch.tensor(
            [[[0.1, 0.2], [0.3, 0.4]], [[0.5, 0.5], [0.5, 0.5]]]
        ),
        labels=torch.tensor([0, 1]),
    )


def ground_truth():
    return InstanceData(
        keypoints=torch.tensor(
            [
                [[0.1, 0.1], [0.0, 0.0]],
                [[0.4, 0.5], [0.5, 0.7]],
                [[0.9, 0.9], [0.9, 0.9]],
            ]
        ),
        keypoint_weights=torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]),
        sigmas=torch.tensor([[0.1, 1.0], [0.05, 0.1], [1.0, 1.0]]),
        areas=torch.tensor([100.0, 400.0, 1.0]),
        labels=torch.tensor([0, 1, 1]),
    )


def test_keypoint_l1_by_hand():
    cost = KeypointL1Cost(weight=10.0)(predictions(), ground_truth())
    # Labelled keypoints only, their mean; other categories are forbidden.
    expected = [
        [10 * 0.1, 10 * (0.6 + 0.5) / 2 + FORBIDDEN, FORBIDDEN],
        [10 * 0.8 + FORBIDDEN, 10 * (0.1 + 0.2) / 2, 0.0],
    ]
    torch.testing.assert_close(cost, torch.tensor(expected))


def test_no_other_cost_outweighs_a_wrong_category():
    # The worst L1 within the picture and the best OKS of config weights.
    worst = 10 * 2.0 + 5 * 4.0 + 2 * 2.0 + 2 * 30.0 + 4
    assert worst < FORBIDDEN


def test_oks_by_hand_in_pixels():
    cost = OKSCost(weight=4.0)(
        predictions(), ground_truth(), img_meta={'img_shape': (100, 200)}
    )

    def oks(dx, dy, area, sigma):  # shares of a picture of 200 x 100 px
        squared = (200 * dx) ** 2 + (100 * dy) ** 2
        return math.exp(-squared / (2 * area * (2 * sigma) ** 2))

    expected = [
        [
            oks(0, 0.1, 100, 0.1),
            (oks(0.3, 0.3, 400, 0.05) + oks(0.2, 0.3, 400, 0.1)) / 2,
            0.0,
        ],
        [
            oks(0.4, 0.4, 100, 0.1),
            (oks(0.1, 0, 400, 0.05) + oks(0, 0.2, 400, 0.1)) / 2,
            0.0,
        ],
    ]
    torch.testing.assert_close(cost, -4 * torch.tensor(expected))


@pytest.mark.parametrize('cost', [KeypointL1Cost(), OKSCost()])
def test_no_object(cost):
    none = ground_truth()[:0]
    made = cost(predictions(), none, img_meta={'img_shape': (10, 20)})
    assert made.shape == (2, 0)
