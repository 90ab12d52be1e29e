# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest

from projects.common import paths
from tests.conftest import REPO_ROOT

CONFIGS = sorted((REPO_ROOT / 'configs').rglob('*.py'))


@pytest.mark.parametrize(
    'path', CONFIGS, ids=lambda path: str(path.relative_to(REPO_ROOT))
)
def test_config_loads(path):
    from mmengine.config import Config

    config = Config.fromfile(path)
    assert dict(config)
    # Every experiment says what to build, and where to look for it.
    if '_base_' not in path.parts:
        assert config.default_scope == 'mmpose'
        assert config.model.type


@pytest.mark.parametrize(
    'path', CONFIGS, ids=lambda path: str(path.relative_to(REPO_ROOT))
)
def test_weights_to_start_from_are_shipped(path):
    from mmengine.config import Config

    weights = Config.fromfile(path).get('load_from')
    if weights is None:
        return
    assert weights.startswith('checkpoints/'), (
        f'{path.name} starts from {weights}, which this repository cannot '
        'ship; put the file under checkpoints/ or set load_from to None.'
    )
    assert (REPO_ROOT / weights).is_file(), (
        f'{path.name} starts from {weights}, which does not exist; write it '
        'with tools/model_converters/publish_checkpoint.py.'
    )


def test_there_are_configs():
    assert CONFIGS


def test_config_root_of_a_checkout():
    assert paths.config_root() == REPO_ROOT / 'configs'
    assert (paths.data_root() / 'model-index.yml').is_file()


def test_config_root_says_when_configs_were_not_copied(monkeypatch, tmp_path):
    lost = tmp_path / 'projects' / 'common' / 'paths.py'
    monkeypatch.setattr(paths, '__file__', str(lost))
    with pytest.raises(FileNotFoundError, match='No folder configs/ beside'):
        paths.config_root()
