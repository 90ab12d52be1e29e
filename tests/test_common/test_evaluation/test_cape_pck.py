# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json
import math
import random

import numpy as np
import pytest
import torch
from mmpose.registry import METRICS

from projects.common.datasets.episodes import EpisodeQuery
from projects.common.evaluation import CapePCK
from projects.common.evaluation.cape_scores import (
    QueryErrors,
    half_width,
    keypoint_shares,
)
from projects.common.structures import KeypointCategory

THRESHOLDS = (0.05, 0.1, 0.15, 0.2, 0.25)
WHOLE = np.eye(2, 3)
# PCK@0.2 of the stored predictions.
GOLDEN = {'zero': 0.6166891074298902, 'skip': 0.6981386121847815}
ABOUT = {
    'sha256': 'ab' * 32,
    'annotation_file': 'a.json',
    'shots': 1,
    'frame': 'crop',
    'rule': 'distinct_pictures',
    'num_episodes': 2,
    'num_episodes_total': 4,
    'num_queries': 3,
}


def category(name, count, supercategory=''):
    return KeypointCategory(
        name,
        tuple(f'point {i}' for i in range(count)),
        supercategory=supercategory,
    )


def query(keypoints, bbox=(0, 0, 41, 21), shape=(100, 100), **kwargs):
    """A query whose box has the size 40 x 20 by the official rule."""
    keypoints = np.array(keypoints, np.float32).reshape(-1, 3)
    return EpisodeQuery(
        **{
            'episode': 0,
            'query': 0,
            'annotation_id': 9,
            'support_annotation_ids': (1,),
            'support_visible': np.ones(len(keypoints), bool),
            'support_bboxes': np.zeros((1, 4)),
            'bbox': bbox,
            'given_bbox': bbox,
            'keypoints': keypoints,
            'picture_shape': shape,
            'frame': 'crop',
            'to_picture': WHOLE,
            **kwargs,
        }
    )


def sample(record, predicted, kind=None):
    """A data sample as a dict; ``predicted`` (M, K, 2) or (K, 2)."""
    kind = kind or category('cat', len(record.keypoints), 'animal')
    found = torch.tensor(predicted, dtype=torch.float64)
    found = found.reshape(-1, *found.shape[-2:])
    return {
        'episode': record,
        'prompts': {'categories': (kind,)},
        'pred_instances': {
            'keypoints': found,
            'scores': torch.ones(len(found)),
            'bboxes': torch.zeros(len(found), 4),
        },
    }


def evaluate(samples, **kwargs):
    metric = CapePCK(**kwargs)
    metric.process({}, samples)
    return metric.compute_metrics(metric.results)


def stored_predictions(num=120, seed=4):
    """Random queries of three categories, K = 3, 17 and 68."""
    rng = np.random.RandomState(seed)  # its numbers never change
    kinds = [category(f'kind {k}', k, f'super {k % 2}') for k in (3, 17, 68)]
    samples = []
    for index in range(num):
        kind = kinds[index // (num // 3)]
        count = kind.num_keypoints
        shape = tuple(rng.randint(60, 200, 2).tolist())
        bbox = tuple(rng.uniform((-20, -20, 15, 15), (50, 50, 150, 150)))
        keypoints = rng.uniform(0, 150, (count, 3)).astype(np.float32)
        keypoints[:, 2] = rng.randint(0, 3, count)
        if index % 15 == 0:
            keypoints[:, 2] = 0
        matrix = np.column_stack(
            [np.diag(rng.uniform(0.3, 3, 2)), rng.uniform(-9, 9, 2)]
        )
        error = rng.normal(0, 12, (count, 2))
        frame = (keypoints[:, :2] + error - matrix[:, 2]) / np.diag(matrix)
        record = query(
            keypoints,
            bbox,
            shape,
            episode=index // 5,
            query=index % 5,
            support_visible=rng.rand(count) < 0.8,
            to_picture=matrix,
        )
        samples.append(sample(record, frame, kind))
    return samples


def published_pck(samples, threshold, skip_empty=False):
    """The formula of the published code, one keypoint after the other."""
    per_query = []
    for item in samples:
        record = item['episode']
        x, y, w, h = record.bbox
        height, width = record.picture_shape
        x1, y1 = max(0, x), max(0, y)
        x2 = min(width - 1, x1 + max(0, w - 1))
        y2 = min(height - 1, y1 + max(0, h - 1))
        longest = max(x2 - x1, y2 - y1)
        right = total = 0
        predicted = item['pred_instances']['keypoints'][0].tolist()
        (a, _, tx), (_, d, ty) = record.to_picture.tolist()
        for k, (px, py) in enumerate(predicted):
            gx, gy, visible = record.keypoints[k].tolist()
            if visible == 0 or not record.support_visible[k]:
                continue
            distance = math.hypot(a * px + tx - gx, d * py + ty - gy)
            total += 1
            right += distance / longest < threshold
        if total or not skip_empty:
            per_query.append(right / total if total else 0.0)
    return sum(per_query) / len(per_query)


def test_registered():
    assert METRICS.get('mmpose.CapePCK') is CapePCK


@pytest.mark.parametrize('empty', ['zero', 'skip'])
def test_equals_the_published_formula(empty):
    samples = stored_predictions()
    found = evaluate(samples, empty=empty)
    golden = [published_pck(samples, t, empty == 'skip') for t in THRESHOLDS]
    assert golden[3] == pytest.approx(GOLDEN[empty], abs=1e-12)
    for threshold, value in zip(THRESHOLDS, golden):
        assert found[f'PCK@{threshold:g}'] == pytest.approx(value, abs=1e-12)
    assert found['mPCK'] == pytest.approx(sum(golden) / 5, abs=1e-12)
    assert found['num_empty'] == sum(
        not (
            (s['episode'].keypoints[:, 2] > 0) & s['episode'].support_visible
        ).any()
        for s in samples
    )
    assert found['num_empty'] >= 8
    part = [
        s for s in samples if s['prompts']['categories'][0].name == 'kind 17'
    ]
    assert found['PCK@0.2/kind 17'] == pytest.approx(
        published_pck(part, 0.2, empty == 'skip')
    )
    part = [s for s in samples if s not in part]
    odd = [
        s
        for s in samples
        if s['prompts']['categories'][0].supercategory == 'super 1'
    ]
    assert found['PCK@0.1/super/super 1'] == pytest.approx(
        published_pck(odd, 0.1, empty == 'skip')
    )


def test_order_and_doubles_do_not_matter():
    samples = stored_predictions(30)
    expected = evaluate(samples)
    for world_size in (2, 4):
        # As processes share the episodes, the last one twice.
        parts = [
            [s for s in samples if s['episode'].episode % world_size == rank]
            for rank in range(world_size)
        ]
        shuffled = [s for part in reversed(parts) for s in part] + parts[-1]
        assert evaluate(shuffled) == expected
    random.Random(0).shuffle(samples)
    assert evaluate(samples) == expected


def test_less_than_not_equal():
    record = query([0, 0, 2, 0, 0, 1, 0, 0, 2])  # longer side 40
    predicted = [[8, 0], [0, 7.999], [2, 0]]
    found = evaluate([sample(record, predicted)])
    assert found['PCK@0.2'] == pytest.approx(2 / 3)
    assert found['PCK@0.25'] == 1
    assert found['PCK@0.05'] == 0  # 2 / 40 is not less than 0.05
    # By hand: 0, 1, 1, 2, 3 of 3 keypoints.
    assert found['mPCK'] == pytest.approx((0 + 1 + 1 + 2 + 3) / 15)
    assert found['NME'] == pytest.approx((8 + 7.999 + 2) / 3 / 40)
    # Exact area up to 0.2: 0, almost 0 and three quarters.
    assert found['AUC'] == pytest.approx((0 + 0.001 / 8 + 0.75) / 3)


def test_box_rules():
    # Over the left edge: 39 by the official rule, 30 by that of mmpose.
    record = query([0, 0, 2], bbox=(-10, 0, 40, 9))
    near = sample(record, [[7, 0]])
    assert evaluate([near])['PCK@0.2'] == 1
    assert evaluate([near], box='mmpose')['PCK@0.2'] == 0


def test_mask_of_query_and_supports():
    seen = np.array([True, False, True])
    record = query([5, 5, 2, 5, 5, 2, 5, 5, 0], support_visible=seen)
    found = evaluate([sample(record, [[5, 5], [90, 90], [90, 90]])])
    assert found['PCK@0.05'] == 1


def test_empty_query_counts_zero_or_is_left_out():
    full = sample(query([5, 5, 2]), [[5, 5]])
    empty = sample(query([0, 0, 0], query=1), [[5, 5]])
    assert evaluate([full, empty])['PCK@0.2'] == 0.5
    assert evaluate([full, empty])['NME'] == 0
    found = evaluate([full, empty], empty='skip')
    assert found['PCK@0.2'] == 1
    assert (found['num_queries'], found['num_empty']) == (2, 1)
    with pytest.raises(ValueError, match='no query to score'):
        evaluate([empty], empty='skip')


def test_unanswered_query_has_nothing_right():
    full = sample(query([5, 5, 2]), [[45, 5]])
    record = query([5, 5, 2], query=1)
    none = sample(record, np.zeros((0, 1, 2)), category('cat', 1))
    found = evaluate([full, none])
    assert found['PCK@0.25'] == 0
    assert found['NME'] == 1  # of the one that was answered
    assert found['num_unanswered'] == 1


@pytest.mark.parametrize(
    ('frame', 'instance', 'expected'),
    [
        ('crop', None, 0.0),
        ('crop', 'fit', 1.0),
        ('picture', None, 1.0),
        ('picture', 'score', 0.0),
    ],
)
def test_which_instance_answers(frame, instance, expected):
    shift = np.array([[1, 0, 50], [0, 1, 0]], float)
    record = query(
        [55, 5, 2], bbox=(50, 0, 41, 21), frame=frame, to_picture=shift
    )
    item = sample(record, [[[90, 90]], [[5, 5]]])
    item['pred_instances']['scores'] = torch.tensor([0.9, 0.1])
    item['pred_instances']['bboxes'] = torch.tensor(
        [[50.0, 0, 91, 21], [0, 0, 41, 21]]
    )
    assert evaluate([item], instance=instance)['PCK@0.2'] == expected


@pytest.mark.parametrize(
    ('boxes', 'scores', 'chosen'),
    [
        # IoU 1 x 0.1 against IoU 1/3 x 0.9.
        ([[10, 10, 50, 30], [30, 10, 70, 30]], [0.1, 0.9], 1),
        ([[10, 10, 50, 30], [30, 10, 70, 30]], [0.4, 0.9], 0),
        # None overlaps: the nearest, whatever its score.
        ([[90, 0, 99, 9], [60, 10, 70, 30]], [0.9, 0.1], 1),
    ],
)
def test_fit_is_score_times_overlap_with_the_given_box(boxes, scores, chosen):
    truth = [5, 5]
    record = query(
        [*truth, 2],
        bbox=(0, 0, 41, 21),
        given_bbox=(10, 10, 40, 20),
        frame='picture',
    )
    predicted = [[[90, 90]], [[90, 90]]]
    predicted[chosen] = [truth]
    item = sample(record, predicted)
    item['pred_instances']['scores'] = torch.tensor(scores)
    item['pred_instances']['bboxes'] = torch.tensor(boxes)
    assert evaluate([item])['PCK@0.2'] == 1


def test_padded_and_wrong_predictions():
    record = query([5, 5, 2, 9, 9, 2])
    padded = sample(record, [[5, 5], [9, 9], [0, 0]])
    assert evaluate([padded])['PCK@0.05'] == 1
    with pytest.raises(ValueError, match='annotation 9 has keypoints of sha'):
        evaluate([sample(record, [[5, 5]])])
    with pytest.raises(ValueError, match='annotation 9 has a coordinate'):
        evaluate([sample(record, [[5, 5], [math.nan, 0]])])


def test_interval_by_hand():
    # Two categories with two and three episodes of two queries.
    episodes = np.repeat(np.arange(5), 2)
    categories = np.array(['a'] * 4 + ['b'] * 6)
    scores = np.array([0, 0.5, 1, 1, 0, 0, 1, 1, 0.5, 0.5])[:, None]
    means_a, means_b = [0.25, 1.0], [0.0, 1.0, 0.5]
    variance = (
        0.4**2 * np.var(means_a, ddof=1) / 2
        + 0.6**2 * np.var(means_b, ddof=1) / 3
    )
    found = half_width(scores, episodes, categories)
    assert found[0] == pytest.approx(1.959964 * np.sqrt(variance))
    assert half_width(scores[2:], episodes[2:], categories[2:]) is None


def test_interval_of_the_error_is_over_the_answered_queries():
    # Errors 0.1 and 0.3, nothing; 0.2, empty; of two episodes.
    found = evaluate(
        [
            sample(query([5, 5, 2], query=0), [[9, 5]]),
            sample(query([5, 5, 2], query=1), [[17, 5]]),
            sample(
                query([5, 5, 2], query=2),
                np.zeros((0, 1, 2)),
                category('cat', 1, 'animal'),
            ),
            sample(query([5, 5, 2], episode=1), [[13, 9]]),
            sample(query([5, 5, 0], episode=1, query=1), [[13, 5]]),
        ]
    )
    third = math.hypot(8, 4) / 40
    errors = np.array([0.1, 0.3, third])
    assert found['NME'] == pytest.approx(errors.mean())
    offset = errors - errors.mean()
    sums = np.array([offset[:2].sum(), offset[2]])
    assert found['NME/ci95'] == pytest.approx(
        1.959964 * np.sqrt(2 * (sums**2).sum()) / 3
    )


def test_interval_of_the_error_needs_two_episodes_with_errors():
    record = query([5, 5, 2], episode=1)
    none = sample(record, np.zeros((0, 1, 2)), category('cat', 1, 'animal'))
    found = evaluate([sample(query([5, 5, 2]), [[9, 5]]), none])
    assert 'mPCK/ci95' in found and 'NME/ci95' not in found
    unanswered = [
        {**none, 'episode': query([5, 5, 2], episode=i)} for i in (0, 1)
    ]
    found = evaluate(unanswered)
    assert 'mPCK/ci95' in found and 'NME/ci95' not in found


def test_interval_covers_the_truth():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(300):
        # The queries of an episode share its luck.
        luck = rng.normal(0.5, 0.2, 30)
        scores = np.repeat(luck, 5)[:, None] + rng.normal(0, 0.1, (150, 1))
        episodes = np.repeat(np.arange(30), 5)
        width = half_width(scores, episodes, np.array(['a'] * 150))
        hits += abs(scores.mean() - 0.5) < width[0]
    assert 0.9 < hits / 300 < 0.98


def test_interval_is_absent_with_one_episode():
    found = evaluate([sample(query([5, 5, 2]), [[5, 5]])])
    assert not [key for key in found if 'ci95' in key]


def test_per_keypoint():
    def errors(number, values, counted):
        return QueryErrors(
            number,
            0,
            'cat',
            '',
            ('nose', 'ear', 'tail'),
            np.array(values),
            np.array(counted),
        )

    found = keypoint_shares(
        [
            errors(0, [0.1, np.inf, 0.0], [True, True, False]),
            errors(1, [0.3, np.inf, 0.0], [True, True, False]),
        ],
        [0.2],
    )
    assert found == {
        'cat': {
            'nose': {
                'PCK@0.2': 0.5,
                'NME': pytest.approx(0.2),
                'count': 2,
            },
            'ear': {'PCK@0.2': 0.0, 'NME': -1.0, 'count': 2},
        }
    }


def test_protocol_hash_and_file(tmp_path):
    path = tmp_path / 'scores.json'
    metric = CapePCK(outfile=str(path))
    about = {**ABOUT, 'perturbation': 'order (shuffled)'}
    metric.dataset_meta = {'episodes': about}
    items = [
        sample(query([5, 5, 2], query=i), [[5 + 3 * i, 5]]) for i in (0, 1)
    ]
    metric.process({}, items)
    found = metric.compute_metrics(metric.results)
    assert found['episodes_sha256'] == 'ab' * 32
    for text in (
        'max(w, h)',
        'official clipping',
        'mPCK over t = 0.05, 0.1, 0.15, 0.2, 0.25',
        'empty query: zero',
        "frame: crop (square of the query's box x 1.25), instance by score",
        'PERTURBED: order (shuffled)',
        '1-shot, 2 of 4 episodes (distinct_pictures) of a.json, sha256 abab',
        'ci95: normal, over episodes within categories',
        'PARTIAL: 2 of 3 queries',
    ):
        assert text in found['protocol']
    stored = json.loads(path.read_text())
    assert {k: stored[k] for k in found} == found
    assert stored['keypoints']['cat']['point 0']['PCK@0.05'] == 0.5


def test_refused_arguments():
    for wrong in (
        {'box': 'tight'},
        {'empty': 'one'},
        {'instance': 'best'},
        {'thresholds': ()},
        {'thresholds': (0.1, 0)},
        {'auc_range': 0},
    ):
        with pytest.raises(ValueError, match='CapePCK: '):
            CapePCK(**wrong)
