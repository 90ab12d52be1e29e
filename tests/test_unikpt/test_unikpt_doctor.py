# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json
import os
import shutil
import warnings

import numpy as np
import pytest
from rich.console import Console

from projects.unikpt import SOURCES
from projects.unikpt.checks import scan_folder
from projects.unikpt.doctor import examine, exit_code, show
from projects.unikpt.locate import locate, parse_folders, select
from projects.unikpt.source import Fault
from projects.unikpt.vocabulary import load_vocabulary
from tests.unikpt_minis import MINIS
from tests.unikpt_toy import (
    ToyVocabulary,
    thing,
    write_cars,
    write_entries,
    write_pictures,
)


def look(toys, **options):
    folders = locate(toys, select(), {})
    return {
        report.name: report
        for report in examine(folders, ToyVocabulary(), **options)
    }


def kinds(report):
    return {kind: len(faults) for kind, faults in report.grouped().items()}


def shown(reports, capsys, first=3):
    show(list(reports.values()), Console(width=100), first)
    return capsys.readouterr().out


def test_a_clean_tree(toys, capsys):
    calls = []
    reports = look(toys, progress=lambda *call: calls.append(call))
    assert exit_code(list(reports.values())) == 0
    pets = reports['pets']
    assert pets.faults == []
    assert pets.files == {'train': 1, 'val': 1, 'test': 1}
    assert pets.pictures == {'train': 2, 'val': 1, 'test': 1}
    assert pets.instances == {'train': 3, 'val': 1, 'test': 1}
    assert reports['cars'].instances == {'train': 20}
    assert calls[3] == ('pets', 4, 4)
    assert calls[-1] == ('cars', 20, 20)
    text = shown(reports, capsys)
    assert 'Licence' not in text
    assert 'train' in text


def test_missing_sources_and_annotations(toys, capsys):
    shutil.rmtree(toys / 'cars')
    (toys / 'pets/pets_val.json').unlink()
    reports = look(toys)
    assert exit_code(list(reports.values())) == 3
    assert reports['cars'].folder is None
    assert reports['pets'].missing == {'val': ['pets_val.json']}
    text = shown(reports, capsys)
    assert 'Cars is missing.\nLicence: free\nPage: https://exam' in text
    assert 'Draw it.\n\ntoy\n└── train.json' in text
    assert 'Pets-2, val: none of pets_val.json is there.' in text


def test_faults_of_annotations(toys, capsys):
    entries = [
        ('img/a.png', [thing(x=39), thing(x=90), thing(bbox=(5, 5, 0, 9))]),
        ('img/b.png', [thing('bird'), thing(bbox=(5, 99, 4, 4))]),
        ('img/c.png', [thing() | {'category': 'dog'}], {'width': 99}),
        ('img/d.png', [thing()], {'twice': 1}),
    ]
    write_entries(toys / 'pets/pets_train.json', entries)
    for split in ('val', 'test'):
        write_entries(toys / f'pets/pets_{split}.json', [])
    reports = look(toys)
    pets = reports['pets']
    assert kinds(pets) == {
        'keypoints outside the picture': 2,
        'empty box': 1,
        'unknown category': 1,
        'box outside the picture': 1,
        'wrong number of keypoints': 1,
        'wrong picture size': 1,
        'duplicated id': 1,
    }
    outside = pets.grouped()['keypoints outside the picture']
    assert [(f.where, f.detail) for f in outside] == [
        ('img/a.png, annotation 0-0', '1 of 3, number 3 at x = 41, y = 12'),
        ('img/a.png, annotation 0-1', '3 of 3, number 1 at x = 90, y = 12'),
    ]
    assert pets.grouped()['wrong picture size'][0].detail == (
        '99 x None in the annotation, 40 x 30 in truth (w x h)'
    )
    assert exit_code(list(reports.values())) == 1
    text = shown(reports, capsys, first=1)
    assert 'Pets-2: 2 x keypoints outside the picture' in text
    assert 'number 3 at x = 41' in text
    assert 'and 1 more' in text
    assert 'number 1 at x = 90' not in text


def test_all_faults_as_plain_values(toys):
    (toys / 'pets/img/a.png').unlink()
    content = json.loads(json.dumps(look(toys)['pets'].as_dict()))
    assert content['faults'] == {'missing picture': [['img/a.png', '']]}
    assert content['pictures'] == {'train': 2, 'val': 1, 'test': 1}
    assert content['licence'] == 'free'


def test_pictures_that_cannot_be_read(toys):
    cut = toys / 'cars/00.jpg'
    cut.write_bytes(cut.read_bytes()[:-200])
    (toys / 'cars/01.jpg').write_bytes(b'')
    (toys / 'cars/02.jpg').unlink()
    (toys / 'cars/03.jpg').unlink()
    (toys / 'cars/03.jpg').mkdir()
    cars = look(toys)['cars']
    assert kinds(cars) == {'unreadable picture': 3, 'missing picture': 1}
    assert {f.where for f in cars.grouped()['unreadable picture']} == {
        '00.jpg',
        '01.jpg',
        '03.jpg',
    }
    # The header of the one that is cut off is whole.
    quick = look(toys, quick=True)['cars']
    assert kinds(quick) == {'unreadable picture': 2, 'missing picture': 1}


@pytest.mark.parametrize('workers', [1, 3])
def test_the_same_picture_twice(toys, workers):
    shutil.copy(toys / 'pets/img/a.png', toys / 'pets/img/d.png')
    shutil.copy(toys / 'pets/img/b.png', toys / 'cars/07.png')
    entries = [('07.png', [thing('car')]), ('00.jpg', [thing('car')])]
    write_entries(toys / 'cars/cars.json', entries)
    reports = look(toys, workers=workers)
    same = reports['pets'].grouped()['same picture twice']
    assert [(f.where, f.detail) for f in same] == [
        ('img/d.png', 'test; is img/a.png of Pets-2, train')
    ]
    same = reports['cars'].grouped()['same picture twice']
    assert [(f.where, f.detail) for f in same] == [
        ('07.png', 'train; is img/b.png of Pets-2, train')
    ]
    assert not any(r.faults for r in look(toys, quick=True).values())


def test_one_picture_in_two_splits(toys):
    write_entries(toys / 'pets/pets_test.json', [('img/a.png', [thing()])])
    pets = look(toys)['pets']
    assert [(f.kind, f.where, f.detail) for f in pets.faults] == [
        ('picture in two splits', 'img/a.png', 'test, train')
    ]


def test_frames_of_containers(toys):
    frames = np.zeros((3, 30, 40, 3), np.uint8)
    frames[2] = 9
    np.save(toys / 'cars/film.npy', frames)
    entries = [('film.npy', [thing('car')], {'frame': i}) for i in range(4)]
    write_entries(toys / 'cars/cars.json', entries)
    cars = look(toys)['cars']
    assert kinds(cars) == {'same picture twice': 1, 'unreadable picture': 1}
    assert cars.faults[0].where == 'film.npy, frame 1'
    assert cars.faults[1].where == 'film.npy, frame 3'
    assert 'out of bounds' in cars.faults[1].detail


def test_a_folder_of_another_set(toys, capsys):
    shutil.rmtree(toys / 'pets')
    write_cars(toys / 'pets', 2)
    reports = look(toys)
    fault = reports['pets'].faults[0]
    assert fault.kind == 'folder of another data set'
    assert fault.detail == 'it looks like Cars'
    assert exit_code(list(reports.values())) == 1
    # It also says how to obtain the right one.
    assert 'Pets-2 is missing.' in shown(reports, capsys)


def test_a_folder_of_nothing(toys):
    for file in (toys / 'cars').glob('*.json'):
        file.unlink()
    cars = look(toys)['cars']
    assert [(f.kind, f.detail) for f in cars.faults] == [
        ('no annotation found', 'see the tree of Cars')
    ]


def test_a_reader_that_fails_is_a_fault(toys):
    entries = [('img/a.png', [thing()]), ('img/b.png', [], {'broken': 1})]
    write_entries(toys / 'pets/pets_train.json', entries)
    pets = look(toys)['pets']
    assert pets.pictures == {'train': 1}
    assert [(f.kind, f.detail) for f in pets.faults] == [
        ('unreadable annotation', "KeyError: 'no such key'")
    ]


def test_links_and_names(toys):
    pets = toys / 'pets'
    (pets / 'deep').mkdir()
    (pets / 'deep/up').symlink_to(pets, target_is_directory=True)
    (pets / 'round').symlink_to(pets / 'round')
    (pets / 'gone').symlink_to(pets / 'nowhere')
    # A link to a folder elsewhere is no fault, nor is a link to a file.
    outside = toys.parent / 'elsewhere'
    outside.mkdir()
    (pets / 'linked').symlink_to(outside)
    (pets / 'linked2').symlink_to(outside)
    (outside / 'a.png').symlink_to(pets / 'img/a.png')
    found = {(f.kind, f.where) for f in scan_folder(pets)}
    assert found == {
        ('symbolic link loop', 'deep/up'),
        ('symbolic link loop', 'round'),
        ('broken link', 'gone'),
    }


@pytest.mark.skipif(os.name != 'posix', reason='names are bytes on POSIX')
def test_names_that_are_no_utf8(toys, capsys):
    name = os.fsdecode(b'caf\xe9.png')
    shutil.copy(toys / 'pets/img/a.png', toys / 'pets' / name)
    (toys / 'pets/img/a.png').unlink()
    entries = [(name, [thing(x=39)]), ('img/b.png', [thing()])]
    write_entries(toys / 'pets/pets_train.json', entries)
    reports = look(toys)
    assert kinds(reports['pets']) == {
        'broken file name': 1,
        'keypoints outside the picture': 1,
    }
    assert 'caf\\udce9.png' in shown(reports, capsys)
    json.dumps(reports['pets'].as_dict()).encode()


def test_raw_names_in_faults_can_be_printed(toys, capsys):
    report = look(toys)['pets']
    report.faults.append(Fault('odd', 'caf\udce9.json', 'is \udce9'))
    assert r'caf\udce9.json: is \udce9' in shown({'pets': report}, capsys)
    assert report.as_dict()['faults'] == {
        'odd': [[r'caf\udce9.json', r'is \udce9']]
    }


def test_a_picture_behind_a_loop(toys):
    (toys / 'pets/loop.png').symlink_to('loop.png')
    write_entries(toys / 'pets/pets_train.json', [('loop.png', [thing()])])
    assert kinds(look(toys)['pets']) == {'symbolic link loop': 2}


def test_where_sources_are_looked_for(toys):
    (toys / 'cars').rename(toys / 'automobiles')
    (toys / 'notes.txt').write_text('')
    folders = locate(toys, select(), {})
    assert folders == {
        'pets': toys / 'pets',
        'cars': toys / 'automobiles',
    }
    # What two recognise is nobody's.
    write_entries(toys / 'automobiles/pets_val.json', [])
    assert locate(toys, select(), {})['cars'] is None
    named = {'cars': toys / 'automobiles'}
    assert locate(None, select(), named) == {'pets': None, **named}
    assert locate(toys, select(['cars']), named) == named
    with pytest.raises(FileNotFoundError, match='holds the folders of the so'):
        locate(toys / 'none', select(), {})


def test_a_second_folder_is_told(toys):
    (toys / 'cars').rename(toys / 'automobiles')
    write_cars(toys / 'vans')
    with pytest.warns(UserWarning) as told:
        assert locate(toys, select(), {})['cars'] == toys / 'automobiles'
    assert [str(w.message) for w in told] == [
        f'also found {toys / "vans"} for cars, of which '
        f'{toys / "automobiles"} is taken; give --source '
        f'cars={toys / "vans"} to take it instead.'
    ]
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        named = {'cars': toys / 'vans'}
        assert locate(toys, select(), named)['cars'] == toys / 'vans'


def test_names_and_folders_of_sources(toys):
    assert list(select()) == ['pets', 'cars']
    assert list(select(['cars'])) == ['cars']
    with pytest.raises(ValueError, match="'pet'; did you mean 'pets'"):
        select(['pet'])
    text = f'cars={toys / "cars"}'
    assert parse_folders([text]) == {'cars': toys / 'cars'}
    for wrong in ([text, text], ['cars'], ['cars=']):
        with pytest.raises(ValueError, match='write NAME=DIR, each name once'):
            parse_folders(wrong)
    with pytest.raises(FileNotFoundError, match='there is no folder'):
        parse_folders([f'cars={toys / "none"}'])


def test_the_papers_order():
    assert list(select())[:3] == ['coco', '300w', 'onehand10k']
    assert set(select()) == set(SOURCES)


def test_a_picture_set_is_readable_after_all(toys):
    # PNG, JPEG and what a wrong ending says are told by their content.
    shutil.copy(toys / 'cars/00.jpg', toys / 'pets/img/a.png')
    write_pictures(toys / 'cars', ['00.jpg'], seed=5)
    assert look(toys)['pets'].faults == []


def test_what_cannot_be_read_is_not_taken_for_another_set(tmp_path):
    # The file has the same name in the folder of the locusts.
    MINIS['vinegar_fly'](tmp_path)
    path = tmp_path / 'annotation_data_release.h5'
    path.write_bytes(path.read_bytes()[:500])
    [report] = examine({'vinegar_fly': tmp_path}, load_vocabulary())
    assert kinds(report) == {'unreadable annotation': 1}


def test_the_locusts_in_the_folder_of_the_flies(tmp_path):
    MINIS['desert_locust'](tmp_path)
    [report] = examine({'vinegar_fly': tmp_path}, load_vocabulary())
    assert kinds(report) == {
        'wrong number of keypoints': 1,
        'folder of another data set': 1,
    }
    [fault] = report.grouped()['folder of another data set']
    assert fault.detail == 'it looks like Desert Locust'
