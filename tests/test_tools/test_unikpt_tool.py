# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json
import os
from pathlib import Path

import pytest

from tests import unikpt_toy
from tests.unikpt_toy import thing, write_entries

SAMPLES = os.environ.get('MMPOSE_TESTS_DATA')
REALDATA = os.environ.get('ANYKEYPOINT_REALDATA')


@pytest.fixture
def toys(tmp_path):
    unikpt_toy.write_pets(tmp_path / 'sources' / 'pets')
    unikpt_toy.write_cars(tmp_path / 'sources' / 'cars')
    with unikpt_toy.only(unikpt_toy.Pets, unikpt_toy.Cars, unikpt_toy.Own):
        yield tmp_path / 'sources'


@pytest.fixture
def main(load_tool, monkeypatch):
    tool = load_tool('dataset_converters/unikpt.py')
    monkeypatch.setattr(tool, 'load_vocabulary', unikpt_toy.ToyVocabulary)

    def run(*args):
        return tool.main([*map(str, args)])

    return run


def build_args(toys, tmp_path, *more):
    return ('build', toys, '--out', tmp_path / 'out', '--workers', 1, *more)


def test_doctor(main, toys, tmp_path, capsys):
    report = tmp_path / 'report.json'
    # Own is no part of UniKPT, so that it is not there is no matter.
    assert main('doctor', toys) == 0
    assert 'Own' not in capsys.readouterr().out
    (toys / 'pets/img/a.png').unlink()
    assert main('doctor', toys, '--json', report, '--quick') == 1
    assert 'Pets-2: 1 x missing picture' in capsys.readouterr().out
    content = json.loads(report.read_text())
    assert list(content) == ['pets', 'cars']
    assert content['pets']['faults'] == {
        'missing picture': [['img/a.png', '']]
    }
    # What is faulty can be left out, what is missing cannot.
    assert main('doctor', toys, '--only', 'cars') == 0
    assert main('doctor', toys, '--only', 'own') == 3
    assert 'Own is missing.' in capsys.readouterr().out


def test_sources_that_lie_elsewhere(main, toys, tmp_path, capsys):
    elsewhere = tmp_path / 'there'
    (toys / 'cars').rename(elsewhere)
    named = f'cars={elsewhere}'
    assert main('doctor', toys, '--source', named) == 0
    capsys.readouterr()
    # Without a folder of all, these alone are asked for.
    assert main('doctor', '--source', named) == 0
    assert 'pets' not in capsys.readouterr().out


def test_build_and_stats(main, toys, tmp_path, capsys):
    args = build_args(toys, tmp_path, '--subset', 'cars=7', '--seed', 4)
    assert main(*args) == 0
    text = capsys.readouterr().out
    assert 'PARTIAL' not in text
    assert '8 annotation files' in text
    stamp = json.loads((tmp_path / 'out/unikpt.json').read_text())
    assert stamp['seed'] == 4
    assert stamp['sources']['cars']['mixed_pictures'] == 7
    files = tmp_path / 'table.md', tmp_path / 'table.json'
    args = ('--markdown', files[0], '--json', files[1])
    assert main('stats', tmp_path / 'out', *args) == 0
    printed = capsys.readouterr().out
    assert '226,547' in printed
    assert '| Cars | 2 / 1 | 2 / 2 | 1 / 1 | 20 / 20 |' in files[0].read_text()
    rows = json.loads(files[1].read_text())
    assert rows[1]['found']['unified_images'] == 7
    for sentence in rows[0]['differences']:
        assert sentence in printed


def test_a_part_is_built_with_a_loud_stamp(main, toys, tmp_path, capsys):
    (toys / 'pets/img/a.png').unlink()
    assert main(*build_args(toys, tmp_path, '--only', 'pets')) == 0
    text = capsys.readouterr().out
    assert 'PARTIAL: 1 of 2 sources; without cars.' in text
    assert 'pets: 1 x missing picture, first: img/a.png' in text
    assert '1 pictures' in text
    stamp = json.loads((tmp_path / 'out/unikpt.json').read_text())
    assert stamp['partial'] is True


def test_own_sets_and_splits(main, toys, tmp_path, capsys):
    unikpt_toy.write_pictures(toys / 'own', ['a.png', 'b.png'])
    entries = [(n, [thing()]) for n in ('a.png', 'b.png')]
    write_entries(toys / 'own/own.json', entries)
    args = ('--add', 'own', '--resplit', 0.5, '--subset', 'cars=all')
    assert main(*build_args(toys, tmp_path, *args)) == 0
    stamp = json.loads((tmp_path / 'out/unikpt.json').read_text())
    mixed = {n: entry['mixed'] for n, entry in stamp['sources'].items()}
    assert {n: m['train'][0] for n, m in mixed.items()} == {
        'pets': 2,
        'cars': 10,
        'own': 1,
    }
    assert mixed['cars']['val'] == [10, 10]


@pytest.mark.parametrize(
    'args, message',
    [
        (('doctor',), 'Give the folder that holds the folders'),
        (('doctor', 'nowhere'), 'no folder "nowhere"'),
        (('doctor', '.', '--only', 'pats'), "did you mean 'pets'"),
        (('doctor', '.', '--source', 'pets'), 'write NAME=DIR'),
        (('build', '.', '--out', 'x'), 'no source to build'),
        (
            ('build', '.', '--out', 'x', '--only', 'own'),
            'No annotation of own',
        ),
        (('build', '.', '--out', 'x', '--add', 'pats'), "no source 'pats'"),
        (('build', '.', '--out', 'x', '--subset', 'cars=x'), 'is "x"; write'),
        (('build', '.', '--out', 'x', '--subset', 'cats=2'), "source 'cats'"),
        (('build', '.', '--out', 'x', '--resplit', '2'), 'between 0 and 1'),
        (('stats', 'x'), 'There is no unikpt.json in "x"'),
    ],
)
def test_errors_are_sentences(
    main, toys, tmp_path, monkeypatch, capsys, args, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'empty').mkdir()
    monkeypatch.chdir(tmp_path / 'empty')
    assert main(*args) == 2
    assert message in capsys.readouterr().err
    assert list((tmp_path / 'empty').iterdir()) == []


def test_a_source_that_cannot_be_read_stops_the_build(
    main, toys, tmp_path, capsys
):
    write_entries(toys / 'cars/cars.json', [])
    assert main(*build_args(toys, tmp_path)) == 2
    assert 'Cars in ' in capsys.readouterr().err
    assert not (tmp_path / 'out/annotations').exists()


@pytest.mark.skipif(not SAMPLES, reason='MMPOSE_TESTS_DATA is not set')
def test_samples_of_mmpose(load_tool, tmp_path, capsys):
    main = load_tool('dataset_converters/unikpt.py').main
    only = ['coco', '300w', 'onehand10k', 'macaque', 'animal_kingdom']
    only += ['vinegar_fly', 'desert_locust', 'mp100']
    # Their training parts are missing, nothing else is wrong.
    assert main(['doctor', SAMPLES, '--only', *only]) == 3
    out = tmp_path / 'out'
    args = ['--out', str(out), '--resplit', '0.5', '--workers', '1']
    assert main(['build', SAMPLES, '--only', *only, *args]) == 0
    assert 'PARTIAL: 8 of 13 sources' in capsys.readouterr().out
    stamp = json.loads((out / 'unikpt.json').read_text())
    assert {
        name: (entry['mixed_pictures'], entry['mixed_instances'])
        for name, entry in stamp['sources'].items()
    } == {**dict.fromkeys(only, (2, 2)), 'coco': (4, 12), 'onehand10k': (4, 4)}
    assert not any(e['faults'] for e in stamp['sources'].values())
    assert main(['stats', str(out)]) == 0
    assert '12 / 156,165' in capsys.readouterr().out


@pytest.mark.skipif(not REALDATA, reason='ANYKEYPOINT_REALDATA is not set')
def test_real_sets(load_tool, tmp_path):
    main = load_tool('dataset_converters/unikpt.py').main
    coco = Path(REALDATA, 'tiny_coco')
    fly = Path(REALDATA, 'deepposekit_fly')
    args = ['--source', f'coco={coco}', '--source', f'vinegar_fly={fly}']
    assert main(['doctor', *args]) == 0
    out = tmp_path / 'out'
    more = ['--out', str(out), '--workers', '2']
    assert main(['build', *args, *more]) == 0
    sources = json.loads((out / 'unikpt.json').read_text())['sources']
    assert sources['coco']['instances'] == {'train': 57, 'val': 46}
    assert sources['vinegar_fly']['instances'] == {'train': 80, 'val': 20}
    frames = out / 'images/vinegar_fly_frames/example_annotation_set'
    assert len(list(frames.iterdir())) == 100
