# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from projects.xpose.models.layers.denoising import PromptDenoising
from projects.xpose.models.query_selection import (
    add_denoising,
    select_proposals,
    start_queries,
)
from projects.xpose.models.references import ReferenceRefiner
from tests.test_xpose.conftest import category, make_sample, perturb

DIMS = 8


@pytest.fixture
def proposals():
    refiner = ReferenceRefiner(DIMS)
    perturb(refiner)
    tokens, anchors = torch.randn(2, 5, DIMS), torch.randn(2, 5, 4)
    logits = torch.tensor([[[0, 1], [5, 0], [2, 3], [0, 0], [0, 4.0]]])
    logits = torch.cat([logits, logits.flip(1)])
    found = select_proposals(tokens, anchors, logits, refiner, 3)
    return found, tokens, anchors, logits, refiner


def test_the_best_tokens_by_any_prompt(proposals):
    found, tokens, anchors, logits, refiner = proposals
    for i, order in enumerate(([1, 4, 2], [3, 0, 2])):
        assert torch.equal(found.tokens[i], tokens[i, order])
        assert torch.equal(found.logits[i], logits[i, order])
        boxes = refiner.proposal_branch(tokens[i, order]) + anchors[i, order]
        torch.testing.assert_close(found.boxes[i], boxes.sigmoid())
    every = select_proposals(tokens, anchors, logits, refiner, 99)
    assert every.boxes.shape == (2, 5, 4)


def test_queries_start_without_gradient_to_the_proposals(proposals):
    found, embedding = proposals[0], torch.randn(4, DIMS)
    plain = start_queries(found, embedding, False)
    assert torch.equal(plain['query'][1], embedding[:3])
    assert torch.equal(plain['reference'], found.boxes)
    assert not plain['reference'].requires_grad
    assert plain['dn_mask'] is None
    both = start_queries(found, embedding, True)
    assert torch.equal(both['query'], embedding[:3] + found.tokens)


def test_denoising_queries_come_first(proposals):
    queries = start_queries(proposals[0], torch.randn(4, DIMS), False)
    generator = PromptDenoising(
        DIMS, 4, group_cfg={'dynamic': True, 'num_dn_queries': 2}
    )
    samples = [make_sample(n, [category('a', 2)]) for n in (2, 0)]
    made, meta = add_denoising(
        queries,
        generator,
        samples,
        torch.randn(2, 1, DIMS),
        torch.ones(2, 1).bool(),
    )
    count = meta['num_denoising_queries']
    assert count == 4
    assert torch.equal(made['query'][:, count:], queries['query'])
    assert torch.equal(made['reference'][:, count:], queries['reference'])
    assert made['dn_mask'].shape == (count + 3, count + 3)
    assert made['dn_mask'][count:, :count].all()
    assert not made['dn_mask'][count:, count:].any()
