# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""CPT through the ordinary runner."""

import torch
from mmengine.config import Config
from mmengine.runner import Runner

from tests import episode_files
from tests.conftest import REPO_ROOT
from tests.test_ppm.conftest import SIZE

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
default_hooks = dict(
    checkpoint=dict(
        _delete_=True, type='CheckpointHook', by_epoch=False, interval=2
    )
)
log_processor = dict(by_epoch=False)
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
    for name, value in saved.items():
        assert name.startswith('shared_prompt.')
        moved = (value - before[name]).abs().max()
        assert 0 < float(moved) < 1.1e-3, name  # Adam: at most lr a step
