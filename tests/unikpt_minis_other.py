# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Miniature sets in forms of their own and MP-100, see unikpt_minis."""

import csv
import json

import h5py
import numpy as np
from scipy.io import savemat

from projects.unikpt.metainfo import read_metainfo
from tests.unikpt_mini_parts import (
    PLANTED,
    PLANTED_DOCTOR,
    CocoMini,
    expected,
    picture,
    spots,
    triplets,
    write_pts,
)


def write_animal_kingdom(root, faults=False):
    """Animal Kingdom: records in the manner of MPII, protocol 1."""

    def record(name, animal, parent, **changes):
        rows = triplets(23, 1)
        rows[0][:2] = [-1, -1]
        return {
            'image': name,
            'animal': animal,
            'animal_parent_class': parent,
            'animal_class': parent,
            'animal_subclass': animal,
            'joints_vis': [row[2] for row in rows],
            'joints': [row[:2] for row in rows],
            'scale': 0.15,
            'center': [18.5, 15.5],
            **changes,
        }

    train = [
        record('AAA/AAA_f000001.jpg', 'Elephant', 'Mammal'),
        record('AAA/AAA_f000002.jpg', 'Elephant', 'Mammal'),
        record('BBB/BBB_f000001.jpg', 'Frog / Toad', 'Amphibian'),
    ]
    test = [record('CCC/CCC_f000009.jpg', 'Common Pheasant', 'Bird')]
    for each in train + test:
        picture(root / 'dataset' / each['image'])
    if faults:
        lacking = record('AAA/AAA_f000001.jpg', 'Elephant', 'Mammal')
        del lacking['joints']
        short = record('AAA/AAA_f000001.jpg', 'Elephant', 'Mammal')
        short['joints_vis'].pop()
        gone = record('DDD/DDD_f000001.jpg', 'Elephant', 'Mammal')
        gone['joints'][22] = [900, 5]
        train += [lacking, short, gone]
    folder = root / 'annotation' / 'ak_P1'
    folder.mkdir(parents=True)
    (folder / 'train.json').write_text(json.dumps(train))
    (folder / 'test.json').write_text(json.dumps(test))
    if faults:
        return expected(
            {'train': 4, 'test': 1},
            5,
            5 * 22,
            {'missing key': 1, 'unreadable record': 1},
            {'missing picture': 1},
        )
    return expected({'train': 3, 'test': 1}, 4, 4 * 22)


def write_animalweb(root, faults=False):
    """AnimalWeb: of six alpacas the fifth validates, of two camels none."""
    folder = root / 'animal_dataset_v1_clean_check'
    stems = [*(f'alpaca_{n}' for n in (1, 2, 3, 9, 10, 11)), 'camel_3']
    stems.append('arcticwolf_7')
    for stem in stems:
        picture(folder / f'{stem}.jpg')
        write_pts(folder / f'{stem}.pts', spots(9) + 1)
    splits = {'train': 7, 'val': 1}
    if not faults:
        return expected(splits, 8, 8 * 9)
    picture(folder / 'zebu_1.jpg')
    write_pts(folder / 'zebu_1.pts', spots(8) + 1)
    write_pts(folder / 'zebu_2.pts', spots(9) + 1)
    picture(folder / 'zebu_3.jpg')
    (folder / 'zebu_3.pts').write_text('n_points: 9\n{\nnine points\n}\n')
    # Pictures of faulty files count, without an object.
    return expected(
        {'train': 10, 'val': 1},
        9,
        9 * 9,
        {'wrong number of keypoints': 1, 'not a number': 1},
        {'missing picture': 1},
    )


def _write_deepposekit(root, metainfo, name, side, faults):
    """Six frames; of the second nothing is annotated."""
    meta = read_metainfo(metainfo)
    count = len(meta.keypoints)
    rng = np.random.default_rng(0)
    flags = np.ones((6, count), bool)
    flags[:, 0] = False
    flags[1] = False
    folder = root
    folder.mkdir(parents=True, exist_ok=True)
    with h5py.File(folder / name, 'w') as file:
        file['images'] = rng.integers(0, 256, (6, side, side, 1), np.uint8)
        file['annotations'] = np.tile(spots(count), (6, 1, 1)).astype(float)
        file['annotated'] = flags
        file['skeleton'] = np.full((count, 2), -1, np.int32)
    names = list(meta.keypoints)
    if faults:
        names[0] = 'tail'
    with (folder / 'skeleton.csv').open('w', newline='') as file:
        writer = csv.writer(file)
        writer.writerow(['name', 'parent', 'swap'])
        known = set(names)
        for keypoint, swap in zip(names, meta.swaps):
            writer.writerow([keypoint, '', swap if swap in known else ''])
    return expected(
        {'train': 5, 'val': 1},
        5,
        5 * (count - 1),
        {'unknown keypoint names': 1} if faults else {},
    )


def write_vinegar_fly(root, faults=False):
    """Vinegar Fly: annotation_data_release.h5 and skeleton.csv."""
    name = 'annotation_data_release.h5'
    return _write_deepposekit(root, 'fly', name, 48, faults)


def write_desert_locust(root, faults=False):
    """Desert Locust: annotation_data_release.h5 and skeleton.csv."""
    name = 'annotation_data_release.h5'
    return _write_deepposekit(root, 'locust', name, 56, faults)


def write_keypoint5(root, faults=False):
    """Keypoint-5: coords.mat (2, K, P, N), train.txt and test.txt.

    Three annotators, of whom one is far off everywhere and one sets the
    first point at 0, 0 (not set); the second point nobody sets. Chairs have
    room for two keypoints that they do not have.
    """
    counts = {
        'bed': 10,
        'chair': 10,
        'sofa': 14,
        'swivelchair': 13,
        'table': 8,
    }
    for kind, count in counts.items():
        room = count + 2 * (kind == 'chair')
        coords = np.empty((2, room, 3, 3))
        coords[:] = spots(room).T[:, :, None, None]
        coords[:, :, 2] += 6
        coords[:, 0, 2] = 0
        coords[:, 1] = np.nan
        folder = root / kind
        for number in (1, 2, 3):
            picture(folder / 'images' / f'{number:08d}.jpg')
        savemat(folder / 'coords.mat', {'coords': coords})
        lines = [f'./{kind}/images/{n:08d}.jpg\n' for n in (1, 2, 3)]
        (folder / 'train.txt').write_text(''.join(lines[:2]))
        (folder / 'test.txt').write_text(lines[2])
    splits = {'train': 10, 'test': 5}
    labelled = 3 * (55 - 5)
    if not faults:
        return expected(splits, 15, labelled)
    (root / 'bed' / 'images' / '00000002.jpg').unlink()
    with (root / 'bed' / 'test.txt').open('a') as file:
        file.write('./bed/images/00000099.jpg\n')
    (root / 'sofa' / 'coords.mat').write_bytes(b'no matlab file')
    return expected(
        {'train': 8, 'test': 4},
        12,
        labelled - 3 * 13,
        {'unreadable annotation': 1, 'unknown picture': 1},
        {'missing picture': 1},
    )


def write_mp100(root, faults=False):
    """MP-100: five categories with names as in the original release."""
    shirt = [str(i) for i in range(1, 26)]
    categories = [
        {'id': 1, 'name': 'antelope_body', 'keypoints': []},
        {'id': 2, 'name': 'amur_tiger_body', 'keypoints': []},
        {'id': 3, 'name': 'short_sleeved_shirt', 'keypoints': shirt},
        {'id': 4, 'name': 'arcticwolf_face', 'keypoints': []},
        {'id': 5, 'name': 'car', 'keypoints': []},
    ]
    sizes = (17, 19, 25, 9, 14)
    wanted = {'train': (0, 2, 4), 'val': (3,), 'test': (1,)}
    for split, kinds in wanted.items():
        own = [
            {**categories[kind], 'keypoints': shirt[: sizes[kind]]}
            for kind in kinds
        ]
        file = CocoMini(root, own, first_id=1000 * len(kinds) + len(split))
        for index, kind in enumerate(kinds):
            name = categories[kind]['name']
            for number in (1, 2):
                path = f'{name}/{kind}{number}.jpg'
                file.object(file.image(path, 'images'), index)
        if faults and split == 'train':
            file.plant('images')
        file.categories = [categories[kind] for kind in kinds]
        file.save(root / f'annotations/mp100_split1_{split}.json')
    # Two objects of each: 2 * (17 + 19 + 25 + 9 + 14 - 5).
    if faults:
        splits = {'train': 8, 'val': 2, 'test': 2}
        return expected(splits, 12, 158 + 2 * 16, PLANTED, PLANTED_DOCTOR)
    return expected({'train': 6, 'val': 2, 'test': 2}, 10, 158)
