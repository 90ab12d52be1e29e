# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest

from projects.common.utils import paths
from tests.conftest import REPO_ROOT

CONFIGS = sorted((REPO_ROOT / 'configs').rglob('*.py'))
XPOSE = REPO_ROOT / 'configs/promptable_2d_keypoint/xpose'


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


@pytest.mark.parametrize(
    'name, modality, shots',
    [
        ('synthkpt_visual-1shot', 'visual', 1),
        ('synthkpt_visual-5shot', 'visual', 5),
        ('synthkpt_combined-1shot', 'combined', 1),
        ('synthkpt_ablation-visual', 'visual', 1),
        ('synthkpt-split1_visual-1shot-novel', 'visual', 1),
        ('synthkpt-split1_visual-5shot-novel', 'visual', 5),
    ],
)
def test_evaluation_by_example(name, modality, shots):
    from mmengine.config import Config

    config = Config.fromfile(XPOSE / f'xpose_tiny_{name}.py')
    dataset = config.test_dataloader.dataset
    types = [step.type for step in dataset.pipeline]
    assert types == [
        'LoadImage',
        'ResizeKeypoints',
        'DefaultPrompt',
        'SamplePromptCategories',
        'FixedSupports',
        'PackPromptInputs',
    ]
    supports = dataset.pipeline[4]
    assert (supports.modality, supports.shots) == (modality, shots)
    tower = config.model.prompt_encoder.visual.tower
    assert supports['size'] == tower.image_size
    novel = 'novel' in name
    assert supports.pool.dataset.ann_file == (
        dataset.ann_file if novel else config.train_ann_file
    )
    if not novel:  # the split is validated by text
        assert config.val_dataloader.dataset.pipeline == dataset.pipeline


@pytest.mark.parametrize('number', [1, 4])
def test_split_of_the_environment(number, monkeypatch):
    from mmengine.config import Config

    monkeypatch.delenv('SYNTHMP_SPLIT', raising=False)
    if number > 1:
        monkeypatch.setenv('SYNTHMP_SPLIT', str(number))
    config = Config.fromfile(
        XPOSE / 'xpose_tiny_synthkpt-split1_visual-1shot-novel.py'
    )
    split = f'annotations/synthmp_split{number}'
    test = config.test_dataloader.dataset
    assert (
        config.train_dataloader.dataset.dataset.ann_file,
        config.val_dataloader.dataset.ann_file,
        test.ann_file,
        test.pipeline[4].pool.dataset.ann_file,
    ) == tuple(
        f'{split}_{part}.json' for part in ('train', 'val', 'test', 'test')
    )
    for evaluator, part in (
        (config.val_evaluator, 'val'),
        (config.test_evaluator, 'test'),
    ):
        assert evaluator.ann_file == f'data/synthkpt/{split}_{part}.json'


@pytest.mark.parametrize(
    'name, probs',
    [
        ('2xb8_synthkpt', {'text': 0.5, 'visual': 0.35, 'combined': 0.15}),
        ('synthkpt_ablation-text', {'text': 1.0}),
        ('synthkpt_ablation-visual', {'visual': 1.0}),
    ],
)
def test_modalities_of_training(name, probs):
    from mmengine.config import Config

    config = Config.fromfile(XPOSE / f'xpose_tiny_{name}.py')
    *_, supports, last = config.train_dataloader.dataset.dataset.pipeline
    assert supports.type == 'SampleSupports'
    assert supports.modality_probs == probs
    assert last.type == 'PackPromptInputs'


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
