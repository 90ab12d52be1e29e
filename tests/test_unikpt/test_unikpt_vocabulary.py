# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The vocabulary: names, swaps, sigmas, taxonomy, counts, faulty files."""

import pytest
from mmengine.config import Config
from mmengine.utils import get_installed_path

from projects.common.structures import COCO_PERSON_SIGMAS
from projects.unikpt import load_vocabulary
from projects.unikpt.metainfo import read_metainfo
from projects.unikpt.vocabulary import Counts

# Families of AP-10K that table 4 of the paper trains on and tests.
FAMILIES = {
    'Bovidae': 'antelope, argali sheep, bison, buffalo, cow, sheep',
    'Canidae': 'arctic fox, dog, fox, wolf',
    'Felidae': (
        'bobcat, cat, cheetah, jaguar, king cheetah, leopard, lion, panther, '
        'snow leopard, tiger'
    ),
}
OTHER_SIDE = {'left': 'right', 'right': 'left'}


@pytest.fixture(scope='module')
def vocabulary():
    return load_vocabulary()


def _mmpose_info(name):
    root = get_installed_path('mmpose')
    path = f'{root}/.mim/configs/_base_/datasets/{name}.py'
    return Config.fromfile(path).dataset_info


@pytest.mark.parametrize(
    ('schema', 'names', 'sigmas'),
    [
        ('coco', 'coco', 'coco'),
        ('macaque', 'macaque', 'macaque'),
        ('300w', '300w', 'coco_wholebody_face'),
        ('onehand10k', 'onehand10k', 'coco_wholebody_hand'),
        ('ap10k', 'ap10k', 'ap10k'),
        ('animalpose', 'animalpose', 'animalpose'),
    ],
)
def test_schemas_are_those_of_mmpose(vocabulary, schema, names, sigmas):
    info = _mmpose_info(names).keypoint_info
    found = vocabulary.schemas[schema]
    assert list(found.source_names) == [info[i].name for i in range(len(info))]
    assert list(found.sigmas) == list(_mmpose_info(sigmas).sigmas)
    assert found.sigma_source == f'mmpose {sigmas}'
    partner = {info[i].name: info[i].swap or info[i].name for i in info}
    swap = dict(found.swap_pairs) | {b: a for a, b in found.swap_pairs}
    for i, name in enumerate(found.source_names):
        assert found.source_names[swap.get(i, i)] == partner[name]
    # Human-Art shares COCO's people, and may.
    assert _mmpose_info('humanart').sigmas == _mmpose_info('coco').sigmas


def test_names_of_a_schema_follow_the_meaning(vocabulary):
    ap10k = dict(
        zip(
            vocabulary.schemas['ap10k'].source_names,
            vocabulary.schemas['ap10k'].keypoints,
            strict=True,
        )
    )
    assert ap10k['L_F_Paw'] == 'left front paw'
    assert ap10k['R_B_Paw'] == 'right back paw'
    assert ap10k['Root of tail'] == 'root of tail'
    face = vocabulary.schemas['300w'].keypoints
    # Corners of the iBUG markup, counted from 0.
    corners = {
        0: 'right jaw 1',
        8: 'chin',
        16: 'left jaw 1',
        17: 'right eyebrow outer end',
        26: 'left eyebrow outer end',
        30: 'nose',
        36: 'right eye outer corner',
        39: 'right eye inner corner',
        42: 'left eye inner corner',
        45: 'left eye outer corner',
        48: 'mouth right corner',
        54: 'mouth left corner',
        60: 'inner mouth right corner',
        66: 'inner lower lip center',
    }
    assert {i: face[i] for i in corners} == corners
    hand = vocabulary.schemas['onehand10k'].keypoints
    assert hand[0] == 'wrist'
    assert hand[5:9] == (
        'index finger base',
        'index finger middle',
        'index finger upper',
        'index finger tip',
    )


def test_one_name_for_one_meaning(vocabulary):
    for schema in ('coco', 'macaque', 'ap10k', 'animalpose'):
        assert 'left eye' in vocabulary.schemas[schema].keypoints
        assert 'nose' in vocabulary.schemas[schema].keypoints
    entry = vocabulary.keypoints['left eye']
    assert (entry.part, entry.swap) == ('head', 'right eye')
    assert (entry.sigma, entry.sigma_source) == (0.025, 'mmpose coco')
    # The hind elbow of Animal-Pose is no elbow of AP-10K.
    assert 'left elbow' not in vocabulary.schemas['animalpose'].keypoints


def test_one_name_for_one_point_of_a_face(vocabulary):
    # AFLW's nineteen points beside the iBUG markup's number of each.
    brows, eyes = [17, 19, 21, 22, 24, 26], [36, None, 39, 42, None, 45]
    nose, mouth, chin = [31, 30, 35], [48, None, 54], [8]
    pairs = enumerate(brows + eyes + nose + mouth + chin)
    same = {i: j for i, j in pairs if j is not None}
    ours = vocabulary.schemas['aflw'].keypoints
    ibug = vocabulary.schemas['300w'].keypoints
    assert {i: ours[i] for i in same} == {i: ibug[j] for i, j in same.items()}
    # The middle of an eye or of the mouth is none of the sixty-eight.
    own = ['right eye', 'left eye', 'mouth center']
    assert [name for name in ours if name not in ibug] == own
    # WFLW's upper brows, noses, corners of the eyes and mouths are the same.
    wflw = vocabulary.schemas['wflw'].keypoints
    assert wflw[33:38] == ibug[17:22]
    assert wflw[42:47] == ibug[22:27]
    assert wflw[51:60] == ibug[27:36]
    assert wflw[76:96] == ibug[48:68]


def test_swaps_are_an_involution_and_agree_with_the_names(vocabulary):
    for name, entry in vocabulary.keypoints.items():
        words = (OTHER_SIDE.get(w, w) for w in name.split())
        mirrored = ' '.join(words)
        assert entry.swap == (mirrored if mirrored != name else None), name
        if entry.swap:
            assert vocabulary.keypoints[entry.swap].swap == name


def test_every_keypoint_has_a_part_and_a_sigma(vocabulary):
    for name, entry in vocabulary.keypoints.items():
        assert entry.part, name
        assert 0 < entry.sigma < 0.2, name
        assert entry.sigma_source, name


def test_every_category_is_a_valid_prompt(vocabulary):
    names = [name.lower() for name in vocabulary.categories]
    assert len(names) == len(set(names))
    for name, entry in vocabulary.categories.items():
        category = vocabulary.category(name)
        assert category.name == name
        assert category.keypoints == entry.keypoints
        assert category.skeleton == entry.skeleton
        assert category.supercategory
        if entry.supercategory == 'animal':
            assert category.can_mirror, name


def test_a_person_is_cocos(vocabulary):
    person = vocabulary.category('person')
    expected = tuple(COCO_PERSON_SIGMAS.items())
    assert tuple(zip(person.keypoints, person.sigmas)) == expected
    assert person.swap_indices[:5] == (0, 2, 1, 4, 3)
    assert person.skeleton[0] == (15, 13)
    assert person.parts[0] == 'head'


def test_families_of_ap10k(vocabulary):
    for family, names in FAMILIES.items():
        found = vocabulary.in_family(family, 'ap10k')
        assert ', '.join(found) == names
    families = [
        vocabulary.entry(name).taxonomy['family']
        for name in vocabulary.sources['ap10k'].categories
    ]
    assert (len(families), len(set(families))) == (54, 23)
    cat = vocabulary.entry('cat').taxonomy
    assert cat == {
        'class': 'Mammalia',
        'order': 'Carnivora',
        'family': 'Felidae',
        'species': 'Felis catus',
    }
    with pytest.raises(ValueError, match="'ap10k' has no category.*'Cats'"):
        vocabulary.in_family('Cats', 'ap10k')


def test_all_of_apt36k_is_in_ap10k(vocabulary):
    apt36k = set(vocabulary.sources['apt36k'].categories)
    assert len(apt36k) == 30
    assert apt36k < set(vocabulary.sources['ap10k'].categories)


def test_counts(vocabulary):
    def counts(*sources):
        return vocabulary.counts(sources)

    # The paper's table 2 where the set has no open list.
    assert counts('coco') == Counts(17, 1, 1)
    assert counts('300w') == Counts(68, 1, 1)
    assert counts('onehand10k') == Counts(21, 1, 1)
    assert counts('ap10k') == Counts(17, 54, 54)
    assert counts('apt36k') == Counts(17, 30, 30)
    # Shared names count once: nose, eyes, shoulders, elbows, hips, knees.
    assert counts('coco', 'ap10k') == Counts(17 + 17 - 11, 55, 55)
    assert counts('ap10k', 'apt36k') == counts('ap10k')
    assert counts('ap10k', 'animalpose').objects == 54 + 1
    # Animal-Pose adds throat, withers and eight joints of the legs.
    found = vocabulary.counts(['coco'], found=['cat', 'whole cat'])
    assert found == Counts(17 + 6 + 10, 3, 2)


def test_find_maps_what_sources_call_things(vocabulary):
    assert vocabulary.find('argali sheep', 'ap10k') == 'argali sheep'
    assert vocabulary.find('Polar-Bear', 'apt36k') == 'polar bear'
    assert vocabulary.find('howling-monkey', 'apt36k') == 'alouatta'
    assert vocabulary.find('face', '300w') == 'human face'
    assert vocabulary.find('cat', 'animalpose') == 'whole cat'
    assert vocabulary.find('cat', 'coco') is None
    assert vocabulary.find('', 'ap10k') is None
    # Of a broken file name, in a source with open names.
    assert vocabulary.find('caf\xe9dog', 'animalweb') == 'caf\xe9dog face'
    assert vocabulary.find('caf\udce9dog', 'animalweb') is None
    with pytest.raises(ValueError, match="no source 'farm'; add .*sources:"):
        vocabulary.find('cat', 'farm')


def test_an_unknown_category_has_a_hint(vocabulary):
    with pytest.raises(ValueError, match="no category 'giraf'; did you mean"):
        vocabulary.entry('giraf')


def test_order_of_a_files_own_names(vocabulary):
    coco = vocabulary.schemas['coco']
    assert coco.order(coco.source_names) == list(range(17))
    shuffled = [*reversed(coco.source_names)]
    assert coco.order(shuffled) == list(range(16, -1, -1))
    ap10k = vocabulary.schemas['ap10k']
    spelled = [name.upper().replace(' ', '_') for name in ap10k.keypoints]
    assert ap10k.order(spelled) == list(range(17))
    assert ap10k.order(spelled[:-1]) is None
    assert ap10k.order([str(i) for i in range(17)]) is None


def test_sources_and_vocabulary_start_without_torch(run_python):
    result = run_python(
        'import sys\n'
        'from projects.unikpt import load_vocabulary\n'
        'load_vocabulary()\n'
        'print(*sorted({"torch", "mmpose"} & set(sys.modules)))'
    )
    assert (result.returncode, result.stdout.strip()) == (0, ''), result.stderr


def test_an_unknown_metainfo_names_the_known_ones():
    with pytest.raises(FileNotFoundError, match="'ap11k'.*ap10k"):
        read_metainfo('ap11k')


GOOD = """
version: '7'
schemas:
  stick: {keypoints: [left end, right end, middle],
          parts: {bar: [left end, right end, middle]},
          skeleton: [[left end, middle, right end]], open: '{} stick',
          supercategory: thing}
  paw: {metainfo: zebra, sigma: 0.03, sigma_source: measured,
        parts: {all: [snout, head, neck, forelegl1, forelegr1, hindlegl1,
                      hindlegr1, tailbase, tailtip]}}
families:
  Canidae: {class: Mammalia, order: Carnivora}
categories:
  rod: {schema: stick, supercategory: thing, aliases: [pole], object: bar}
  pup: {schema: paw, supercategory: animal, family: Canidae}
sources:
  sticks: {categories: [rod], open: stick}
  pups: [pup]
"""


def _load(folder, text):
    folder.mkdir(exist_ok=True)
    (folder / 'vocabulary.yml').write_text(text)
    load_vocabulary.cache_clear()
    return load_vocabulary(folder)


def test_a_small_vocabulary_of_ones_own(tmp_path):
    vocabulary = _load(tmp_path / 'good', GOOD)
    assert vocabulary.version == '7'
    rod = vocabulary.category('rod')
    assert rod.skeleton == ((0, 2), (2, 1))
    assert rod.swap_pairs == ((0, 1),)
    assert rod.sigmas == (0.05, 0.05, 0.05)
    assert vocabulary.keypoints['middle'].sigma_source == 'default'
    pup = vocabulary.schemas['paw']
    assert (pup.sigmas, pup.sigma_source) == ((0.03,) * 9, 'measured')
    # mmpose's partners hold where names do not say left and right.
    assert pup.swap_pairs == ((3, 4), (5, 6))
    # Names of the open form need not be listed.
    assert vocabulary.find('Iron Bar', 'sticks') == 'iron bar stick'
    entry = vocabulary.entry('iron bar stick')
    assert (entry.object_name, entry.supercategory) == ('iron bar', 'thing')
    assert vocabulary.find('pole', 'sticks') == 'rod'
    assert vocabulary.find('iron bar', 'pups') is None
    counts = vocabulary.counts(['sticks'], found=['iron bar stick'])
    assert counts == Counts(3, 2, 2)


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ("version: '7'", '', 'None of .* has a version'),
        ('families:', 'familys:', "the section 'familys'"),
        ('sigma: 0.03', 'sigmas: 0.03', r"the keys \['sigmas'\]"),
        ('middle]},', 'centre]},', 'look at centre, middle'),
        ('family: Canidae', 'family: Felidae', "family 'Felidae'"),
        ('{schema: paw', '{schema: foot', "schema 'foot'"),
        ('[pole]', '[pup]', "'pup' is an alias of the category 'rod'"),
        ('pups: [pup]', 'pups: [pups]', "'pups': .*did you mean pup"),
        ("open: '{} stick',", '', "'sticks' is open to .*'stick'"),
        ('middle],', 'left end],', 'gives 2 different names to 3'),
        (
            'metainfo: zebra',
            'metainfo: zebra, rename: {toe: toes}',
            r"renames \['toe'\]",
        ),
        (
            '[[left end, middle, right end]]',
            '[[left end, midle, right end]]',
            r"vocabulary.yml: the skeleton .*'stick' has 'midle'; its",
        ),
        (
            '{schema: paw, supercategory: animal, ',
            '{supercategory: animal, ',
            r"vocabulary.yml: 'pup' of categories lacks schema;",
        ),
        (
            '{schema: stick, supercategory: thing, aliases',
            '{aliases',
            "yml: 'rod' of categories lacks schema and supercategory;",
        ),
        ('sigma: 0.03', 'sigmas_from: coco, sigma: 1', '9 .* but 17 sigmas'),
    ],
)
def test_faulty_vocabularies(tmp_path, old, new, message):
    assert old in GOOD
    with pytest.raises(ValueError, match=message):
        _load(tmp_path / 'bad', GOOD.replace(old, new))


def test_files_must_not_contradict_each_other(tmp_path):
    folder = tmp_path / 'two'
    _load(folder, GOOD)
    other = folder / 'another.yml'
    other.write_text('categories: {rod: {schema: stick, supercategory: x}}')
    with pytest.raises(ValueError, match="another.yml: 'rod' of categories"):
        _load(folder, GOOD)
    other.write_text(
        'schemas: {ring: {keypoints: [left end], parts: {all: [left end]}}}'
    )
    with pytest.raises(ValueError, match="'ring' mirrors 'left end' to None"):
        _load(folder, GOOD)
