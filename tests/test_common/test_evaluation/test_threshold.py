# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
from projects.common.evaluation.threshold import best_score_threshold
from tests.test_common.test_evaluation.test_views import TRUTH, record


def test_the_best_f1():
    found = [
        record(1, 0, 0.9),
        record(2, 100, 0.456),  # the second of three objects
        record(1, 50, 0.4),  # nothing
        record(1, 150, 0.3),  # nothing
        record(1, 0, 0.2, image=2),  # the third, behind two wrong ones
    ]
    # F1 1/2, 4/5, 2/3, 4/7, 3/4: the second is the best.
    assert best_score_threshold(found, TRUTH) == 0.45
    # With one wrong one fewer the last is: 1/2, 4/5, 2/3, 6/7.
    assert best_score_threshold(found[:3] + found[4:], TRUTH) == 0.2


def test_labels_and_duplicates_count():
    wrong = [record(2, 0, 0.9), record(1, 1, 0.5)]
    assert best_score_threshold(wrong, TRUTH) == -1
    twice = [record(1, 0, 0.9), record(1, 6, 0.8)]  # overlap by a quarter
    assert best_score_threshold(twice, TRUTH) == 0.9


def test_nothing_to_find_or_found():
    assert best_score_threshold([], TRUTH) == -1
    assert best_score_threshold([record(1, 0, 0.9)], []) == -1
    crowd = [record(1, 0, iscrowd=1)]
    assert best_score_threshold([record(1, 0, 0.9)], crowd) == -1
