# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Sources with forms of their own: what comes out, value by value."""

import json
import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from projects.common.datasets.mp100.mp100_parts import PART_OF
from projects.unikpt import SOURCES
from projects.unikpt.build import BuildOptions, build
from projects.unikpt.metainfo import read_metainfo
from projects.unikpt.sources.mp100 import CLOTHES
from projects.unikpt.vocabulary import load_vocabulary
from tests import unikpt_minis
from tests.unikpt_mini_parts import spots, write_pts

SAMPLES = os.environ.get('MMPOSE_TESTS_DATA')
REALDATA = os.environ.get('ANYKEYPOINT_REALDATA')
needs_samples = pytest.mark.skipif(
    not SAMPLES, reason='MMPOSE_TESTS_DATA is not set'
)
needs_realdata = pytest.mark.skipif(
    not REALDATA, reason='ANYKEYPOINT_REALDATA is not set'
)


def read(name, root):
    """Pictures of a source; any fault fails."""

    def report(fault):
        pytest.fail(str(fault))

    return list(SOURCES[name].read(Path(root), report))


def labelled(item):
    """Keypoint name -> (x, y, v)."""
    names = load_vocabulary().entry(item.category).keypoints
    return {
        name: tuple(row)
        for name, row in zip(names, item.keypoints.tolist())
        if row[2]
    }


def test_animal_kingdom_in_the_manner_of_mpii(tmp_path):
    unikpt_minis.write_animal_kingdom(tmp_path)
    pictures = read('animal_kingdom', tmp_path)
    assert pictures[0].file == 'dataset/AAA/AAA_f000001.jpg'
    objects = [p.instances[0] for p in pictures]
    assert [o.category for o in objects] == [
        *('elephant in the wild', 'elephant in the wild'),
        *('frog / toad in the wild', 'common pheasant in the wild'),
    ]
    assert objects[2].attributes == {
        'animal_parent_class': 'Amphibian',
        'animal_class': 'Amphibian',
        'animal_subclass': 'Frog / Toad',
    }
    assert objects[0].bbox is None
    points = labelled(objects[0])
    # Not visible is (-1, -1, 0) there; 1 is visible.
    assert 'top of the head' not in points
    assert points['left eye'] == (*spots(23)[1], 2)
    assert points['tip of the tail'] == (*spots(23)[22], 2)


def test_animal_kingdom_one_animal_has_all_taxonomy():
    entry = load_vocabulary().entry('elephant in the wild')
    assert entry.object_name == 'elephant'
    assert entry.taxonomy['family'] == 'Elephantidae'


def test_animalweb_points_names_and_split(tmp_path):
    unikpt_minis.write_animalweb(tmp_path)
    pictures = read('animalweb', tmp_path)
    folder = 'animal_dataset_v1_clean_check'
    # By number, not by text: 10 comes after 9.
    alpacas = [p.file for p in pictures if 'alpaca' in p.file]
    numbers = (1, 2, 3, 9, 10, 11)
    assert alpacas == [f'{folder}/alpaca_{n}.jpg' for n in numbers]
    val = [p.file for p in pictures if p.split == 'val']
    assert val == [f'{folder}/alpaca_10.jpg']
    wolf = next(p for p in pictures if 'wolf' in p.file).instances[0]
    assert wolf.category == 'arctic wolf face'
    assert wolf.annotation_id == 'arcticwolf_7'
    # Pixels are counted from 1 there.
    np.testing.assert_array_equal(wolf.keypoints[:, :2], spots(9))
    assert set(wolf.keypoints[:, 2]) == {2}


def test_animalweb_other_names(tmp_path):
    write_pts(tmp_path / 'uc_1.pts', spots(9))
    write_pts(tmp_path / 'alpaca.pts', spots(9))
    faults = []
    pictures = list(SOURCES['animalweb'].read(tmp_path, faults.append))
    assert [p.instances[0].category for p in pictures] == ['uc face']
    assert pictures[0].file == 'uc_1.jpg'
    # Without the set's own folder other names are none of it.
    assert not faults
    for name in ('alpaca', '_5', 'alpaca_x'):
        folder = tmp_path / 'animal_dataset_v1_clean_check'
        write_pts(folder / f'{name}.pts', spots(9))
    assert not list(SOURCES['animalweb'].read(tmp_path, faults.append))
    assert [f.kind for f in faults] == ['unreadable record'] * 3


def test_names_that_are_no_utf8_are_unknown_categories(tmp_path):
    folder = tmp_path / 'animal_dataset_v1_clean_check'
    for name in ('caf\udce9dog_0', 'dog_0'):
        write_pts(folder / f'{name}.pts', spots(9))
    faults = []
    pictures = list(SOURCES['animalweb'].read(tmp_path, faults.append))
    categories = [[i.category for i in p.instances] for p in pictures]
    assert categories == [[], ['dog face']]
    assert [(f.kind, f.detail) for f in faults] == [
        ('unknown category', r"name 'caf\udce9dog'")
    ]
    unikpt_minis.write_animal_kingdom(tmp_path / 'ak')
    path = next((tmp_path / 'ak').rglob('ak_P1/train.json'))
    records = json.loads(path.read_text())
    records[0]['animal'] = 'caf\udce9dog'
    path.write_text(json.dumps(records))
    faults.clear()
    pictures = list(
        SOURCES['animal_kingdom'].read(tmp_path / 'ak', faults.append)
    )
    assert [len(p.instances) for p in pictures][:2] == [0, 1]
    assert [(f.kind, f.detail) for f in faults] == [
        ('unknown category', r"name 'caf\udce9dog'")
    ]


@pytest.mark.skipif(os.name != 'posix', reason='names are bytes on POSIX')
def test_a_broken_name_does_not_end_the_build(tmp_path):
    root = tmp_path / 'animalweb'
    unikpt_minis.write_animalweb(root)
    folder = root / 'animal_dataset_v1_clean_check'
    picture = next(folder.glob('alpaca_1.*g')).read_bytes()
    (folder / 'caf\udce9dog_0.jpg').write_bytes(picture)
    write_pts(folder / 'caf\udce9dog_0.pts', spots(9))
    stamp = build(
        tmp_path / 'out',
        {'animalweb': root},
        load_vocabulary(),
        BuildOptions(),
    )
    entry = stamp['sources']['animalweb']
    assert entry['faults']['unknown category'] == 1
    assert entry['examples']['unknown category'] == [
        'animal_dataset_v1_clean_check/caf\\udce9dog_0.pts '
        r"(name 'caf\udce9dog')"
    ]


def test_deepposekit_frames(tmp_path):
    unikpt_minis.write_vinegar_fly(tmp_path)
    pictures = read('vinegar_fly', tmp_path)
    assert [p.frame for p in pictures] == list(range(6))
    assert [p.split for p in pictures].index('val') == 4
    assert not pictures[1].instances
    assert (pictures[0].width, pictures[0].height) == (48, 48)
    item = pictures[0].instances[0]
    assert item.annotation_id == 'annotation_data_release.h5#0'
    points = labelled(item)
    assert len(points) == 31
    assert points['right wing'] == (*spots(32)[31], 2)
    with h5py.File(tmp_path / 'annotation_data_release.h5') as file:
        frame = file['images'][3]
    image = SOURCES['vinegar_fly'].read_picture(tmp_path, pictures[3])
    np.testing.assert_array_equal(image, np.repeat(frame, 3, axis=-1))


def test_deepposekit_keypoints_in_another_order(tmp_path):
    unikpt_minis.write_vinegar_fly(tmp_path)
    path = tmp_path / 'skeleton.csv'
    head, *rows = path.read_text().splitlines()
    path.write_text('\n'.join([head, *rows[::-1]]))
    item = read('vinegar_fly', tmp_path)[0].instances[0]
    points = labelled(item)
    # The first of the file, which is not annotated, is the right wing now.
    assert 'right wing' not in points
    assert points['left wing'] == (*spots(32)[1], 2)
    assert points['head'] == (*spots(32)[31], 2)


def test_deepposekit_faults(tmp_path):
    source = SOURCES['desert_locust']
    unikpt_minis.write_vinegar_fly(tmp_path)
    faults = []
    assert not list(source.read(tmp_path, faults.append))
    assert [f.kind for f in faults] == ['wrong number of keypoints']
    # Under another name it is not taken for a set of locusts at all.
    path = tmp_path / 'annotation_data_release.h5'
    path.rename(tmp_path / 'example_annotation_set.h5')
    assert not source.find(tmp_path).found
    assert SOURCES['vinegar_fly'].find(tmp_path).found
    (tmp_path / 'annotation_data_release.h5').write_bytes(b'no h5')
    faults.clear()
    assert not list(source.read(tmp_path, faults.append))
    assert [f.kind for f in faults] == ['unreadable annotation']


def test_deepposekit_json_where_there_is_no_h5(tmp_path):
    names = list(read_metainfo('locust').keypoints)
    flat = np.column_stack([spots(35), np.full(35, 2)]).ravel().tolist()
    content = {
        'images': [{'id': 1, 'file_name': '1.jpg'}],
        'annotations': [
            {'id': 1, 'image_id': 1, 'category_id': 1, 'keypoints': flat}
        ],
        'categories': [{'id': 1, 'name': 'locust', 'keypoints': names}],
    }
    path = tmp_path / 'annotations' / 'locust_train.json'
    path.parent.mkdir()
    path.write_text(json.dumps(content))
    source = SOURCES['desert_locust']
    assert list(source.find(tmp_path).missing) == ['test']
    item = read('desert_locust', tmp_path)[0].instances[0]
    assert item.category == 'desert locust'
    assert labelled(item)['left antenna tip'] == (*spots(35)[5], 2)
    with pytest.raises(OSError, match='missing or is not a picture'):
        source.read_picture(tmp_path, read('desert_locust', tmp_path)[0])


def test_keypoint5_medians_and_lists(tmp_path):
    unikpt_minis.write_keypoint5(tmp_path)
    pictures = read('keypoint5', tmp_path)
    assert [p.file for p in pictures if p.split == 'test'] == [
        f'{kind}/images/00000003.jpg'
        for kind in ('bed', 'chair', 'sofa', 'swivelchair', 'table')
    ]
    chair = next(p for p in pictures if p.file.startswith('chair'))
    item = chair.instances[0]
    assert item.category == 'chair'
    assert item.bbox is None
    points = labelled(item)
    # Two of three agree; the second point nobody set; the file has room for
    # two keypoints more.
    names = load_vocabulary().entry('chair').keypoints
    assert points == {
        name: (*xy, 2)
        for i, (name, xy) in enumerate(zip(names, spots(12)))
        if i != 1
    }
    kinds = {p.instances[0].category for p in pictures}
    assert kinds == {'bed', 'chair', 'sofa', 'swivel chair', 'table'}


def test_keypoint5_without_lists_or_with_one_picture(tmp_path):
    folder = tmp_path / 'keypoint-5' / 'table'
    folder.mkdir(parents=True)
    coords = np.empty((2, 8, 3, 6))
    coords[:] = spots(8).T[:, :, None, None]
    savemat(folder / 'coords.mat', {'coords': coords})
    splits = [p.split for p in read('keypoint5', tmp_path)]
    assert splits == ['train'] * 4 + ['test', 'train']
    # Matlab has no last dimension of 1.
    savemat(folder / 'coords.mat', {'coords': coords[..., 0]})
    (picture,) = read('keypoint5', tmp_path)
    assert picture.file == 'keypoint-5/table/images/00000001.jpg'
    np.testing.assert_array_equal(
        picture.instances[0].keypoints[:, :2], spots(8)
    )


@pytest.mark.parametrize(
    'content, kind',
    [
        ({'coords': np.zeros((2, 7, 3, 2))}, 'wrong number of keypoints'),
        ({'coords': np.zeros((3, 8, 3, 2))}, 'unreadable annotation'),
        ({'other': np.zeros((2, 8, 3, 2))}, 'unreadable annotation'),
    ],
)
def test_keypoint5_bad_coordinates(tmp_path, content, kind):
    (tmp_path / 'table').mkdir()
    savemat(tmp_path / 'table' / 'coords.mat', content)
    (tmp_path / 'lamp').mkdir()
    savemat(tmp_path / 'lamp' / 'coords.mat', content)
    faults = []
    assert not list(SOURCES['keypoint5'].read(tmp_path, faults.append))
    assert {f.kind: f.where for f in faults} == {
        'unknown category': 'lamp/coords.mat',
        kind: 'table/coords.mat',
    }


def test_mp100_knows_its_hundred_categories():
    source = SOURCES['mp100']
    found = {name: source.category_name(name, {}) for name in PART_OF}
    assert len(set(found.values())) == 100
    assert None not in found.values()
    assert set(found.values()) == {
        *load_vocabulary().sources['mp100'].categories
    }
    wanted = {
        'amur_tiger_body': 'person face',
        'human_face': 'human face',
        'human_body': 'person',
        'polar_bear_body': 'polar bear',
        'przewalskihorse_face': 'przewalski horse face',
        'gibbons_face': 'gibbon face',
        'grebe_body': 'grebe',
        'fly_body': 'vinegar fly',
        'locust_body': 'desert locust',
        'macaque_body': 'macaque',
        'swivelchair': 'swivel chair',
    }
    assert {name: found[name] for name in wanted} == wanted
    assert source.category_name('dragon_body', {}) is None
    counts = {
        name: len(load_vocabulary().entry(found[name]).keypoints)
        for name in ('amur_tiger_body', 'car', 'wren_body', 'sofa')
    }
    assert counts == {
        'amur_tiger_body': 19,
        'car': 14,
        'wren_body': 15,
        'sofa': 14,
    }


def test_mp100_files(tmp_path):
    unikpt_minis.write_mp100(tmp_path)
    pictures = read('mp100', tmp_path)
    assert pictures[0].file == 'images/antelope_body/01.jpg'
    assert {p.instances[0].category: p.split for p in pictures} == {
        **dict.fromkeys(('antelope', 'short sleeved shirt', 'car'), 'train'),
        'arctic wolf face': 'val',
        'person face': 'test',
    }


def test_clothes_mirror_as_mmpose_says():
    """All but its two slips: vest 9/13 and two necklines of an outwear."""
    info = read_metainfo('deepfashion2')
    start, odd = 0, []
    for name in CLOTHES:
        schema = load_vocabulary().entry(name).schema
        count = len(schema.keypoints)
        theirs = info.keypoints[start : start + count]
        swaps = dict(zip(theirs, info.swaps[start : start + count]))
        start += count
        ours = dict(
            [*schema.swap_pairs, *((b, a) for a, b in schema.swap_pairs)]
        )
        for i, keypoint in enumerate(theirs):
            partner = swaps[keypoint] or keypoint
            if theirs[ours.get(i, i)] != partner:
                odd.append(keypoint)
    assert start == 294
    assert odd == [
        *('lso_kpt2', 'lso_kpt4', 'lso_kpt6', 'lso_kpt34'),
        'vest_kpt13',
    ]


def test_vocabulary_of_these_sources():
    vocabulary = load_vocabulary()
    counts = {
        name: (found.keypoints, found.categories)
        for name in ('vinegar_fly', 'desert_locust', 'keypoint5', 'mp100')
        if (found := vocabulary.counts([name]))
    }
    assert counts == {
        'vinegar_fly': (32, 1),
        'desert_locust': (35, 1),
        'keypoint5': (25, 5),
        'mp100': (254, 100),
    }
    assert vocabulary.counts(['animalweb']).keypoints == 9
    assert vocabulary.find('cservalserval', 'animalweb') == 'serval face'
    alpaca = vocabulary.entry('alpaca face')
    assert alpaca.taxonomy == {
        'class': 'Mammalia',
        'order': 'Artiodactyla',
        'family': 'Camelidae',
    }
    # The same point has the same name in the faces of animals and people.
    shared = set(alpaca.keypoints) & set(
        vocabulary.entry('human face').keypoints
    )
    assert len(shared) == 9


@needs_samples
def test_samples_in_the_layout_of_mmpose():
    kingdom = read('animal_kingdom', Path(SAMPLES) / 'ak')
    assert [p.file for p in kingdom] == [
        f'AAOYRUDX/AAOYRUDX_f0000{n}.jpg' for n in (27, 28)
    ]
    item = kingdom[0].instances[0]
    # The file lists two of five classes; the animal's is not among them.
    assert item.category == 'elephant in the wild'
    points = labelled(item)
    assert len(points) == 6
    assert points['top of the head'] == pytest.approx((220.9914, 135.6839, 2))
    assert item.bbox[2:] == pytest.approx((60.26496, 132.49544))
    for name, folder, last in (
        ('vinegar_fly', 'fly', ('right wing', (23, 137, 2))),
        (
            'desert_locust',
            'locust',
            ('right hindleg tip', (38.16942, 96.27433, 2)),
        ),
    ):
        item = read(name, Path(SAMPLES) / folder)[0].instances[0]
        assert labelled(item)[last[0]] == pytest.approx(last[1])
    dresses = read('mp100', Path(SAMPLES) / 'deepfasion2')
    item = dresses[0].instances[0]
    assert item.category == 'long sleeved dress'
    # 28 of the 37 points, which start at number 220 of 294.
    assert len(labelled(item)) == 28
    raw = json.loads(
        (Path(SAMPLES) / 'deepfasion2' / 'deepfasion2.json').read_text()
    )
    flat = np.reshape(raw['annotations'][0]['keypoints'], (294, 3))
    np.testing.assert_allclose(item.keypoints, flat[219:256])
    assert not flat[:219].any()
    assert not flat[256:].any()


@needs_realdata
def test_real_fly():
    root = Path(REALDATA) / 'deepposekit_fly'
    assert not SOURCES['desert_locust'].find(root).found
    pictures = read('vinegar_fly', root)
    assert len(pictures) == 100
    assert sum(p.split == 'val' for p in pictures) == 20
    points = labelled(pictures[0].instances[0])
    assert len(points) == 32
    assert points['head'] == pytest.approx((145.44, 91.28, 2))
    image = SOURCES['vinegar_fly'].read_picture(root, pictures[99])
    assert image.shape == (192, 192, 3)
