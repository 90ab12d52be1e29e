# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json

import numpy as np
import pytest
import torch

from projects.common.evaluation import (
    PromptKeypointMetric,
    prompt_keypoint_metric,
)
from projects.common.evaluation.prompt_keypoint_metric import (
    MIN_KEYPOINT_SCORE,
)
from projects.common.structures import (
    KeypointCategory,
    KeypointPrompt,
    SupportShot,
)

CATEGORIES = [
    {
        'id': 3,
        'name': 'Cat',
        'supercategory': 'animal',
        'keypoints': ['nose', 'left ear', 'right ear', 'tail'],
        'sigmas': [0.05, 0.05, 0.05, 0.1],
    },
    {
        'id': 7,
        'name': 'chair',
        'supercategory': 'furniture',
        'keypoints': ['a', 'b'],
    },
    {'id': 9, 'name': 'dog', 'supercategory': 'animal', 'keypoints': ['nose']},
    {'id': 11, 'name': 'unused', 'supercategory': 'other', 'keypoints': ['x']},
]
POINTS = {
    3: [[20, 30, 2], [60, 30, 2], [40, 90, 1], [0, 0, 0]],
    7: [[20, 30, 2], [60, 90, 2]],
    9: [[30, 40, 2]],
}


def truth_record(index, image, category, dx=0.0):
    points = np.array(POINTS[category], dtype=float)
    points[:, 0] += dx
    return {
        'id': index,
        'image_id': image,
        'category_id': category,
        'bbox': [10.0 + dx, 20.0, 60.0, 80.0],
        'area': 4800.0,
        'iscrowd': 0,
        'num_keypoints': int((points[:, 2] > 0).sum()),
        'keypoints': points.ravel().tolist(),
    }


ANNOTATIONS = [
    truth_record(1, 1, 3),
    truth_record(2, 1, 7, 100.0),
    truth_record(3, 2, 9),
    truth_record(4, 2, 9, 200.0),
]


@pytest.fixture
def warnings(monkeypatch):
    messages = []
    monkeypatch.setattr(prompt_keypoint_metric, '_warn', messages.append)
    return messages


@pytest.fixture
def ann_file(tmp_path):
    path = tmp_path / 'val.json'
    write(path)
    return str(path)


def write(path, **changes):
    content = {
        'images': [
            {'id': i, 'file_name': f'{i}.png', 'width': 640, 'height': 480}
            for i in (1, 2, 3)
        ],
        'categories': CATEGORIES,
        'annotations': ANNOTATIONS,
    }
    path.write_text(json.dumps({**content, **changes}))


def sample(image, records=(), names=None, dx=0.0):
    """What a model predicts: the records, shifted by dx pixels."""
    by_id = {c['id']: KeypointCategory.from_coco(c) for c in CATEGORIES}
    # The prompt's order differs from the file's.
    categories = names or tuple(reversed(by_id.values()))
    ids = list(reversed(by_id))
    k_max = max(c.num_keypoints for c in categories)
    keypoints = torch.zeros(len(records), k_max, 2)
    boxes = torch.zeros(len(records), 4)
    for row, record in enumerate(records):
        xyv = torch.tensor(record['keypoints']).view(-1, 3)
        keypoints[row, : len(xyv)] = xyv[:, :2] + torch.tensor([dx, 0.0])
        x, y, w, h = record['bbox']
        boxes[row] = torch.tensor([x, y, x + w, y + h])
    prompt = KeypointPrompt.from_categories(categories)
    return {
        'img_id': image,
        'prompts': prompt.to_dict(),
        'pred_instances': {
            'bboxes': boxes,
            'scores': torch.linspace(0.9, 0.5, len(records)),
            'labels': torch.tensor(
                [ids.index(r['category_id']) for r in records]
            ).long(),
            'keypoints': keypoints,
            'keypoint_scores': torch.zeros(len(records), k_max),
        },
    }


def run(ann_file, samples, **kwargs):
    metric = PromptKeypointMetric(ann_file, **kwargs)
    metric.process({}, samples)
    return metric.evaluate(len(samples))


def perfect_samples():
    return [
        sample(1, ANNOTATIONS[:2]),
        sample(2, ANNOTATIONS[2:]),
        sample(3),
    ]


def test_perfect_predictions_of_mixed_k(ann_file):
    metrics = run(ann_file, perfect_samples(), pck_thr=(0.1, 0.2))
    expected = {
        f'keypoint/{k}': 1.0
        for k in (
            'AP',
            'AP50',
            'AP75',
            'AP_M',
            'AR',
            'AP/Cat',
            'AP/chair',
            'AP/dog',
            'AP/super/animal',
            'AP/super/furniture',
        )
    }
    expected |= {f'bbox/{k}': 1.0 for k in ('AP', 'AP50', 'AP75', 'AP_M')}
    # All objects have 4800 px^2: none is large.
    expected |= {'keypoint/AP_L': -1.0, 'bbox/AP_L': -1.0}
    for thr in ('PCK@0.1', 'PCK@0.2'):
        expected |= {f'{thr}{k}': 1.0 for k in ('', '/Cat', '/chair', '/dog')}
        expected[thr.replace('PCK', 'PCK_all')] = 1.0
    # Placed perfectly, but the model says 0; the cat's tail is not labelled.
    expected |= {'keypoint/score_ECE': 7 / 8 - MIN_KEYPOINT_SCORE}
    expected |= {'keypoint/score_thr': 0.5}  # the worst is right as well
    expected |= {'num_images': 3, 'num_images_total': 3}
    assert metrics == pytest.approx(expected)


def test_means_are_over_categories_with_ground_truth(ann_file):
    samples = [sample(1, ANNOTATIONS[:1]), sample(2, ANNOTATIONS[2:3])]
    metrics = run(ann_file, samples + [sample(3)])
    # One of two dogs: recall 0.5, so 51 of the 101 recall points.
    dog = 51 / 101
    assert metrics['keypoint/AP/dog'] == pytest.approx(dog)
    assert metrics['keypoint/AP/chair'] == 0.0
    assert metrics['keypoint/AP'] == pytest.approx((1 + 0 + dog) / 3)
    assert metrics['keypoint/AP/super/animal'] == pytest.approx((1 + dog) / 2)
    assert metrics['keypoint/AR'] == pytest.approx((1 + 0 + 0.5) / 3)
    assert metrics['bbox/AP'] == pytest.approx((1 + 0 + dog) / 3)
    assert metrics['PCK@0.2/dog'] == 0.5
    assert metrics['PCK@0.2'] == pytest.approx(0.5)
    # Labelled are 3 of the cat, 2 of the chair and 1 of each dog.
    assert metrics['PCK_all@0.2'] == pytest.approx((3 + 0 + 1) / 7)
    assert not any('unused' in key for key in metrics)


def test_displacement_and_each_category_its_sigmas(ann_file):
    # OKS of the shifted cat: its three labelled keypoints have sigma 0.05.
    dx = 7.0
    oks = np.exp(-(dx**2) / (2 * 4800 * 0.1**2))
    metrics = run(
        ann_file,
        [
            sample(1, ANNOTATIONS[:2], dx=dx),
            sample(2, ANNOTATIONS[2:], dx=dx),
            sample(3),
        ],
        pck_thr=[dx / 80, dx / 80 + 1e-4],
    )
    passed = (np.linspace(0.5, 0.95, 10) <= oks).mean()
    assert 0 < passed < 1
    assert metrics['keypoint/AP/Cat'] == pytest.approx(passed)
    assert metrics['keypoint/AP'] == pytest.approx(passed)
    assert metrics['bbox/AP'] == pytest.approx(1.0)
    assert [metrics[k] for k in ('PCK@0.0875', 'PCK@0.0876')] == [0.0, 1.0]


def test_empty_predictions(ann_file):
    metrics = run(ann_file, [sample(1), sample(2), sample(3)])
    for key in ('keypoint/AP', 'keypoint/AR', 'bbox/AP', 'PCK@0.2'):
        assert metrics[key] == 0.0
    assert 'keypoint/score_ECE' not in metrics


def test_no_ground_truth_at_all(tmp_path):
    write(tmp_path / 'a.json', annotations=[])
    metrics = run(str(tmp_path / 'a.json'), [sample(1, ANNOTATIONS[:2])])
    for key in ('keypoint/AP', 'bbox/AP', 'PCK@0.2'):
        assert metrics[key] == -1.0
    assert 'keypoint/score_ECE' not in metrics


def test_partial_evaluation_says_so(ann_file, warnings):
    metrics = run(ann_file, [sample(1, ANNOTATIONS[:2])] * 2)
    assert (metrics['num_images'], metrics['num_images_total']) == (1, 3)
    # Only the pictures that were seen are scored, and each of them once.
    assert metrics['keypoint/AP'] == pytest.approx(1.0)
    assert metrics['bbox/AP'] == pytest.approx(1.0)
    assert 'keypoint/AP/dog' not in metrics
    assert len(warnings) == 1 and 'partial: 1 of 3 pictures' in warnings[0]


def test_foreign_prompts_are_dropped(ann_file, warnings):
    other = tuple(
        KeypointCategory.from_coco(dict(c, name=n))
        for c, n in zip(reversed(CATEGORIES), ('a', 'bird', 'b', 'CAT'))
    )
    first = sample(1, ANNOTATIONS[:2], names=other)
    metrics = run(ann_file, [first, sample(2), sample(3)])
    assert metrics['keypoint/AP/Cat'] == pytest.approx(1.0)
    assert metrics['keypoint/AP/chair'] == 0.0
    assert len(warnings) == 1 and "['a', 'b', 'bird']" in warnings[0]


def test_writes_coco_results(ann_file, tmp_path):
    prefix = tmp_path / 'out' / 'tiny'
    run(ann_file, perfect_samples(), outfile_prefix=str(prefix))
    files = list((tmp_path / 'out').iterdir())
    assert [f.name for f in files] == ['tiny.keypoints.json']
    records = json.loads(files[0].read_text())
    assert [r['category_id'] for r in records] == [3, 7, 9, 9]
    assert [len(r['keypoints']) for r in records] == [12, 6, 3, 3]
    assert records[0]['bbox'] == [10.0, 20.0, 60.0, 80.0]


def test_prefix_and_no_warning_without(ann_file):
    assert PromptKeypointMetric(ann_file).prefix == ''
    metrics = run(ann_file, perfect_samples(), prefix='mouse')
    assert metrics['mouse/keypoint/AP'] == pytest.approx(1.0)


def test_bad_input(ann_file, tmp_path):
    with pytest.raises(FileNotFoundError, match='does not exist. Check'):
        PromptKeypointMetric(str(tmp_path / 'no.json'))
    with pytest.raises(ValueError, match='positive'):
        PromptKeypointMetric(ann_file, pck_thr=[])
    with pytest.raises(ValueError, match=r'image ids \[77\]'):
        run(ann_file, [sample(77)])
    changed = tuple(
        KeypointCategory(c['name'], (*c['keypoints'], 'more'))
        for c in reversed(CATEGORIES[:1])
    )
    with pytest.raises(ValueError, match='"Cat" has 5 keypoints, but .* 4'):
        run(ann_file, [sample(1, names=changed)])
    path = tmp_path / 'bad.json'
    path.write_text('{"images": []}')
    with pytest.raises(ValueError, match='lacks annotations, categ'):
        PromptKeypointMetric(str(path))
    other = {'id': 50, 'name': 'cat', 'keypoints': ['nose']}
    write(path, categories=[*CATEGORIES, other])
    with pytest.raises(ValueError, match='have one name but other keypoin'):
        PromptKeypointMetric(str(path))
    short = dict(ANNOTATIONS[0], keypoints=[1, 2])
    write(path, annotations=[short])
    with pytest.raises(ValueError, match='annotation 1 has 2 numbers in'):
        PromptKeypointMetric(str(path))
    write(path, annotations=[dict(ANNOTATIONS[0], category_id=99)])
    with pytest.raises(ValueError, match='unknown category id 99'):
        PromptKeypointMetric(str(path))


@pytest.mark.parametrize('ids', [[1, 1, 1, 1], [0, 1, 2, 3], [None] * 4])
def test_ids_of_annotations_do_not_matter(tmp_path, ids):
    """COCO's code would lose what matches id 0, or a repeated id."""
    records = [dict(a, id=i) for a, i in zip(ANNOTATIONS, ids)]
    write(tmp_path / 'a.json', annotations=records)
    metrics = run(
        str(tmp_path / 'a.json'),
        [sample(1, ANNOTATIONS[:2]), sample(2, ANNOTATIONS[2:]), sample(3)],
    )
    assert metrics['keypoint/AP'] == pytest.approx(1.0)
    assert metrics['bbox/AP'] == pytest.approx(1.0)


def test_annotations_without_keypoints_count_for_boxes_only(tmp_path):
    record = {k: v for k, v in ANNOTATIONS[0].items() if k != 'keypoints'}
    write(tmp_path / 'a.json', annotations=[record])
    metrics = run(
        str(tmp_path / 'a.json'),
        [sample(1, ANNOTATIONS[:1]), sample(2), sample(3)],
    )
    assert metrics['bbox/AP'] == pytest.approx(1.0)
    assert metrics['keypoint/AP'] == -1.0 and metrics['PCK@0.2'] == -1.0


def with_quality(made, scores, visible=None, mask=None):
    """A sample whose first detection has these per-keypoint numbers."""
    found = made['pred_instances']
    found['keypoint_scores'] = torch.tensor([scores])
    if visible is not None:
        found['keypoints_visible'] = torch.tensor([visible])
    if mask is not None:
        found['keypoint_mask'] = torch.tensor([mask])
    return made


def test_quality_of_keypoint_scores_by_hand(ann_file):
    # The cat is shifted; its keypoints have v = 2, 2, 1, 0.
    dx = 7.0
    similar = np.exp(-(dx**2) / (2 * 4800 * 0.1**2))
    scores = [0.95, 0.5, 0.45, 0.05]
    made = with_quality(
        sample(1, ANNOTATIONS[:1], dx=dx), scores, [0.9, 0.4, 0.6, 0.4]
    )
    metrics = run(ann_file, [made])
    gaps = np.abs(np.array(scores) - [similar, similar, similar, 0])
    assert metrics['keypoint/score_ECE'] == pytest.approx(gaps.mean())
    # Visible 0.9, 0.4 against 0.6, 0.4: wins 2 + half of a tie.
    assert metrics['keypoint/visibility_AUC'] == pytest.approx(2.5 / 4)


def test_keypoints_that_no_example_shows_do_not_count(ann_file):
    made = with_quality(
        sample(1, ANNOTATIONS[:1]),
        [0.9, 0.0, 0.7, 0.2],
        [0.9, 0.0, 0.5, 0.1],
        [True, False, True, True],
    )
    metrics = run(ann_file, [made])
    expected = (0.1 + 0.3 + 0.2) / 3
    assert metrics['keypoint/score_ECE'] == pytest.approx(expected)
    assert metrics['keypoint/visibility_AUC'] == 1.0


def test_one_detection_without_visibility_and_there_is_no_auc(ann_file):
    first = with_quality(
        sample(1, ANNOTATIONS[:1]), [1.0, 1, 1, 0], [1.0, 1, 0, 0]
    )
    second = sample(2, ANNOTATIONS[2:3])
    metrics = run(ann_file, [first])
    assert metrics['keypoint/visibility_AUC'] == 1.0
    assert metrics['keypoint/score_ECE'] == pytest.approx(0, abs=1e-5)
    metrics = run(ann_file, [first, second])
    assert 'keypoint/visibility_AUC' not in metrics
    assert metrics['keypoint/score_ECE'] == pytest.approx(1 / 5, abs=1e-5)


def test_detections_that_match_nothing_do_not_count(ann_file):
    made = with_quality(
        sample(1, ANNOTATIONS[:1], dx=1.0), [0.5] * 4, [0.5] * 4
    )
    made['pred_instances']['bboxes'] += 300
    metrics = run(ann_file, [made])
    assert not any('ECE' in key or 'AUC' in key for key in metrics)


def shot(annotation_id, count):
    return SupportShot(
        torch.zeros(3, 8, 8, dtype=torch.uint8),
        torch.ones(count, 2),
        torch.full((count,), 2.0),
        annotation_id=annotation_id,
    )


def test_examples_are_listed_once(ann_file, tmp_path):
    cat, chair, dog, _ = map(KeypointCategory.from_coco, CATEGORIES)
    made = []
    for image, ids in ((1, [30, 4]), (2, [4, 7]), (3, [None])):
        made.append(sample(image))
        made[-1]['prompts'] = KeypointPrompt.from_categories(
            [dog, cat, chair],
            supports=[[shot(9, 1)], [shot(i, 4) for i in ids], []],
            modalities=['combined', 'visual', 'text'],
        ).to_dict()
    run(ann_file, made, outfile_prefix=str(tmp_path / 'run'))
    written = json.loads((tmp_path / 'run.supports.json').read_text())
    assert written == {
        'Cat': {'modalities': ['visual'], 'annotation_ids': [4, 7, 30, None]},
        'dog': {'modalities': ['combined'], 'annotation_ids': [9]},
    }
    assert json.loads((tmp_path / 'run.keypoints.json').read_text()) == []


def test_views_say_which_step_loses_the_accuracy(ann_file):
    # The cat is found as a cat, and better so as a chair at the same place.
    cat, chair = ANNOTATIONS[:2]
    wrong = {**chair, 'bbox': cat['bbox']}
    samples = [sample(1, [wrong, cat, chair]), *perfect_samples()[1:]]
    views = ('one_label', 'given_class', 'given_box')
    metrics = run(ann_file, samples, views=views)
    # Of one label each, the cat is lost: chair and dog are left.
    assert metrics['one_label/PCK@0.2'] == pytest.approx(2 / 3)
    assert metrics['one_label/label_accuracy'] == 3 / 4
    assert metrics['one_label/keypoint/AP'] < metrics['keypoint/AP']
    assert metrics['keypoint/AP'] < 1  # the wrong chair comes first
    for view in views[1:]:
        assert metrics[f'{view}/keypoint/AP'] == pytest.approx(1)
        assert metrics[f'{view}/PCK@0.2'] == pytest.approx(1)
    with pytest.raises(ValueError, match=r"unknown names \['best'\]; choose"):
        run(ann_file, samples, views=['best'])
