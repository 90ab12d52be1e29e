# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json
import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from projects.doctor import __main__ as doctor
from projects.doctor.parts import EXTRAS, NO_DEPS, REQUIRED, Part

MODULE = ('-m', 'projects.doctor')


def break_package(folder, name, text):
    package = folder / name
    package.mkdir()
    (package / '__init__.py').write_text(text)


def pins(path):
    """Requirements of a file that apply to the running Python, by name."""
    found = {}
    for line in Path(path).read_text().splitlines():
        if line and not line.startswith('#'):
            requirement = Requirement(line)
            if not requirement.marker or requirement.marker.evaluate():
                found[requirement.name.replace('_', '-')] = requirement
    return found


def rows(done):
    return {row['name']: row for row in json.loads(done.stdout)}


@pytest.fixture
def spoilt(tmp_path, repo_root):
    """A folder to break packages in, and the search path that finds it."""
    folder = tmp_path / 'spoilt'
    folder.mkdir()
    return folder, (folder, repo_root)


def test_healthy_environment(run_python):
    done = run_python(*MODULE, '--json')
    assert done.returncode == 0, done.stdout + done.stderr
    report = rows(done)
    for name in ('python', 'torch', 'mmengine', 'mmdet', 'anykeypoint'):
        assert report[name]['status'] == 'ok', report[name]
    assert report['torch']['detail'].startswith('2.')
    assert 'bfloat16 works' in report['cpu']['detail']
    assert '(1, 3, 8)' in report['deformable attention']['detail']
    assert report['mmcv operators']['status'] == 'ok'
    for row in report.values():
        assert (row['status'] == 'missing') == (
            'pip install' in row['remedy']
        ), row


def test_the_former_name_still_starts_it(run_python):
    done = run_python('-m', 'projects.common.doctor', '--quiet')
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'All required parts work.' in done.stdout


def test_broken_mmdet_is_named_with_its_place_and_remedy(run_python, spoilt):
    folder, path = spoilt
    break_package(folder, 'mmdet', "raise RuntimeError('spoilt\\nmore')")
    done = run_python(*MODULE, path=path)
    assert done.returncode == 1, done.stdout + done.stderr
    line = next(
        line
        for line in done.stdout.split('\n')
        if line.startswith('broken: mmdet')
    )
    assert 'mmdet.models does not import (RuntimeError: spoilt)' in line
    assert str(folder / 'mmdet') in line
    assert (
        '-m pip install --force-reinstall --no-deps "mmdet==3.3.*"'
        in done.stdout
    )
    assert 'broken.' in done.stdout.strip().split('\n')[-1]


def test_starts_without_torch_and_rich(run_python, spoilt):
    folder, path = spoilt
    for name in ('torch', 'rich', 'packaging'):
        break_package(folder, name, f"raise ImportError('no {name}')")
    done = run_python(*MODULE, path=path)
    assert done.returncode == 1
    assert 'Traceback' not in done.stderr
    assert re.search(r'required +torch +broken', done.stdout)
    assert 'broken: torch: torch does not import' in done.stdout
    assert 'back end' not in done.stdout  # nothing to say without torch


def test_quiet_prints_problems_of_required_parts_only(monkeypatch, capsys):
    findings = [
        doctor.Finding('required', 'torch', 'ok', '2.13.0'),
        doctor.Finding('app', 'gradio', 'missing', 'not installed', 'line'),
        doctor.Finding('required', 'numpy', 'warning', '2.0', 'pip numpy'),
    ]
    monkeypatch.setattr(doctor, 'examine', lambda: findings)
    assert doctor.main(['--quiet']) == 0
    assert capsys.readouterr().out.splitlines() == [
        'warning: numpy: 2.0',
        '    pip numpy',
        'All required parts work.',
    ]


def test_tables_show_details_as_they_are(monkeypatch, capsys):
    finding = doctor.Finding('required', 'torch', 'broken', 'list[red]x', 'do')
    monkeypatch.setattr(doctor, 'examine', lambda: [finding])
    assert doctor.main([]) == 1
    out = capsys.readouterr().out
    assert out.count('list[red]x') == 2  # in the table and below it
    assert '1 required part(s) broken.' in out


def test_version_outside_the_tested_range_is_a_warning():
    finding = doctor.check_required(Part('yaml', ('pyyaml',), '<1'))
    assert finding.status == 'warning'
    assert 'tested is <1' in finding.detail
    assert finding.remedy.endswith('pip install "pyyaml<1"')


def test_part_that_is_not_installed():
    finding = doctor.check_required(Part('no_such_module', ('no-such',)))
    assert finding.status == 'broken'
    assert finding.detail == 'not installed'
    assert finding.remedy == f'{sys.executable} -m pip install "no-such"'


def test_missing_extra_uses_the_constraints(monkeypatch, repo_root):
    monkeypatch.chdir(repo_root)
    finding = doctor.check_extra('app', Part('no_such', ('no-such',), '>=1'))
    assert finding.status == 'missing'
    assert finding.remedy == (
        f'{sys.executable} -m pip install '
        '-c requirements/constraints.txt "no-such>=1"'
    )


def test_python_outside_the_range(monkeypatch):
    monkeypatch.setattr(doctor, 'PYTHON_RANGE', ((3, 6), (3, 7)))
    assert doctor.check_python().status == 'broken'


def test_local_versions_and_prereleases_count_as_tested():
    assert doctor.is_tested('2.13.0+cpu', '==2.13.*')
    assert doctor.is_tested('0.11.0rc3', '==0.11.0rc3')
    assert not doctor.is_tested('2.12.1', '==2.13.*')
    assert not doctor.is_tested('', '==2.13.*')


def test_tested_ranges_hold_what_we_install(repo_root):
    pinned = pins(repo_root / 'requirements' / 'constraints.txt')
    for part in (*REQUIRED, *(p for ps in EXTRAS.values() for p in ps)):
        version = str(pinned[part.name].specifier).removeprefix('==')
        specifier = SpecifierSet(part.tested)
        assert specifier.contains(version, prereleases=True), part


def test_extras_are_those_of_the_requirement_files(repo_root):
    folder = repo_root / 'requirements'
    for extra, parts in EXTRAS.items():
        listed = set(pins(folder / f'{extra}.txt'))
        assert {part.name for part in parts} <= listed
    no_deps = pins(folder / 'openmmlab.txt')
    for part in REQUIRED:
        if part.name in no_deps:
            assert NO_DEPS in part.options, part
