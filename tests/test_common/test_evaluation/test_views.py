# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest

from projects.common.evaluation.views import (
    given_box,
    given_class,
    label_accuracy,
    one_label,
)


def record(category, x, score=None, image=1, **more):
    scores = {} if score is None else {'score': score}
    box = [float(x), 0.0, 10.0, 10.0]
    return dict(
        image_id=image, category_id=category, bbox=box, **scores, **more
    )


TRUTH = [record(1, 0), record(2, 100), record(1, 0, image=2)]


def scores(records):
    return sorted(r['score'] for r in records)


def test_one_label_keeps_the_best_of_any_category():
    found = [
        record(1, 0, 0.5),
        record(2, 1, 0.9),  # the same object, another label
        record(2, 100, 0.4),
        record(1, 0, 0.3, image=2),
    ]
    assert scores(one_label(found, TRUTH)) == [0.3, 0.4, 0.9]
    assert one_label([], TRUTH) == []


def test_given_class_drops_wrong_labels_only():
    found = [
        record(1, 0, 0.5),
        record(2, 1, 0.9),  # a wrong label
        record(1, 2, 0.2),  # a duplicate of the right one
        record(1, 300, 0.7),  # nothing is there
        record(3, 0, 0.1, image=3),  # an image without objects
    ]
    kept = given_class(found, TRUTH)
    assert scores(kept) == [0.1, 0.2, 0.5, 0.7]


def test_given_box_takes_the_best_overlap_of_the_right_category():
    found = [
        record(1, 2, 0.9, keypoints=[2]),
        record(1, 1, 0.1, keypoints=[1]),
        record(2, 0, 0.8, keypoints=[0]),
        record(2, 106, 0.8, keypoints=[6]),  # overlaps a quarter only
    ]
    kept = given_box(found, [*TRUTH, record(1, 1, iscrowd=1)])
    assert kept == [found[1]]


def test_label_accuracy_is_that_of_the_best_box_of_each_found_object():
    found = [
        record(1, 0, 0.5),
        record(2, 1, 0.9),  # a better wrong label
        record(2, 101, 0.4),
        record(1, 50, 0.8),  # nothing is there
    ]
    assert label_accuracy(found, TRUTH) == pytest.approx(1 / 2)
    assert label_accuracy(found[2:], TRUTH) == 1
    assert label_accuracy([], TRUTH) == -1
    crowd = [*TRUTH, record(1, 101, iscrowd=1)]
    assert label_accuracy(found, crowd) == pytest.approx(1 / 2)
