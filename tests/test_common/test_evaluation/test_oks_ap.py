# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import copy
import math

import numpy as np
import pytest
from xtcocotools.coco import COCO
from xtcocotools.cocoeval import COCOeval

from projects.common.evaluation import (
    box_average_precision,
    keypoint_average_precision,
)


def annotation(index, image=1, category=1, shift=0.0, area=10000.0, **kwargs):
    points = [[20 + shift, 30, 2], [60 + shift, 30, 2], [40 + shift, 90, 1]]
    return dict(
        id=index,
        image_id=image,
        category_id=category,
        bbox=[10 + shift, 20, 60, 80],
        area=area,
        iscrowd=0,
        num_keypoints=3,
        keypoints=[v for p in points for v in p],
        **kwargs,
    )


def detection(truth, dx=0.0, score=0.9):
    keypoints = list(truth['keypoints'])
    keypoints[0::3] = [x + dx for x in keypoints[0::3]]
    keypoints[2::3] = [0.5] * len(keypoints[2::3])
    return {
        'image_id': truth['image_id'],
        'category_id': truth['category_id'],
        'bbox': list(truth['bbox']),
        'score': score,
        'keypoints': keypoints,
    }


def test_perfect_and_empty():
    truth = [annotation(1), annotation(2, image=2)]
    found = [detection(t) for t in truth]
    perfect = keypoint_average_precision([1, 2], 1, [0.05] * 3, truth, found)
    # The objects are large: there are no medium ones.
    of_all = dict.fromkeys(('AP', 'AP50', 'AP75', 'AR', 'AP_L'), 1.0)
    assert perfect == pytest.approx({**of_all, 'AP_M': -1.0})
    nothing = keypoint_average_precision([1, 2], 1, [0.05] * 3, truth, [])
    assert nothing == {**dict.fromkeys(of_all, 0.0), 'AP_M': -1.0}
    assert keypoint_average_precision([3], 1, [0.05] * 3, truth, found) is None


@pytest.mark.parametrize('target', [0.52, 0.77, 0.93])
def test_displacement_follows_the_oks_formula(target):
    # OKS = exp(-d^2 / (2 area (2 sigma)^2)): choose d for a given OKS, the
    # instance then counts at the thresholds not above it.
    area, sigma = 10000.0, 0.05
    distance = math.sqrt(-math.log(target) * 2 * area * (2 * sigma) ** 2)
    truth = [annotation(1, area=area)]
    result = keypoint_average_precision(
        [1], 1, [sigma] * 3, truth, [detection(truth[0], distance)]
    )
    passed = (np.linspace(0.5, 0.95, 10) <= target).mean()
    assert result['AP'] == pytest.approx(passed)
    assert result['AP50'] == pytest.approx(1.0)
    assert result['AP75'] == pytest.approx(float(target > 0.75))
    assert result['AR'] == pytest.approx(passed)


def test_unlabelled_and_crowd_are_ignored():
    hidden = annotation(2, shift=200)
    hidden['keypoints'][2::3] = [0, 0, 0]
    crowd = annotation(3, shift=400)
    crowd['iscrowd'] = 1
    truth = [annotation(1), hidden, crowd]
    result = keypoint_average_precision(
        [1], 1, [0.05] * 3, truth, [detection(truth[0])]
    )
    assert (result['AP'], result['AR']) == pytest.approx((1.0, 1.0))
    assert keypoint_average_precision([1], 1, [0.05] * 3, [hidden], []) is None


def random_set(seed=0, pictures=12):
    rng = np.random.default_rng(seed)
    truth, found = [], []
    for image in range(1, pictures + 1):
        for _ in range(rng.integers(0, 4)):
            truth.append(
                annotation(
                    len(truth) + 1,
                    image,
                    shift=float(rng.uniform(0, 300)),
                    area=float(rng.uniform(1000, 20000)),
                )
            )
            found.append(
                detection(
                    truth[-1], float(rng.normal(0, 8)), float(rng.uniform())
                )
            )
        if truth:
            false = detection(truth[0], 500, float(rng.uniform()))
            found.append(dict(false, image_id=image))
    return truth, found


def test_equals_direct_cocoeval(capsys):
    truth, found = random_set()
    images, sigmas = list(range(1, 13)), np.array([0.03, 0.08, 0.05])
    mine = keypoint_average_precision(images, 1, sigmas, truth, found)
    boxes = box_average_precision(images, [1], truth, found)
    assert capsys.readouterr().out == ''

    coco = COCO()
    coco.dataset = {
        'images': [{'id': i} for i in images],
        'categories': [{'id': 1}],
        'annotations': copy.deepcopy(truth),
    }
    coco.createIndex()
    results = coco.loadRes(copy.deepcopy(found))
    evaluation = COCOeval(coco, results, 'keypoints', sigmas)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    assert 0.1 < mine['AP'] < 0.9
    names = ['AP', 'AP50', 'AP75', 'AP_M', 'AP_L', 'AR']
    np.testing.assert_allclose(
        [mine[name] for name in names], evaluation.stats[:6], rtol=1e-12
    )
    assert len({mine['AP'], mine['AP_M'], mine['AP_L']}) == 3
    evaluation = COCOeval(coco, results, 'bbox')
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    np.testing.assert_allclose(
        [boxes[name] for name in names],
        evaluation.stats[[0, 1, 2, 4, 5, 8]],
        rtol=1e-12,
    )


def test_medium_and_large_by_hand():
    # 96^2 = 9216 px^2 is the border, and it belongs to both.
    areas = (32**2 - 1, 32**2, 9215.0, 9216.0, 20000.0)
    truth = [
        annotation(i, image=i, area=area) for i, area in enumerate(areas, 1)
    ]
    found = [detection(t) for t in truth[1:3]]
    row = keypoint_average_precision(range(1, 6), 1, [0.05] * 3, truth, found)
    # All: 2 of 5 found, so recall ends at 40 of 100 steps, inclusive.
    assert row['AP'] == pytest.approx(41 / 101)
    # Medium: 2 of 3 (to 0.66), large: none of 2.
    assert row['AP_M'] == pytest.approx(67 / 101)
    assert row['AP_L'] == 0.0


@pytest.mark.parametrize('given', [{}, {'area': 0}])
def test_only_twenty_detections_count_and_area_defaults(given):
    truth = annotation(1)
    del truth['area'], truth['iscrowd']
    truth.update(given)
    wrong = [detection(truth, 500, 0.9) for _ in range(20)]
    late = detection(truth, 0, 0.1)
    args = ([1], 1, [0.05] * 3, [truth])
    assert keypoint_average_precision(*args, wrong + [late])['AR'] == 0.0
    assert keypoint_average_precision(*args, wrong[1:] + [late])['AR'] == 1.0
    # The unknown area is 0.53 of the box: 2544 px^2.
    for factor, hit in ((0.99, 1.0), (1.01, 0.0)):
        distance = math.sqrt(-math.log(0.5) * 2 * 2544 * 0.1**2) * factor
        result = keypoint_average_precision(
            *args, [detection(truth, distance)]
        )
        assert result['AP50'] == pytest.approx(hit)
    assert truth.get('area') == given.get('area')
