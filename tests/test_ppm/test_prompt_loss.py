# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch
from mmpose.codecs.utils import generate_unbiased_gaussian_heatmaps

from projects.ppm.models import PeakDecoder, PromptLoss
from projects.ppm.models.losses import gaussian_targets


def test_targets_are_those_of_mmpose():
    points = np.array([[[3.25, 10.0], [15.5, 0.0]]], np.float32)
    expected, _ = generate_unbiased_gaussian_heatmaps(
        (24, 24), points, np.ones((1, 2), np.float32), 2.5
    )
    ours = gaussian_targets(torch.from_numpy(points[0]), 24, 2.5)
    np.testing.assert_allclose(ours.numpy(), expected, atol=1e-6)
    assert ours[0, 10, 3] == ours[0].max()


def test_terms():
    maps, points = torch.zeros(2, 16, 16), torch.tensor([[8.0, 8], [4, 5]])
    mean, total = (
        PromptLoss(2.0, 0.5, reduction) for reduction in ('mean', 'sum')
    )
    squares = gaussian_targets(points, 16, 2.0).square()
    torch.testing.assert_close(
        total.map_term(maps, points), squares.sum((1, 2))
    )
    torch.testing.assert_close(
        mean.map_term(maps, points), squares.mean((1, 2))
    )
    prediction, target = torch.randn(2, 2, 4, 8, 8)
    expected = 0.5 * (prediction - target).square().flatten(1).mean(1)
    torch.testing.assert_close(mean.noise_term(prediction, target), expected)


@pytest.mark.parametrize(
    'wrong', [dict(sigma=0), dict(dm_weight=-1), dict(reduction='max')]
)
def test_wrong_settings_of_the_loss(wrong):
    with pytest.raises(ValueError, match='The prompt loss has sigma'):
        PromptLoss(**wrong)


def test_argmax_and_window():
    points = torch.tensor([[10.3, 20.0], [25.7, 4.6], [0.0, 31.0]])
    maps = 0.2 + 0.6 * gaussian_targets(points, 32, 2.0)
    found, scores = PeakDecoder()(maps[None])
    assert found.tolist() == [[[10, 20], [26, 5], [0, 31]]]
    torch.testing.assert_close(scores, maps.amax((1, 2))[None])
    fine, same = PeakDecoder(window=5)(maps[None])
    assert (fine[0, :2] - points[:2]).abs().max() < 0.1
    assert torch.equal(same, scores)
    # At the border half of the window is missing.
    assert (fine[0, 2] - points[2]).abs().max() < 2


def test_flat_maps_are_no_division_by_zero():
    for score in ('peak', 'sharpness'):
        points, scores = PeakDecoder(3, score)(torch.full((1, 2, 8, 8), 0.5))
        assert points.isfinite().all() and scores.isfinite().all()


def test_sharpness_tells_clear_from_vague_maps():
    points = torch.tensor([[16.0, 16.0]] * 2)
    clear = gaussian_targets(points[:1], 32, 1.0)
    vague = gaussian_targets(points[1:], 32, 10.0)
    maps = torch.cat([0.5 + 0.1 * clear, 0.5 + 0.4 * vague])
    _, peak = PeakDecoder()(maps)
    _, sharp = PeakDecoder(score='sharpness', radius=3)(maps)
    assert peak[0] < peak[1] and sharp[0] > sharp[1]
    assert 0.9 < sharp[0] <= 1 and 0 <= sharp[1] < 0.5
    _, default = PeakDecoder(score='sharpness')(maps)
    _, two = PeakDecoder(score='sharpness', radius=2)(maps)
    assert torch.equal(default, two)  # 32 / 16


@pytest.mark.parametrize(
    'wrong', [dict(score='max'), dict(window=0), dict(radius=0.0)]
)
def test_wrong_settings_of_the_decoder(wrong):
    with pytest.raises(ValueError, match='score of a keypoint|decoder has'):
        PeakDecoder(**wrong)
