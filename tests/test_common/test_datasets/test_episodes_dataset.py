# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler, pseudo_collate
from mmpose.registry import DATA_SAMPLERS, DATASETS
from torch.utils.data import DataLoader

from projects.common.datasets import CocoKeypointFile, EpisodeDataset
from projects.common.datasets.episodes import (
    EpisodeSampler,
    EpisodeSource,
    freeze_episodes,
    sampler,
)
from tests import episode_files

PACK = {'type': 'mmpose.PackPromptInputs'}
DRAWN = {'shots': 2, 'queries': 3, 'num_episodes': 4}


@pytest.fixture
def frozen(tmp_path):
    """Path of two 2-shot episodes with 3 queries of each category."""
    path = episode_files.write(tmp_path)
    source = EpisodeSource(CocoKeypointFile(str(path)))
    freeze_episodes(source, 2, 3, 2).save(tmp_path / 'e.json')
    return str(tmp_path / 'e.json')


@pytest.fixture
def build(tmp_path, frozen):
    def build(episodes=frozen, pipeline=(PACK,), **kwargs):
        return EpisodeDataset(
            {
                'type': 'mmpose.PromptCocoDataset',
                'data_root': str(tmp_path),
                'ann_file': 'ann.json',
            },
            episodes,
            pipeline=pipeline,
            **kwargs,
        )

    return build


def same(first, second):
    a, b = first['data_samples'], second['data_samples']
    return (
        torch.equal(first['inputs'], second['inputs'])
        and torch.equal(a.gt_instances.keypoints, b.gt_instances.keypoints)
        and [s.key for s in a.prompts.supports[0]]
        == [s.key for s in b.prompts.supports[0]]
        and a.episode.annotation_id == b.episode.annotation_id
    )


def test_registered():
    assert DATASETS.get('mmpose.EpisodeDataset') is EpisodeDataset
    assert DATA_SAMPLERS.get('mmpose.EpisodeSampler') is EpisodeSampler


def test_items_are_the_frozen_queries(build):
    data = build()
    assert len(data) == 12
    assert data.slices == [range(i, i + 3) for i in range(0, 12, 3)]
    for index in range(12):
        sample = data[index]['data_samples']
        record, planned = sample.episode, data.episode(index // 3)
        assert (record.episode, record.query) == divmod(index, 3)
        assert record.annotation_id == planned.queries[index % 3]
        assert record.support_annotation_ids == planned.supports
        assert sample.prompts.names == (planned.category,)
        assert sample.prompts.modalities == ('visual',)
        shots = sample.prompts.supports[0]
        assert tuple(s.annotation_id for s in shots) == planned.supports
        assert [s.image.shape for s in shots] == [(3, 224, 224)] * 2
        assert sample.gt_instances.labels.tolist() == [0]
    first, second = data[0]['data_samples'], data[1]['data_samples']
    # Cut out once, shared by the queries of an episode.
    assert first.prompts.supports[0][0] is second.prompts.supports[0][0]


def test_crop_and_its_way_back(build):
    data = build(input_size=100)
    for index in (0, 7):
        item = data[index]
        sample, record = item['data_samples'], item['data_samples'].episode
        assert item['inputs'].shape == (3, 100, 100)
        assert sample.ori_shape == sample.img_shape == (100, 100)
        x, y, width, height = record.bbox  # inside the picture: minus 1
        side = max(width - 1, height - 1)
        middle = np.array([x + (width - 1) / 2, y + (height - 1) / 2])
        truth = record.keypoints[:, :2]
        placed = 50 + (truth - middle) * 100 / (1.25 * side)
        found = sample.gt_instances.keypoints[0].numpy()
        np.testing.assert_allclose(found, placed, atol=1e-4)
        matrix = record.to_picture
        back = found @ matrix[:, :2].T + matrix[:, 2]
        np.testing.assert_allclose(back, truth, atol=1e-4)
        box = sample.gt_instances.bboxes[0].numpy()
        assert (box[2:] - box[:2]).max() == pytest.approx(80)
        np.testing.assert_allclose((box[2:] + box[:2]) / 2, 50, atol=1e-4)
        area = data.source.objects[record.annotation_id].area
        scale = 100 / (1.25 * side)
        assert sample.gt_instances.areas.item() == pytest.approx(
            area * scale**2
        )


def test_support_boxes_are_those_of_the_crops(build):
    sample = build(support_size=80)[0]['data_samples']
    for shot, box in zip(
        sample.prompts.supports[0], sample.episode.support_bboxes, strict=True
    ):
        source = build().source.objects[shot.annotation_id]
        low, high = source.box[:2], source.box[2:]
        place = (source.keypoints[:, :2] - low) / (high - low)
        np.testing.assert_allclose(
            shot.keypoints.numpy(),
            box[:2] + place * (box[2:] - box[:2]),
            atol=1e-4,
        )


def test_whole_picture_with_a_resizing_pipeline(build):
    resize = {
        'type': 'mmpose.ResizeKeypoints',
        'scale': (128, 128),
        'keep_ratio': True,
    }
    item = build(frame='picture', pipeline=(resize, PACK))[4]
    sample, record = item['data_samples'], item['data_samples'].episode
    assert item['inputs'].shape == (3, 96, 128)
    assert sample.ori_shape == (48, 64)
    assert record.frame == 'picture'
    assert record.to_picture.tolist() == [[1, 0, 0], [0, 1, 0]]
    found = sample.gt_instances.keypoints[0] / torch.tensor(
        sample.scale_factor
    )
    np.testing.assert_allclose(found, record.keypoints[:, :2], atol=1e-4)


def test_mask_of_the_supports(build, tmp_path):
    data = episode_files.content()
    for annotation in data['annotations']:
        if annotation['category_id'] == 4 and annotation['image_id'] < 3:
            annotation['keypoints'][3:6] = [0, 0, 0]
    episode_files.write(tmp_path, data)
    episodes = build({**DRAWN, 'num_episodes': 20})
    seen = set()
    for number in range(20):
        episode = episodes.episode(number)
        record = episodes[3 * number]['data_samples'].episode
        if episode.category == 'cat':
            pictures = {
                episodes.source.objects[i].image['id']
                for i in episode.supports
            }
            expected = min(pictures) >= 3
            assert record.support_visible.tolist() == [True, expected, True]
            seen.add(expected)
    assert seen == {True, False}


def test_drawn_episodes_are_a_function_of_seed_epoch_and_index(build):
    noise = {'type': 'mmdet.PhotoMetricDistortion'}
    one = build(DRAWN, pipeline=(noise, PACK))
    two = build(DRAWN, pipeline=(noise, PACK))
    np.random.seed(99)
    indices = [0, 5, 12, 17, 29]
    later = {i: two[i] for i in reversed(indices)}  # another order
    for index in indices:
        assert same(one[index], later[index])
    assert not same(one[0], one[12])  # the next epoch
    other = build(DRAWN, pipeline=(noise, PACK), seed=1)
    assert [other.episode(n) for n in range(4)] != [
        one.episode(n) for n in range(4)
    ]
    names = [one.episode(n, epoch=5).category for n in range(4)]
    assert sorted(names) == ['boat', 'boat', 'cat', 'cat']


def test_frozen_episodes_end(build):
    data = build()
    assert len(list(data)) == 12
    for index in (12, -1):
        with pytest.raises(IndexError, match='12 queries'):
            data[index]


def test_first_episodes_of_each_category(build):
    data, short = build(), build(max_episodes=1)
    assert short.metainfo['episodes']['num_episodes'] == 2
    assert short.metainfo['episodes']['num_episodes_total'] == 4
    assert [short.episode(0), short.episode(1)] == [
        data.episode(0),
        data.episode(2),
    ]


def test_metainfo(build, tmp_path):
    meta = build().metainfo
    assert meta['episodes'] == {
        'sha256': build().list.sha256,
        'partial': '',
        'annotation_file': 'ann.json',
        'shots': 2,
        'frame': 'crop',
        'rule': 'distinct_pictures',
        'num_episodes': 4,
        'num_episodes_total': 4,
        'num_queries': 12,
    }
    assert [c['name'] for c in meta['categories']] == ['cat', 'boat']
    some = freeze_episodes(build().source, 2, 3, 2, categories=['boat'])
    some.save(tmp_path / 'some.json')
    part = build(str(tmp_path / 'some.json'))
    text = 'PARTIAL: 1 of 2 categories'
    assert part.metainfo['episodes']['partial'] == text
    part.source.partial = 'PARTIAL MP-100'
    assert part.metainfo['episodes']['partial'] == f'PARTIAL MP-100; {text}'
    assert build(DRAWN).metainfo['episodes']['sha256'] == ''


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        ({'frame': 'box'}, "frame is 'box'"),
        ({'max_episodes': 0}, 'max_episodes is 0'),
        ({'episodes': DRAWN, 'max_episodes': 1}, 'shortens a frozen list'),
        ({'episodes': {**DRAWN, 'queries': 5}}, "'cat' has 6 usable"),
    ],
)
def test_bad_arguments(build, kwargs, message):
    with pytest.raises(ValueError, match=message):
        build(**kwargs)


def test_missing_pictures_are_reported_at_once(build, tmp_path):
    used = build()._frozen[0].queries[0]
    name = build().source.objects[used].image['file_name']
    (tmp_path / name).unlink()
    with pytest.raises(FileNotFoundError, match=f'1 of the 6 .*{name}'):
        build()


def test_changed_annotations_are_refused(build, tmp_path):
    data = episode_files.content()
    data['annotations'][0]['bbox'][0] += 1
    episode_files.write(tmp_path, data)
    with pytest.raises(ValueError, match='another data set or has changed'):
        build()


def test_broken_pictures(build, tmp_path):
    data = build()
    for path in tmp_path.glob('*.png'):
        path.write_bytes(b'no picture')
    with pytest.raises(OSError, match='cannot be read'):
        data[0]
    other = episode_files.content()
    for image in other['images']:
        image['width'] = 60
    episode_files.write(tmp_path, other)
    with pytest.raises(ValueError, match='is 60 x 48 .* says 64 x 48'):
        data[0]


@pytest.mark.parametrize('world_size', [1, 2, 3, 4, 8])
def test_every_query_once_and_episodes_whole(build, monkeypatch, world_size):
    data = build()
    found = []
    for rank in range(world_size):
        monkeypatch.setattr(
            sampler, 'get_dist_info', lambda rank=rank: (rank, world_size)
        )
        share = EpisodeSampler(data)
        indices = list(share)
        assert len(share) == len(indices)
        episodes = [i // 3 for i in indices]
        assert episodes == sorted(episodes)
        assert len(indices) == 3 * len(set(episodes))
        found += indices
    assert sorted(found) == list(range(12))


def test_shuffled_and_rounded_up_for_training(build, monkeypatch):
    data = build(DRAWN)
    orders = []
    for epoch in (0, 1):
        shares = []
        for rank in range(3):
            monkeypatch.setattr(
                sampler, 'get_dist_info', lambda rank=rank: (rank, 3)
            )
            share = EpisodeSampler(data, shuffle=True, seed=5, round_up=True)
            share.set_epoch(epoch)
            shares.append(list(share))
        assert [len(s) for s in shares] == [6, 6, 6]
        everything = {i for s in shares for i in s}
        assert everything == set(range(12 * epoch, 12 * (epoch + 1)))
        orders.append([s[0] - 12 * epoch for s in shares])
    assert orders[0] != orders[1]


@pytest.mark.parametrize('num_workers', [0, 2])
def test_through_a_loader(build, num_workers):
    data = build()
    loader = DataLoader(
        data,
        batch_size=3,
        num_workers=num_workers,
        sampler=EpisodeSampler(data),
        collate_fn=pseudo_collate,
    )
    samples = [s for batch in loader for s in batch['data_samples']]
    assert [s.episode.episode * 3 + s.episode.query for s in samples] == list(
        range(12)
    )
    plain = DefaultSampler(data, shuffle=False)
    for sample, index in zip(samples, plain):
        expected = data[index]['data_samples'].prompts.supports[0]
        keys = [s.key for s in sample.prompts.supports[0]]
        assert keys == [s.key for s in expected]
