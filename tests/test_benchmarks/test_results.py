# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import datetime
import hashlib
import json
from dataclasses import asdict, replace

import pytest

from projects.benchmarks.results import (
    ResultEntry,
    data_file,
    describe_protocol,
    load_entries,
    record,
    render_document,
    verify_entries,
)
from projects.common.version import __version__

ENTRY = ResultEntry(
    claim='small model',
    metric='keypoint/AP',
    value=0.61249,
    protocol='OKS AP',
    config='configs/a.py',
    checkpoint='checkpoints/a.pth',
    checkpoint_sha256='0' * 64,
    external=False,
    data='data/val.json',
    data_sha256='a' * 64,
    device='CPU',
    command='python tools/test.py a | b',
    date='2026-01-31',
    version='0.1',
)


@pytest.fixture
def repo(tmp_path):
    for name in ('configs/a.py', 'checkpoints/a.pth', 'data/val.json'):
        path = tmp_path / name
        path.parent.mkdir()
        path.write_text(name)
    return tmp_path


def make(repo, **changes):
    arguments = {
        'claim': 'small model',
        'metrics': {'keypoint/AP': 1 / 3, 'num_images': 5},
        'config': str(repo / 'configs/a.py'),
        'checkpoint': str(repo / 'checkpoints/a.pth'),
        'data': str(repo / 'data/val.json'),
        'command': 'python tools/test.py',
        'protocol': 'OKS AP',
        'root': repo,
    }
    path = repo / 'docs' / 'results' / 'main.json'
    return path, record(path, **{**arguments, **changes})


def test_record_and_load(repo):
    path, new = make(repo)
    assert load_entries(path) == new
    assert [e.metric for e in new] == ['keypoint/AP', 'num_images']
    assert [e.value for e in new] == [0.333333, 5]
    digest = hashlib.sha256(b'checkpoints/a.pth').hexdigest()
    entry = new[0]
    assert (entry.checkpoint, entry.checkpoint_sha256, entry.external) == (
        'checkpoints/a.pth',
        digest,
        False,
    )
    assert (entry.config, entry.data) == ('configs/a.py', 'data/val.json')
    assert entry.data_sha256 == hashlib.sha256(b'data/val.json').hexdigest()
    assert entry.version == __version__ and entry.device
    assert entry.date == datetime.date.today().isoformat()
    assert [p.name for p in path.parent.iterdir()] == ['main.json']


def test_record_replaces_the_same_run_only(repo):
    make(repo)
    path, _ = make(repo, claim='other')
    make(repo, metrics={'keypoint/AP': 0.5})
    found = [(e.claim, e.metric, e.value) for e in load_entries(path)]
    assert found == [
        ('other', 'keypoint/AP', 0.333333),
        ('other', 'num_images', 5),
        ('small model', 'keypoint/AP', 0.5),
    ]


def test_runs_on_other_data_stay(repo):
    other = repo / 'data/split2.json'
    other.write_text('other')
    make(repo, metrics={'keypoint/AP': 0.2})
    make(repo, metrics={'keypoint/AP': 0.3}, data=str(other))
    path, _ = make(repo, metrics={'keypoint/AP': 0.4})
    found = [(e.data, e.value) for e in load_entries(path)]
    assert found == [('data/split2.json', 0.3), ('data/val.json', 0.4)]


def test_record_without_files_and_with_foreign_ones(repo, tmp_path_factory):
    foreign = tmp_path_factory.mktemp('elsewhere') / 'b.pth'
    foreign.write_text('b')
    _, entries = make(repo, checkpoint=str(foreign), data=None)
    assert entries[0].external and entries[0].checkpoint == str(foreign)
    assert (entries[0].data, entries[0].data_sha256) == ('', '')
    _, entries = make(repo, checkpoint=None)
    assert not entries[0].external and not entries[0].checkpoint


@pytest.mark.parametrize(
    ('field', 'value'),
    [
        ('claim', ' '),
        ('command', ''),
        ('config', 3),
        ('value', float('nan')),
        ('value', True),
        ('value', '0.5'),
        ('external', 'no'),
        ('checkpoint_sha256', 'abc'),
        ('data_sha256', ''),
        ('date', '31.1.2026'),
    ],
)
def test_entries_are_checked(field, value):
    with pytest.raises(ValueError, match=f'{field} is .* it must be '):
        replace(ENTRY, **{field: value})


def test_broken_files(tmp_path):
    path = tmp_path / 'a.json'
    with pytest.raises(FileNotFoundError, match='tools/test.py --record'):
        load_entries(path)
    bad = asdict(ENTRY) | {'note': ''}
    del bad['date']
    for text, message in (
        ('[', 'no valid json'),
        ('{}', 'list of entries'),
        (json.dumps([bad]), r"entry 0: fields \['date', 'note'\]"),
        (json.dumps([asdict(ENTRY) | {'date': 'x'}]), 'entry 0: .*date is'),
    ):
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            load_entries(path)


def test_verify(repo):
    path, entries = make(repo)
    assert verify_entries(entries, repo) == []
    (repo / 'checkpoints/a.pth').write_text('changed')
    problems = verify_entries(entries, repo)
    assert len(problems) == 2 and 'has changed since' in problems[0]
    (repo / 'checkpoints/a.pth').unlink()
    (repo / 'configs/a.py').unlink()
    problems = verify_entries(entries[:1], repo)
    assert [p.split(': ')[1] for p in problems] == [
        'the config configs/a.py does not exist.',
        'the checkpoint checkpoints/a.pth does not exist.',
    ]
    external = [replace(entries[0], external=True)]
    assert len(verify_entries(external, repo)) == 1


def test_verify_compares_data_that_is_here(repo):
    _, entries = make(repo)
    data = repo / 'data/val.json'
    data.write_text('another size')
    problems = verify_entries(entries, repo)
    assert len(problems) == 2
    assert 'data file data/val.json is not the one' in problems[0]
    data.unlink()
    assert verify_entries(entries, repo) == []


def test_protocol_and_data_of_a_config():
    cfg = {
        'test_evaluator': {
            'type': 'PromptKeypointMetric',
            'ann_file': 'a.json',
            'pck_thr': [0.1, 0.2],
        },
        'model': {'test_cfg': {'score_thr': 0.05}},
    }
    count = {'num_images': 3, 'num_images_total': 3}
    text = 'PromptKeypointMetric(pck_thr=[0.1, 0.2]); test_cfg(score_thr=0.05)'
    assert describe_protocol(cfg, count) == f'{text}; 3 pictures'
    count['num_images_total'] = 9
    assert describe_protocol(cfg, count).endswith('PARTIAL: 3 of 9 pictures')
    assert data_file(cfg) == 'a.json'
    assert data_file({'test_evaluator': [{'type': 'Other'}]}) is None


def test_data_of_several_benchmarks(tmp_path):
    (tmp_path / 'annotations').mkdir()
    files = {n: f'annotations/{n}_val.json' for n in ('coco', 'mp100')}
    benchmarks = {name: {'ann_file': file} for name, file in files.items()}
    benchmarks['vehicles'] = benchmarks['mp100']

    def data_of(names):
        dataset = {
            'benchmarks': benchmarks,
            'names': names,
            'dataset': {'data_root': str(tmp_path)},
        }
        evaluator = {'type': 'PerSourceMetric', 'benchmarks': benchmarks}
        return data_file(
            {
                'test_evaluator': evaluator,
                'test_dataloader': {'dataset': dataset},
            }
        )

    # One that was built is named; the parts of a file are one.
    (tmp_path / files['mp100']).write_text('{}')
    path = str(tmp_path / files['mp100'])
    assert data_of('mp100') == data_of('all') == path
    # For several there is the stamp, once the set is finished.
    (tmp_path / files['coco']).write_text('{}')
    assert data_of('all') is None
    stamp = tmp_path / 'unikpt.json'
    stamp.write_text('{}')
    assert data_of('all') == data_of('coco,vehicles') == str(stamp)
    assert data_of('vehicles') == path


def test_episodes_are_the_data_and_say_their_protocol(tmp_path):
    cfg = {
        'test_evaluator': {'type': 'CapePCK', 'box': 'official'},
        'test_dataloader': {'dataset': {'episodes': 'configs/e.json'}},
    }
    assert data_file(cfg) == 'configs/e.json'
    drawn = {'dataset': {'episodes': {'shots': 1}}}
    assert data_file({**cfg, 'test_dataloader': drawn}) is None
    metrics = {'PCK@0.2': 0.5, 'protocol': 'CAPE: ...'}
    assert describe_protocol(cfg, metrics) == 'CAPE: ...'
    path = tmp_path / 'r.json'
    new = record(
        path,
        claim='c',
        metrics=metrics,
        config='a.py',
        command='x',
        protocol='p',
        root=tmp_path,
    )
    assert [entry.metric for entry in new] == ['PCK@0.2']


DOCUMENT = """# Title
<!-- results:main -->
old
<!-- /results -->
end"""


def write(folder, *entries):
    path = folder / 'main.json'
    path.write_text(json.dumps([asdict(e) for e in entries]))


def test_long_table(tmp_path):
    write(tmp_path, ENTRY, replace(ENTRY, metric='n', value=7))
    text = render_document(DOCUMENT, tmp_path)
    assert text.split('\n') == [
        '# Title',
        '<!-- results:main -->',
        '',
        '| claim | metric | value | run |',
        '| --- | --- | --- | --- |',
        '| small model | keypoint/AP | 0.612 | 1 |',
        '| small model | n | 7 | 1 |',
        '',
        '1. `python tools/test.py a | b`; config `configs/a.py`; '
        'checkpoint `checkpoints/a.pth` (sha256 000000000000); '
        'data `data/val.json` (sha256 aaaaaaaaaaaa); OKS AP; CPU; '
        '2026-01-31; version 0.1',
        '',
        '<!-- /results -->',
        'end',
    ]
    assert render_document(text, tmp_path) == text


def test_wide_table(tmp_path):
    large = replace(ENTRY, claim='large | model', config='b.py', value=0.7)
    write(
        tmp_path,
        ENTRY,
        replace(ENTRY, metric='bbox/AP', value=0.5),
        replace(ENTRY, metric='keypoint/AP/cat', value=0.4),
        large,
    )
    marker = '<!-- results:main metrics=bbox/AP,keypoint/* -->'
    text = DOCUMENT.replace('<!-- results:main -->', marker)
    lines = render_document(text, tmp_path).split('\n')
    assert lines[3:7] == [
        '| claim | bbox/AP | keypoint/AP | keypoint/AP/cat | run |',
        '| --- | --- | --- | --- | --- |',
        '| small model | 0.500 | 0.612 | 0.400 | 1 |',
        '| large \\| model |  | 0.700 |  | 2 |',
    ]
    assert lines[8].startswith('1. ') and lines[9].startswith('2. ')
    text = text.replace('bbox/AP', 'box/AP')
    with pytest.raises(ValueError, match='metric "box/AP"; there are keypo'):
        render_document(text, tmp_path)


def test_markers(tmp_path):
    assert render_document('no table', tmp_path) == 'no table'
    with pytest.raises(ValueError, match='Line 2, .*is not followed by'):
        render_document(DOCUMENT.replace('<!-- /', '<!-- '), tmp_path)
    with pytest.raises(FileNotFoundError, match='main.json'):
        render_document(DOCUMENT, tmp_path)
