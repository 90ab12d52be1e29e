# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Every config of UniKPT on miniatures of all its sources."""

import json
import os
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import DATA_SAMPLERS, DATASETS, METRICS

import projects.xpose  # noqa: F401  registers what configs name
from projects.benchmarks.results import data_file
from projects.common.datasets import PromptCocoDataset
from projects.unikpt import SOURCES
from projects.unikpt.build import BuildOptions, build
from projects.unikpt.vocabulary import load_vocabulary
from tests.cocoeval import KEYPOINTS, as_coco, cocoeval, spoilt
from tests.conftest import REPO_ROOT
from tests.fed_back import fed_back, shuffle
from tests.unikpt_minis import MINIS

SAMPLES = os.environ.get('MMPOSE_TESTS_DATA')
FOLDER = REPO_ROOT / 'configs/promptable_2d_keypoint/xpose/unikpt'
NAMES = sorted(path.name for path in FOLDER.glob('*.py'))
EVALUATED = [name for name in NAMES if 'prompt-alignment' not in name]
FOUR = ['coco', 'humanart', 'ap10k', 'apt36k']
NINE = [
    *FOUR,
    'macaque',
    'animal_kingdom',
    'animalweb',
    'vinegar_fly',
    'desert_locust',
]
TRAINED = [name for name in MINIS if name != 'animalpose']


@pytest.fixture(scope='module')
def built(tmp_path_factory):
    """A folder with UniKPT, built from miniatures of all sources."""
    root = tmp_path_factory.mktemp('unikpt')
    folders = {name: root / 'sources' / name for name in MINIS}
    for name, write in MINIS.items():
        folders[name].mkdir(parents=True)
        write(folders[name])
    build(root / 'built', folders, load_vocabulary(), BuildOptions())
    # The picture that MP-100's miniature holds out shows neither clothes nor
    # vehicles.
    annotations = root / 'built' / 'annotations'
    shutil.copy(
        annotations / 'mp100_train.json', annotations / 'mp100_val.json'
    )
    return root / 'built'


@pytest.fixture
def load(built, monkeypatch):
    """Read a config as if its data were there."""
    init_default_scope('mmpose')
    monkeypatch.setenv('UNIKPT_ROOT', str(built))

    def load(name, **variables):
        for key, value in variables.items():
            monkeypatch.setenv(key, value)
        config = Config.fromfile(FOLDER / name)
        for part in ('val', 'test'):
            loader = config[f'{part}_dataloader']
            if loader is not None:  # quicker: nothing is shared here
                loader.dataset.dataset.serialize_data = False
        if config.train_dataloader is not None:
            config.train_dataloader.dataset.dataset.serialize_data = False
        return config

    return load


def test_every_table_has_its_config():
    assert len(NAMES) == 14
    for model in ('xpose_swin-t_8xb2-12e', 'xpose_tiny_2xb8'):
        for end in (
            'unikpt',
            'unikpt-9sets',
            'unikpt-4sets',
            'unikpt_visual-1shot',
            'unikpt_prompt-alignment',
            'ap10k-families',
        ):
            assert f'{model}_{end}.py' in NAMES


def evaluate(config, dataset, move=None):
    metric = METRICS.build(config.test_evaluator)
    for index in range(len(dataset)):
        sample = dataset[index]['data_samples']
        metric.process({}, [fed_back(sample, move)])
    return metric.evaluate(len(dataset))


def reported(values):
    """What benchmarks report: benchmark -> key -> value, without counts."""
    found = {}
    for key, value in values.items():
        name, _, rest = key.partition('/')
        if rest and name != 'keypoint' and not rest.startswith('num_images'):
            found.setdefault(name, {})[rest] = value
    return found


def check_perfect_and_spoilt(config, expected):
    dataset = DATASETS.build(config.test_dataloader.dataset)
    values = evaluate(config, dataset)
    perfect = reported(values)
    assert set(perfect) == set(expected)
    # The mean of all sets, those with another customary number included.
    assert values['keypoint/AP'] == pytest.approx(1.0)
    sized = {'keypoint/AP_M', 'keypoint/AP_L', 'bbox/AP_M', 'bbox/AP_L'}
    for name, numbers in perfect.items():
        for key, value in numbers.items():
            if key.startswith('NME/') and key != 'NME/found':
                assert value == pytest.approx(0, abs=1e-5), (name, key)
            elif key in sized:  # all objects are small ones
                assert value == -1, (name, key)
            else:
                assert value == pytest.approx(1.0), (name, key)
    spoilt = evaluate(config, dataset, shuffle)
    assert 0 <= spoilt['keypoint/AP'] < 0.1
    for name, numbers in reported(spoilt).items():
        key, value = next(iter(numbers.items()))
        if key.startswith('NME'):
            assert value > 0.2, name
        else:
            assert 0 <= value < 0.5, name
    return values


# Training sources do not matter for evaluation: one config stands for those.
@pytest.mark.parametrize(
    'name', [n for n in EVALUATED if n.endswith(('kpt.py', '1shot.py'))]
)
def test_ground_truth_is_perfect_and_shuffled_is_not(load, name):
    config = load(name)
    check_perfect_and_spoilt(config, config.benchmarks)


@pytest.mark.skipif(
    SAMPLES is None, reason="MMPOSE_TESTS_DATA, mmpose's tests/data, not set"
)
def test_coco_is_what_cocos_own_code_says(load, tmp_path):
    """From the source's own file to the config's number, and beside it."""
    source = Path(SAMPLES, 'coco')
    folders = {'coco': source}
    build(tmp_path, folders, load_vocabulary(), BuildOptions())
    config = load(
        'xpose_tiny_2xb8_unikpt.py',
        UNIKPT_ROOT=str(tmp_path),
        UNIKPT_TEST='coco',
    )
    data = PromptCocoDataset(
        'annotations/coco_val.json',
        str(tmp_path),
        data_prefix={'img': SAMPLES},
    )
    rng = np.random.default_rng(0)
    samples = [spoilt(data.get_data_info(i), rng) for i in range(len(data))]
    metric = METRICS.build(config.test_evaluator)
    metric.process({}, samples)
    values = metric.evaluate(len(samples))
    theirs = json.loads((source / 'test_coco.json').read_text())
    ours = json.loads((tmp_path / 'annotations/coco_val.json').read_text())
    number = {i['file_name']: i['id'] for i in theirs['images']}
    ids = {i['id']: number[Path(i['file_name']).name] for i in ours['images']}
    for sample in samples:
        sample['img_id'] = ids[sample['img_id']]
    stats = cocoeval(theirs, list(as_coco(samples)), 'keypoints')
    found = [values[f'coco/keypoint/{key}'] for key in KEYPOINTS]
    np.testing.assert_allclose(found, stats[:6], rtol=0, atol=1e-12)
    assert 0.1 < found[0] < 0.9


@pytest.mark.parametrize('name', [n for n in EVALUATED if 'families' in n])
@pytest.mark.parametrize('halves', [{}, ('Canidae', 'Felidae')])
def test_families_are_perfect_too(load, name, halves):
    variables = dict(zip(('AP10K_TRAIN', 'AP10K_TEST'), halves))
    values = check_perfect_and_spoilt(load(name, **variables), ['ap10k'])
    # To validate there is a picture of a dog and one of a cat.
    assert values['ap10k/num_images'] == values['num_benchmarks'] == 1


@pytest.mark.parametrize('name', NAMES)
def test_results_name_their_data(load, built, name):
    single = any(word in name for word in ('families', 'alignment'))
    file = 'annotations/ap10k_val.json' if single else 'unikpt.json'
    assert data_file(load(name)) == f'{built}/{file}'


@pytest.mark.parametrize('name', [n for n in EVALUATED if 'sets' in n])
def test_sets_differ_in_training_alone(load, name):
    base = load(name.replace('-9sets', '').replace('-4sets', ''))
    config = load(name)
    for key in ('model', 'test_dataloader', 'test_evaluator', 'val_evaluator'):
        assert config[key] == base[key]


@pytest.mark.parametrize('name', [n for n in NAMES if n[:5] == 'xpose'])
def test_models_are_those_of_synthkpt(name):
    config = Config.fromfile(FOLDER / name)
    stem = name.replace('ap10k', 'unikpt').split('_unikpt')[0]
    other = Config.fromfile(FOLDER.parent / f'{stem}_synthkpt.py')
    kind = config.model.pop('type')
    assert kind == (
        'mmpose.XPoseRegions' if 'alignment' in name else 'mmpose.XPose'
    )
    other.model.pop('type')
    assert config.model == other.model
    assert config.optim_wrapper == other.optim_wrapper
    assert config.train_cfg == other.train_cfg


def test_two_models_one_data():
    """The small model differs in pictures' sizes and the model alone."""
    tiny = Config.fromfile(FOLDER / 'xpose_tiny_2xb8_unikpt.py')
    swin = Config.fromfile(FOLDER / 'xpose_swin-t_8xb2-12e_unikpt.py')
    for key in ('test_evaluator', 'benchmarks', 'source_weights'):
        assert tiny[key] == swin[key]
    assert swin.train_dataloader.batch_size == 2
    assert tiny.train_dataloader.batch_size == 8
    for config in (tiny, swin):
        tower = config.model.prompt_encoder.visual.tower
        size = tower.get('image_size', 224)
        assert config.fixed_supports['size'] == size
        assert config.train_pipeline[-2]['size'] == size
    assert swin.train_pipeline[3].scales[0] == (480, 1333)
    assert swin.train_pipeline[3].scales[-1] == (800, 1333)
    assert swin.test_pipeline[1].scale == (800, 1333)


SOURCES_OF = {
    'unikpt': TRAINED,
    'unikpt-9sets': NINE,
    'unikpt-4sets': FOUR,
    'ap10k-families': ['ap10k'],
}


@pytest.mark.parametrize('end', SOURCES_OF)
def test_training_data(load, built, end):
    config = load(f'xpose_tiny_2xb8_{end}.py')
    data = DATASETS.build(config.train_dataloader.dataset)
    found = set(data.dataset.picture_sources)
    assert found == set(SOURCES_OF[end])
    content = json.loads((built / 'annotations/unikpt_train.json').read_text())
    names = [c['name'] for c in content['categories']]
    if end == 'unikpt':
        assert [c.name for c in data.dataset.categories] == names
        assert not any(name.startswith('whole ') for name in names)
    # The first pictures go all the way.
    for index in range(0, len(data), 7):
        sample = data[index]['data_samples']
        assert len(sample.prompts.categories) >= 1
        assert sample.gt_instances.labels.max() < len(
            sample.prompts.categories
        )


def test_shares_of_an_epoch(load):
    config = load('xpose_tiny_2xb8_unikpt.py')
    data = DATASETS.build(config.train_dataloader.dataset)
    sampler = DATA_SAMPLERS.build(
        config.train_dataloader.sampler,
        default_args={'dataset': data, 'seed': 0},
    )
    weights = config.source_weights
    assert set(weights) == set(TRAINED)
    counts = Counter(
        data.dataset.picture_sources[i % len(data)] for i in sampler
    )
    for name, weight in weights.items():
        exact = len(data) * weight / sum(weights.values())
        assert abs(counts[name] - exact) < 1


def test_weights_follow_the_square_root_of_the_pictures():
    config = Config.fromfile(FOLDER / 'xpose_tiny_2xb8_unikpt.py')
    for name, weight in config.source_weights.items():
        pictures = SOURCES[name].paper['unified_images']
        assert weight == round(pictures**0.5), name


@pytest.mark.parametrize(
    'family, pictures, objects, names',
    [
        # Of the first picture its antelope alone, not its cat.
        ('Bovidae', 2, 2, {'antelope'}),
        ('Canidae', 1, 1, {'dog'}),
        ('Felidae', 2, 2, {'cat'}),
    ],
)
def test_families_of_training_counted(load, family, pictures, objects, names):
    config = load('xpose_tiny_2xb8_ap10k-families.py', AP10K_TRAIN=family)
    config.train_dataloader.dataset.dataset.pipeline = []
    data = DATASETS.build(config.train_dataloader.dataset).dataset
    infos = [data.get_data_info(index) for index in range(len(data))]
    assert len(infos) == pictures
    labels = [label for info in infos for label in info['gt_labels']]
    assert len(labels) == objects
    assert {data.categories[label].name for label in labels} == names
    families = load_vocabulary().in_family(family, 'ap10k')
    assert {c.name for c in data.categories} <= set(families)


def test_only_some_benchmarks_by_the_environment(load):
    config = load('xpose_tiny_2xb8_unikpt.py', UNIKPT_TEST='ap10k,300w')
    data = DATASETS.build(config.test_dataloader.dataset)
    values = evaluate(config, data)
    assert set(reported(values)) == {'ap10k', '300w'}
    assert values['num_benchmarks_total'] == 2
    # AP-10K asks for all of its categories, 300-W for what is there.
    asked = [data[i]['data_samples'].prompts.names for i in (0, len(data) - 1)]
    assert len(asked[0]) > 1 and asked[1] == ('human face',)


@pytest.mark.parametrize('name', [n for n in NAMES if 'alignment' in n])
@pytest.mark.parametrize('source', ['ap10k', 'humanart'])
def test_prompt_alignment_asks_for_what_is_there(load, name, source):
    config = load(name, UNIKPT_TEST=source)
    data = DATASETS.build(config.test_dataloader.dataset)
    assert config.test_evaluator == {'type': 'PromptAlignment'}
    for index in range(len(data)):
        sample = data[index]['data_samples']
        shown = {
            sample.prompts.names[label] for label in sample.gt_instances.labels
        }
        assert set(sample.prompts.names) == shown
