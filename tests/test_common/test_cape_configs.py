# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Every method on every data set, with 1 and 5 shots, on every split."""

from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS

import projects.xpose  # noqa: F401  registers what configs name
from projects.common.datasets.episodes import EpisodeList
from projects.synthkpt.registry import all_shapes
from projects.synthkpt.splits import category_records, split_files
from tests import episode_files
from tests.conftest import REPO_ROOT

ROOT = REPO_ROOT / 'configs/category_agnostic_2d_keypoint'
XPOSE = REPO_ROOT / 'configs/promptable_2d_keypoint/xpose'
SUPER = [
    f'super_{name}'
    for name in ('human_body', 'human_face', 'vehicle', 'furniture')
]
#: Those that are measured on all data; others have fewer configs.
METHODS = {
    'copy_layout',
    'mean_layout',
    'feature_matching',
    'clip_matching',
    'memory_matching',
    'xpose_tiny',
    'ppm_sd15',
}
DATA = ('synthkpt-split1', 'mp100-split1', 'realmini')
LEAVES = sorted(ROOT.rglob('*shot*.py'))
FIVE = [path for path in LEAVES if '5shot' in path.stem]
LISTS = sorted((REPO_ROOT / 'configs/_base_/episodes').glob('*.json'))


def dataset(path):
    return Config.fromfile(path).test_dataloader.dataset


def test_every_method_is_measured_on_every_data_set():
    for data in DATA:
        for shots in (1, 5):
            word = f'_{data}_{shots}shot'
            found = [p.stem for p in LEAVES if word in p.stem]
            assert {stem.split(word)[0] for stem in found} >= METHODS
            ends = {stem.split(word)[1] for stem in found}
            assert ends == {'', '-crop', '-picture'}


@pytest.mark.parametrize('path', FIVE, ids=lambda path: path.stem)
def test_five_shots_differ_in_the_episodes_only(path):
    five = Config.fromfile(path)
    one = Config.fromfile(path.with_name(path.name.replace('5shot', '1shot')))
    assert five.model == one.model
    name = five.test_dataloader.dataset.pop('episodes')
    assert name.endswith('_5shot.json')
    assert one.test_dataloader.dataset.pop('episodes') == name.replace(
        '_5shot', '_1shot'
    )
    assert five.test_dataloader == one.test_dataloader


@pytest.mark.parametrize('path', LEAVES, ids=lambda path: path.stem)
def test_one_protocol(path):
    cfg = Config.fromfile(path)
    loader = cfg.test_dataloader
    assert loader.sampler.type == 'EpisodeSampler'
    assert loader.batch_sampler.type == 'EpisodeBatchSampler'
    assert cfg.test_evaluator == {'type': 'CapePCK'}
    frame = 'picture' if path.stem.endswith('picture') else 'crop'
    assert loader.dataset.frame == frame


@pytest.mark.parametrize('data', ['synthkpt', 'mp100'])
@pytest.mark.parametrize('split', ['1', '2', '3', '4', '5', *SUPER])
def test_the_environment_chooses_the_split(data, split, monkeypatch):
    variable, prefix = {
        'synthkpt': ('SYNTHMP_SPLIT', 'synthmp'),
        'mp100': ('MP100_SPLIT', 'mp100'),
    }[data]
    monkeypatch.setenv(variable, split)
    path = ROOT / f'xpose/xpose_tiny_{data}-split1_5shot-picture.py'
    found = dataset(path)
    word = split if split in SUPER else f'split{split}'
    assert found.dataset.ann_file == f'annotations/{prefix}_{word}_test.json'
    assert found.episodes.endswith(f'/{prefix}_{word}_test_5shot.json')
    if data == 'synthkpt':
        episodes = EpisodeList.load(REPO_ROOT / found.episodes)
        assert episodes.annotation_file == f'synthmp_{word}_test.json'
        assert episodes.shots == 5


@pytest.mark.parametrize('path', LISTS, ids=lambda path: path.stem)
def test_shipped_lists(path):
    episodes = EpisodeList.load(path)
    shots = episodes.shots
    annotations = episodes.annotation_file.removesuffix('.json')
    assert path.stem.endswith(f'{annotations}_{shots}shot')
    assert episodes.rule == 'distinct_pictures'
    for episode in episodes.episodes:
        assert len(episode.supports) == shots
        # Persons of the real set are too few for 5 + 15 pictures.
        few = (path.stem, episode.category) == ('realmini_val_5shot', 'person')
        assert len(episode.queries) == (12 if few else 15)


@pytest.mark.parametrize('name', ['crop', 'picture'])
def test_xpose_gets_shots_of_the_size_of_its_tower(name):
    for data in DATA:
        path = ROOT / f'xpose/xpose_tiny_{data}_1shot-{name}.py'
        cfg = Config.fromfile(path)
        tower = cfg.model.prompt_encoder.visual.tower
        assert cfg.test_dataloader.dataset.support_size == tower.image_size
        assert cfg.model.test_cfg.score_thr == 0


@pytest.mark.parametrize('split', ['2', *SUPER])
def test_training_on_a_split_of_synthkpt(split, monkeypatch):
    monkeypatch.setenv('SYNTHMP_SPLIT', split)
    cfg = Config.fromfile(XPOSE / 'xpose_tiny_synthkpt-split1.py')
    word = split if split in SUPER else f'split{split}'
    files = split_files(category_records(all_shapes()), 0)
    train = cfg.train_dataloader.dataset.dataset.ann_file
    val = cfg.val_dataloader.dataset.ann_file
    assert train == f'annotations/synthmp_{word}_train.json'
    assert {Path(name).stem for name in (train, val)} <= set(files)
    assert cfg.val_evaluator.ann_file == f'data/synthkpt/{val}'
    # What is held out may be watched, but must not choose the weights.
    chosen_by = cfg.default_hooks.checkpoint.save_best
    assert chosen_by == (None if split in SUPER else 'keypoint/AP')
    assert val.endswith('_test.json' if split in SUPER else '_val.json')
    novel = Config.fromfile(XPOSE / 'xpose_tiny_synthkpt-split1_text-novel.py')
    name = f'annotations/synthmp_{word}_test.json'
    assert novel.test_dataloader.dataset.ann_file == name


@pytest.mark.parametrize('split', ['2', 'super_vehicle'])
def test_training_on_a_split_of_mp100(split, monkeypatch, tmp_path):
    monkeypatch.setenv('MP100_SPLIT', split)
    cfg = Config.fromfile(XPOSE / 'xpose_tiny_mp100-split1.py')
    word = split if split in SUPER else f'split{split}'
    name = f'annotations/mp100_{word}_train.json'
    wrapped = cfg.train_dataloader.dataset.dataset
    *_, supports, last = wrapped.pipeline
    assert wrapped.ann_file == supports.pool.dataset.ann_file == name
    assert wrapped.data_root == supports.pool.dataset.data_root
    assert cfg.val_cfg is cfg.val_dataloader is cfg.val_evaluator is None
    # It reads what MP-100 has and no other data set.
    (tmp_path / 'annotations').mkdir()
    (tmp_path / 'images').mkdir()
    episode_files.write(tmp_path / 'images').rename(tmp_path / name)
    for dataset in (wrapped, supports.pool.dataset):
        dataset.data_root = str(tmp_path)
    supports.modality_probs = dict(visual=1.0)
    supports.pool.update(min_visible=1, min_size=1)
    init_default_scope(cfg.default_scope)
    item = DATASETS.build(cfg.train_dataloader.dataset)[0]
    prompts = item['data_samples'].prompts
    assert set(prompts.names) == {'cat', 'boat'}
    assert {shot.image.shape[-1] for s in prompts.supports for shot in s} == {
        96
    }
