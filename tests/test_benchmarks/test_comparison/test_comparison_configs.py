# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import MODELS

from projects import xpose  # noqa: F401
from projects.common.structures import KeypointCategory
from projects.synthkpt.registry import all_shapes
from tests.conftest import REPO_ROOT

FOLDER = REPO_ROOT / 'configs/fixed_2d_keypoint'
PATHS = sorted(FOLDER.glob('*/*.py'))
BY_TEXT = 'xpose_tiny_synthkpt'


def load(data, name):
    return Config.fromfile(FOLDER / data / f'{name}.py')


def test_both_sets_have_the_same_models():
    names = [{p.stem for p in PATHS if p.parent.name == s} for s in
             ('human', 'animal')]  # fmt: skip
    assert names[0] == names[1]
    assert len(names[0]) == 5


@pytest.mark.parametrize(
    'path', PATHS, ids=lambda p: f'{p.parent.name}-{p.stem}'
)
def test_data_and_budget(path, monkeypatch):
    monkeypatch.setenv('COMPARE_ITERATIONS', '40')
    config = Config.fromfile(path)
    data = path.parent.name
    assert config.train_cfg == {
        'type': 'IterBasedTrainLoop',
        'max_iters': 40,
        'val_interval': 40,
    }
    warm_up, cosine = config.param_scheduler
    assert (warm_up.end, cosine.T_max) == (2, 40)
    assert config.train_dataloader.batch_size == 16
    train = config.train_dataloader.dataset
    train = train.get('dataset', train)
    test = config.test_dataloader.dataset
    files = 'annotations/fixed_{}_{}.json'
    assert train.ann_file == files.format(data, 'train')
    assert test.ann_file == files.format(data, 'val')
    assert config.test_evaluator.ann_file == 'data/synthkpt/' + test.ann_file
    assert config.test_dataloader == config.val_dataloader
    # Nothing that would have to be downloaded.
    assert 'http' not in str(config.model)
    assert 'torchvision://' not in str(config.model)


@pytest.mark.parametrize(
    'name, millions',
    [
        ('rtmpose-t_synthkpt', 3.213),
        ('simplebaseline-r18_synthkpt', 15.376),
        ('rtmo-s_synthkpt', 9.869),
    ],
)
def test_models_are_those_of_mmpose(name, millions):
    config = load('human', name)
    init_default_scope('mmpose')
    model = MODELS.build(config.model)
    count = sum(p.numel() for p in model.parameters())
    assert count / 1e6 == pytest.approx(millions, abs=0.001)


@pytest.mark.parametrize(
    'data, like, metafile',
    [('human', 'person', 'coco'), ('animal', 'dog', 'ap10k')],
)
def test_keypoints_are_those_of_mmposes_data_set(data, like, metafile):
    """Order, mirror pairs and sigmas, so its data set class fits."""
    meta = parse_pose_metainfo(
        {'from_file': f'configs/_base_/datasets/{metafile}.py'}
    )
    ours = synthkpt_category(like)
    assert ours.num_keypoints == meta['num_keypoints'] == 17
    assert list(ours.swap_indices) == meta['flip_indices']
    assert ours.sigmas == pytest.approx(meta['sigmas'])
    config = load(data, 'rtmo-s_synthkpt')
    for part in (
        config.model.head.assigner.oks_calculator,
        config.model.head.loss_oks,
    ):
        assert part.metainfo == f'configs/_base_/datasets/{metafile}.py'


def synthkpt_category(name) -> KeypointCategory:
    records = (shape.category for shape in all_shapes())
    (record,) = (record for record in records if record['name'] == name)
    return KeypointCategory.from_coco(record)


def test_ours_is_prompted_by_text_alone():
    config = load('human', BY_TEXT)
    assert config.model.prompt_encoder.type == 'mmpose.TextPromptEncoder'
    steps = config.train_dataloader.dataset.dataset.pipeline
    types = [step.type for step in steps]
    assert 'SampleSupports' not in types
    assert types[-2:] == ['SamplePromptCategories', 'PackPromptInputs']
    assert steps[-2].num_negatives == (0, 0)
