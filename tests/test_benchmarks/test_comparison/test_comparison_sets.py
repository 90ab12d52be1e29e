# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import copy

import cv2
import numpy as np
import pytest

from projects.benchmarks.comparison import (
    best_boxes,
    crowded_pictures,
    fixed_keypoint_set,
    paired_medians,
    score_results,
)


def category(number, name, keypoints):
    return {'id': number, 'name': name, 'keypoints': keypoints}


def annotation(number, image, category_id, keypoints, box=(0, 0, 10, 10)):
    return {
        'id': number,
        'image_id': image,
        'category_id': category_id,
        'bbox': list(box),
        'area': box[2] * box[3],
        'iscrowd': 0,
        'keypoints': keypoints,
        'num_keypoints': sum(v > 0 for v in keypoints[2::3]),
    }


@pytest.fixture
def content():
    return {
        'images': [{'id': i, 'file_name': f'{i}.png'} for i in (1, 2, 3)],
        'categories': [
            category(4, 'dog', ['nose', 'tail']),
            category(5, 'cat', ['tail', 'ear', 'nose']),
            category(6, 'chair', ['leg']),
        ],
        'annotations': [
            annotation(1, 1, 4, [1, 2, 2, 3, 4, 0]),
            annotation(2, 2, 5, [5, 6, 1, 7, 8, 2, 9, 10, 2]),
            annotation(3, 3, 6, [1, 1, 2]),
            annotation(4, 2, 6, [2, 2, 2]),
        ],
    }


def test_categories_that_have_the_keypoints_become_one(content):
    before = copy.deepcopy(content)
    fixed = fixed_keypoint_set(content, 'dog', 'animal')
    assert fixed['info'] == {'categories': ['dog', 'cat'], 'like': 'dog'}
    assert [image['id'] for image in fixed['images']] == [1, 2]
    assert fixed['categories'] == [category(1, 'animal', ['nose', 'tail'])]
    first, second = fixed['annotations']
    assert first == {**content['annotations'][0], 'category_id': 1}
    # Its own order is tail, ear, nose; the ear is dropped.
    assert second['keypoints'] == [9, 10, 2, 5, 6, 1]
    assert (second['id'], second['num_keypoints']) == (2, 2)
    assert content == before


def test_an_unknown_list_is_refused(content):
    with pytest.raises(ValueError, match="'cow'; the file has dog, cat, ch"):
        fixed_keypoint_set(content, 'cow', 'animal')


def result(image, keypoints, score, box=(0, 0, 1, 1)):
    return {
        'image_id': image,
        'category_id': 1,
        'keypoints': keypoints,
        'score': score,
        'bbox': list(box),
    }


def test_scores_of_right_half_and_no_predictions(content):
    truth = fixed_keypoint_set(content, 'dog', 'animal')
    right = [result(1, [1, 2, 1, 0, 0, 1], 0.9)]
    right.append(result(2, [9, 10, 1, 5, 6, 1], 0.8))
    perfect = score_results(truth, right)
    assert perfect == {
        f'keypoint/{key}': pytest.approx(1.0)
        for key in ('AP', 'AP50', 'AP75', 'AR')
    }
    half = score_results(truth, right[:1])
    assert half['keypoint/AR'] == pytest.approx(0.5)
    # Precision is 1 up to recall 0.5, that is at 51 of 101 places.
    assert half['keypoint/AP'] == pytest.approx(51 / 101)
    assert set(score_results(truth, []).values()) == {0.0}


def test_the_best_boxes_of_each_picture():
    found = [result(1, [], s, (s, 0, 1, 1)) for s in (0.1, 0.9, 0.5)]
    found.append(result(2, [], 0.2))
    assert best_boxes(found, 2) == [
        {'image_id': i, 'category_id': 1, 'bbox': [x, 0, 1, 1], 'score': s}
        for i, x, s in ((1, 0.9, 0.9), (1, 0.5, 0.5), (2, 0, 0.2))
    ]


def test_crowds_grow_by_one_object(tmp_path):
    picture = np.zeros((60, 80, 3), np.uint8)
    picture[10:40, 20:60] = (0, 0, 255)
    cv2.imwrite(str(tmp_path / 'a.png'), picture)
    truth = {
        'images': [{'id': 1, 'file_name': 'a.png'}],
        'annotations': [
            annotation(n, 1, 1, [], (20, 10, 40, 30)) for n in range(12)
        ],
    }
    crowds = crowded_pictures(truth, tmp_path)
    assert [len(crowd.boxes) for crowd in crowds] == list(range(1, 11))
    assert {crowd.picture.shape for crowd in crowds} == {(384, 480, 3)}
    # 40 x 30 pixels in a cell of 96 x 192: 96 x 72.
    assert crowds[0].boxes.tolist() == [[0, 0, 96, 72]]
    assert crowds[9].boxes[7].tolist() == [192, 192, 288, 264]
    red = [(c.picture == (0, 0, 255)).all(-1).sum() for c in crowds]
    assert red == [96 * 72 * n for n in range(1, 11)]
    truth['annotations'] = truth['annotations'][:9]
    with pytest.raises(ValueError, match='There are 9 objects, 10 are needed'):
        crowded_pictures(truth, tmp_path)


def test_times_are_medians_of_rounds_after_the_first(monkeypatch):
    now = [0.0]
    # Seconds of each call: the first round is slow and does not count.
    costs = {'a': iter([9, 9, 1, 2, 3, 4, 8, 6]), 'b': iter([0] * 8)}
    order = []

    def method(name):
        def run(item):
            order.append((name, item))
            now[0] += next(costs[name])

        return run

    monkeypatch.setattr('time.perf_counter', lambda: now[0])
    times = paired_medians(
        {'a': method('a'), 'b': method('b')}, ['x', 'y'], repeat=3
    )
    assert times == {'a': [3000.0, 4000.0], 'b': [0.0, 0.0]}
    assert order[:4] == [('a', 'x'), ('b', 'x'), ('a', 'y'), ('b', 'y')]
    with pytest.raises(ValueError, match='repeat is 0'):
        paired_medians({}, [], repeat=0)
