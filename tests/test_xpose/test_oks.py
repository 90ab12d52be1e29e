# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch
from xtcocotools.cocoeval import COCOeval

from projects.xpose.models.task_modules.oks import (
    keypoint_similarity,
    object_keypoint_similarity,
)

COUNT = 5


def coco_oks(keypoints, gt_keypoints, visible, sigmas, area):
    """OKS of one pair as xtcocotools computes it."""
    evaluator = COCOeval(iouType='keypoints', sigmas=np.array(sigmas))
    evaluator.params.imgIds, evaluator.params.catIds = [1], [1]
    gt = np.concatenate([gt_keypoints, visible[:, None]], 1)
    detection = np.concatenate([keypoints, np.ones((COUNT, 1))], 1)
    evaluator._gts[1, 1].append(
        {
            'keypoints': gt.flatten().tolist(),
            'bbox': [0, 0, 50, 50],
            'area': area,
        }
    )
    evaluator._dts[1, 1].append(
        {'keypoints': detection.flatten().tolist(), 'score': 1.0}
    )
    return float(evaluator.computeOks(1, 1)[0, 0])


@pytest.mark.parametrize('seed', range(4))
def test_equals_xtcocotools_with_sigmas_of_every_object(seed):
    rng = np.random.default_rng(seed)
    gt = rng.uniform(0, 50, (3, COUNT, 2))
    keypoints = gt + rng.normal(0, 3, gt.shape)
    visible = rng.integers(0, 3, (3, COUNT))
    visible[:, 0] = 2
    sigmas = rng.uniform(0.02, 0.2, (3, COUNT))
    areas = rng.uniform(400, 2000, 3)
    expected = [
        coco_oks(*row) for row in zip(keypoints, gt, visible, sigmas, areas)
    ]
    weights = (visible > 0).astype(float)
    given = map(torch.tensor, (keypoints, gt, weights, sigmas, areas))
    actual = object_keypoint_similarity(*given)
    np.testing.assert_allclose(actual, expected, atol=1e-6)


def similarity(distance, sigma, area=100.0):
    return object_keypoint_similarity(
        torch.tensor([[distance, 0.0]]),
        torch.zeros(1, 2),
        torch.ones(1),
        torch.tensor([sigma]),
        torch.tensor(area),
    ).item()


def test_by_hand():
    # d^2 = 9, 2 * area * (2 sigma)^2 = 8.
    assert similarity(3.0, 0.1) == pytest.approx(np.exp(-9 / 8))
    assert similarity(0.0, 0.1) == 1
    # Twice the sigma and twice the distance, or twice the size, are alike.
    assert similarity(6.0, 0.2) == pytest.approx(np.exp(-9 / 8))
    assert similarity(6.0, 0.1, 400.0) == pytest.approx(np.exp(-9 / 8))


def test_nothing_labelled_is_zero_and_an_empty_area_is_finite():
    given = torch.ones(1, 2, 2), torch.zeros(1, 2, 2)
    sigmas = torch.ones(1, 2)
    none = object_keypoint_similarity(
        *given, torch.zeros(1, 2), sigmas, torch.ones(1)
    )
    assert none.tolist() == [0]
    keypoints = given[0].clone().requires_grad_()
    flat = object_keypoint_similarity(
        keypoints, given[1], torch.ones(1, 2), sigmas, torch.zeros(1)
    )
    flat.sum().backward()
    assert flat.tolist() == [0]
    assert torch.isfinite(keypoints.grad).all()


def test_similarity_of_each_keypoint():
    # 3 and 4 px off: exp(-25 / (2 * 100 * 0.5^2)) for sigma 0.25.
    moved = torch.tensor([[[3.0, 4.0], [0.0, 0.0]]])
    sigmas, areas = torch.tensor([[0.25, 0.01]]), torch.tensor([100.0])
    similarity = keypoint_similarity(
        moved, torch.zeros(1, 2, 2), sigmas, areas
    )
    assert similarity.tolist() == [pytest.approx([np.exp(-0.5), 1.0])]
    mean = object_keypoint_similarity(
        moved, torch.zeros(1, 2, 2), torch.ones(1, 2), sigmas, areas
    )
    torch.testing.assert_close(mean, similarity.mean(-1))
