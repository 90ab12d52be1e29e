# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import math

import pytest
import torch

from projects.xpose.models.heads.keypoint_alignment import (
    KeypointAlignment,
    KeypointVocabulary,
)
from projects.xpose.models.heads.losses import MatchedPairs
from projects.xpose.models.task_modules.targets import build_targets
from tests.test_xpose.conftest import category, make_sample, prompt_mask

DIMS, AVERAGE = 8, 2.0
TWO = [category('a', 2), category('b', 3)]
MATCHED = torch.tensor([[1, -1, 0], [-1, -1, -1]])  # (B, G)
FAR = 30.0


@pytest.fixture
def samples():
    """Picture 0 has objects of b (3 keypoints) and a (2), picture 1 none."""
    made = [make_sample(2, TWO, slots=3, seed=1), make_sample(0, TWO, slots=3)]
    gt = made[0].gt_instances
    gt.labels[:] = torch.tensor([1, 0])
    gt.keypoint_mask[:] = torch.tensor([[True] * 3, [True, True, False]])
    gt.keypoints_visible[:] = torch.tensor([[2, 1, 0], [2, 2, 0]])
    return made


def pairs_of(samples, matched=MATCHED):
    targets = build_targets(samples, prompt_mask(samples), 3)
    return MatchedPairs(matched, targets, [s.metainfo for s in samples])


def vocabulary(samples, embeddings=None):
    """Prompts that are orthogonal unit vectors, if not given."""
    mask = prompt_mask(samples)
    if embeddings is None:
        embeddings = torch.eye(DIMS)[:6].view(1, 2, 3, DIMS).repeat(2, 1, 1, 1)
    return KeypointVocabulary.of(embeddings, mask, embeddings)


def test_equal_prompts_are_one_prompt(samples):
    embeddings = torch.randn(2, 2, 3, 4)
    embeddings[1, 1, 2] = embeddings[0, 0, 1]
    ids = vocabulary(samples, embeddings).ids
    assert ids[0, 0, 2] == ids[1, 0, 2] == -1  # category a has two
    assert ids[1, 1, 2] == ids[0, 0, 1]
    assert len(set(ids.flatten().tolist())) == 10  # nine others and -1


def test_loss_by_hand(samples):
    # With logit 0 everywhere: four labelled keypoints (two of each object)
    # against the five real prompts of their picture.
    alignment = KeypointAlignment(DIMS, calibrated=False)
    loss = alignment.loss(
        torch.zeros(2, 3, 3, DIMS),
        pairs_of(samples),
        vocabulary(samples),
        AVERAGE,
    )
    row = (0.25 + 4 * 0.75) * 0.25 * math.log(2)
    assert loss.item() == pytest.approx(2 * row / AVERAGE)
    half = KeypointAlignment(DIMS, calibrated=False, weight=0.5).loss(
        torch.zeros(2, 3, 3, DIMS),
        pairs_of(samples),
        vocabulary(samples),
        AVERAGE,
    )
    assert half.item() == pytest.approx(loss.item() / 2)


def test_queries_that_equal_their_prompts_cost_less(samples):
    alignment = KeypointAlignment(DIMS, calibrated=False)
    words, pairs = vocabulary(samples), pairs_of(samples)
    queries = torch.full((2, 3, 3, DIMS), -FAR)
    own = words.prompts[0, [0, 1]]  # groups 0 and 2 are of a and b
    queries[0, [0, 2]] = (2 * own - 1) * FAR
    right = alignment.loss(queries, pairs, words, AVERAGE)
    assert right.item() == pytest.approx(0, abs=1e-6)
    queries[0, 0] = queries[0, 0].roll(1, 0)
    wrong = alignment.loss(queries, pairs, words, AVERAGE)
    assert wrong > 1
    queries[0, 1] = queries[1] = FAR  # not matched: nobody looks
    again = alignment.loss(queries, pairs, words, AVERAGE)
    assert torch.equal(wrong, again)


def test_the_same_text_of_two_categories_is_no_negative(samples):
    alignment = KeypointAlignment(DIMS, calibrated=False)
    embeddings = vocabulary(samples).prompts.clone()
    embeddings[:, 1, 0] = embeddings[:, 0, 0]  # "left eye" of both
    words, pairs = vocabulary(samples, embeddings), pairs_of(samples)
    queries = torch.zeros(2, 3, 3, DIMS)
    queries[0, [0, 2]] = (2 * words.prompts[0, [0, 1]] - 1) * FAR
    loss = alignment.loss(queries, pairs, words, AVERAGE)
    assert loss.item() == pytest.approx(0, abs=1e-6)


def test_only_labelled_keypoints_and_real_prompts_get_a_gradient(samples):
    alignment = KeypointAlignment(DIMS)
    words, pairs = vocabulary(samples), pairs_of(samples)
    words.prompts = torch.randn(2, 2, 3, DIMS, requires_grad=True)
    queries = torch.randn(2, 3, 3, DIMS, requires_grad=True)
    alignment.loss(queries, pairs, words, AVERAGE).backward()
    moved = (queries.grad != 0).any(-1).nonzero().tolist()
    assert moved == [[0, 0, 0], [0, 0, 1], [0, 2, 0], [0, 2, 1]]
    moved = (words.prompts.grad != 0).any(-1)
    assert torch.equal(moved[0], prompt_mask(samples)[0])
    assert not moved[1].any()
    assert alignment.alignment.bias.grad != 0


def test_without_objects_every_parameter_takes_part(samples):
    alignment = KeypointAlignment(DIMS)
    samples = [make_sample(0, TWO, slots=3)] * 2
    queries = torch.randn(2, 3, 3, DIMS, requires_grad=True)
    loss = alignment.loss(
        queries,
        pairs_of(samples, torch.full((2, 3), -1)),
        vocabulary(samples),
        1.0,
    )
    loss.backward()
    assert loss.item() == 0
    assert alignment.alignment.bias.grad == 0
    assert (queries.grad == 0).all()


def test_the_released_model_gets_no_parameter():
    assert not list(KeypointAlignment(DIMS, calibrated=False).parameters())


def test_score_by_hand():
    alignment = KeypointAlignment(4, calibrated=False)
    prompts = torch.eye(4)[None, None, :3] * 2
    queries = torch.zeros(1, 1, 3, 4)
    queries[0, 0, 0, 0] = math.log(3)  # times 2 / sqrt(4): logits ln 3, 0, 0
    queries[0, 0, 1, 0] = math.log(3)
    mask = torch.ones(1, 1, 3).bool()
    score = alignment.score(queries, prompts, mask)
    by_hand = [3 / 5, 1 / 5, 1 / 3]
    assert score.flatten().tolist() == pytest.approx(by_hand)
    mask[..., 2] = False
    score = alignment.score(queries, prompts, mask)
    assert score[0, 0, :2].tolist() == pytest.approx([3 / 4, 1 / 4])
    mask[..., 1] = False  # one keypoint has no rival
    assert alignment.score(queries, prompts, mask)[0, 0, 0] == 1
    assert alignment.score(queries, prompts, mask & False).isfinite().all()
