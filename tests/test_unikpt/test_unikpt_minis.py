# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Every source on a miniature set in the form in which it is released."""

from collections import Counter

import pytest

from projects.unikpt import SOURCES
from projects.unikpt.doctor import examine
from projects.unikpt.vocabulary import load_vocabulary
from tests.unikpt_minis import MINIS


def test_all_thirteen_and_the_unseen_one():
    assert len(MINIS) == 14
    assert {n for n, s in SOURCES.items() if len(s.paper) == 6} == set(
        MINIS
    ) - {'animalpose'}


@pytest.mark.parametrize('faults', [False, True])
@pytest.mark.parametrize('name', MINIS)
def test_counted_by_hand(name, faults, tmp_path):
    wanted = MINIS[name](tmp_path, faults)
    reported = []
    pictures = list(SOURCES[name].read(tmp_path, reported.append))
    objects = [i for picture in pictures for i in picture.instances]
    assert {
        'pictures': len(pictures),
        'instances': len(objects),
        'keypoints': sum(int((o.keypoints[:, 2] > 0).sum()) for o in objects),
        'splits': dict(Counter(p.split for p in pictures)),
        'faults': dict(Counter(fault.kind for fault in reported)),
    } == {key: wanted[key] for key in wanted if key != 'doctor'}
    missing = [p for p in pictures if not (tmp_path / p.file).is_file()]
    assert len(missing) == wanted['doctor'].get('missing picture', 0)
    for item in objects:
        keypoints = load_vocabulary().entry(item.category).keypoints
        assert item.keypoints.shape == (len(keypoints), 3)


@pytest.mark.parametrize('name', MINIS)
def test_first_picture_decodes(name, tmp_path):
    MINIS[name](tmp_path)
    source = SOURCES[name]
    picture = next(source.read(tmp_path, pytest.fail))
    sides = {'vinegar_fly': (48, 48), 'desert_locust': (56, 56)}
    image = source.read_picture(tmp_path, picture)
    assert image.shape == (*sides.get(name, (32, 40)), 3)


@pytest.mark.parametrize('name', MINIS)
def test_an_empty_folder_and_a_foreign_one(name, tmp_path):
    source = SOURCES[name]
    empty = tmp_path / 'empty'
    empty.mkdir()
    found = source.find(empty)
    assert not found.found
    assert found.missing
    assert not list(source.read(empty, pytest.fail))
    foreign = tmp_path / 'foreign'
    foreign.mkdir()
    MINIS['coco' if name != 'coco' else 'ap10k'](foreign)
    assert not source.find(foreign).found


@pytest.mark.parametrize('faults', [False, True])
def test_doctor_finds_what_is_planted_and_no_more(faults, tmp_path):
    folders = {name: tmp_path / name for name in MINIS}
    wanted = {}
    for name, folder in folders.items():
        folder.mkdir()
        counts = MINIS[name](folder, faults)
        wanted[name] = {**counts['faults'], **counts['doctor']}
    reports = examine(folders, load_vocabulary())
    found = {
        report.name: {k: len(v) for k, v in report.grouped().items()}
        for report in reports
    }
    assert found == wanted
