# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json

import pytest
from mmpose.registry import METRICS

from projects.common.datasets import Selection, UniKPTDataset
from projects.common.evaluation import PerSourceMetric, PromptKeypointMetric
from tests.fed_back import prediction, shuffle
from tests.unikpt_content import content, write

ANN = 'annotations/unikpt_train.json'
WHOLE = 'each benchmark by its own protocol, no boxes given'
AP = {'report': ['keypoint/AP', 'keypoint/AP_M', 'keypoint/AP_L']}
FACE = {
    'nme': ('left eye', 'right eye'),
    'report': ['NME/left eye to right eye', 'NME/found', 'PCK@0.2'],
}


@pytest.fixture
def root(tmp_path):
    write(tmp_path)
    for name in ('zoo', 'farm', 'portraits'):
        part = Selection(sources=[name]).apply(content(), '')
        path = tmp_path / 'annotations' / f'{name}_val.json'
        path.write_text(json.dumps(part))
    return tmp_path


def infos(root, **select):
    data = UniKPTDataset(
        ann_file=ANN,
        data_root=str(root),
        select=select,
        serialize_data=False,
    )
    return [data.get_data_info(index) for index in range(len(data))]


def benchmark(name, metric):
    return {'ann_file': f'annotations/{name}_val.json', 'metric': metric}


def evaluate(metric, samples):
    metric.process({}, samples)
    return metric.evaluate(len(samples))


def all_four(root, **kwargs):
    return METRICS.build(
        {
            'type': 'PerSourceMetric',
            'data_root': str(root),
            'benchmarks': {
                'zoo': benchmark('zoo', AP),
                'farm': benchmark('farm', {'report': ['PCK@0.2']}),
                'portraits': benchmark('portraits', FACE),
                'cats': benchmark(
                    'zoo', {**AP, 'select': {'families': ['Felidae']}}
                ),
            },
            **kwargs,
        }
    )


def test_ground_truth_is_perfect_in_every_benchmark(root):
    samples = [
        prediction(info)
        for info in infos(root, sources=['zoo', 'farm', 'portraits'])
    ]
    # All objects have 1200 px^2, so none is large.
    ap = {'keypoint/AP': 1.0, 'keypoint/AP_M': 1.0, 'keypoint/AP_L': -1.0}
    of_face = {'NME/left eye to right eye': 0.0, 'NME/found': 1.0}
    expected = {
        'zoo': {**ap, 'num_images': 4, 'num_images_total': 4},
        'farm': {'PCK@0.2': 1.0, 'num_images': 2, 'num_images_total': 2},
        'portraits': {
            **of_face,
            'PCK@0.2': 1.0,
            'num_images': 2,
            'num_images_total': 2,
        },
        'cats': {**ap, 'num_images': 3, 'num_images_total': 3},
    }
    flat = {
        f'{name}/{key}': value
        for name, values in expected.items()
        for key, value in values.items()
    }
    flat |= {'keypoint/AP': 1.0}
    flat |= {'num_benchmarks': 4, 'num_benchmarks_total': 4}
    values = evaluate(all_four(root), samples)
    assert values.pop('protocol') == WHOLE
    assert values == pytest.approx(flat)


def test_one_source_alone_spoilt(root):
    samples = [
        prediction(info, move=shuffle if info['source'] == 'zoo' else None)
        for info in infos(root, sources=['zoo', 'farm', 'portraits'])
    ]
    values = evaluate(all_four(root), samples)
    assert values['zoo/keypoint/AP'] == values['cats/keypoint/AP'] == 0.0
    assert values['farm/PCK@0.2'] == 1.0
    assert values['portraits/NME/left eye to right eye'] == 0.0
    # Of the means over the sets' categories: 0, 1, 1; cats are of the zoo.
    assert values['keypoint/AP'] == pytest.approx(2 / 3)


def test_every_set_counts_once_in_the_mean(root):
    """Right are the farm and, of the zoo, all but the cats (Felidae)."""
    samples = [
        prediction(info) for info in infos(root, sources=['zoo', 'farm'])
    ]
    for sample in samples:
        names = [c.name for c in sample['prompts']['categories']]
        labels = sample['pred_instances']['labels'].tolist()
        for index, label in enumerate(labels):
            if names[label] in ('cat', 'lion') and sample['img_id'] < 11:
                sample['pred_instances']['keypoints'][index] += 500
    parts = {
        name: benchmark('zoo', {**AP, 'select': {'families': [name]}})
        for name in ('Felidae', 'Canidae')
    }
    zoo, farm = benchmark('zoo', AP), benchmark('farm', AP)

    def mean(**benchmarks):
        metric = PerSourceMetric(benchmarks, str(root))
        return evaluate(metric, samples)

    values = mean(zoo=zoo, farm=farm, **parts)
    whole = values['zoo/keypoint/AP']
    assert 0 < whole < 1
    assert values['Felidae/keypoint/AP'] == 0
    assert values['Canidae/keypoint/AP'] == pytest.approx(1)
    assert values['keypoint/AP'] == pytest.approx((whole + 1) / 2)
    # Without the whole its parts are one set together.
    assert mean(farm=farm, **parts)['keypoint/AP'] == pytest.approx(3 / 4)
    assert mean(Felidae=parts['Felidae'])['keypoint/AP'] == 0


def test_equals_a_metric_of_the_source_alone(root):
    few = [prediction(info) for info in infos(root, sources=['zoo'])[:3]] + [
        prediction(info, move=shuffle) for info in infos(root)[-3:]
    ]
    together = evaluate(all_four(root), few)
    own = PromptKeypointMetric(str(root / 'annotations/zoo_val.json'))
    zoo = [s for s in few if s['img_id'] in {7, 8, 9, 10}]
    alone = evaluate(own, zoo)
    for key in AP['report']:
        assert together[f'zoo/{key}'] == alone[key]
    # Picture 10 was shuffled: one of two dogs is wrong.
    assert 0 < alone['keypoint/AP'] < 1


def test_only_some_benchmarks(root, monkeypatch):
    messages = []
    monkeypatch.setattr(
        'projects.common.datasets.benchmarks.print_log',
        lambda text, **_: messages.append(text),
    )
    samples = [prediction(info) for info in infos(root, sources=['farm'])]
    values = evaluate(all_four(root, names='farm'), samples)
    assert values.pop('protocol') == WHOLE
    assert values == pytest.approx(
        {
            'farm/PCK@0.2': 1.0,
            'farm/num_images': 2,
            'farm/num_images_total': 2,
            'keypoint/AP': 1.0,
            'num_benchmarks': 1,
            'num_benchmarks_total': 1,
        }
    )
    (root / 'annotations/zoo_val.json').unlink()
    values = evaluate(all_four(root, names='farm,zoo'), samples)
    assert (values['num_benchmarks'], values['num_benchmarks_total']) == (1, 2)
    assert values['protocol'] == f'{WHOLE}; PARTIAL: 1 of 2 benchmarks (farm)'
    assert messages == [
        'partial: PerSourceMetric goes without zoo, not built.'
    ]
    with pytest.raises(ValueError, match="PerSourceMetric: .* 'zo' among"):
        all_four(root, names='zo')


def test_nothing_of_a_part_and_parts_of_a_set(root, monkeypatch):
    messages = []
    monkeypatch.setattr(
        'projects.common.evaluation.per_source_metric.print_log',
        lambda text, **_: messages.append(text),
    )
    path = root / 'annotations/zoo_val.json'
    zoo = json.loads(path.read_text())
    path.write_text(json.dumps({**zoo, 'info': {'partial': 'half a zoo'}}))
    benchmarks = {
        name: benchmark('zoo', {**AP, 'select': {'families': [name]}})
        for name in ('Felidae', 'Ursidae')
    }
    values = evaluate(
        PerSourceMetric(benchmarks, str(root)),
        [prediction(info) for info in infos(root, sources=['zoo'])],
    )
    assert values['Felidae/keypoint/AP'] == pytest.approx(1)
    assert values['protocol'] == (
        f'{WHOLE}; PARTIAL: 1 of 2 benchmarks (Felidae); Felidae: half a zoo'
    )
    (message,) = messages
    assert 'partial: PerSourceMetric goes without Ursidae' in message


def test_a_key_that_is_not_there(root):
    metric = PerSourceMetric(
        {'zoo': benchmark('zoo', {'report': ['NME/found']})}, str(root)
    )
    samples = [prediction(info) for info in infos(root, sources=['zoo'])]
    with pytest.raises(ValueError, match="'zoo' is to report 'NME/found', bu"):
        evaluate(metric, samples)


def select_metric(root, **select):
    return PromptKeypointMetric(str(root / ANN), select=select)


def test_family_filter_by_hand(root, monkeypatch):
    """Felidae are 3 cats and 1 lion in three of the zoo's pictures."""
    warnings = []
    monkeypatch.setattr(
        'projects.common.evaluation.prompt_keypoint_metric._warn',
        warnings.append,
    )
    chosen = {'sources': ['zoo'], 'families': ['Felidae']}
    metric = select_metric(root, **chosen)
    truth = metric.truth
    assert truth.images == [7, 8, 10]
    assert [c.name for c in truth.categories.values()] == ['cat', 'lion']
    assert len(truth.annotations) == 4
    assert {9, 11} <= truth.other_images
    # Detections of the whole zoo: dogs and their pictures do not count.
    whole = infos(root, sources=['zoo'])
    values = evaluate(metric, [prediction(info) for info in whole])
    assert values['keypoint/AP'] == pytest.approx(1)
    assert values['num_images'] == values['num_images_total'] == 3
    assert 'keypoint/AP/dog' not in values
    assert warnings == []
    # Without the last picture's cat, 2 of 3 are found: recall 0.66.
    values = evaluate(metric, [prediction(info) for info in whole[:3]])
    for name in ('cat', 'lion'):
        assert values[f'keypoint/AP/{name}'] == pytest.approx(1)
    assert len(warnings) == 1 and warnings[0].startswith('partial: 2 of 3')
    empty = prediction(whole[3])
    empty['pred_instances']['scores'] *= 0
    empty['pred_instances']['keypoints'] += 500
    values = evaluate(
        metric, [*(prediction(info) for info in whole[:3]), empty]
    )
    assert values['keypoint/AP/cat'] == pytest.approx(67 / 101)
    assert values['keypoint/AP'] == pytest.approx((67 / 101 + 1) / 2)


def test_pictures_that_the_file_does_not_have_are_an_error(root):
    (info,) = infos(root, sources=['shop'])
    sample = prediction(info)
    metric = select_metric(root, sources=['zoo'])
    assert evaluate(metric, [sample])['num_images'] == 0
    sample['img_id'] = 77
    with pytest.raises(ValueError, match=r'image ids \[77\]'):
        evaluate(metric, [sample])
