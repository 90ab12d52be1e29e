# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Evaluate a checkpoint: ``python tools/test.py CONFIG CHECKPOINT``."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from projects import xpose  # noqa: F401  registers what configs name
from projects.benchmarks import results
from projects.common.engine import launch
from projects.common.engine.data_check import check_data
from projects.common.evaluation import CapePCK
from projects.common.utils.checkpoints import file_sha256, require_checkpoint
from projects.common.utils.commands import repeat_command
from projects.common.utils.files import write_json

from mmengine.config import Config
from mmengine.dist import get_world_size, is_main_process
from mmengine.evaluator import Evaluator
from mmengine.runner import Runner


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description='Evaluate a checkpoint.')
    parser.add_argument('config', help='config file')
    parser.add_argument(
        'checkpoint',
        nargs='?',
        help='checkpoint file; to be left out where the config says '
        'checkpoint_free = True',
    )
    parser.add_argument(
        '--out',
        help='write the metrics, the protocol and the hash of the checkpoint '
        'to this json file',
    )
    parser.add_argument(
        '--dump', help='write the predictions to this .pkl file'
    )
    parser.add_argument(
        '--record',
        metavar='FILE',
        help='store the metrics, with all that is needed to repeat them, in '
        'this file of docs/results/',
    )
    parser.add_argument('--claim', help='what a record shows, in a sentence')
    launch.add_common_arguments(parser)
    return parser.parse_args(argv)


def prepare_config(args: argparse.Namespace) -> Config:
    """The config with all options of the command line merged.

    Raises:
        FileNotFoundError: If the config or the checkpoint does not exist.
        ValueError: If an option is unknown or does not go with the config,
            or a checkpoint is missing or not wanted.
    """
    if args.checkpoint is not None:
        require_checkpoint(args.checkpoint)
    if bool(args.record) != bool(args.claim):
        raise ValueError(
            '--record and --claim belong together: where to store the '
            'metrics, and what they show.'
        )
    if (args.out or args.record) and '://' in (args.checkpoint or ''):
        raise ValueError(
            '--out and --record store the hash of the checkpoint, so '
            f'"{args.checkpoint}" must be a file: download it first.'
        )
    cfg = launch.load_config(args)
    if (args.checkpoint is None) != cfg.get('checkpoint_free', False):
        raise ValueError(
            f'{args.config} needs a checkpoint: tools/test.py CONFIG '
            'CHECKPOINT.'
            if args.checkpoint is None
            else f'{args.config} describes a method without a checkpoint: '
            'tools/test.py CONFIG.'
        )
    # Without --allow-partial-load, main loads the weights itself.
    cfg.load_from = args.checkpoint if args.allow_partial_load else None
    cfg.resume = False
    if args.dump is not None:
        if not args.dump.endswith(('.pkl', '.pickle')):
            raise ValueError(
                f'--dump writes a pickle file, so "{args.dump}" must end in '
                '.pkl.'
            )
        evaluators = cfg.test_evaluator
        if not isinstance(evaluators, (list, tuple)):
            evaluators = [evaluators]
        dump = {'type': 'DumpResults', 'out_file_path': args.dump}
        cfg.test_evaluator = [*evaluators, dump]
    return cfg


def command_line(
    args: argparse.Namespace, argv: Sequence[str], cfg: Config
) -> str:
    """The command that repeats this run, on one machine.

    Processes that torchrun started share their arguments; it is
    tools/dist_test.sh that starts as many again.
    """
    if args.launcher != 'pytorch':
        return repeat_command(['python', 'tools/test.py', *argv], cfg)
    own = ('--launcher', 'pytorch', '--launcher=pytorch')
    files = [args.config]
    if args.checkpoint is not None:
        files.append(args.checkpoint)
    own = {*files, *own}
    options = [word for word in argv if word not in own]
    start = ['bash', 'tools/dist_test.sh', *files]
    return repeat_command([*start, str(get_world_size()), *options], cfg)


def check_keypoints(runner: Runner) -> None:
    """Refuse data with more keypoints than the model knows.

    Raises:
        ValueError: If a category has more than ``max_keypoints`` of a part
            of the model.
    """
    known = [getattr(m, 'max_keypoints', None) for m in runner.model.modules()]
    limit = min((n for n in known if n is not None), default=None)
    dataset = runner.test_loop.dataloader.dataset
    for category in getattr(dataset, 'metainfo', {}).get('categories', ()):
        count = len(category['keypoints'])
        if limit is not None and count > limit:
            raise ValueError(
                f'The category "{category["name"]}" has {count} keypoints, '
                f'this model knows {limit} at most. Split the category, '
                'leave it out, or use a model with max_keypoints=None.'
            )


def store(
    args: argparse.Namespace,
    argv: Sequence[str],
    cfg: Config,
    evaluator: Evaluator,
    metrics: dict[str, Any],
) -> None:
    """Write the result files that were asked for."""
    file = args.checkpoint or ''
    known = file and '://' not in file
    weights = {
        'checkpoint': file,
        'checkpoint_sha256': file_sha256(file) if known else '',
    }
    protocol = results.describe_protocol(cfg, metrics)
    if args.out is not None:
        write_json(args.out, {**metrics, 'protocol': protocol, **weights})
    for metric in evaluator.metrics:
        if isinstance(metric, CapePCK) and metric.outfile is not None:
            path = Path(metric.outfile)
            scores = json.loads(path.read_text(encoding='utf-8'))
            write_json(path, {**scores, **weights})
    if args.record is not None:
        results.record(
            args.record,
            claim=args.claim,
            metrics=metrics,
            config=args.config,
            checkpoint=args.checkpoint,
            data=results.data_file(cfg),
            protocol=protocol,
            command=command_line(args, argv, cfg),
        )


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Evaluate as the command line says and return the metrics."""
    args = parse_args(argv)
    with launch.sentences_only():
        cfg = prepare_config(args)
        check_data(cfg, ('test_dataloader',))
    launch.start_distributed_cpu(cfg)
    with launch.sentences_only():
        runner = Runner.from_cfg(cfg)
        if args.checkpoint is not None:
            launch.check_loaded(runner, args.checkpoint, args)
        check_keypoints(runner)  # reads the data
    metrics = runner.test()
    if is_main_process():
        words = argv or sys.argv[1:]
        store(args, words, cfg, runner.test_evaluator, metrics)
    launch.end_distributed()
    return metrics


if __name__ == '__main__':
    main()
