# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import shutil
import subprocess
import sys
import zipfile

import pytest
import yaml

FILES = (
    'LICENSE',
    'MANIFEST.in',
    'README.md',
    'dataset-index.yml',
    'model-index.yml',
    'pyproject.toml',
    'setup.cfg',
    'setup.py',
)

LOAD_ALL = """
from projects.common.utils.paths import config_root, data_root
from mmengine.config import Config
paths = sorted(config_root().rglob('*.py'))
for path in paths:
    Config.fromfile(path)
from projects.xpose import prompts
horse = prompts.predefined_category('horse')
print(data_root(), len(paths), prompts.__file__, horse.num_keypoints)
"""


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope='module')
def wheel(tmp_path_factory, repo_root):
    """A wheel built from a copy, so that no build folder is left behind."""
    source = tmp_path_factory.mktemp('source')
    for folder in ('projects', 'configs', 'checkpoints', 'requirements'):
        shutil.copytree(
            repo_root / folder,
            source / folder,
            ignore=shutil.ignore_patterns('__pycache__'),
        )
    for name in FILES:
        shutil.copy(repo_root / name, source)
    target = tmp_path_factory.mktemp('wheel')
    # From the source distribution: what it lacks is missing in the wheel.
    run(
        *(sys.executable, '-m', 'build', '--no-isolation'),
        *('--skip-dependency-check', '--outdir', str(target), str(source)),
    )
    return next(target.glob('*.whl'))


def test_wheel_holds_the_package_the_configs_and_the_index(wheel, repo_root):
    names = set(zipfile.ZipFile(wheel).namelist())
    inside = 'projects/common/.mim'
    expected = {f'{inside}/model-index.yml', f'{inside}/dataset-index.yml'}
    for path in (repo_root / 'projects').rglob('*.*'):
        if path.suffix in ('.py', '.json', '.yml'):
            expected.add(str(path.relative_to(repo_root)))
    assert 'projects/xpose/prompts/data/animal.json' in expected
    for path in (repo_root / 'configs').rglob('*.*'):
        if path.is_file() and path.suffix != '.pyc':
            expected.add(f'{inside}/{path.relative_to(repo_root)}')
    assert expected <= names
    others = {name.split('/')[0] for name in names} - {'projects'}
    assert [name for name in others if not name.endswith('.dist-info')] == []


def test_index_names_only_what_the_wheel_holds(wheel):
    archive = zipfile.ZipFile(wheel)
    inside = 'projects/common/.mim'

    def load(name):
        return yaml.safe_load(archive.read(f'{inside}/{name}'))

    for index in load('model-index.yml')['Import']:
        content = load(index)
        assert content['Models']
        for entry in content['Collections'] + content['Models']:
            for key in ('Config', 'README', 'Weights'):
                file = entry.get(key)
                held = file and f'{inside}/{file}' in archive.namelist()
                assert not file or held, (entry['Name'], key, file)


def test_metadata(wheel):
    from projects.common.version import __version__

    archive = zipfile.ZipFile(wheel)
    name = next(n for n in archive.namelist() if n.endswith('/METADATA'))
    text = archive.read(name).decode()
    assert 'Name: anykeypoint\n' in text
    assert f'Version: {__version__}\n' in text
    assert 'Apache-2.0' in text
    assert 'Requires-Python: <3.13,>=3.10' in text
    assert 'Requires-Dist: mmdet<3.4,>=3.3\n' in text
    assert 'Requires-Dist: gradio; extra == "app"' in text
    for extra in ('ppm', 'app', 'export', 'dev'):
        assert f'Provides-Extra: {extra}\n' in text


def test_configs_and_prompts_load_from_the_installed_wheel(
    wheel, tmp_path, run_python, repo_root
):
    target = tmp_path / 'installed'
    run(
        *(sys.executable, '-m', 'pip', 'install', '--no-deps', '--no-index'),
        *('--quiet', '--target', str(target), str(wheel)),
    )
    done = run_python(LOAD_ALL, path=(target,))
    assert done.returncode == 0, done.stderr
    root, count, prompts, keypoints = done.stdout.split()[-4:]
    assert root == str(target / 'projects' / 'common' / '.mim')
    assert prompts == str(target / 'projects/xpose/prompts/__init__.py')
    assert keypoints == '17'
    assert int(count) == len(list((repo_root / 'configs').rglob('*.py')))
