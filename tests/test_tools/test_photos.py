# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The open sets of photos, converted and merged."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest
from mmengine.config import Config
from mmpose.registry import DATA_SAMPLERS, DATASETS

from projects.common.datasets import BalancedSourceSampler, PromptCocoDataset

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'configs/promptable_2d_keypoint/xpose/xpose_tiny_photos.py'
PHOTOS = os.environ.get('ANYKEYPOINT_PHOTOS')
REALDATA = os.environ.get('ANYKEYPOINT_REALDATA')
needs_photos = pytest.mark.skipif(
    not (PHOTOS and REALDATA),
    reason='ANYKEYPOINT_PHOTOS and ANYKEYPOINT_REALDATA are not set',
)
SOURCES = ('mouse', 'fly', 'person', 'cattle', 'horse', 'sheep', 'tube')


@pytest.fixture(scope='module')
def photos(load_tool):
    return load_tool('dataset_converters/photos.py')


@pytest.fixture(scope='module')
def prepared(photos, tmp_path_factory):
    out = tmp_path_factory.mktemp('photos')
    assert photos.main([PHOTOS, REALDATA, '--out', str(out)]) == 0
    return out


def read(folder, split):
    return json.loads((folder / 'annotations' / f'{split}.json').read_text())


def test_missing_sets(photos, tmp_path, capsys):
    (tmp_path / 'glue_tubes').mkdir()
    (tmp_path / 'glue_tubes' / 'train.json').touch()
    out = tmp_path / 'out'
    args = [str(tmp_path), str(tmp_path), '--out', str(out)]
    assert photos.main(args) == 1
    message = capsys.readouterr().err
    assert 'lacks livestock18/train.json, livestock18/val.json, ' in message
    assert 'glue_tubes/val.json; docs/dataset_zoo/photos.md says' in message
    assert not out.exists()


def test_a_part_of_a_file(photos):
    content = {
        'categories': [{'id': 1, 'name': 'cow'}, {'id': 2, 'name': 'ewe'}],
        'images': [{'id': i, 'split': 'AB'[i % 2]} for i in range(4)],
        'annotations': [
            {'id': 10 + i, 'image_id': i, 'category_id': 1 + (i > 2)}
            for i in range(4)
        ],
    }
    part = photos.part_of(content, 'cow', lambda image: image['split'] == 'A')
    assert [image['id'] for image in part['images']] == [0, 2]
    assert [a['id'] for a in part['annotations']] == [10, 12]
    assert part['categories'] == content['categories'][:1]
    with pytest.raises(ValueError, match='no category "pig", only cow, ewe'):
        photos.part_of(content, 'pig')


def test_ids_of_two_files_that_are_joined(photos, tmp_path):
    (tmp_path / 'livestock18').mkdir()
    content = {
        'categories': [{'id': 1, 'name': 'cattle'}],
        'images': [{'id': 1, 'split': 'A'}],
        'annotations': [{'id': 1, 'image_id': 1, 'category_id': 1}],
    }
    for split in ('train', 'val'):
        path = tmp_path / 'livestock18' / f'{split}.json'
        path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match='images of train and val with the'):
        photos.livestock_sources(tmp_path, tmp_path, 'val', True)


@needs_photos
def test_every_source_holds_one_category(prepared):
    content = read(prepared, 'train')
    names = {c['id']: c['name'] for c in content['categories']}
    assert tuple(names.values()) == (*SOURCES[:-1], 'glue tube')
    source_of = {i['id']: i['source'] for i in content['images']}
    pairs = {
        (source_of[a['image_id']], names[a['category_id']])
        for a in content['annotations']
    }
    assert pairs == set(zip(SOURCES, names.values()))
    counts = Counter(source_of.values())
    assert counts['mouse'] == 93
    assert counts['cattle'] + counts['horse'] + counts['sheep'] == 1422
    for image in content['images'][::100]:
        assert (prepared / image['file_name']).is_file()


@needs_photos
def test_places_are_apart(prepared):
    def originals(split, source):
        records = read(prepared, split)['images']
        return {
            Path(i['file_name']).name for i in records if i['source'] == source
        }

    for source in ('cattle', 'horse'):
        train = originals('train_places', source)
        held_out = originals('val_places', source)
        both = originals('train', source) | originals('val', source)
        assert not train & held_out
        assert train < originals('train', source)
        # Validation images of the places that were trained are in neither.
        assert len(train) + len(held_out) < len(both)
    assert all('_A_' in n for n in originals('val_places', 'cattle'))
    assert not any('_A_' in n for n in originals('train_places', 'cattle'))
    assert originals('train_places', 'sheep') == originals('train', 'sheep')


def test_the_config_balances_what_the_sets_are_called():
    config = Config.fromfile(CONFIG)
    sampler = config.train_dataloader.sampler
    assert DATA_SAMPLERS.get(sampler.type) is BalancedSourceSampler
    assert set(sampler.weights) == {*SOURCES, 'synthkpt_train'}
    assert sum(sampler.weights.values()) == sampler.epoch_size
    parts = config.train_dataloader.dataset.dataset.datasets
    assert all(DATASETS.get(p.type) is PromptCocoDataset for p in parts)
    assert Path(parts[1].ann_file).stem == 'synthkpt_train'
