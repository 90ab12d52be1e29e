# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import math

import pytest
import torch

from projects.xpose.models.heads.keypoint_score import (
    KeypointScore,
    score_targets,
)
from projects.xpose.models.heads.losses import MatchedPairs
from projects.xpose.models.task_modules.targets import build_targets
from tests.test_xpose.conftest import category, make_sample, prompt_mask

DIMS, AVERAGE = 8, 2.0
TWO = [category('a', 2, sigmas=(0.1, 0.2)), category('b', 3)]
MATCHED = torch.tensor([[1, -1, 0], [-1, -1, -1]])  # (B, G)


@pytest.fixture
def samples():
    """Picture 0 has objects of b (3 keypoints) and a (2), picture 1 none."""
    made = [
        make_sample(2, TWO, shape=(100, 200), slots=3, seed=1),
        make_sample(0, TWO[:1], shape=(100, 200), slots=3),
    ]
    gt = made[0].gt_instances
    gt.labels[:] = torch.tensor([1, 0])
    gt.keypoint_mask[:] = torch.tensor([[True] * 3, [True, True, False]])
    gt.keypoints_visible[:] = torch.tensor([[2, 1, 0], [2, 2, 0]])
    return made


def pairs_of(samples, matched=MATCHED, shown=None):
    shown = prompt_mask(samples) if shown is None else shown
    targets = build_targets(samples, shown, 3)
    return MatchedPairs(matched, targets, [s.metainfo for s in samples])


def perfect(pairs):
    """Keypoints (2, 3, 3, 2) that are right where there is an object."""
    keypoints = torch.full((2, 3, 3, 2), 0.5)
    keypoints[pairs.where] = pairs.gt.keypoints
    return keypoints


class Given(KeypointScore):
    """Says the logits that it was given."""

    def __init__(self, logits, **kwargs):
        super().__init__(DIMS, **kwargs)
        self.logits = logits

    def forward(self, queries):
        return self.logits


def test_score_target_is_the_similarity_of_the_keypoint(samples):
    pairs = pairs_of(samples)
    keypoints = perfect(pairs)
    # Object 1 (category a): 2 px and 3 px off in a picture of 200 x 100.
    keypoints[0, 0, 0] += torch.tensor([2 / 200, 3 / 100])
    keypoints[0, 0, 1] += torch.tensor([10 / 200, 0])
    keypoints.requires_grad_()
    found = score_targets(keypoints[pairs.where], pairs)
    area = samples[0].gt_instances.areas[1].item()
    by_hand = [
        math.exp(-13 / (2 * area * (2 * 0.1) ** 2)),
        math.exp(-100 / (2 * area * (2 * 0.2) ** 2)),
        0,
    ]
    assert found[0].tolist() == pytest.approx(by_hand, rel=1e-4)
    assert 0.1 < found[0, 1] < found[0, 0] < 0.99
    # Object 0 is placed perfectly; its last keypoint is out of the picture.
    assert found[1].tolist() == pytest.approx([1, 1, 0])
    assert not found.requires_grad


def test_the_optimum_of_the_score_is_its_target(samples):
    pairs = pairs_of(samples)
    keypoints = perfect(pairs) + 0.02
    target = score_targets(keypoints[pairs.where], pairs)
    logits = torch.zeros(2, 3, 3, 2)
    logits[pairs.where] = target.logit(1e-6)[..., None]
    logits.requires_grad_()
    loss = Given(logits).loss(None, keypoints, pairs, AVERAGE)['loss_score']
    (gradient,) = torch.autograd.grad(loss, logits)
    assert gradient.abs().max() < 1e-6
    assert loss > 0  # the entropy of the soft targets


def test_perfect_visibility_costs_nothing_and_an_error_what_it_should(samples):
    pairs = pairs_of(samples)
    logits = torch.full((2, 3, 3, 2), 77.0)  # nobody looks at the others
    # v of object 1 and 0; the third keypoint of object 1 does not exist.
    logits[0, 0, :, 1] = torch.tensor([50.0, 50, 50])
    logits[0, 2, :, 1] = torch.tensor([50.0, -50, -50])
    given = perfect(pairs), pairs, AVERAGE
    loss = Given(logits).loss(None, *given)['loss_visibility']
    assert loss.item() == pytest.approx(0, abs=1e-6)
    logits[0, 0, 0, 1] = 0.0  # one of two keypoints of one of two objects
    loss = Given(logits).loss(None, *given)['loss_visibility']
    assert loss.item() == pytest.approx(math.log(2) / 2 / AVERAGE)
    weighted = Given(logits, visibility_weight=3.0)
    loss = weighted.loss(None, *given)['loss_visibility']
    assert loss.item() == pytest.approx(3 * math.log(2) / 2 / AVERAGE)


def test_what_teaches_nothing(samples):
    shown = prompt_mask(samples)
    shown[0, 1, 0] = False  # no example of b shows its first keypoint
    samples[0].gt_instances.keypoints_visible[1] = 0  # a box only
    pairs = pairs_of(samples, shown=shown)
    logits = torch.zeros(2, 3, 3, 2, requires_grad=True)
    losses = Given(logits).loss(None, perfect(pairs), pairs, AVERAGE)
    sum(losses.values()).backward()
    taught = (logits.grad != 0).all(-1).nonzero().tolist()
    assert taught == [[0, 2, 1], [0, 2, 2]]
    assert losses['loss_visibility'].item() == pytest.approx(
        math.log(2) / AVERAGE
    )


def test_without_objects_every_parameter_takes_part():
    samples = [make_sample(0, TWO, slots=3)] * 2
    pairs = pairs_of(samples, torch.full((2, 3), -1))
    module = KeypointScore(DIMS)
    queries = torch.randn(2, 3, 3, DIMS)
    losses = module.loss(queries, torch.rand(2, 3, 3, 2), pairs, 1.0)
    assert {k: v.item() for k, v in losses.items()} == {
        'loss_score': 0,
        'loss_visibility': 0,
    }
    sum(losses.values()).backward()
    assert all((p.grad == 0).all() for p in module.parameters())


def test_it_learns_which_keypoints_are_placed_well():
    torch.manual_seed(0)
    samples = [make_sample(2, TWO[1:], slots=3, seed=i) for i in range(2)]
    pairs = pairs_of(samples, torch.tensor([[0, 1], [1, 0]]))
    keypoints = pairs.gt.keypoints.view(2, 2, 3, 2).clone()
    keypoints[:, :, 1] += 1.0  # the second is always wrong
    queries = torch.randn(2, 2, 3, DIMS) * 0.1
    queries[:, :, 1] += 1
    module = KeypointScore(DIMS)
    optimizer = torch.optim.Adam(module.parameters(), lr=0.05)
    for _ in range(60):
        optimizer.zero_grad()
        sum(module.loss(queries, keypoints, pairs, 4.0).values()).backward()
        optimizer.step()
    scores = module(queries)[..., 0].sigmoid()
    assert scores[:, :, [0, 2]].min() > 0.8
    assert scores[:, :, 1].max() < 0.2
