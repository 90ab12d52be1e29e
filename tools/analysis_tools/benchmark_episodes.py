# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What it saves to encode the supports once per episode, not per query.

python tools/analysis_tools/benchmark_episodes.py CONFIG CHECKPOINT
"""

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.common import results
from projects.common.commands import repeat_command
from projects.common.launch import sentences_only
from projects.common.prompt_encoders import VisualPromptEncoder
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
    parser.add_argument('--episodes', type=int, default=2)
    parser.add_argument('--device', default='cpu', help='cpu or cuda')
    parser.add_argument('--record', metavar='FILE', help='store the figures')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, default={}
    )
    return parser.parse_args(argv)


def seconds_per_query(
    model: nn.Module, dataset: Dataset, episodes: int, remember: bool
) -> list[float]:
    """Time of every query of the first episodes, one after the other."""
    encoder: VisualPromptEncoder = model.prompt_encoder.visual
    # A cache of size 0 keeps nothing from one query to the next.
    size = encoder.cache_size
    encoder.cache_size = size if remember else 0
    found = []
    try:
        for queries in dataset.slices[:episodes]:
            for index in queries:
                data = pseudo_collate([dataset[index]])
                start = time.perf_counter()
                with torch.inference_mode():
                    model.test_step(data)
                if torch.cuda.is_available():
                    torch.cuda.synchronize()
                found.append(time.perf_counter() - start)
    finally:
        encoder.cache_size = size
    return found


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Measure, print and return the figures."""
    argv = sys.argv[1:] if argv is None else argv
    args = parse_args(argv)
    with sentences_only():
        cfg = Config.fromfile(args.config)
        cfg.merge_from_dict(args.cfg_options)
        model = init_model(cfg, args.checkpoint, args.device)
        dataset = DATASETS.build(cfg.test_dataloader.dataset)
    seconds_per_query(model, dataset, 1, False)  # warms up, keeps nothing
    once = seconds_per_query(model, dataset, args.episodes, True)
    always = seconds_per_query(model, dataset, args.episodes, False)
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
            f'{args.episodes} episodes, one at a time, wall time of test_step',
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
