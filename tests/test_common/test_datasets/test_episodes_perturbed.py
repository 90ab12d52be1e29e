# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch
from mmpose.registry import DATASETS
from scipy.ndimage import gaussian_filter

from projects.common.datasets import CocoKeypointFile, PerturbedEpisodes
from projects.common.datasets.episodes import (
    PERTURBATIONS,
    EpisodeDataset,
    EpisodeSource,
    clipped_box,
    freeze_episodes,
)
from tests import episode_files

PACK = {'type': 'mmpose.PackPromptInputs'}


@pytest.fixture
def build(tmp_path):
    """Build 2-shot episodes with 3 queries; None is unperturbed."""
    path = episode_files.write(tmp_path)
    source = EpisodeSource(CocoKeypointFile(str(path)))
    for shots in (1, 2):
        episodes = freeze_episodes(source, shots, 3, 2)
        episodes.save(tmp_path / f'{shots}.json')

    def build(name=None, shots=2, episodes=None, **kwargs):
        dataset = {
            'type': 'mmpose.PromptCocoDataset',
            'data_root': str(tmp_path),
            'ann_file': 'ann.json',
        }
        episodes = episodes or str(tmp_path / f'{shots}.json')
        common = dict(
            dataset=dataset, episodes=episodes, pipeline=[PACK], **kwargs
        )
        if name is None:
            return EpisodeDataset(**common)
        return PerturbedEpisodes(perturbation=name, **common)

    return build


def pictures_equal(a, b):
    return torch.equal(a['inputs'], b['inputs'])


def shots(item):
    return item['data_samples'].prompts.supports[0]


def test_registered_and_named_in_the_metainfo(build):
    assert DATASETS.get('mmpose.PerturbedEpisodes') is PerturbedEpisodes
    about = build('blurred').metainfo['episodes']
    assert about['perturbation'].startswith('blurred (supports blurred')
    assert about['sha256'] == build().metainfo['episodes']['sha256']
    assert 'perturbation' not in build().metainfo['episodes']


def test_order_moves_names_supports_and_queries_alike(build):
    plain, other = build(), build('order')
    moved = 0
    for index in range(len(plain)):
        a, b = plain[index], other[index]
        assert pictures_equal(a, b)
        names = [
            item['data_samples'].prompts.categories[0].keypoints
            for item in (a, b)
        ]
        order = [names[0].index(name) for name in names[1]]
        moved += order != sorted(order)
        first, second = a['data_samples'].episode, b['data_samples'].episode
        assert (first.keypoints[order] == second.keypoints).all()
        assert (first.support_visible[order] == second.support_visible).all()
        for one, two in zip(shots(a), shots(b)):
            assert torch.equal(one.keypoints[order], two.keypoints)
            assert torch.equal(one.visible[order], two.visible)
            assert torch.equal(one.image, two.image)
        cat = b['data_samples'].prompts.categories[0]
        for i, j in cat.swap_pairs:
            assert {cat.keypoints[i], cat.keypoints[j]} == {
                'left ear',
                'right ear',
            }
    assert moved > 0


def test_occluded_supports_hide_what_the_patch_covers(build):
    plain, other = build(support_size=64), build('occluded', support_size=64)
    item, changed = plain[0], other[0]
    box = item['data_samples'].episode.support_bboxes[0]
    one, two = shots(item)[0], shots(changed)[0]
    patch = (two.image == 127).all(0) & (one.image != two.image).any(0)
    width, height = (box[2:] - box[:2]) / 2
    assert patch.sum() == pytest.approx(width * height, rel=0.35)
    assert torch.equal(one.image[:, ~patch], two.image[:, ~patch])
    assert torch.equal(one.keypoints, two.keypoints)
    for (x, y), before, after in zip(
        one.keypoints.int().tolist(), one.visible, two.visible
    ):
        assert after == (1 if patch[y, x] else before)
    assert pictures_equal(item, changed)


def test_blurred_supports(build):
    one, two = (
        shots(build(name, support_size=96)[0])[0] for name in (None, 'blurred')
    )
    expected = gaussian_filter(
        one.image.double().numpy(), sigma=0.03 * 96, axes=(1, 2), mode='mirror'
    )
    # Both are rounded, and OpenCV leaves out the tails.
    assert np.abs(two.image.numpy() - expected).max() < 2
    assert not torch.equal(one.image, two.image)
    assert torch.equal(one.keypoints, two.keypoints)


def test_flipped_supports_are_mirrored_with_their_names(build):
    for index in (0, 6):  # cats have a swap pair, boats have none
        item, changed = (build(name)[index] for name in (None, 'flipped'))
        category = item['data_samples'].prompts.categories[0]
        swap = list(category.swap_indices)
        for one, two in zip(shots(item), shots(changed)):
            assert torch.equal(one.image.flip(-1), two.image)
            assert torch.equal(one.visible[swap], two.visible)
            assert torch.allclose(two.keypoints[:, 1], one.keypoints[swap, 1])
            mirrored = one.image.shape[-1] - 1 - one.keypoints[swap, 0]
            shown = two.visible > 0
            assert torch.allclose(two.keypoints[shown, 0], mirrored[shown])
        a, b = (i['data_samples'].episode for i in (item, changed))
        assert np.allclose(
            a.support_bboxes[:, [1, 3]], b.support_bboxes[:, [1, 3]]
        )
        assert np.allclose(
            a.support_bboxes[:, [0, 2]], 224 - b.support_bboxes[:, [2, 0]]
        )
        assert pictures_equal(item, changed)


def test_flipped_and_what_to_compare_it_with(tmp_path):
    data = episode_files.content()
    cats, boats = data['categories'] = [dict(c) for c in data['categories']]
    boats['keypoints'] = ['left', 'stern']  # no right one: not mirrored
    for annotation in data['annotations']:
        if annotation['category_id'] == cats['id']:
            annotation['keypoints'][5] = 0  # no left ear
    path = episode_files.write(tmp_path, data)
    source = EpisodeSource(CocoKeypointFile(str(path)))
    freeze_episodes(source, 2, 3, 2).save(tmp_path / 'e.json')
    plain, flipped, counted = (
        PerturbedEpisodes(
            perturbation=name,
            dataset={
                'type': 'mmpose.PromptCocoDataset',
                'data_root': str(tmp_path),
                'ann_file': 'ann.json',
            },
            episodes=str(tmp_path / 'e.json'),
        )
        for name in ('blurred', 'flipped', 'flipped_counted')
    )
    # The supports of a cat are mirrored: neither ear is known in both ways.
    cat = [data.task(0) for data in (plain, flipped, counted)]
    assert [task.labelled.tolist() for task in cat] == [
        [True, False, True],
        [True, False, False],
        [True, False, False],
    ]
    original = EpisodeDataset.task(plain, 0)
    assert [s.key for s in cat[2].shots] == [s.key for s in original.shots]
    boat = [data.task(2) for data in (flipped, counted)]
    original = EpisodeDataset.task(plain, 2)
    for task in boat:
        assert [s.key for s in task.shots] == [s.key for s in original.shots]
        assert task.labelled.all()
    about = flipped.metainfo['episodes']['perturbation']
    assert 'unless a left or right keypoint of the category has no' in about


def test_wrong_support_is_of_another_category(build):
    plain, other = build(), build('wrong_support')
    for index in (0, 6):
        a, b = plain[index], other[index]
        assert shots(a)[0].key == shots(b)[0].key
        wrong = plain.source.objects[shots(b)[1].annotation_id]
        name = a['data_samples'].prompts.names[0]
        assert wrong.annotation_id not in plain.source.by_category[name]
        count = min(len(wrong.keypoints), shots(b)[1].num_keypoints)
        expected, box = plain.shot(wrong)
        assert torch.equal(
            shots(b)[1].keypoints[:count], expected.keypoints[:count]
        )
        assert not shots(b)[1].visible[count:].any()
        first, second = a['data_samples'].episode, b['data_samples'].episode
        assert np.allclose(second.support_bboxes[1], box)
        # The very same keypoints count.
        assert (first.support_visible == second.support_visible).all()


def test_wrong_box_moves_each_edge_by_a_fifth_at_most(build):
    plain, other = build(), build('wrong_box')
    moves = []
    for index in range(len(plain)):
        a, b = (data[index]['data_samples'] for data in (plain, other))
        assert a.episode.bbox == b.episode.bbox == a.episode.given_bbox
        assert (a.episode.keypoints == b.episode.keypoints).all()
        x, y, w, h = a.episode.bbox
        given = np.array(b.episode.given_bbox)
        edges = np.array([x, y, x + w, y + h])
        moved = np.concatenate([given[:2], given[:2] + given[2:]]) - edges
        moves.append(moved / [w, h, w, h])
        # The method's box is the given one, in its crop.
        clipped = clipped_box(given, b.episode.picture_shape)
        corner = b.gt_instances.bboxes[0, :2].numpy().astype(float)
        matrix = b.episode.to_picture
        placed = matrix[:, :2] @ corner + matrix[:, 2]
        assert np.allclose(placed, clipped[:2], atol=1e-3)
    assert 0.1 < np.abs(moves).max() <= 0.2


def test_fewer_keypoints_and_what_to_compare_them_with(build):
    names = (None, 'fewer_keypoints', 'fewer_counted')
    for index in (0, 6):
        all_, hidden, counted = (
            build(name)[index]['data_samples'] for name in names
        )
        kept = hidden.episode.support_visible
        assert (kept == counted.episode.support_visible).all()
        total = all_.episode.support_visible.sum()
        assert kept.sum() == -(-total // 2)
        for one, two, three in zip(
            *(s.prompts.supports[0] for s in (all_, hidden, counted))
        ):
            assert one.key == three.key
            assert ((two.visible > 0).numpy() == kept).all()
            assert torch.equal(
                two.keypoints[kept], one.keypoints[torch.from_numpy(kept)]
            )


@pytest.mark.parametrize('name', PERTURBATIONS)
def test_draws_are_repeated_and_differ_by_seed(build, name):
    first, second = build(name)[4], build(name)[4]
    assert pictures_equal(first, second)
    assert [s.key for s in shots(first)] == [s.key for s in shots(second)]
    if name == 'wrong_box':
        other = build(name, perturbation_seed=1)[4]
        assert not pictures_equal(first, other)


def test_refused(build):
    with pytest.raises(ValueError, match="'order', 'occluded'"):
        build('rain')
    with pytest.raises(ValueError, match='have 1 of 2 categories'):
        build('wrong_support', shots=1)
    drawn = {'shots': 1, 'queries': 2, 'num_episodes': 2}
    with pytest.raises(ValueError, match='freeze them'):
        build('order', episodes=drawn)
