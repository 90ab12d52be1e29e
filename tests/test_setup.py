# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The scripts and files that set the project up."""

import os
import re
import shutil
import stat
import subprocess
import sys

import pytest
from packaging.requirements import Requirement

from tests.conftest import REPO_ROOT

FAKE_OLD_PYTHON = """#!/bin/sh
case "$2" in
    *sys.exit*) exit 1 ;;
    *platform*) echo 3.9.18 ;;
esac
"""

# A Python that writes down what pip and our modules are asked to do.
FAKE_PYTHON = """#!/bin/sh
case "$1 $2" in
    "-m venv")
        mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    "-m pip")
        echo "$@" >> "$LOG"
        case "$3" in show) test -n "$FULL_MMCV" ;; esac ;;
    -m*)
        echo "$2" >> "$LOG"
        case "$2" in *doctor) test -z "$SICK" ;; esac ;;
    *)
        exec {python} "$@" ;;
esac
"""


def executable(path, text):
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def install(tmp_path):
    """Run tools/install_env.sh in a copy with a Python that only notes."""
    root = tmp_path / 'checkout'
    for folder in ('requirements', 'projects/common/compat'):
        shutil.copytree(REPO_ROOT / folder, root / folder)
    (root / 'tools').mkdir()
    shutil.copy(REPO_ROOT / 'tools' / 'install_env.sh', root / 'tools')
    python = executable(
        tmp_path / 'python', FAKE_PYTHON.format(python=sys.executable)
    )
    log = tmp_path / 'log'

    def run(**env):
        log.write_text('')
        done = subprocess.run(
            ['bash', 'tools/install_env.sh'],
            cwd=root,
            env={**os.environ, 'PYTHON': str(python), 'LOG': str(log), **env},
            capture_output=True,
            text=True,
            check=False,
        )
        return done, log.read_text()

    run.root = root
    return run


def test_environment_is_built_once_and_again_when_it_changed(install):
    done, log = install()
    assert done.returncode == 0, done.stderr
    assert 'projects.common.compat.startup' in log
    assert 'projects.doctor' in log
    assert 'requirements/runtime.txt' in log
    assert re.search('--no-deps --no-build-isolation mmcv-lite', log)
    done, log = install()
    assert (done.returncode, done.stdout, log) == (0, '', '')
    for name in ('requirements/dev.txt', 'projects/common/compat/hook.py'):
        with open(install.root / name, 'a') as file:
            file.write('# changed\n')
        done, log = install()
        assert done.returncode == 0
        assert 'pip install' in log
        assert install()[1] == ''


def test_environment_that_the_doctor_rejects_is_not_marked_as_built(install):
    assert install(SICK='1')[0].returncode == 1
    assert 'pip install' in install()[1]


def test_full_mmcv_is_kept(install):
    assert ' mmcv-lite' not in install(FULL_MMCV='1')[1]


def test_torch_is_pinned_unless_it_is_to_be_kept(install):
    # The constraints are a temporary file: look at it while pip has it.
    script = install.root / 'tools' / 'install_env.sh'
    text = script.read_text().replace(
        'pip_install torch', 'cat "$constraints" >&2; pip_install torch'
    )
    script.write_text(text)
    assert '\ntorch==' in install(SICK='1')[0].stderr
    kept = install(SICK='1', KEEP_TORCH='1')[0].stderr
    assert '\ntorch==' not in kept
    assert '\ntorchvision==' not in kept
    assert '\nnumpy==' in kept


def test_python_outside_the_range_is_refused_in_a_sentence(install, tmp_path):
    old = executable(tmp_path / 'old', FAKE_OLD_PYTHON)
    done, log = install(PYTHON=str(old))
    assert done.returncode == 1
    assert log == ''
    assert 'needs Python 3.10, 3.11 or 3.12' in done.stderr
    assert f'{old} is 3.9.18' in done.stderr
    assert 'make env PYTHON=' in done.stderr


def test_environment_of_another_python_is_refused(install):
    folder = install.root / '.venv' / 'bin'
    folder.mkdir(parents=True)
    executable(folder / 'python', FAKE_OLD_PYTHON)
    done, log = install()
    assert done.returncode == 1
    assert 'Remove the folder .venv' in done.stderr
    assert log == ''


def read_requirements(path):
    lines = path.read_text().splitlines()
    return [Requirement(x) for x in lines if x and not x.startswith('#')]


def normal(name):
    return name.lower().replace('_', '-')


def test_every_requirement_has_one_exact_version_per_python():
    folder = REPO_ROOT / 'requirements'
    pinned = read_requirements(folder / 'constraints.txt')
    for version in ('3.10', '3.11', '3.12'):
        names = []
        for pin in pinned:
            marker = pin.marker
            if not marker or marker.evaluate({'python_version': version}):
                names.append(normal(pin.name))
            assert [spec.operator for spec in pin.specifier] == ['==']
        assert len(names) == len(set(names))
        for path in folder.glob('*.txt'):
            if path.name == 'constraints.txt':
                continue
            for requirement in read_requirements(path):
                assert normal(requirement.name) in names, requirement


@pytest.mark.parametrize('tool', ['ruff', 'codespell'])
def test_linters_are_the_same_everywhere(tool):
    constraints = (REPO_ROOT / 'requirements/constraints.txt').read_text()
    version = re.search(rf'^{tool}==(\S+)$', constraints, re.M).group(1)
    hooks = (REPO_ROOT / '.pre-commit-config.yaml').read_text()
    pinned = rf'/{tool}(-pre-commit)?\n    rev: v{re.escape(version)}\n'
    assert re.search(pinned, hooks)
    assert tool in (REPO_ROOT / 'Makefile').read_text()
    if tool == 'ruff':
        rules = (REPO_ROOT / 'ruff.toml').read_text()
        assert f'required-version = "=={version}"' in rules


@pytest.mark.parametrize(
    'path',
    sorted([*(REPO_ROOT / 'tools').rglob('*.sh'), REPO_ROOT / '.ci' / 'run']),
    ids=lambda path: path.name,
)
def test_shell_script_parses(path):
    subprocess.run(['bash', '-n', str(path)], check=True)
    assert path.read_text().startswith('#!/usr/bin/env bash\n')


def test_indices_name_files_that_exist():
    import yaml

    index = yaml.safe_load((REPO_ROOT / 'model-index.yml').read_text())
    for name in index['Import']:
        entry = yaml.safe_load((REPO_ROOT / name).read_text())
        for model in entry['Models']:
            assert (REPO_ROOT / model['Config']).is_file(), model['Name']
    datasets = yaml.safe_load((REPO_ROOT / 'dataset-index.yml').read_text())
    for name, entry in datasets.items():
        assert (REPO_ROOT / entry['converter']).is_file(), name
        assert entry.keys() == {'dataset', 'converter', 'data_root', 'license'}


def test_every_source_of_unikpt_is_in_the_dataset_index():
    import yaml

    from projects.unikpt import SOURCES

    datasets = yaml.safe_load((REPO_ROOT / 'dataset-index.yml').read_text())
    for name, source in SOURCES.items():
        entry = datasets[name]
        assert entry['dataset'] == source.title
        assert entry['license'] == source.licence


def test_citation_names_both_papers_as_the_model_index_does():
    import yaml

    citation = yaml.safe_load((REPO_ROOT / 'CITATION.cff').read_text())
    index = yaml.safe_load((REPO_ROOT / 'model-index.yml').read_text())
    papers = {
        collection['Paper']['Title']
        for name in index['Import']
        for collection in yaml.safe_load((REPO_ROOT / name).read_text()).get(
            'Collections', ()
        )
        if 'Paper' in collection
    }
    assert {paper['title'] for paper in citation['references']} <= papers
    assert len(citation['references']) == 2
    assert citation['license'] == 'Apache-2.0'
