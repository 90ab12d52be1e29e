# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""CPT through the ordinary runner."""

import json

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from mmpose.registry import DATASETS, MODELS

from tests import episode_files, mp100_tree
from tests.conftest import REPO_ROOT
from tests.test_ppm.conftest import SIZE
from tests.unikpt_mini_parts import picture

CONFIG = """
_base_ = [
    {root!r} + '/configs/_base_/default_runtime.py',
    {root!r} + '/configs/_base_/schedules/ppm_cpt.py',
]
work_dir = {folder!r} + '/work'
custom_imports = dict(imports=['projects.ppm'])
log_level = 'ERROR'
train_cfg = dict(max_iters=2)
model = dict(
    type='PPM',
    diffusion=dict(type='LatentDiffusion', path={model!r}),
    maps=dict(type='ExactPromptMaps', size={size}),
    learner=dict(type='PromptLearner'),
    prompt_loss=dict(type='PromptLoss', sigma=2.0),
    decoder=dict(type='PeakDecoder'),
    shared_prompt=dict(
        type='CategorySharedPrompt', base_keypoints={folder!r} + '/ann.json'
    ),
)
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='EpisodeDataset',
        dataset=dict(
            type='PromptCocoDataset',
            data_root={folder!r},
            ann_file='ann.json',
            data_prefix=dict(img=''),
        ),
        episodes=dict(shots=1, queries=1, num_episodes=8),
        frame='crop',
        input_size={size},
        pipeline=[dict(type='PackPromptInputs')],
    ),
)
default_hooks = dict(checkpoint=_base_.cpt_checkpoint)
default_hooks['checkpoint']['interval'] = 2
log_processor = _base_.cpt_log_processor
"""


def test_the_runner_trains_and_saves_what_is_learned(tmp_path, model_folder):
    episode_files.write(tmp_path)
    (tmp_path / 'cpt.py').write_text(
        CONFIG.format(
            root=str(REPO_ROOT),
            folder=str(tmp_path),
            model=str(model_folder),
            size=SIZE,
        )
    )
    runner = Runner.from_cfg(Config.fromfile(tmp_path / 'cpt.py'))
    runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
    learned = [
        parameter
        for group in runner.optim_wrapper.param_groups
        for parameter in group['params']
    ]
    prompt = runner.model.shared_prompt
    assert {id(p) for p in learned} == {id(p) for p in prompt.parameters()}
    assert runner.optim_wrapper.param_groups[0]['lr'] == 5e-4
    assert len(prompt.base) == 5  # 3 of cats, 2 of boats
    before = {k: v.clone() for k, v in runner.model.state_dict().items()}
    unet = runner.model.diffusion.unet
    frozen = [p.clone() for p in unet.parameters()]
    runner.train()
    assert all(map(torch.equal, frozen, unet.parameters()))
    file = tmp_path / 'work/iter_2.pth'
    saved = torch.load(file, weights_only=False)['state_dict']
    assert saved.keys() == before.keys()
    identity = bytes(saved.pop('diffusion_identity').tolist())
    assert identity.hex() == runner.model.diffusion.identity
    for name, value in saved.items():
        assert name.startswith('shared_prompt.')
        moved = (value - before[name]).abs().max()
        assert 0 < float(moved) < 1.1e-3, name  # Adam: at most lr a step


LEAVES = REPO_ROOT / 'configs/category_agnostic_2d_keypoint/ppm'


@pytest.mark.parametrize('leaf', ['sd15_cpt_mp100', 'tiny_cpt_synthkpt'])
def test_checkpoints_and_logs_count_iterations(leaf):
    config = Config.fromfile(LEAVES / f'ppm_{leaf}-split1_1shot.py')
    hook = dict(config.default_hooks.checkpoint)
    assert hook.pop('rule') == 'greater'  # of save_best
    assert hook == dict(
        type='CheckpointHook',
        by_epoch=False,
        interval=500,
        max_keep_ckpts=-1,
        save_best=None,
    )
    assert not config.log_processor.by_epoch


def write_mp100(folder):
    """MP-100 with all its liberties, two objects of each category."""
    mp100_tree.write(folder)
    path = folder / 'mp100/annotations/mp100_split1_train.json'
    content = json.loads(path.read_text())
    objects = content['annotations']
    objects += [
        {**one, 'id': one['id'] + 100, 'image_id': one['image_id'] + 100}
        for one in objects
    ]
    content['images'] += [
        {**image, 'id': image['id'] + 100, 'file_name': f'wren_body/{n}.png'}
        for n, image in enumerate(content['images'])
    ]
    by_name = {record['name']: record for record in content['categories']}
    by_name['camel_face']['keypoints'] = []
    del by_name['human_body']['keypoints']
    by_name['human_hand']['keypoints'] = ['tip', 'tip', '']
    path.write_text(json.dumps(content))
    images = folder / 'mp100/images'
    (images / 'wren_body').unlink()
    (images / 'grebe_body').unlink()
    for image in content['images']:
        picture(images / image['file_name'])


def test_the_data_set_of_mp100_trains(tmp_path, model_folder, monkeypatch):
    """Every category that the leaf's data set gives has base prompts."""
    write_mp100(tmp_path / 'data')
    monkeypatch.delenv('MP100_SPLIT', raising=False)
    monkeypatch.chdir(tmp_path)
    config = Config.fromfile(LEAVES / 'ppm_sd15_cpt_mp100-split1_1shot.py')
    config.model.diffusion.path = str(model_folder)
    config.model.maps.size = SIZE
    model = MODELS.build(config.model)
    settings = config.train_dataloader.dataset
    settings.input_size = SIZE
    settings.episodes.num_episodes = 9
    with DefaultScope.overwrite_default_scope('mmpose'):
        dataset = DATASETS.build(settings)
    items = [dataset[i] for i in range(9)]
    given = [item['data_samples'].prompts.categories[0] for item in items]
    names = {category.name for category in given}
    assert len(names) == 9
    assert {'camel face', 'human body', 'human hand', 'bed'} <= names
    batch = {key: [item[key] for item in items] for key in items[0]}
    batch = model.data_preprocessor(batch, training=True)
    loss = model(**batch, mode='loss')['loss_prompt']
    loss.backward()
    used = model.shared_prompt.base.grad.abs().sum(1).bool()
    # The third keypoint of an object is not labelled.
    assert used.tolist() == [True, True, False] * 9
