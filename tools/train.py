# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Train a model: ``python tools/train.py CONFIG [options]``."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from projects import xpose  # noqa: F401  registers what configs name
from projects.common.engine import launch, resume
from projects.common.engine.data_check import check_data
from projects.common.utils.checkpoints import require_checkpoint

from mmengine.config import Config
from mmengine.runner import Runner, find_latest_checkpoint


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Train a model.')
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='continue a training: from this checkpoint or, without a value, '
        'from the latest one in the work dir; refused if that is of another '
        'experiment',
    )
    parser.add_argument(
        '--amp',
        action='store_true',
        help='mixed precision (bfloat16 where the device supports it)',
    )
    parser.add_argument(
        '--no-validate',
        action='store_true',
        help='do not evaluate during training',
    )
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate from auto_scale_lr.base_batch_size to '
        'the batch size of this run',
    )
    launch.add_common_arguments(parser)
    return parser.parse_args(argv)


def prepare_config(args: argparse.Namespace) -> Config:
    """The config with all options of the command line merged.

    Raises:
        FileNotFoundError: If the config or a checkpoint does not exist.
        ValueError: If an option is unknown or does not go with the config.
    """
    cfg = launch.load_config(args)
    cfg.num_processes = resume.count_processes(args.launcher)
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if args.amp:
        launch.enable_amp(cfg)
    if args.auto_scale_lr:
        if 'base_batch_size' not in (cfg.get('auto_scale_lr') or {}):
            raise ValueError(
                '--auto-scale-lr needs auto_scale_lr.base_batch_size in the '
                'config: the batch size its learning rate was chosen for.'
            )
        cfg.auto_scale_lr.enable = True
    set_resume(cfg, args.resume)
    if cfg.get('load_from'):
        require_checkpoint(cfg.load_from)
    return cfg


def set_resume(cfg: Config, checkpoint: str | None) -> None:
    """Decide which checkpoint to continue from.

    ``auto`` takes the latest of the work dir; without one the training
    starts as if it had not been given, with the config's ``load_from``.
    """
    if checkpoint is None and cfg.get('resume') and not cfg.get('load_from'):
        checkpoint = 'auto'  # what the config's own resume = True means
    if checkpoint is None:
        return
    if checkpoint == 'auto':
        checkpoint = (
            find_latest_checkpoint(cfg.work_dir)
            if os.path.isdir(cfg.work_dir)
            else None
        )
        if checkpoint is None:
            print(f'Nothing to resume in {cfg.work_dir}, starting anew.')
            cfg.resume = False
            return
    cfg.resume, cfg.load_from = True, checkpoint


def main(argv: Sequence[str] | None = None) -> None:
    """Train as the command line says."""
    args = parse_args(argv)
    with launch.sentences_only():
        cfg = prepare_config(args)
        other_batch = cfg.get('resume', False) and resume.check_resumable(
            cfg, args.trust_checkpoint
        )
        check_data(cfg, ('train_dataloader', 'val_dataloader'))
    launch.start_distributed_cpu(cfg)
    with launch.sentences_only():
        runner = Runner.from_cfg(cfg)
        if cfg.get('load_from'):
            # mmengine reads it once more, after it has set initial weights.
            launch.check_loaded(runner, cfg.load_from, args)
        if other_batch:
            runner.register_hook(resume.RestartScheduleHook())
        runner.train_loop, runner.val_loop  # noqa: B018  read the data
    runner.train()
    launch.end_distributed()


if __name__ == '__main__':
    main()
