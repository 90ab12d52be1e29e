# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import hashlib
import json
import os
import shutil

import cv2
import numpy as np
import pytest

from projects.common.datasets import PromptCocoDataset
from projects.common.version import __version__
from projects.unikpt import SOURCES
from projects.unikpt.build import BuildOptions, build, read_stamp
from projects.unikpt.locate import locate, select
from projects.unikpt.records import SourcePicture
from projects.unikpt.shards import drawn_splits, own_splits
from projects.unikpt.source import UNREADABLE, Fault
from projects.unikpt.stats import partial_sentence
from projects.unikpt.subsets import Subset
from projects.unikpt.vocabulary import load_vocabulary
from tests.unikpt_minis import MINIS
from tests.unikpt_toy import (
    Own,
    Pets,
    ToyVocabulary,
    only,
    thing,
    write_entries,
    write_pets,
    write_pictures,
)


def run(toys, out, names=('pets', 'cars'), vocabulary=None, **options):
    options.setdefault('subsets', {})
    return build(
        out,
        {name: toys / name for name in names},
        vocabulary or ToyVocabulary(),
        BuildOptions(**options),
    )


def read(out, name):
    return json.loads((out / 'annotations' / f'{name}.json').read_text())


def files(out):
    return {
        str(p.relative_to(out)): p.read_bytes()
        for p in sorted(out.rglob('*'))
        if p.is_file() and not p.is_symlink()
    }


def test_the_files(toys, tmp_path):
    out = tmp_path / 'out'
    stamp = run(toys, out)
    assert sorted(stamp['annotations']) == [
        f'annotations/{name}.json'
        for name in (
            'cars_train',
            'cars_val',
            'pets_test',
            'pets_train',
            'pets_val',
            'unikpt_test',
            'unikpt_train',
            'unikpt_val',
        )
    ]
    train = read(out, 'unikpt_train')
    assert train['info'] == {
        'description': 'UniKPT',
        'version': __version__,
        'vocabulary': '7',
        'seed': 0,
        'missing': [],
        'split': 'train',
        'partial': '',
    }
    assert train['licences'][1] == {
        'id': 2,
        'source': 'cars',
        'name': 'free',
        'url': 'https://example.org/toy',
    }
    assert train['images'][0] == {
        'id': 1,
        'licence': 1,
        'file_name': 'pets/img/a.png',
        'width': 40,
        'height': 30,
        'source': 'pets',
    }
    # A tenth of the cars is held out, all pets but one are as they were.
    assert len(train['images']) == 2 + 18
    assert [(c['id'], c['name']) for c in train['categories']] == [
        (1, 'car'),
        (2, 'cat'),
        (3, 'dog'),
    ]
    cat = train['categories'][1]
    assert cat['keypoints'] == ['nose', 'left ear', 'right ear']
    assert cat['swap_pairs'] == []
    # What training needs to know of categories of other sources.
    extra = [(c['sources'], c['object']) for c in train['categories']]
    assert extra == [
        (['cars'], 'the car'),
        (['pets'], 'the cat'),
        (['pets', 'cars'], 'the dog'),
    ]
    assert cat['taxonomy'] == {'family': 'Felidae'}
    assert train['annotations'][:2] == [
        {
            'id': 1,
            'image_id': 1,
            'category_id': 2,
            'bbox': [5, 5, 20, 20],
            'area': 212,  # 0.53 of the box
            'iscrowd': 0,
            'keypoints': [10, 12, 2, 11, 12, 2, 12, 12, 2],
            'num_keypoints': 3,
            'source_id': '0-0',
        },
        {
            'id': 2,
            'image_id': 1,
            'category_id': 3,
            'bbox': [5, 5, 20, 20],
            'area': 50,
            'iscrowd': 0,
            'keypoints': [10, 12, 2, 11, 12, 2],
            'num_keypoints': 2,
            'source_id': '0-1',
        },
    ]
    # A box that the source lacks: the keypoints and 10 px around them.
    made = read(out, 'unikpt_val')['annotations'][0]
    assert made['bbox'] == [0, 2, 21, 20]
    assert made['box_from'] == 'keypoints'
    assert stamp['sources']['pets']['boxes_from_keypoints'] == 1


def test_a_source_file_has_the_ids_of_the_mix(toys, tmp_path):
    out = tmp_path / 'out'
    run(toys, out, subsets={'cars': Subset(5)})
    whole = read(out, 'cars_train')
    mix = read(out, 'unikpt_train')
    assert len(whole['images']) == 18
    for key in ('images', 'annotations'):
        known = {record['id']: record for record in whole[key]}
        cars = [r for r in mix[key] if r['id'] > 4]
        assert 0 < len(cars) <= 5
        assert all(known[record['id']] == record for record in cars)
    assert whole['categories'] == mix['categories'][:1]
    ids = [i['id'] for i in read(out, 'cars_val')['images'] + whole['images']]
    assert sorted(ids) == list(range(5, 25))


def test_the_stamp_counts(toys, tmp_path):
    out = tmp_path / 'out'
    crowd = thing(iscrowd=True)
    unlabelled = thing('dog')
    unlabelled['keypoints'] = [[0, 0, 0]] * 2
    write_pictures(toys / 'pets', ['img/e.png'])
    write_entries(
        toys / 'pets/pets_train.json',
        [
            ('img/a.png', [thing(), crowd]),
            ('img/b.png', [unlabelled]),
            ('img/e.png', []),
        ],
    )
    stamp = run(toys, out, subsets={'cars': Subset(5, 5)}, seed=3)
    assert stamp == read_stamp(out)
    assert (stamp['seed'], stamp['vocabulary']) == (3, '7')
    assert (stamp['partial'], stamp['missing']) == (False, [])
    for path, digest in stamp['annotations'].items():
        content = (out / path).read_bytes()
        assert digest == hashlib.sha256(content).hexdigest()
    pets = stamp['sources']['pets']
    assert pets['listed'] == {'train': 3, 'val': 1, 'test': 1}
    assert pets['pictures'] == {'train': 1, 'val': 1, 'test': 1}
    assert pets['instances'] == {'train': 1, 'val': 1, 'test': 1}
    assert pets['written'] == {'train': [3, 3], 'val': [1, 1], 'test': [1, 1]}
    # The mix has no pictures without a keypoint.
    assert pets['mixed'] == {'train': [1, 2], 'val': [1, 1], 'test': [1, 1]}
    assert (pets['mixed_pictures'], pets['mixed_instances']) == (3, 3)
    assert pets['categories'] == ['cat', 'dog']
    assert pets['keypoints'] == ['left ear', 'nose', 'right ear', 'tail']
    assert pets['keypoints_added_up'] == 5
    assert pets['split_drawn'] is False
    cars = stamp['sources']['cars']
    assert cars['subset'] == {'pictures': 5, 'instances': 5}
    assert (cars['mixed_pictures'], cars['mixed_instances']) == (5, 5)
    assert cars['pictures'] == {'train': 20}
    assert cars['split_drawn'] is True
    assert sum(n for n, _ in cars['mixed'].values()) == 5


def test_the_seed_decides(toys, tmp_path):
    subsets = {'cars': Subset(5)}

    def chosen(name, seed):
        run(toys, tmp_path / name, subsets=subsets, seed=seed)
        images = read(tmp_path / name, 'unikpt_train')['images']
        return {i['file_name'] for i in images if i['source'] == 'cars'}

    assert chosen('a', 1) == chosen('b', 1) != chosen('c', 2)
    for path, content in files(tmp_path / 'a').items():
        if not path.startswith('shards'):
            assert content == (tmp_path / 'b' / path).read_bytes()


@pytest.mark.parametrize(
    'name, size, counted',
    [
        # One macaque in a.jpg, two in b.jpg.
        ('macaque', (1, 1), (1, 1)),
        ('macaque', (1, 2), (1, 2)),
        ('macaque', (2, 3), (2, 3)),
        # Hands: 1 and 2 to train, 1 to test.
        ('onehand10k', (2, 2), (2, 2)),
        ('onehand10k', (2, 3), (2, 3)),
        ('onehand10k', (9, 9), (3, 4)),
        # Fifteen pictures of one piece of furniture each.
        ('keypoint5', (7, 7), (7, 7)),
    ],
)
def test_balanced_subsets_by_hand(tmp_path, name, size, counted):
    MINIS[name](tmp_path / 'sources')
    for seed in range(3):
        options = BuildOptions(seed=seed, subsets={name: Subset(*size)})
        out = tmp_path / f'out{seed}'
        folders = {name: tmp_path / 'sources'}
        entry = build(out, folders, load_vocabulary(), options)['sources']
        entry = entry[name]
        found = entry['mixed_pictures'], entry['mixed_instances']
        assert found == counted
        parts = [read(out, f'unikpt_{split}') for split in ('train', 'val')]
        assert sum(len(part['images']) for part in parts) == counted[0]
        assert sum(len(part['annotations']) for part in parts) == counted[1]


def test_a_subset_does_not_depend_on_the_other_sources(toys, tmp_path):
    def chosen(name, names):
        run(toys, tmp_path / name, names, subsets={'cars': Subset(5)})
        images = read(tmp_path / name, 'unikpt_train')['images']
        return [i['file_name'] for i in images if i['source'] == 'cars']

    assert chosen('a', ['cars']) == chosen('b', ['pets', 'cars'])


def test_partial(toys, tmp_path):
    stamp = run(toys, tmp_path / 'a', ['cars'])
    assert (stamp['partial'], stamp['missing']) == (True, ['pets'])
    info = read(tmp_path / 'a', 'unikpt_val')['info']
    assert info['missing'] == ['pets']
    assert info['partial'] == 'PARTIAL: 1 of 2 sources; without pets.'
    # The source itself is whole.
    assert read(tmp_path / 'a', 'cars_val')['info']['partial'] == ''
    (toys / 'pets/pets_train.json').unlink()
    stamp = run(toys, tmp_path / 'b')
    assert (stamp['partial'], stamp['missing']) == (True, [])
    assert stamp['sources']['pets']['missing_splits'] == ['train']


def test_pictures_left_out_make_it_partial(toys, tmp_path):
    (toys / 'pets/img/a.png').unlink()
    stamp = run(toys, tmp_path / 'out')
    assert (stamp['partial'], stamp['missing']) == (True, [])
    assert partial_sentence(stamp) == (
        'PARTIAL: 2 of 2 sources. Pictures left out: pets 1 of 4.'
    )
    write_pictures(toys / 'pets', ['img/a.png'])
    assert run(toys, tmp_path / 'out')['partial'] is False


def test_an_annotation_that_cannot_be_read_makes_it_partial(toys, tmp_path):
    class Worn(Pets):
        def read(self, root, report):
            report(Fault(UNREADABLE, 'pets_train.json'))
            yield from super().read(root, report)

    with only(Worn):
        stamp = run(toys, tmp_path / 'out', ['pets'])
        assert (stamp['partial'], stamp['missing']) == (True, [])
        assert partial_sentence(stamp) == (
            'PARTIAL: 1 of 1 sources; pets without what of its annotation '
            'cannot be read.'
        )


def test_a_split_that_cannot_be_read_is_not_drawn_instead(tmp_path):
    MINIS['humanart'](tmp_path / 'sources')
    val = tmp_path / 'sources/annotations/validation_humanart.json'
    val.write_text('{"images": [')
    folders, out = {'humanart': tmp_path / 'sources'}, tmp_path / 'out'
    stamp = build(out, folders, load_vocabulary(), BuildOptions())
    entry = stamp['sources']['humanart']
    assert entry['faults'] == {'unreadable annotation': 1}
    assert entry['split_drawn'] is False
    assert entry['written'] == {'train': [2, 3]}


@pytest.mark.parametrize('workers', [1, 2])
def test_a_reader_that_fails_leaves_the_others(toys, tmp_path, workers):
    entries = [('img/a.png', [thing()]), ('img/b.png', [], {'broken': 1})]
    write_entries(toys / 'pets/pets_train.json', entries)
    with pytest.raises(ValueError) as info:
        run(toys, tmp_path / 'out', workers=workers)
    assert str(info.value) == "Pets-2: KeyError: 'no such key'."
    assert (tmp_path / 'out/shards/cars.txt').is_file()


def test_the_data_set_opens_it_through_the_link(toys, tmp_path):
    out = tmp_path / 'out'
    run(toys, out)
    data = PromptCocoDataset(
        'annotations/unikpt_train.json',
        str(out),
        {'img': 'images'},
        pipeline=[{'type': 'mmpose.LoadImage'}],
    )
    item = data[0]
    truth = cv2.imread(str(toys / 'pets/img/a.png'))
    assert np.array_equal(item['img'], truth)
    assert [c.name for c in item['categories']] == ['car', 'cat', 'dog']
    assert item['gt_labels'].tolist() == [1, 2]
    assert item['gt_keypoints'][1].tolist() == [
        [10, 12, 2],
        [11, 12, 2],
        [0, 0, 0],
    ]
    assert os.readlink(out / 'images/pets') == str(toys / 'pets')


def test_sources_outside_enter_the_mix_on_request(toys, tmp_path, monkeypatch):
    monkeypatch.setitem(SOURCES, 'own', Own())
    write_pictures(toys / 'own', ['a.png', 'b.png'])
    entries = [(n, [thing()]) for n in ('a.png', 'b.png')]
    write_entries(toys / 'own/own.json', entries)
    names = ('pets', 'own')
    stamp = run(toys, tmp_path / 'a', names)
    assert stamp['missing'] == ['cars']
    assert stamp['sources']['own']['in_mix'] is False
    images = read(tmp_path / 'a', 'unikpt_train')['images']
    assert {i['source'] for i in images} == {'pets'}
    # One of two is held out.
    assert len(read(tmp_path / 'a', 'own_train')['images']) == 1
    stamp = run(toys, tmp_path / 'b', names, added=frozenset(['own']))
    assert stamp['sources']['own']['in_mix'] is True
    images = read(tmp_path / 'b', 'unikpt_train')['images']
    assert {i['source'] for i in images} == {'pets', 'own'}
    # Alone and not in the mix, there is no mix.
    stamp = run(toys, tmp_path / 'c', ['own'])
    assert sorted(stamp['annotations']) == [
        'annotations/own_train.json',
        'annotations/own_val.json',
    ]


FAULTY = [
    # objects, further fields, kind, what is written of keypoints and box
    ([thing(x=39)], {}, 'keypoints outside the picture', 2),
    ([thing(x=-1)], {}, None, 3),
    ([thing(x=-1.5)], {}, 'keypoints outside the picture', 2),
    ([thing(bbox=(5, 5, 0, 9))], {}, 'empty box', 3),
    ([thing(bbox=(5, 5, 9, -1))], {}, 'empty box', 3),
    ([thing(bbox=(41, 5, 9, 9))], {}, 'box outside the picture', 3),
    ([thing(bbox=(5, 5, float('nan'), 9))], {}, 'not a number', 3),
    ([thing('bird')], {}, 'unknown category', None),
    ([thing() | {'category': 'dog'}], {}, 'wrong number of keypoints', None),
    ([thing()], {'width': 30}, 'wrong picture size', 3),
    ([thing()], {'width': 40, 'height': 30}, None, 3),
    ([thing()], {'twice': 1}, 'duplicated id', 3),
]


@pytest.mark.parametrize('objects, more, kind, labelled', FAULTY)
def test_faults_are_mended_or_left_out_and_counted(
    toys, tmp_path, objects, more, kind, labelled
):
    write_entries(
        toys / 'pets/pets_train.json', [('img/a.png', objects, more)]
    )
    stamp = run(toys, tmp_path / 'out', ['pets'])
    pets = stamp['sources']['pets']
    assert pets['faults'] == ({kind: 1} if kind else {})
    content = read(tmp_path / 'out', 'unikpt_train')
    if labelled is None:
        assert pets['left_out'] == {'objects': 1}
        assert content['annotations'] == []
        return
    assert pets['left_out'] == {}
    assert (content['images'][0]['width'], content['images'][0]['height']) == (
        (40, 30)
    )
    written = content['annotations'][0]
    assert written['num_keypoints'] == labelled
    assert written['keypoints'][2::3].count(2) == labelled
    mended = kind and ('box' in kind or kind == 'not a number')
    assert written['bbox'] == ([0, 2, 22, 20] if mended else [5, 5, 20, 20])
    if kind:
        assert 'img/a.png' in pets['examples'][kind][0]


def test_an_object_of_nothing_is_left_out(toys, tmp_path):
    empty = thing(bbox=None) | {'keypoints': [[0, 0, 0]] * 3}
    write_entries(toys / 'pets/pets_train.json', [('img/a.png', [empty])])
    stamp = run(toys, tmp_path / 'out', ['pets'])
    pets = stamp['sources']['pets']
    assert pets['faults'] == {'neither box nor keypoints': 1}
    assert pets['left_out'] == {'objects': 1}


def test_missing_and_broken_pictures(toys, tmp_path):
    out = tmp_path / 'out'
    (toys / 'pets/img/a.png').unlink()
    (toys / 'pets/img/c.png').write_bytes(b'no picture')
    stamp = run(toys, out, ['pets'])
    pets = stamp['sources']['pets']
    assert pets['faults'] == {'missing picture': 1, 'unreadable picture': 1}
    assert pets['left_out'] == {'pictures': 2}
    assert [i['id'] for i in read(out, 'pets_train')['images']] == [1]
    assert read(out, 'pets_test')['info']['partial'] == (
        'PARTIAL: 2 of 4 pictures are left out.'
    )
    # As soon as they are there, they are taken.
    write_pictures(toys / 'pets', ['img/a.png', 'img/c.png'])
    pets = run(toys, out, ['pets'])['sources']['pets']
    assert (pets['faults'], pets['left_out']) == ({}, {})
    assert len(read(out, 'pets_train')['images']) == 2


def test_paths_that_leave_the_folder_are_not_followed(toys, tmp_path):
    write_pictures(tmp_path, ['secret.png'])
    entries = [
        ('../../secret.png', [thing()]),
        (str(tmp_path / 'secret.png'), [thing()]),
    ]
    write_entries(toys / 'pets/pets_train.json', entries)
    pets = run(toys, tmp_path / 'out', ['pets'])['sources']['pets']
    assert pets['faults'] == {'missing picture': 2}


def test_pictures_of_containers_are_written(toys, tmp_path):
    frames = np.random.default_rng(0).integers(
        0, 255, (3, 30, 40, 3), dtype=np.uint8
    )
    np.save(toys / 'pets/film.npy', frames)
    entries = [('film.npy', [thing()], {'frame': i}) for i in (0, 2)]
    write_entries(toys / 'pets/pets_train.json', entries)
    out = tmp_path / 'out'
    run(toys, out, ['pets'])
    names = [i['file_name'] for i in read(out, 'pets_train')['images']]
    assert names == [
        'pets_frames/film/000000.png',
        'pets_frames/film/000002.png',
    ]
    found = cv2.imread(str(out / 'images' / names[1]))
    assert np.array_equal(found, frames[2])


def test_finished_sources_are_not_done_again(toys, tmp_path):
    out = tmp_path / 'out'
    calls = []
    folders = {'pets': toys / 'pets', 'cars': toys / 'cars'}

    def again(seed=0, vocabulary=None):
        before = {p: p.stat().st_mtime_ns for p in out.glob('shards/*')}
        stamp = build(
            out,
            folders,
            vocabulary or ToyVocabulary(),
            BuildOptions(seed=seed, subsets={}),
            lambda name, pictures: calls.append((name, pictures)),
        )
        made = {p.stem for p in out.glob('shards/*')}
        for path, time in before.items():
            if path.stat().st_mtime_ns == time:
                made.remove(path.stem)
        return stamp, made

    first, made = again()
    assert made == {'pets', 'cars'}
    assert calls == [('pets', 4), ('cars', 20)]
    kept = files(out)
    second, made = again()
    assert (second, made) == (first, set())
    assert calls[2:] == [('pets', 4), ('cars', 20)]
    assert files(out) == kept
    # A changed annotation, a damaged shard, another seed or vocabulary.
    write_entries(toys / 'pets/pets_test.json', [])
    assert again()[1] == {'pets'}
    shard = out / 'shards/cars.txt'
    shard.write_bytes(shard.read_bytes()[:-9])
    assert again()[1] == {'cars'}
    shard.write_text('no json')
    assert again()[1] == {'cars'}
    assert again(seed=1)[1] == {'pets', 'cars'}
    assert again(1, ToyVocabulary('8'))[1] == {'pets', 'cars'}


def test_files_of_an_earlier_build_do_not_stay(toys, tmp_path):
    out = tmp_path / 'out'
    run(toys, out)
    run(toys, out, ['cars'])
    found = sorted(p.name for p in out.glob('annotations/*'))
    assert found == [
        'cars_train.json',
        'cars_val.json',
        'unikpt_train.json',
        'unikpt_val.json',
    ]


def test_files_of_a_build_that_was_killed_do_not_stay(toys, tmp_path):
    out = tmp_path / 'out'
    run(toys, out)
    own = out / 'annotations/mine_train.json'
    own.write_text('{}')
    # Killed while it wrote, and killed while it exchanged the files.
    (out / 'annotations.new').mkdir()
    (out / 'annotations.new/pets_train.json').write_text('{"half')
    (out / 'unikpt.json').unlink()
    stamp = run(toys, out, ['cars'])
    found = sorted(str(p.relative_to(out)) for p in out.glob('annotations*/*'))
    assert found == sorted([*stamp['annotations'], str(own.relative_to(out))])
    assert not any('pets' in name for name in found)
    assert not (out / 'annotations.new').exists()


def test_an_error_keeps_the_other_sources_and_leaves_no_half(
    toys, tmp_path, monkeypatch
):
    out = tmp_path / 'out'
    for entries in ([], [('img/x.png', [thing()])]):
        for split in ('train', 'val', 'test'):
            write_entries(toys / f'pets/pets_{split}.json', entries)
        with pytest.raises(ValueError, match='Pets-2 in .* gives no picture'):
            run(toys, out)
        assert [p.name for p in out.rglob('*') if p.is_file()] == ['cars.txt']
    write_pets(toys / 'pets')
    run(toys, out)
    before = read(out, 'unikpt_train')

    def full(*args):
        raise OSError('no space left')

    # While the files are joined: the old ones stay, with their stamp.
    with monkeypatch.context() as patch:
        patch.setattr('shutil.copyfileobj', full)
        with pytest.raises(OSError, match='no space'):
            run(toys, out, ['cars'], seed=1)
    assert read(out, 'unikpt_train') == before
    for path, digest in read_stamp(out)['annotations'].items():
        assert hashlib.sha256((out / path).read_bytes()).hexdigest() == digest
    # While they take the place of the old ones: there is no stamp.
    with monkeypatch.context() as patch:
        patch.setattr('projects.unikpt.build._link', full)
        with pytest.raises(OSError, match='no space'):
            run(toys, out, seed=1)
    with pytest.raises(FileNotFoundError, match='not come to its end'):
        read_stamp(out)
    names = [p.name for p in out.rglob('*')]
    assert not [n for n in names if n.endswith(('.tmp', '.new'))]


def test_processes_give_the_same(toys, tmp_path):
    calls = {'pets': 0, 'cars': 0}

    def count(name, pictures):
        calls[name] += pictures

    for name, workers in (('a', 1), ('b', 2)):
        build(
            tmp_path / name,
            {'pets': toys / 'pets', 'cars': toys / 'cars'},
            ToyVocabulary(),
            BuildOptions(workers=workers, subsets={'cars': Subset(5)}),
            count,
        )
    assert files(tmp_path / 'a') == files(tmp_path / 'b')
    assert calls == {'pets': 8, 'cars': 40}


def test_an_error_in_a_process_is_told(toys, tmp_path):
    for split in ('train', 'val', 'test'):
        write_entries(toys / f'pets/pets_{split}.json', [])
    with pytest.raises(ValueError, match='gives no picture; see what `doct'):
        run(toys, tmp_path / 'out', workers=2)
    assert (tmp_path / 'out/shards/cars.txt').is_file()


@pytest.mark.parametrize(
    'splits, listed, expected',
    [
        (['train', 'test'], {'train', 'test'}, ['train', 'val']),
        (
            ['train', 'val', 'test'],
            {'train', 'val', 'test'},
            ['train', 'val', 'test'],
        ),
        (['val', 'val'], {'val'}, ['val', 'val']),
        # The test part does not replace one that cannot be read.
        (['train', 'test'], {'train', 'val', 'test'}, ['train', 'test']),
    ],
)
def test_own_splits(splits, listed, expected):
    assert own_splits(splits, listed) == expected


def test_drawn_splits():
    for number, share, held_out in (
        (40, 0.1, 4),
        (40, 0.25, 10),
        (2, 0.01, 1),
        (2, 0.99, 1),
        (1, 0.5, 0),
    ):
        groups = [str(i) for i in range(number)]
        found = drawn_splits(groups, share, 0, 'a')
        assert found.count('val') == held_out
        assert found.count('train') == number - held_out
    forty = [str(i) for i in range(40)]
    first = drawn_splits(forty, 0.1, 0, 'a')
    assert first == drawn_splits(forty, 0.1, 0, 'a')
    assert first != drawn_splits(forty, 0.1, 0, 'b')
    assert first != drawn_splits(forty, 0.1, 1, 'a')


def test_groups_are_held_out_whole():
    # Clips of 1 to 8 frames, in any order: 36 frames, of which 9 are wanted.
    groups = [str(i) for i in range(8) for _ in range(i + 1)]
    np.random.default_rng(0).shuffle(groups)
    for seed in range(20):
        found = drawn_splits(groups, 0.25, seed, 'a')
        held_out = {g for g, split in zip(groups, found) if split == 'val'}
        assert held_out.isdisjoint(
            g for g, split in zip(groups, found) if split == 'train'
        )
        # The last clip to be held out has 8 frames at most.
        assert 9 <= found.count('val') < 9 + 8


def splits_of(out, name):
    """Files of a source: split -> names."""
    return {
        split: {i['file_name'] for i in read(out, f'{name}_{split}')['images']}
        for split in ('train', 'val')
    }


@pytest.mark.parametrize('options', [{}, {'resplit': 0.5}])
def test_frames_of_a_clip_are_in_one_split(tmp_path, options):
    MINIS['apt36k'](tmp_path / 'sources')
    for seed in range(4):
        out = tmp_path / f'out{seed}'
        stamp = build(
            out,
            {'apt36k': tmp_path / 'sources'},
            load_vocabulary(),
            BuildOptions(seed=seed, **options),
        )
        assert stamp['sources']['apt36k']['split_drawn'] is True
        found = splits_of(out, 'apt36k')
        clips = {
            split: {name.rsplit('/', 1)[0] for name in names}
            for split, names in found.items()
        }
        # Two clips of two frames: one of each.
        assert clips['train'] | clips['val'] == {
            'apt36k/1deer/clip1',
            'apt36k/2horse/clip1',
        }
        assert (len(clips['train']), len(found['train'])) == (1, 2)
        assert (len(clips['val']), len(found['val'])) == (1, 2)


@pytest.mark.parametrize(
    'name, file, group',
    [
        ('apt36k', 'AP-36k-patr1/1deer/c/3.jpg', 'AP-36k-patr1/1deer/c'),
        ('animal_kingdom', 'dataset/AAA/AAA_f01.jpg', 'dataset/AAA'),
        ('horse10', 'labeled-data/Brown/0244.png', 'labeled-data/Brown'),
        ('mp100', 'images/skirt/000264.jpg', '000264.jpg'),
        ('coco', 'train2017/1.jpg', 'train2017/1.jpg#None'),
    ],
)
def test_what_belongs_together(name, file, group):
    assert SOURCES[name].group(SourcePicture(file, 'train', ())) == group


def test_frames_of_a_container_do_not_belong_together():
    groups = {
        SOURCES['vinegar_fly'].group(
            SourcePicture('fly.h5', 'train', (), frame=frame)
        )
        for frame in range(3)
    }
    assert len(groups) == 3


def test_all_categories_of_mp100_are_trained(tmp_path):
    MINIS['mp100'](tmp_path / 'sources')
    out = tmp_path / 'out'
    options = BuildOptions()
    folders = {'mp100': tmp_path / 'sources'}
    stamp = build(out, folders, load_vocabulary(), options)
    entry = stamp['sources']['mp100']
    # Its own splits have 6, 2 and 2 pictures of other categories each.
    assert entry['listed'] == {'train': 6, 'val': 2, 'test': 2}
    assert entry['written'] == {'train': [9, 9], 'val': [1, 1]}
    assert entry['split_drawn'] is True
    train = read(out, 'unikpt_train')
    shown = {a['category_id'] for a in train['annotations']}
    names = {c['name'] for c in train['categories'] if c['id'] in shown}
    assert names == {
        'antelope',
        'person face',
        'short sleeved shirt',
        'arctic wolf face',
        'car',
    }
    # One of the splits alone is what it is, as mmpose's samples are.
    for split in ('train', 'val'):
        (folders['mp100'] / f'annotations/mp100_split1_{split}.json').unlink()
    stamp = build(tmp_path / 'b', folders, load_vocabulary(), options)
    assert stamp['sources']['mp100']['written'] == {'val': [2, 2]}


def test_a_shard_does_not_outlive_what_it_was_made_from(tmp_path):
    source, out = tmp_path / 'fly', tmp_path / 'out'
    MINIS['vinegar_fly'](source)

    def again():
        options = BuildOptions()
        build(out, {'vinegar_fly': source}, load_vocabulary(), options)
        return read(out, 'vinegar_fly_train')

    first = again()
    frames = sorted((out / 'images/vinegar_fly_frames').rglob('*.png'))
    assert len(frames) == 6
    # Its frames are written again, whether all are gone or one.
    frames[2].unlink()
    assert again() == first
    assert frames[2].is_file()
    shutil.rmtree(out / 'images/vinegar_fly_frames')
    assert again() == first
    assert sorted((out / 'images').rglob('*.png')) == frames
    # Its list of names says that the first two points are exchanged.
    names = source / 'skeleton.csv'
    lines = names.read_text().splitlines()
    lines[1], lines[2] = lines[2], lines[1]
    names.write_text('\n'.join(lines))
    second = again()
    was = first['annotations'][0]['keypoints']
    now = second['annotations'][0]['keypoints']
    assert was[:3] == now[3:6] == [0, 0, 0]
    assert was[3:6] == now[:3] != [0, 0, 0]
    # And without it the points are in the set's own order.
    names.unlink()
    assert again() == first


def test_a_picture_that_went_missing_is_told(toys, tmp_path):
    out = tmp_path / 'out'
    run(toys, out, ['pets'])
    (toys / 'pets/img/a.png').unlink()
    pets = run(toys, out, ['pets'])['sources']['pets']
    assert pets['faults'] == {'missing picture': 1}


def test_the_stamp_does_not_depend_on_where_the_sources_are(toys, tmp_path):
    first = run(toys, tmp_path / 'a')
    shutil.copytree(toys, tmp_path / 'elsewhere')
    second = run(tmp_path / 'elsewhere', tmp_path / 'b')
    assert first == second
    assert os.readlink(tmp_path / 'b/images/pets') == str(
        tmp_path / 'elsewhere/pets'
    )


def test_wrong_options_and_nothing_to_build(tmp_path):
    for wrong in ({'seed': -1}, {'workers': 0}):
        with pytest.raises(ValueError, match='seed must be 0 or more'):
            BuildOptions(**wrong)
    for share in (0, 1):
        with pytest.raises(ValueError, match='between 0 and 1'):
            BuildOptions(resplit=share)
    with pytest.raises(ValueError, match='no source to build'):
        build(tmp_path, {}, ToyVocabulary(), BuildOptions())
    for content in ('[]', '{"sources": {}}', '{"sources": {"a": []}}', '1'):
        (tmp_path / 'unikpt.json').write_text(content)
        with pytest.raises(ValueError, match='not what `build` writes'):
            read_stamp(tmp_path)


def test_a_stamp_of_an_entry_that_lacks_something(toys, tmp_path):
    run(toys, tmp_path / 'out')
    path = tmp_path / 'out/unikpt.json'
    stamp = json.loads(path.read_text())
    assert read_stamp(path.parent) == stamp
    del stamp['sources']['cars']['keypoints']
    path.write_text(json.dumps(stamp))
    with pytest.raises(ValueError, match='not what `build` writes'):
        read_stamp(path.parent)


@pytest.mark.parametrize('below', ['', 'new/set'])
def test_nothing_is_built_into_a_source(toys, tmp_path, below):
    before = files(toys)
    (tmp_path / 'link').symlink_to(toys / 'pets')
    with pytest.raises(ValueError, match='in the folder of pets; choose one'):
        run(toys, tmp_path / 'link' / below)
    assert files(toys) == before
    # Beside the sources there is room.
    assert run(toys, toys / 'out')['partial'] is False


def test_a_turned_picture_has_the_size_that_is_loaded(toys, tmp_path):
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new('RGB', (40, 30)).save(toys / 'pets/t.jpg', exif=exif)
    write_entries(toys / 'pets/pets_train.json', [('t.jpg', [thing()])])
    run(toys, tmp_path / 'out', ['pets'])
    image = read(tmp_path / 'out', 'pets_train')['images'][0]
    assert (image['width'], image['height']) == (30, 40)
    assert cv2.imread(str(toys / 'pets/t.jpg')).shape[:2] == (40, 30)


def test_all_sets_in_their_own_forms(tmp_path):
    sources, expected = tmp_path / 'sources', {}
    for name, write in MINIS.items():
        (sources / name).mkdir(parents=True)
        expected[name] = write(sources / name)
    folders = locate(sources, select(MINIS), {})
    options = BuildOptions(subsets={'onehand10k': Subset(1)})
    out = tmp_path / 'out'
    stamp = build(out, folders, load_vocabulary(), options)
    assert stamp['partial'] is False
    found = {
        name: {
            'pictures': sum(n for n, _ in entry['written'].values()),
            'instances': sum(n for _, n in entry['written'].values()),
            'left out': entry['left_out'],
            'faults': entry['faults'],
        }
        for name, entry in stamp['sources'].items()
    }
    assert found == {
        name: {
            'pictures': counts['pictures'],
            'instances': counts['instances'],
            'left out': {},
            'faults': {},
        }
        for name, counts in expected.items()
    }
    assert stamp['sources']['onehand10k']['mixed_pictures'] == 1
    assert stamp['sources']['animalpose']['in_mix'] is False
    for split in ('train', 'val', 'test'):
        data = PromptCocoDataset(
            f'annotations/unikpt_{split}.json', str(out), {'img': 'images'}
        )
        paths = [data.get_data_info(i)['img_path'] for i in range(len(data))]
        assert len(paths) == sum(
            entry['mixed'].get(split, [0])[0]
            for entry in stamp['sources'].values()
            if entry['in_mix']
        )
        assert all(map(os.path.isfile, paths))
