# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import hashlib
import json
import random
from dataclasses import replace

import numpy as np
import pytest

from projects.common.datasets import CocoKeypointFile
from projects.common.datasets.episodes import (
    EpisodeList,
    EpisodeObject,
    EpisodeSource,
    clipped_box,
    freeze_episodes,
)
from projects.common.datasets.episodes.frozen import draw_episode
from projects.common.structures import crop_support
from tests import episode_files
from tests.conftest import REPO_ROOT

SHIPPED = sorted((REPO_ROOT / 'configs/_base_/episodes').glob('*.json'))


@pytest.fixture
def ann_file(tmp_path):
    return episode_files.write(tmp_path)


def read(path):
    return EpisodeSource(CocoKeypointFile(str(path)))


@pytest.mark.parametrize(
    ('bbox', 'official', 'mmpose'),
    [
        # Inside: the published rule takes a pixel off.
        ((10, 5, 20, 8), (10, 5, 19, 7), (10, 5, 20, 8)),
        # Over the right edge: both end at the last pixel, 63.
        ((50, 5, 40, 8), (50, 5, 13, 7), (50, 5, 13, 8)),
        # Over the left edge: the published rule moves the box.
        ((-4, -2, 20, 10), (0, 0, 19, 9), (0, 0, 16, 8)),
        ((70, 5, 4, 8), (70, 5, -7, 7), (63, 5, 0, 8)),
    ],
)
def test_clipped_box(bbox, official, mmpose):
    assert clipped_box(bbox, (48, 64)) == official
    assert clipped_box(bbox, (48, 64), 'mmpose') == mmpose
    with pytest.raises(ValueError, match="box rule is 'mm'"):
        clipped_box(bbox, (48, 64), 'mm')


def test_which_objects_are_usable(tmp_path):
    data = episode_files.content(2)
    first = data['annotations'][0]
    wrong = [
        {'iscrowd': 1},
        {'area': 0},
        {'keypoints': [0] * 9},
        {'bbox': [63.5, 3, 9, 9]},  # nothing of it inside by the rule
        {'bbox': [3, 3, 1, 9]},
        # Labelled, but far from the box: a crop would show nothing.
        {'bbox': [0, 0, 9, 9], 'keypoints': [60, 40, 2, *[0] * 6]},
    ]
    for number, change in enumerate(wrong):
        data['annotations'].append({**first, **change, 'id': number})
    source = read(episode_files.write(tmp_path, data))
    assert source.by_category == {
        'cat': [100, 101, 103, 104],
        'boat': [102, 105],
    }
    assert source.objects[102].keypoints.shape == (2, 3)
    data['annotations'][-1]['id'] = 100
    with pytest.raises(ValueError, match='id 100 is missing or occurs twice'):
        read(episode_files.write(tmp_path, data))


def test_no_picture_twice(ann_file):
    source = read(ann_file)
    episodes = freeze_episodes(source, 2, 4, 50).episodes
    assert len(episodes) == 100
    assert [e.category for e in episodes] == ['cat'] * 50 + ['boat'] * 50
    for episode in episodes:
        ids = [*episode.supports, *episode.queries]
        pictures = {source.objects[i].image['id'] for i in ids}
        assert len(episode.supports) == 2
        assert len(pictures) == len(ids) == 6


def test_published_rule_shares_pictures_but_not_objects(ann_file):
    source = read(ann_file)
    found = freeze_episodes(
        source, 2, 10, 20, rule='published', categories=['cat']
    )
    for episode in found.episodes:
        ids = {*episode.supports, *episode.queries}
        assert ids == set(source.by_category['cat'])  # 12 of 6 pictures


def test_draw_is_the_published_order_of_random_numbers(ann_file):
    source = read(ann_file)
    ids = source.by_category['boat']
    generator = random.Random(3)
    order = [i for _, i in sorted((generator.random(), i) for i in ids)]
    drawn = draw_episode(
        source, 'boat', 1, 3, 'distinct_pictures', random.Random(3)
    )
    assert (drawn.supports, drawn.queries) == (
        tuple(order[:1]),
        tuple(order[1:4]),
    )


def test_episodes_of_a_category_depend_on_nothing_else(tmp_path):
    data = episode_files.content()
    all_of_it = freeze_episodes(
        read(episode_files.write(tmp_path, data)), 1, 3, 4
    ).episodes
    data['annotations'].reverse()
    data['images'].reverse()
    alone = freeze_episodes(
        read(episode_files.write(tmp_path, data)),
        1,
        3,
        4,
        categories=['boat'],
    ).episodes
    assert alone == all_of_it[4:]
    other = freeze_episodes(
        read(episode_files.write(tmp_path, data)),
        1,
        3,
        4,
        seed=1,
        categories=['boat'],
    ).episodes
    assert other != alone


def test_a_category_named_twice_is_drawn_once(ann_file):
    source = read(ann_file)
    once, twice = (
        freeze_episodes(source, 1, 3, 4, categories=['boat'] * count)
        for count in (1, 2)
    )
    assert len(once.episodes) == 4
    assert once == twice


def test_left_out_categories_are_said(tmp_path):
    data = episode_files.content()
    unused = {'id': 9, 'name': 'dog', 'keypoints': ['nose']}
    data['categories'] = [*data['categories'], unused]
    source = read(episode_files.write(tmp_path, data))
    for names, text in (
        (['boat'], 'PARTIAL: 1 of 2 categories'),
        (['cat', 'boat'], ''),  # there are no dogs
    ):
        episodes = freeze_episodes(source, 1, 3, 4, categories=names)
        assert episodes.partial_text(source) == text


def test_what_is_shown_is_shown_by_the_crop(tmp_path):
    # Boxes with the last pixels of their crops in pictures of any size.
    rng = np.random.default_rng(0)
    for _ in range(300):
        x, y, w, h = rng.integers(20, 60, 4).tolist()
        image = {'id': 0, 'width': 200, 'height': 200}
        item = EpisodeObject(1, image, (x, y, w, h), np.zeros((5, 3)), 1.0)
        x1, y1, x2, y2 = item.box
        side = max(x2 - x1, y2 - y1) * 1.25
        low = np.array([x1 + x2, y1 + y2]) / 2 - side / 2
        share = [[0, 0], [1, 1], [0.999, 0.5], [1.001, 0.5], [-0.001, 0]]
        places = low + side * np.array(share)
        keypoints = np.column_stack([places, np.full(5, 2)])
        item = replace(item, keypoints=keypoints.astype(np.float32))
        if item.shown.any():
            picture = np.zeros((200, 200, 3), np.uint8)
            xy = item.keypoints[:, :2]
            shot = crop_support(picture, xy, 2 * item.shown, item.box, 32)
            assert ((shot.visible > 0).numpy() == item.shown).all()
            assert 0 <= shot.keypoints.min() <= shot.keypoints.max() <= 31
        assert item.shown[2] and not item.shown[3:].any()


def test_too_small_category(ann_file):
    source = read(ann_file)
    with pytest.raises(ValueError, match="'cat' has 6 usable pictures, but"):
        freeze_episodes(source, 1, 6, 1)
    with pytest.raises(ValueError, match="'boat' has 6 usable objects"):
        freeze_episodes(source, 1, 6, 1, rule='published')
    fewer = freeze_episodes(source, 2, 6, 1, fewer_queries=True)
    assert [len(e.queries) for e in fewer.episodes] == [4, 4]
    with pytest.raises(ValueError, match='6 for supports and 1 for queries'):
        freeze_episodes(source, 6, 6, 1, fewer_queries=True)
    for wrong in ({'shots': 0}, {'queries': 0}, {'rule': 'x'}):
        with pytest.raises(ValueError, match='cannot be drawn'):
            freeze_episodes(source, episodes=1, **wrong)
    with pytest.raises(ValueError, match='episodes is 0'):
        freeze_episodes(source, 1, 1, 0)
    with pytest.raises(ValueError, match="no category 'dog'"):
        freeze_episodes(source, 1, 1, 1, categories=['dog'])


def test_saved_and_loaded(ann_file, tmp_path):
    source = read(ann_file)
    episodes = freeze_episodes(source, 2, 3, 4, seed=7)
    path = tmp_path / 'out' / 'e.json'
    episodes.save(path)
    loaded = EpisodeList.load(path)
    assert loaded == episodes
    assert loaded.sha256 == episodes.sha256
    loaded.check(source)
    written = json.loads(path.read_text())
    assert written['sha256'] == episodes.sha256
    digest = hashlib.sha256(ann_file.read_bytes()).hexdigest()
    assert written['annotation_sha256'] == digest
    assert (written['seed'], written['shots'], written['queries']) == (7, 2, 3)
    # The hash can be made without our code.
    del written['sha256']
    text = json.dumps(written, sort_keys=True)
    assert hashlib.sha256(text.encode()).hexdigest() == episodes.sha256


def test_edited_list_is_refused(ann_file, tmp_path):
    path = tmp_path / 'e.json'
    freeze_episodes(read(ann_file), 1, 3, 4).save(path)
    text = path.read_text()
    path.write_text(text.replace('"seed": 0', '"seed": 1'))
    with pytest.raises(ValueError, match='has been changed since it was'):
        EpisodeList.load(path)
    for wrong in ('[]', '{}', 'x', text.replace('"format": 1', '"format": 2')):
        path.write_text(wrong)
        with pytest.raises(ValueError, match='not a list of episodes'):
            EpisodeList.load(path)
    with pytest.raises(FileNotFoundError, match='no list of episodes'):
        EpisodeList.load(tmp_path / 'none.json')


def test_other_annotations_are_refused(ann_file, tmp_path):
    episodes = freeze_episodes(read(ann_file), 1, 3, 4)
    restricted = EpisodeSource(CocoKeypointFile(str(ann_file), ['cat']))
    with pytest.raises(ValueError, match="category 'boat', which"):
        episodes.check(restricted)
    data = episode_files.content()
    data['annotations'][0]['keypoints'][0] += 1
    changed = read(episode_files.write(tmp_path, data))
    with pytest.raises(ValueError, match='another data set or has changed'):
        episodes.check(changed)


@pytest.mark.parametrize('path', SHIPPED, ids=lambda p: p.stem)
def test_shipped_lists(path, monkeypatch, tmp_path):
    assert path.stat().st_size < 1_000_000
    monkeypatch.chdir(tmp_path)  # found where the package is
    found = EpisodeList.load(path.relative_to(REPO_ROOT))
    name, shots = path.stem.rsplit('_', 1)
    folder = 'synthkpt'
    if name.startswith('realmini_'):
        folder, name = name.split('_')
    assert found.annotation_file == f'{name}.json'
    assert f'{found.shots}shot' == shots
    assert found.rule == 'distinct_pictures'
    # Twelve flies are left beside five shots.
    assert {len(e.queries) for e in found.episodes} <= {15, 12}
    annotations = REPO_ROOT / f'data/{folder}/annotations/{name}.json'
    if not annotations.is_file():
        pytest.skip(f'needs data/{folder}')
    manifest = REPO_ROOT / 'data/synthkpt/synthkpt.json'
    if (
        folder == 'synthkpt'
        and json.loads(manifest.read_text())['counts']['train'] != 12000
    ):
        pytest.skip('needs data/synthkpt in its full size')
    digest = hashlib.sha256(annotations.read_bytes()).hexdigest()
    assert digest == found.annotation_sha256


def test_all_splits_are_shipped():
    splits = [f'synthmp_split{split}_test' for split in range(1, 6)]
    left_out = ('human_body', 'human_face', 'vehicle', 'furniture')
    supers = [f'synthmp_super_{name}_test' for name in left_out]
    assert {p.stem for p in SHIPPED} == {
        f'{name}_{shots}shot'
        for name in [*splits, *supers, 'realmini_val']
        for shots in (1, 5)
    }
