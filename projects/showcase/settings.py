# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What the demo does, in full and reduced."""

from dataclasses import dataclass, field
from pathlib import Path

import torch
from mmengine.config import Config, ConfigDict

from projects.common.utils.paths import config_root, data_root

CONFIG = 'promptable_2d_keypoint/xpose/xpose_tiny_2xb8_synthkpt.py'
#: From the root of the repository.
CHECKPOINT = 'checkpoints/xpose_tiny_synthkpt.pth'


@dataclass(frozen=True)
class DemoSettings:
    """Sizes of the demo.

    Attributes:
        out (Path): Folder that everything is written to.
        counts (dict): Pictures of SynthKPT by split.
        iterations (int): Length of the training.
        batch_size (int): Pictures in an iteration of the training.
        log_interval (int): Iterations that a point of the loss curve is the
            mean of.
        max_train_seconds (float): The training ends after this time.
        seed (int): Of the data.
    """

    out: Path
    counts: dict[str, int] = field(
        default_factory=lambda: {'train': 600, 'val': 200}
    )
    iterations: int = 300
    batch_size: int = 4
    log_interval: int = 10
    max_train_seconds: float = 240
    seed: int = 0

    @classmethod
    def reduced(cls, out: Path) -> 'DemoSettings':
        """The same in small, for CI."""
        return cls(
            out,
            counts={'train': 96, 'val': 24},
            iterations=20,
            log_interval=2,
            max_train_seconds=60,
        )

    @property
    def data(self) -> Path:
        """Folder of the data set."""
        return self.out / 'synthkpt'

    @property
    def val_file(self) -> Path:
        """Annotations of the validation pictures."""
        return self.data / 'annotations' / 'synthkpt_val.json'


def shipped_checkpoint() -> Path:
    """Where the shipped checkpoint is, or would be."""
    return data_root() / CHECKPOINT


def demo_config(settings: DemoSettings, name: str) -> Config:
    """The shipped config on the demo's data.

    Args:
        settings (DemoSettings): The sizes.
        name (str): Of the run; its folder is ``runs/name``.
    """
    cfg = Config.fromfile(config_root() / CONFIG)
    cfg.work_dir = str(settings.out / 'runs' / name)
    # Visualizers live as long as the process and are found by name.
    cfg.visualizer.name = f'demo_{name}'
    cfg.log_level = 'ERROR'  # the demo shows its own progress
    cfg.train_dataloader.dataset.dataset.data_root = str(settings.data)
    cfg.train_dataloader.batch_size = settings.batch_size
    cfg.test_dataloader.dataset.data_root = str(settings.data)
    support_sampler(cfg).pool.dataset.data_root = str(settings.data)
    for loader in cfg.train_dataloader, cfg.test_dataloader:
        loader.num_workers = 1
        loader.pin_memory = torch.cuda.is_available()
    cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    cfg.test_evaluator.ann_file = str(settings.val_file)
    cfg.train_cfg = dict(
        type='IterBasedTrainLoop', max_iters=settings.iterations
    )
    warm_up = max(1, settings.iterations // 10)
    cfg.param_scheduler = [
        dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=warm_up)
    ]
    cfg.log_processor = dict(window_size=settings.log_interval, by_epoch=False)
    cfg.default_hooks.logger.interval = settings.log_interval
    # One is written at the end, however the training ends.
    cfg.default_hooks.checkpoint = None
    return cfg


def support_sampler(cfg: Config) -> ConfigDict:
    """The part of a config that says where examples come from.

    Args:
        cfg (Config): That asks by example in training.

    Returns:
        ConfigDict: Of ``SampleSupports``, in the training pipeline.
    """
    [sampler] = (
        transform
        for transform in cfg.train_dataloader.dataset.dataset.pipeline
        if transform.type == 'SampleSupports'
    )
    return sampler
