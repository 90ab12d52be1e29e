# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import torch

from projects.xpose.official.ties import recorded_order

SCORES = torch.tensor([9.0, 5.0002, 5.0, 3.0, 1.0001, 1.0])
CANDIDATES = torch.tensor([[0.1], [0.2], [0.3], [0.4], [0.5], [0.6]])


def order(recorded):
    recorded = torch.tensor(recorded)[:, None]
    return recorded_order(SCORES, CANDIDATES, recorded, 1e-3, 1e-4).tolist()


def test_what_agrees_stays():
    assert order([0.1, 0.2, 0.3, 0.40005]) == [0, 1, 2, 3]


def test_equal_scores_follow_the_record():
    assert order([0.1, 0.3, 0.2, 0.4]) == [0, 2, 1, 3]


def test_the_last_place_may_be_another_ones():
    assert order([0.1, 0.2, 0.3, 0.4, 0.6]) == [0, 1, 2, 3, 5]


def test_different_scores_are_a_difference():
    assert order([0.2, 0.1, 0.3]) == [0, 1, 2]


def test_what_no_candidate_explains_stays():
    # 0.23 is nearer to the candidate that is there already.
    assert order([0.1, 0.23, 0.3]) == [0, 1, 2]


def test_candidates_that_are_no_numbers_are_kept():
    candidates = CANDIDATES.clone()
    candidates[0] = float('nan')
    found = recorded_order(SCORES, candidates, CANDIDATES[:2], 1e-3, 1e-4)
    assert found.tolist() == [0, 1]
