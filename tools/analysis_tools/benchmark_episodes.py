# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What it saves to encode the supports once per episode, not per query.

python tools/analysis_tools/benchmark_episodes.py CONFIG CHECKPOINT
"""

import argparse
import copy
import statistics
import sys
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.benchmarks import results
from projects.benchmarks.timing import now
from projects.common.engine.launch import sentences_only
from projects.common.utils.argument_types import count
from projects.common.utils.commands import repeat_command
from projects.xpose.apis import init_model

import torch
from mmengine.config import Config, DictAction
from mmengine.dataset import pseudo_collate
from mmpose.registry import DATASETS
from torch import nn
from torch.utils.data import Dataset


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Time queries with supports remembered and forgotten.'
    )
    parser.add_argument('config', help='an X-Pose config of episodes')
    parser.add_argument('checkpoint', help='its checkpoint')
    parser.add_argument(
        '--episodes',
        type=count,
        default=2,
        help='the first so many of the list (default: 2)',
    )
    parser.add_argument('--device', default='cpu', help='cpu or cuda')
    parser.add_argument('--record', metavar='FILE', help='store the figures')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, default={}
    )
    return parser.parse_args(argv)


def check_config(cfg: Config) -> None:
    """Refuse a config of another method or of no episodes.

    Raises:
        ValueError: If it is one.
    """
    dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
    model = cfg.get('model') or {}
    if dataset.get('type') != 'EpisodeDataset' or 'visual' not in (
        model.get('prompt_encoder') or {}
    ):
        raise ValueError(
            f'{cfg.filename} does not ask X-Pose by the supports of episodes; '
            'take configs/category_agnostic_2d_keypoint/xpose/xpose_tiny_*.py.'
        )


def seconds_per_query(
    model: nn.Module, dataset: Dataset, indices: Sequence[int]
) -> tuple[list[float], list[float]]:
    """Times of queries with supports remembered, and with them forgotten.

    Each query is run both ways, one right after the other and each way first
    in turn, so that a busy moment of the machine meets both.

    Args:
        model: X-Pose.
        dataset: The queries.
        indices: Q of them, those of an episode together.

    Returns:
        Q seconds each.
    """
    forgetful = copy.deepcopy(model)
    encoder = model.prompt_encoder.visual
    size = encoder.cache_size
    # A cache of size 0 keeps nothing from one query to the next.
    encoder.cache_size = forgetful.prompt_encoder.visual.cache_size = 0
    for each in (model, forgetful):
        seconds(each, dataset[indices[0]])  # warms up, keeps nothing
    encoder.cache_size = size
    once, always = [], []
    ways = [(model, once), (forgetful, always)]
    for index in indices:
        for each, found in ways:
            found.append(seconds(each, dataset[index]))
        ways.reverse()
    return once, always


def seconds(model: nn.Module, item: dict[str, Any]) -> float:
    """Wall time of a model's answer to one query."""
    data = pseudo_collate([item])
    start = now()
    with torch.inference_mode():
        model.test_step(data)
    return now() - start


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Measure, print and return the figures."""
    argv = sys.argv[1:] if argv is None else argv
    args = parse_args(argv)
    with sentences_only():
        cfg = Config.fromfile(args.config)
        cfg.merge_from_dict(args.cfg_options)
        check_config(cfg)
        model = init_model(cfg, args.checkpoint, args.device)
        dataset = DATASETS.build(cfg.test_dataloader.dataset)
    episodes = dataset.slices[: args.episodes]
    once, always = seconds_per_query(model, dataset, list(chain(*episodes)))
    figures = {
        'ms per query, supports once per episode': 1000
        * sum(once)
        / len(once),
        'ms per query, supports per query': 1000 * sum(always) / len(always),
        'speed-up': sum(always) / sum(once),
        'speed-up, median query': statistics.median(always)
        / statistics.median(once),
    }
    for name, value in figures.items():
        print(f'{name}: {value:.2f}')
    if args.record is not None:
        results.record(
            args.record,
            claim='Supports encoded once per episode',
            metrics=figures,
            config=args.config,
            checkpoint=args.checkpoint,
            data=results.data_file(cfg),
            protocol=f'{dataset.shots}-shot, {len(once)} queries of '
            f'{len(episodes)} episodes, one at a time, both ways in turn, '
            'wall time of test_step',
            command=repeat_command(
                [
                    'python',
                    'tools/analysis_tools/benchmark_episodes.py',
                    *argv,
                ],
                cfg,
            ),
        )
    return figures


if __name__ == '__main__':
    main()
