# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What a category-agnostic method relies on: episodes changed in one way each.

python tools/analysis_tools/cape_robustness.py CONFIG [CHECKPOINT] \
    --record docs/results/cape_robustness.json --claim 'Copied layout, 5-shot'
"""

import argparse
import copy
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects import xpose  # noqa: F401  registers what configs name
from projects.benchmarks import results
from projects.common.datasets.episodes import (
    PERTURBATIONS,
    EpisodeList,
    check_perturbation,
)
from projects.common.engine import launch
from projects.common.utils.checkpoints import require_checkpoint
from projects.common.utils.commands import repeat_command

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.runner import Runner

NONE = 'unchanged'
#: What a row is compared with, if not with NONE.
REFERENCE = {
    'fewer_keypoints': 'fewer_counted',
    'flipped': 'flipped_counted',
}
COLUMNS = ('PCK@0.2', 'mPCK', 'NME')


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Evaluate a method on perturbed episodes.',
        epilog='; '.join(f'{k}: {v}' for k, v in PERTURBATIONS.items()),
    )
    parser.add_argument('config', help='config of an episode evaluation')
    parser.add_argument('checkpoint', nargs='?', help='its checkpoint, if any')
    parser.add_argument(
        '--perturbations',
        nargs='+',
        choices=list(PERTURBATIONS),
        metavar='NAME',
        help='which ones (default: all that the episodes allow): '
        + ', '.join(PERTURBATIONS),
    )
    parser.add_argument(
        '--record', metavar='FILE', help='store the table in this file'
    )
    parser.add_argument('--claim', help='name of the method in the record')
    launch.add_common_arguments(parser)
    return parser.parse_args(argv)


def evaluate(
    cfg: Config, args: argparse.Namespace, perturbation: str
) -> dict[str, Any]:
    """Metrics of the episodes, perturbed unless it is NONE."""
    cfg = copy.deepcopy(cfg)
    cfg.work_dir = str(Path(cfg.work_dir) / perturbation)
    if perturbation != NONE:
        cfg.test_dataloader.dataset.update(
            type='PerturbedEpisodes', perturbation=perturbation
        )
    launch.start_distributed_cpu(cfg)
    with launch.sentences_only():
        runner = Runner.from_cfg(cfg)
        if args.checkpoint is not None:
            launch.check_loaded(runner, args.checkpoint, args)
        runner.test_loop  # noqa: B018  reads the data
    return runner.test()


def chosen_rows(args: argparse.Namespace, cfg: Config) -> list[str]:
    """The rows of the table; NONE is the first.

    Raises:
        ValueError: If the episodes do not allow what was asked for.
    """
    episodes = EpisodeList.load(cfg.test_dataloader.dataset.episodes)
    names = []
    for name in args.perturbations or PERTURBATIONS:
        try:
            check_perturbation(name, episodes)
        except ValueError:
            if args.perturbations:
                raise
        else:
            names.append(name)
    references = [REFERENCE[name] for name in names if name in REFERENCE]
    return list(dict.fromkeys([NONE, *names, *references]))


def render(rows: dict[str, dict[str, Any]]) -> list[str]:
    """Lines of a markdown table."""
    head = ['perturbation', *COLUMNS, 'change of mPCK']
    lines = [head, ['---'] * len(head)]
    for name, metrics in rows.items():
        cells = [name]
        for column in COLUMNS:
            width = metrics.get(f'{column}/ci95')
            interval = '' if width is None else f' ± {width:.3f}'
            cells.append(f'{metrics[column]:.3f}{interval}')
        change = ''
        if name != NONE:
            reference = rows[REFERENCE.get(name, NONE)]
            change = f'{metrics["mPCK"] - reference["mPCK"]:+.4f}'
        lines.append([*cells, change])
    return ['| ' + ' | '.join(line) + ' |' for line in lines]


def prepare_config(args: argparse.Namespace) -> Config:
    """The config with all options of the command line merged.

    Raises:
        FileNotFoundError: If the config or the checkpoint does not exist.
        ValueError: If the config is none of frozen episodes, or options do
            not go together.
    """
    if bool(args.record) != bool(args.claim):
        raise ValueError(
            '--record and --claim belong together: where to store the '
            'table, and which method it is of.'
        )
    if args.checkpoint is not None:
        require_checkpoint(args.checkpoint)
    cfg = launch.load_config(args)
    loader = cfg.get('test_dataloader') or {}
    dataset = loader.get('dataset') or {}
    if dataset.get('type') != 'EpisodeDataset':
        raise ValueError(
            f'{args.config} evaluates no episodes; take a config of '
            'configs/category_agnostic_2d_keypoint/.'
        )
    if (args.checkpoint is None) != cfg.get('checkpoint_free', False):
        raise ValueError(
            f'{args.config} '
            + (
                'needs a checkpoint.'
                if args.checkpoint is None
                else 'describes a method without a checkpoint.'
            )
        )
    # Without --allow-partial-load, evaluate loads the weights itself.
    cfg.load_from = args.checkpoint if args.allow_partial_load else None
    cfg.log_level = 'WARNING'
    return cfg


def store(
    args: argparse.Namespace,
    argv: Sequence[str],
    cfg: Config,
    name: str,
    metrics: dict[str, Any],
) -> None:
    """Add a row to the results file."""
    script = 'tools/analysis_tools/cape_robustness.py'
    kept = [*COLUMNS, *(f'{column}/ci95' for column in COLUMNS)]
    results.record(
        args.record,
        claim=f'{args.claim}: {name}',
        metrics={key: metrics[key] for key in kept if key in metrics},
        config=args.config,
        checkpoint=args.checkpoint,
        data=results.data_file(cfg),
        protocol=results.describe_protocol(cfg, metrics),
        command=repeat_command(['python', script, *argv], cfg),
    )


def main(argv: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
    """Evaluate and store all rows, print the table, return the metrics."""
    argv = sys.argv[1:] if argv is None else argv
    args = parse_args(argv)
    with launch.sentences_only():
        cfg = prepare_config(args)
        names = chosen_rows(args, cfg)
    rows = {}
    for name in names:
        rows[name] = evaluate(cfg, args, name)
        # At once: an interrupted run keeps what is finished.
        if args.record is not None and is_main_process():
            store(args, argv, cfg, name, rows[name])
    if is_main_process():
        print('\n'.join(render(rows)))
    launch.end_distributed()
    return rows


if __name__ == '__main__':
    main()
