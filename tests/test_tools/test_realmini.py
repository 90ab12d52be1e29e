# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The small real set and, in reduced form, the trainings on real pictures."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpose.registry import MODELS

from projects.common.models.prompt_encoders.text.vocabulary import (
    decode_strings,
)
from projects.common.structures import KeypointCategory
from projects.common.utils.checkpoints import load_weights
from projects.showcase.training import read_losses

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / 'configs/promptable_2d_keypoint/xpose'
REALDATA = os.environ.get('ANYKEYPOINT_REALDATA')
SAMPLES = os.environ.get('MMPOSE_TESTS_DATA')
needs_realdata = pytest.mark.skipif(
    not REALDATA, reason='ANYKEYPOINT_REALDATA is not set'
)
needs_samples = pytest.mark.skipif(
    not SAMPLES, reason='MMPOSE_TESTS_DATA is not set'
)
NAMES = ('mouse', 'fly', 'person')

# The shipped config with few iterations and no worker processes.
REDUCED = """
_base_ = [{base!r}]
work_dir = {work_dir!r}
load_from = {load_from!r}
param_scheduler = []
train_cfg = dict(max_epochs=1, val_interval=1)
train_dataloader = dict(
    num_workers=0, persistent_workers=False, dataset=dict({train}))
val_dataloader = dict(
    num_workers=0, persistent_workers=False, dataset=dict({val}))
test_dataloader = val_dataloader
default_hooks = dict(logger=dict(interval=1))
log_processor = dict(window_size=1)
"""


@pytest.fixture(scope='module')
def realmini(load_tool):
    return load_tool('dataset_converters/realmini.py')


@pytest.fixture(scope='module')
def prepared(realmini, tmp_path_factory):
    out = tmp_path_factory.mktemp('realmini')
    assert realmini.main([REALDATA, '--out', str(out)]) == 0
    return out


@pytest.fixture(autouse=True)
def cpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)


def read(folder, split):
    return json.loads((folder / 'annotations' / f'{split}.json').read_text())


def test_missing_sources(realmini, tmp_path, capsys):
    (tmp_path / 'tiny_coco').mkdir()
    out = tmp_path / 'out'
    assert realmini.main([str(tmp_path), '--out', str(out)]) == 1
    message = capsys.readouterr().err
    assert 'lacks openfield-Pranav-2018-10-30, deepposekit_fly/' in message
    assert 'docs/dataset_zoo/realmini.md' in message
    assert not out.exists()


def test_part_names_of_synthkpt(realmini, tmp_path):
    path = tmp_path / 'ann.json'
    records = [
        {'name': 'person', 'keypoints': ['left_knee', 'navel']},
        {'name': 'mouse', 'keypoints': ['snout']},
    ]
    path.write_text(json.dumps({'categories': records}))
    realmini.add_parts(path)
    parts = [c['parts'] for c in json.loads(path.read_text())['categories']]
    assert parts == [['leg', ''], ['']]


def test_persons_are_found_by_name(realmini, tmp_path):
    source, out = tmp_path / 'tiny_coco', tmp_path / 'out'
    for split in ('train', 'val'):
        path = source / 'annotations' / f'person_keypoints_{split}2017.json'
        path.parent.mkdir(parents=True, exist_ok=True)
        categories = [{'name': 'dog'}, {'name': 'person'}]
        images = [{'file_name': f'{split}.jpg'}]
        path.write_text(
            json.dumps({'images': images, 'categories': categories})
        )
        (source / f'{split}2017').mkdir()
        (source / f'{split}2017' / f'{split}.jpg').write_bytes(b'picture')
    realmini.copy_persons(tmp_path, out)
    assert read(out, 'val')['categories'] == [
        {'name': 'dog'},
        {'name': 'person', 'supercategory': 'human body'},
    ]
    assert (out / 'images/train.jpg').read_bytes() == b'picture'
    path.write_text(json.dumps({'images': [], 'categories': categories[:1]}))
    with pytest.raises(ValueError, match=r"\['dog'\], none is .person"):
        realmini.copy_persons(tmp_path, out)


def test_fly_names(realmini):
    assert len(realmini.FLY_NAMES) == 27
    assert realmini.FLY_NAMES['forelegR1'] == 'right front leg base'
    assert realmini.FLY_NAMES['hindlegL4'] == 'left hind leg tip'


@needs_realdata
def test_real_set(prepared, realmini):
    train, val = read(prepared, 'train'), read(prepared, 'val')
    counts = [
        Counter(image['source'] for image in content['images'])
        for content in (train, val)
    ]
    assert counts == [
        {'mouse': 93, 'fly': 80, 'person': 50},
        {'mouse': 23, 'fly': 20, 'person': 50},
    ]
    labelled = [
        sum(a['category_id'] == 3 and a['num_keypoints'] > 0 for a in anns)
        for anns in (train['annotations'], val['annotations'])
    ]
    assert labelled == [57, 46]
    for content in (train, val):
        categories = list(
            map(KeypointCategory.from_coco, content['categories'])
        )
        assert [c.name for c in categories] == list(NAMES)
        assert [c.num_keypoints for c in categories] == [4, 32, 17]
        assert [len(c.swap_pairs) for c in categories] == [1, 14, 8]
        assert all(c.can_mirror for c in categories)
        for image in content['images']:
            assert (prepared / image['file_name']).is_file()
    person = categories[2]
    assert person.sigmas[0] == 0.026
    assert person.parts[-1] == 'leg'
    assert '' not in categories[1].parts


@needs_realdata
def test_again_gives_the_same_files(prepared, realmini):
    def contents():
        return {
            path.relative_to(prepared): path.read_bytes()
            for path in prepared.rglob('*')
            if path.is_file()
        }

    before = contents()
    assert realmini.main([REALDATA, '--out', str(prepared)]) == 0
    assert contents() == before


def reduced(path, name, **fields):
    """Write the reduced form of a shipped config."""
    path.write_text(
        REDUCED.format(
            base=str(CONFIGS / f'{name}.py'),
            work_dir=str(path.parent / 'work'),
            **fields,
        )
    )
    return path


def run(load_tool, config, monkeypatch):
    """Train; losses by iteration and the metrics."""
    monkeypatch.setattr('sys.argv', ['train.py', str(config)])
    load_tool('train.py').main([str(config)])
    work = config.parent / 'work'
    scalars = next(work.glob('*/vis_data/scalars.json'))
    metrics = json.loads(scalars.read_text().splitlines()[-1])
    return read_losses(scalars), metrics


def ends(losses):
    """Mean of the first and of the last four losses."""
    values = [loss for _, loss in losses]
    return sum(values[:4]) / 4, sum(values[-4:]) / 4


def start_weights(name, path):
    """A checkpoint of random weights that knows another vocabulary."""
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpose'):
        model = MODELS.build(Config.fromfile(CONFIGS / f'{name}.py').model)
        model.init_weights()
    unicorn = KeypointCategory('unicorn', ('horn',))
    model.prompt_encoder.add_vocabulary([unicorn])
    torch.save({'state_dict': model.state_dict(), 'meta': {}}, path)
    return str(path)


@pytest.mark.slow
@needs_realdata
def test_training_on_mouse_fly_and_persons(
    prepared, load_tool, tmp_path, monkeypatch
):
    name = 'xpose_tiny_realmini'
    data = f'data_root={str(prepared)!r}'
    first = range(0, 93, 7), range(93, 173, 7), range(173, 223, 3)
    chosen = [i for part in first for i in part][:40]
    config = reduced(
        tmp_path / 'config.py',
        name,
        load_from=start_weights(name, tmp_path / 'start.pth'),
        train=f'dataset=dict({data}, indices={chosen})',
        val=f'{data}, indices=[0, 23, 43, 48]',
    )
    with config.open('a') as file:
        ann_file = str(prepared / 'annotations/val.json')
        file.write(f'val_evaluator = dict(ann_file={ann_file!r})\n')
    losses, metrics = run(load_tool, config, monkeypatch)
    assert len(losses) == 10
    first, last = ends(losses)
    assert last < first
    keys = {
        f'{kind}/{name}'
        for kind in ('keypoint/AP', 'PCK@0.1', 'PCK@0.2')
        for name in NAMES
    }
    assert keys <= set(metrics)
    assert metrics['num_images'] == 4
    # The vocabularies of the checkpoint and of the data set are united.
    weights = load_weights(str(tmp_path / 'work/epoch_1.pth'))
    texts = decode_strings(weights['prompt_encoder.text.vocabulary_texts'])
    assert {f'a photo of a {n}' for n in (*NAMES, 'unicorn')} <= set(texts)


@pytest.mark.slow
@needs_samples
def test_overfitting_the_coco_sample(load_tool, tmp_path, monkeypatch):
    config = reduced(
        tmp_path / 'config.py',
        'xpose_tiny_coco-sample-overfit',
        load_from=None,
        train='dataset=dict(times=8)',
        val='',
    )
    losses, metrics = run(load_tool, config, monkeypatch)
    assert len(losses) == 16
    first, last = ends(losses)
    assert last < 0.9 * first
    assert {'keypoint/AP/person', 'PCK@0.1/person'} <= set(metrics)
    assert metrics['num_images'] == metrics['num_images_total'] == 4
