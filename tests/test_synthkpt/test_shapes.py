# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Every articulated and soft category: record, drawing, keypoints."""

import importlib

import cv2
import numpy as np
import pytest

MODULES = (
    'human',
    'face',
    'hand',
    'animal_body',
    'animal_face',
    'insect',
    'clothes',
)
SHAPES = [
    shape
    for module in MODULES
    for shape in importlib.import_module(f'projects.synthkpt.{module}').SHAPES
]
IDS = [shape.category['name'] for shape in SHAPES]
SEEDS = range(6)

every_shape = pytest.mark.parametrize('shape', SHAPES, ids=IDS)


def _pose(shape, seed):
    return shape.draw(np.random.default_rng(seed))


def _distance_outside(pose):
    """How far each keypoint lies outside the drawing, in drawing sizes."""
    points = np.concatenate([layer.polygon for layer in pose.layers])
    low, size = points.min(axis=0), np.ptp(points, axis=0).max()
    mask = np.full((256, 256), 255, np.uint8)
    for layer in pose.layers:
        scaled = (layer.polygon - low) / size * 215 + 20
        cv2.fillPoly(mask, [np.round(scaled).astype(np.int32)], 0)
    distance = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    at = np.round((pose.keypoints - low) / size * 215 + 20).astype(int)
    assert at.min() >= 0 and at.max() < 256
    return distance[at[:, 1], at[:, 0]] / 215


@every_shape
def test_category_record(shape):
    record = shape.category
    names = record['keypoints']
    count = len(names)
    assert 4 <= count <= 68
    assert record['name'] == record['name'].lower()
    assert len(set(names)) == count
    assert all(name == name.lower() and '_' not in name for name in names)
    assert len(record['parts']) == len(record['sigmas']) == count
    assert all(record['parts'])
    assert all(0 < sigma < 0.2 for sigma in record['sigmas'])
    for a, b in record['skeleton']:
        assert 1 <= a <= count and 1 <= b <= count and a != b
    swapped = [name for pair in record['swap_pairs'] for name in pair]
    assert len(set(swapped)) == len(swapped)
    assert set(swapped) == {n for n in names if 'left' in n or 'right' in n}
    for left, right in record['swap_pairs']:
        assert left.replace('left', 'right') == right


def test_names_are_unique_and_kinds_are_full():
    assert len(set(IDS)) == len(IDS)
    kinds = [shape.category['supercategory'] for shape in SHAPES]
    counts = {kind: kinds.count(kind) for kind in set(kinds)}
    assert set(counts) == {
        'human body',
        'human face',
        'hand',
        'animal body',
        'animal face',
        'insect',
        'clothes',
    }
    assert min(counts.values()) >= 5
    assert max(len(shape.category['keypoints']) for shape in SHAPES) == 68


@every_shape
def test_drawing_is_well_formed(shape):
    for seed in SEEDS:
        pose = _pose(shape, seed)
        count = len(shape.category['keypoints'])
        assert pose.keypoints.shape == (count, 2)
        assert pose.keypoints.dtype == np.float32
        assert np.isfinite(pose.keypoints).all()
        assert pose.keypoint_layers.shape == (count,)
        assert pose.keypoint_layers.min() >= 0
        assert pose.keypoint_layers.max() < len(pose.layers)
        for layer in pose.layers:
            assert layer.polygon.dtype == np.float32
            assert layer.polygon.ndim == 2 and layer.polygon.shape[1] == 2
            assert len(layer.polygon) >= 3
            assert np.isfinite(layer.polygon).all()
            assert layer.material in pose.palette
            assert 0.2 < layer.shade <= 1.2
        for colour in pose.palette.values():
            assert all(type(v) is int and 0 <= v <= 255 for v in colour)


@every_shape
def test_keypoints_lie_on_the_drawing(shape):
    outside = np.array([_distance_outside(_pose(shape, s)) for s in SEEDS])
    assert outside.max() < 0.03


@every_shape
def test_drawing_depends_on_the_generator_alone(shape):
    first, again, other = (_pose(shape, seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.keypoints, again.keypoints)
    np.testing.assert_array_equal(first.keypoint_layers, again.keypoint_layers)
    assert first.palette == again.palette
    assert len(first.layers) == len(again.layers)
    for one, two in zip(first.layers, again.layers, strict=True):
        np.testing.assert_array_equal(one.polygon, two.polygon)
        assert (one.material, one.shade) == (two.material, two.shade)
    assert not np.array_equal(first.keypoints, other.keypoints)


def _visible(pose):
    """Whether no layer after a keypoint's own covers it."""
    return np.array(
        [
            not any(
                cv2.pointPolygonTest(layer.polygon, point, False) > 0
                for layer in pose.layers[index + 1 :]
            )
            for point, index in zip(
                pose.keypoints.tolist(), pose.keypoint_layers, strict=True
            )
        ]
    )


@every_shape
def test_every_keypoint_can_be_seen(shape):
    """Own parts hide a keypoint at times, none of them hide it always."""
    shown = np.mean([_visible(_pose(shape, s)) for s in range(24)], axis=0)
    rare = {
        name: share
        for name, share in zip(shape.category['keypoints'], shown, strict=True)
        if share < 0.1
    }
    assert not rare
    assert shown.mean() > 0.5


@pytest.mark.parametrize(
    'name', [n for n in IDS if n.endswith('face')] + ['carnival mask']
)
def test_faces_show_their_own_left_on_the_right(name):
    shape = SHAPES[IDS.index(name)]
    names = shape.category['keypoints']
    for seed in range(20):
        points = _pose(shape, seed).keypoints
        left = np.mean(
            [points[i, 0] for i, n in enumerate(names) if 'left' in n]
        )
        right = np.mean(
            [points[i, 0] for i, n in enumerate(names) if 'right' in n]
        )
        assert left > right


@pytest.mark.parametrize('name', ['t-shirt', 'jacket', 'skirt', 'shorts'])
def test_garments_face_the_viewer(name):
    shape = SHAPES[IDS.index(name)]
    names = shape.category['keypoints']
    for seed in range(10):
        points = _pose(shape, seed).keypoints
        for left, right in shape.category['swap_pairs']:
            if 'hem' in left or 'waist' in left:
                a, b = points[names.index(left)], points[names.index(right)]
                assert a[0] > b[0]


@pytest.mark.parametrize(
    'name', ['fly', 'ant', 'grasshopper', 'butterfly', 'bee']
)
def test_insects_are_seen_from_above_in_any_direction(name):
    """Head up, an insect seen from above has its left at smaller x."""
    shape = SHAPES[IDS.index(name)]
    names = shape.category['keypoints']
    tip = names.index('abdomen tip')
    headings = []
    for seed in range(24):
        points = _pose(shape, seed).keypoints
        ahead = points[names.index('head')] - points[tip]
        sides = {
            side: np.mean(
                [p for p, n in zip(points, names, strict=True) if side in n],
                axis=0,
            )
            for side in ('left', 'right')
        }
        across = sides['right'] - sides['left']
        assert ahead[0] * across[1] - ahead[1] * across[0] > 0
        headings.append(np.arctan2(ahead[1], ahead[0]))
    quarters = {int(h // (np.pi / 2)) for h in headings}
    assert quarters == {-2, -1, 0, 1}
