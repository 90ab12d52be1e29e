# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import importlib.util
import json

import cv2
import numpy as np
import pytest

from projects.synthkpt import writer
from projects.synthkpt.registry import all_shapes
from projects.synthkpt.writer import compose_picture, generate

COUNTS = {'train': 8, 'val': 4}


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob('*')
        if path.is_file()
    }


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    out = tmp_path_factory.mktemp('synthkpt')
    generate(out, 3, COUNTS, progress=False)
    return out, contents(out)


def load(out, name):
    return json.loads((out / 'annotations' / f'{name}.json').read_text())


def test_several_workers_write_the_same_bytes(made, tmp_path):
    generate(tmp_path, 3, COUNTS, workers=2, progress=False)
    assert contents(tmp_path) == made[1]


def test_another_seed_gives_other_pictures(made, tmp_path):
    generate(tmp_path, 4, {'train': 1, 'val': 0}, progress=False)
    name = 'train/000000.jpg'
    assert contents(tmp_path)[name] != made[1][name]


def test_a_missing_picture_is_made_again_and_others_are_kept(made):
    out, before = made
    (out / 'train/000003.jpg').unlink()
    kept = (out / 'train/000002.jpg').stat().st_mtime_ns
    generate(out, 3, COUNTS, progress=False)
    assert contents(out) == before
    assert (out / 'train/000002.jpg').stat().st_mtime_ns == kept


def test_a_complete_set_is_left_alone(made, monkeypatch):
    def fail(task):
        raise AssertionError('nothing is to be made')

    monkeypatch.setattr(writer, 'make_picture', fail)
    generate(made[0], 3, COUNTS, progress=False)


def test_a_small_set_grows(made, tmp_path):
    generate(tmp_path, 3, {'train': 2, 'val': 1}, progress=False)
    generate(tmp_path, 3, COUNTS, progress=False)
    assert contents(tmp_path) == made[1]


def test_layout_is_coco(made):
    out, _ = made
    data = load(out, 'synthkpt_train')
    records = {c['id']: c for c in data['categories']}
    assert len(data['images']) == 8
    assert len(records) == len(all_shapes())
    for image in data['images']:
        height, width = cv2.imread(str(out / image['file_name'])).shape[:2]
        assert (image['width'], image['height']) == (width, height)
    sizes = {i['id']: (i['width'], i['height']) for i in data['images']}
    assert len({a['id'] for a in data['annotations']}) == len(
        data['annotations']
    )
    for annotation in data['annotations']:
        record = records[annotation['category_id']]
        points = np.array(annotation['keypoints']).reshape(-1, 3)
        assert len(points) == len(record['keypoints'])
        assert annotation['num_keypoints'] == (points[:, 2] > 0).sum()
        assert (points[:, 2] == 2).sum() >= 2
        assert not points[points[:, 2] == 0].any()
        width, height = sizes[annotation['image_id']]
        assert (points[:, 0] <= width - 1).all() and (points >= 0).all()
        assert (points[:, 1] <= height - 1).all()
        x, y, w, h = annotation['bbox']
        assert 0 < annotation['area'] <= w * h
        assert x + w <= width and y + h <= height


def test_picture_ids_differ_between_train_and_val(made):
    ids = [
        i['id']
        for split in COUNTS
        for i in load(made[0], f'synthkpt_{split}')['images']
    ]
    assert len(set(ids)) == sum(COUNTS.values())


def test_split_files_hold_their_own_categories_only(made):
    out, _ = made
    whole = [
        a
        for split in COUNTS
        for a in load(out, f'synthkpt_{split}')['annotations']
    ]
    for s in range(1, 6):
        found = []
        for part in ('train', 'val', 'test'):
            data = load(out, f'synthmp_split{s}_{part}')
            own = {c['id'] for c in data['categories']}
            assert {a['category_id'] for a in data['annotations']} <= own
            assert {a['image_id'] for a in data['annotations']} == {
                i['id'] for i in data['images']
            }
            found += data['annotations']
        assert sorted(a['id'] for a in found) == sorted(a['id'] for a in whole)


def test_consecutive_pictures_cover_all_categories(monkeypatch):
    seen = []

    def remember(rng, shapes, main):
        seen.append(main)

    monkeypatch.setattr(writer, 'compose', remember)
    count = len(all_shapes())
    for index in range(2 * count):
        compose_picture(0, 'train', index)
    assert sorted(seen[:count]) == list(range(count))
    assert sorted(seen[count:]) == list(range(count))
    assert seen[:count] != seen[count:]


def test_another_seed_in_the_same_folder_is_refused(made):
    with pytest.raises(FileExistsError, match='whose seed is 3, not 5'):
        generate(made[0], 5, COUNTS, progress=False)


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        ({'seed': -1}, 'seed is -1'),
        ({'workers': 0}, 'number of workers is 0'),
    ],
)
def test_bad_numbers_are_refused(tmp_path, kwargs, message):
    with pytest.raises(ValueError, match=message):
        generate(tmp_path, counts=COUNTS, **kwargs)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    path = tmp_path / 'taken'
    path.write_text('')
    with pytest.raises(NotADirectoryError, match='is a file'):
        generate(path, counts=COUNTS)


def test_an_encoder_that_fails_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(writer.cv2, 'imencode', lambda *args: (False, None))
    with pytest.raises(OSError, match='could not encode'):
        generate(tmp_path, 0, COUNTS, progress=False)


@pytest.fixture
def tool(repo_root):
    path = repo_root / 'tools/dataset_converters/synthkpt.py'
    spec = importlib.util.spec_from_file_location('synthkpt_tool', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tool_makes_the_asked_size(tool, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(tool.SIZES, 'small', {'train': 2, 'val': 1})
    out = tmp_path / 'data/synthkpt'
    args = ['--out', str(out), '--size', 'small', '--workers', '1']
    assert tool.main(args) == 0
    assert '2 training and 1 validation pictures' in capsys.readouterr().out
    assert len(list(out.glob('*/*.jpg'))) == 3
    assert len(list(out.glob('annotations/*.json'))) == 25


def test_tool_prints_errors_as_a_sentence(tool, tmp_path, capsys):
    assert tool.main(['--out', str(tmp_path), '--workers', '0']) == 1
    error = capsys.readouterr().err
    assert error.startswith('error: The number of workers is 0')
