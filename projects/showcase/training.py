# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""A short training from scratch, and the curve of its loss."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from mmengine.runner import Runner

from projects.common.utils.files import replacing
from projects.showcase.progress import TrainProgressHook
from projects.showcase.settings import DemoSettings, demo_config

WEIGHTS = 'trained_here.pth'


def train(settings: DemoSettings) -> dict[str, Any]:
    """Train the shipped config for a few iterations.

    Args:
        settings (DemoSettings): The sizes.

    Returns:
        dict: ``iterations`` done and planned, ``batch_size``, ``loss``, a
        list of [iteration, mean since the point before],
        ``learnable_parameters`` and ``checkpoint``, the path of the weights.
    """
    cfg = demo_config(settings, 'train')
    shutil.rmtree(cfg.work_dir, ignore_errors=True)
    runner = Runner.from_cfg(cfg)
    runner.register_hook(TrainProgressHook(settings.max_train_seconds))
    model = runner.train()
    runner.save_checkpoint(
        cfg.work_dir, WEIGHTS, save_optimizer=False, save_param_scheduler=False
    )
    scalars = next(Path(cfg.work_dir).glob('*/vis_data/scalars.json'))
    return {
        'iterations': runner.iter,
        'iterations_planned': settings.iterations,
        'batch_size': settings.batch_size,
        'learnable_parameters': sum(
            p.numel() for p in model.parameters() if p.requires_grad
        ),
        'loss': read_losses(scalars),
        'checkpoint': str(Path(cfg.work_dir) / WEIGHTS),
    }


def read_losses(path: Path) -> list[list[float]]:
    """The loss in a ``scalars.json`` of mmengine.

    Args:
        path (Path): One json object per line.

    Returns:
        list: [iteration, loss] of the lines that have both.
    """
    lines = map(json.loads, path.read_text(encoding='utf-8').splitlines())
    return [
        [line['step'], round(line['loss'], 3)]
        for line in lines
        if 'loss' in line
    ]


def moving_ends(losses: Sequence[Sequence[float]]) -> tuple[float, float]:
    """Where the loss began and ended.

    Args:
        losses (Sequence): [iteration, loss] pairs, at least one.

    Returns:
        tuple[float, float]: Mean of the first and of the last tenth of them.
    """
    count = max(1, len(losses) // 10)
    values = [loss for _, loss in losses]
    return sum(values[:count]) / count, sum(values[-count:]) / count


def draw_losses(losses: Sequence[Sequence[float]], path: Path) -> None:
    """Draw the curve.

    Args:
        losses (Sequence): [iteration, loss] pairs.
        path (Path): The picture, of a kind that matplotlib writes.
    """
    figure = Figure(figsize=(7, 3), layout='constrained')
    axes = figure.subplots()
    axes.plot(*zip(*losses), marker='.', color='#2563a8')
    highest = max(loss for _, loss in losses)
    axes.set(xlabel='iteration', ylabel='loss', ylim=(0, 1.1 * highest))
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.3)
    axes.spines[['top', 'right']].set_visible(False)
    with replacing(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:])
