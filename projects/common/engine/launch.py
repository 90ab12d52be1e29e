# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What tools/train.py and tools/test.py share: config, devices, processes."""

import argparse
import datetime
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.config import Config, DictAction
from mmengine.dist import barrier, is_distributed
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import distributed

from projects.common.models.prompt_encoders.text.base_text_tower import (
    TextTowerError,
)
from projects.common.utils.checkpoints import check_compatible, load_weights
from projects.common.utils.config_options import check_options
from projects.common.utils.work_dirs import default_work_dir


def add_common_arguments(parser: argparse.ArgumentParser) -> None:
    """Options that training and testing have in common, as in mmpose."""
    parser.add_argument(
        '--work-dir',
        help='folder of logs and results; without it, work_dirs/ and the '
        'name of the config with what --cfg-options changed',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        metavar='KEY=VALUE',
        help='override settings of the config, for example '
        'model.num_queries=50 or key="[a,b]"; unknown keys are refused',
    )
    parser.add_argument(
        '--allow-new-options',
        action='store_true',
        help='accept keys in --cfg-options that nothing seems to read',
    )
    parser.add_argument(
        '--allow-partial-load',
        action='store_true',
        help='load what fits of a checkpoint that does not fit the model',
    )
    parser.add_argument(
        '--trust-checkpoint',
        action='store_true',
        help='read a checkpoint that holds more than weights and plain '
        'values; such a file can run any code',
    )
    parser.add_argument('--show-dir', help='folder for drawn predictions')
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='how the processes of a distributed run were started',
    )
    # torch.distributed.launch passes it; torchrun sets LOCAL_RANK instead.
    parser.add_argument(
        '--local_rank',
        '--local-rank',
        type=int,
        default=0,
        help=argparse.SUPPRESS,
    )


@contextmanager
def sentences_only() -> Iterator[None]:
    """Show errors about input or memory without a traceback, exit 2."""
    try:
        yield
    except (OSError, ValueError, MemoryError, TextTowerError) as error:
        print(f'error: {error}', file=sys.stderr)
        sys.exit(2)


def quieten() -> None:
    """Silence what the packages below us tell their own developers."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    warnings.filterwarnings('ignore', message='torch.meshgrid')


def load_config(args: argparse.Namespace) -> Config:
    """Read the config and merge the common options into it.

    Args:
        args: Parsed arguments with ``config`` and those of
            :func:`add_common_arguments`.

    Raises:
        FileNotFoundError: If the config does not exist.
        ValueError: If an option of ``--cfg-options`` is unknown.
    """
    if not os.path.isfile(args.config):
        raise FileNotFoundError(
            f'The config "{args.config}" does not exist. Configs lie under '
            'configs/; the path is taken from the current folder.'
        )
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    cfg = Config.fromfile(args.config)
    if not args.allow_new_options:
        check_options(cfg, args.cfg_options)
    cfg.merge_from_dict(args.cfg_options)
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = default_work_dir(args.config, args.cfg_options)
    if args.show_dir is not None:
        hook = {'type': 'DrawPredictionsHook', 'out_dir': args.show_dir}
        cfg.custom_hooks = [*(cfg.get('custom_hooks') or []), hook]
    return cfg


def check_loaded(
    runner: Runner, checkpoint: str, args: argparse.Namespace
) -> None:
    """Refuse a checkpoint that is not safe or does not fit the model.

    Args:
        runner: Its model holds the weights afterwards, unless
            ``--allow-partial-load`` is given.
        checkpoint: Path of the checkpoint.
        args: Parsed arguments of :func:`add_common_arguments`.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is not safe to read or does not fit; the first
            differences are listed.
    """
    if args.allow_partial_load:
        # mmengine, which reads it next, would run what is not safe.
        load_weights(checkpoint, args.trust_checkpoint)
        return
    model = runner.model
    check_compatible(
        model.module if is_model_wrapper(model) else model,
        checkpoint,
        args.trust_checkpoint,
    )


def enable_amp(cfg: Config) -> None:
    """Switch the config to mixed precision.

    With an accelerator: mmengine's ``AmpOptimWrapper``, in bfloat16 where the
    GPU supports it, unless ``optim_wrapper.dtype`` says otherwise. Without:
    bfloat16 on the CPU.

    Raises:
        ValueError: If the config uses an optimizer wrapper of its own.
    """
    wrapper = cfg.optim_wrapper
    kind = wrapper.get('type', 'OptimWrapper')
    if kind not in ('OptimWrapper', 'AmpOptimWrapper', 'CpuAmpOptimWrapper'):
        raise ValueError(
            f'--amp cannot be combined with optim_wrapper.type="{kind}"; '
            'leave --amp out or use OptimWrapper.'
        )
    if torch.cuda.is_available():
        wrapper.type = 'AmpOptimWrapper'
        wrapper.setdefault('loss_scale', 'dynamic')
        wrapper.setdefault(
            'dtype',
            'bfloat16' if torch.cuda.is_bf16_supported() else 'float16',
        )
    else:
        wrapper.type = 'CpuAmpOptimWrapper'
        for key in ('loss_scale', 'dtype'):
            wrapper.pop(key, None)


def start_distributed_cpu(cfg: Config) -> None:
    """Join the process group with gloo if there is no GPU.

    mmengine always selects a CUDA device when it starts a process group and
    hands device ids to DDP; both fail on a CPU-only torch. Does nothing where
    there is a GPU or one process.
    """
    if cfg.launcher == 'none' or torch.cuda.is_available():
        return
    options = cfg.get('env_cfg', {}).get('dist_cfg', {})
    if not is_distributed():
        if cfg.launcher == 'slurm':
            _set_slurm_environment()
        elif cfg.launcher == 'mpi':
            _set_mpi_environment()
        if os.environ.get('MASTER_ADDR') in ('127.0.0.1', 'localhost'):
            # Else gloo takes the address of the host's name, if it has one.
            loopback = {'linux': 'lo', 'darwin': 'lo0'}.get(sys.platform)
            if loopback:
                os.environ.setdefault('GLOO_SOCKET_IFNAME', loopback)
        seconds = options.get('timeout', 1800)
        distributed.init_process_group(
            'gloo', timeout=datetime.timedelta(seconds=seconds)
        )
    wrapper = cfg.get('model_wrapper_cfg') or {
        'broadcast_buffers': False,
        'find_unused_parameters': cfg.get('find_unused_parameters', False),
    }
    cfg.model_wrapper_cfg = {
        'type': 'MMDistributedDataParallel',
        **wrapper,
        'device_ids': None,
    }


def end_distributed() -> None:
    """Leave the process group, once every process has come here.

    A process that exits while its group's threads still run may be aborted,
    and torchrun then calls a finished run failed.
    """
    if is_distributed():
        barrier()
        distributed.destroy_process_group()


def _set_slurm_environment() -> None:
    """Torchrun's variables from slurm's."""
    environ = os.environ
    if 'MASTER_ADDR' not in environ:
        environ['MASTER_ADDR'] = subprocess.run(
            ['scontrol', 'show', 'hostname', environ['SLURM_NODELIST']],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()[0]
    environ.setdefault('MASTER_PORT', '29500')
    environ['RANK'] = environ['SLURM_PROCID']
    environ['WORLD_SIZE'] = environ['SLURM_NTASKS']
    environ['LOCAL_RANK'] = environ.get('SLURM_LOCALID', '0')


def _set_mpi_environment() -> None:
    """Torchrun's variables from Open MPI's."""
    environ = os.environ
    environ.setdefault('MASTER_ADDR', '127.0.0.1')
    environ.setdefault('MASTER_PORT', '29500')
    environ['RANK'] = environ['OMPI_COMM_WORLD_RANK']
    environ['WORLD_SIZE'] = environ['OMPI_COMM_WORLD_SIZE']
    environ['LOCAL_RANK'] = environ['OMPI_COMM_WORLD_LOCAL_RANK']
