# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Whether a run may continue a checkpoint, and with which schedule.

mmengine continues whatever it is given: the checkpoint of another split, or
of twice as many processes, whose warm-up then lasts twice as many images.
"""

import copy
import os
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from projects.common.utils.checkpoints import read_checkpoint
from projects.common.utils.config_text import read_config

# What makes the experiment; the rest of a config is how it is carried out.
_COMPARED = (
    'model',
    'train_dataloader',
    'optim_wrapper',
    'param_scheduler',
    'val_dataloader.dataset',
    'val_evaluator',
)
# The batch size is judged together with the number of processes; how many
# workers read the data is a matter of the machine, as is mixed precision.
_NOT_COMPARED = (
    'batch_size',
    'num_workers',
    'persistent_workers',
    'pin_memory',
    'prefetch_factor',
)
_PRECISION = tuple(f'optim_wrapper.{k}' for k in ('type', 'dtype'))
_PRECISION += ('optim_wrapper.loss_scale',)
# Schedulers keep the length they were built for when they are resumed.
_LENGTH = ('train_cfg.max_epochs', 'train_cfg.max_iters')
MAX_DIFFERENCES = 3
_ABSENT = 'absent'


def count_processes(launcher: str) -> int:
    """How many processes this run has, before they have found each other."""
    name = {
        'pytorch': 'WORLD_SIZE',
        'slurm': 'SLURM_NTASKS',
        'mpi': 'OMPI_COMM_WORLD_SIZE',
    }.get(launcher)
    return int(os.environ.get(name, 1)) if name else 1


def check_resumable(cfg: Config, trusted: bool = False) -> bool:
    """Refuse to continue a checkpoint of another experiment.

    Args:
        cfg: The config of this run, with ``num_processes``; its
            ``load_from`` is the checkpoint to continue.
        trusted: Whether the checkpoint may run code.

    Returns:
        bool: Whether a step has another number of images than before, so
        that :class:`RestartScheduleHook` is needed.

    Raises:
        ValueError: If the checkpoint is of another config, of other data or
            of another split, or if its schedule does not go with the number
            of processes.
    """
    path = cfg.load_from
    content = read_checkpoint(path, trusted)
    meta = content.get('meta', {}) if isinstance(content, Mapping) else {}
    if 'cfg' not in meta:
        raise ValueError(
            f'"{path}" holds weights but not the state of a training, so it '
            'cannot be resumed; to start from it, give --cfg-options '
            f'load_from={path}.'
        )
    old, new = read_config(meta['cfg']), read_config(cfg.pretty_text)
    differences = find_differences(old, new)
    if differences:
        shown = '; '.join(
            f'{key} is {before} there and {now} here'
            for key, before, now in differences[:MAX_DIFFERENCES]
        )
        more = len(differences) - MAX_DIFFERENCES
        raise ValueError(
            f'--resume: "{path}" is of another experiment: {shown}'
            f'{f" (and {more} more)" if more > 0 else ""}. Use the settings '
            'of that run, or give this one a work dir of its own with '
            '--work-dir.'
        )
    return _check_batch(path, old, new)


def _check_batch(path: str, old: Mapping, new: Mapping) -> bool:
    """Whether a step has another number of images; see check_resumable."""
    if 'num_processes' not in old:
        print(
            f'"{path}" does not say how many processes trained it; it is '
            f'continued as if it had been {new["num_processes"]}.'
        )
        return False
    before, now = (
        (config['num_processes'], config['train_dataloader']['batch_size'])
        for config in (old, new)
    )
    if before[0] * before[1] == now[0] * now[1]:
        return False
    sentence = (
        f'--resume: "{path}" was trained by {before[0]} process(es) with '
        f'{before[1]} image(s) each, this run has {now[0]} with {now[1]}: '
        'learning rate and schedule belong to the images of a step. '
    )
    loop = new['train_cfg']
    if 'IterBased' in loop.get('type', '') or not loop.get('by_epoch', True):
        raise ValueError(
            sentence + 'The schedule counts iterations, so only as many '
            'images per step can continue it.'
        )
    if not (new.get('auto_scale_lr') or {}).get('enable', False):
        raise ValueError(
            sentence + 'Use as many as before, or add --auto-scale-lr, which '
            'sets both to the images of this run.'
        )
    return True


def find_differences(old: Mapping, new: Mapping) -> list[tuple[str, str, str]]:
    """Settings in which two configs describe different experiments.

    Returns:
        list: The dotted key and the two values, as texts.
    """
    found = []
    scheduled = old.get('param_scheduler') or new.get('param_scheduler')
    for part in (*_COMPARED, *(_LENGTH if scheduled else ())):
        before, now = _lookup(old, part), _lookup(new, part)
        # Evaluation may be switched off and on.
        if part.startswith('val_') and None in (before, now):
            continue
        before, now = dict(_flatten(before, part)), dict(_flatten(now, part))
        for key in {**before, **now}:
            if key.rpartition('.')[2] in _NOT_COMPARED or key in _PRECISION:
                continue
            pair = before.get(key, _ABSENT), now.get(key, _ABSENT)
            if pair[0] != pair[1]:
                found.append((key, *pair))
    return found


def _lookup(config: Mapping, key: str) -> Any:
    node: Any = config
    for name in key.split('.'):
        node = (node or {}).get(name)
    return node


def _flatten(node: Any, path: str) -> Iterator[tuple[str, str]]:
    """Dotted keys and the texts of their values."""
    if isinstance(node, Mapping) and node:
        for key, value in node.items():
            yield from _flatten(value, f'{path}.{key}')
    elif isinstance(node, (list, tuple)) and node:
        for index, value in enumerate(node):
            yield from _flatten(value, f'{path}.{index}')
    elif path.endswith('.type'):
        # A class keeps its name when its module moves.
        yield path, str(node).rpartition('.')[2]
    else:
        yield path, repr(node)


class RestartScheduleHook(Hook):
    """Set learning rate and schedule to the batch size of this run.

    On resuming, mmengine takes the learning rates, the schedulers and the
    number of iterations from the checkpoint, all of which belong to the
    batch size it was trained with. Here the schedulers of this run, as they
    are before that, are stepped through the epochs that have been trained.
    """

    priority = 'VERY_HIGH'

    def before_run(self, runner: Runner) -> None:
        """Remember how this run would start."""
        self._schedulers = [
            copy.deepcopy(scheduler.state_dict())
            for scheduler in runner.param_schedulers or ()
        ]
        self._groups = [
            {key: value for key, value in group.items() if key != 'params'}
            for group in runner.optim_wrapper.param_groups
        ]

    def before_train(self, runner: Runner) -> None:
        """Step from there to the epoch of the checkpoint."""
        loop, schedulers = runner.train_loop, runner.param_schedulers or []
        groups = runner.optim_wrapper.param_groups
        for group, start in zip(groups, self._groups, strict=True):
            group.update(start)
        for scheduler, start in zip(schedulers, self._schedulers, strict=True):
            scheduler.load_state_dict(start)
        length = len(loop.dataloader)
        with warnings.catch_warnings():
            # The optimizer made its steps before the checkpoint.
            warnings.filterwarnings('ignore', message='Detected call of')
            for _ in range(runner.epoch):
                for _ in range(length):
                    _step(schedulers, by_epoch=False)
                _step(schedulers, by_epoch=True)
        loop._iter = runner.epoch * length
        runner.optim_wrapper.initialize_count_status(
            runner.model, loop.iter, loop.max_iters
        )


def _step(schedulers: list, by_epoch: bool) -> None:
    for scheduler in schedulers:
        if scheduler.by_epoch is by_epoch:
            scheduler.step()
