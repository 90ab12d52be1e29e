# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What fitting prompts costs: together, one at a time, cached.

python tools/analysis_tools/benchmark_ppm.py fit CONFIG
python tools/analysis_tools/benchmark_ppm.py unet --size 512

"fit" measures a config's model on a random picture; the ways of fitting take
turns, so that a busy machine slows them alike. "unet" measures steps of a
UNet as large as Stable Diffusion 1.5's, with random weights, and estimates a
split of MP-100.
"""

import argparse
import resource
import shlex
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.benchmarks.ppm_timing import (
    EPISODES_OF_A_SPLIT,
    QUERIES,
    Fitter,
    build_cached,
    find,
    random_episode,
    sd15_unet,
    seconds,
    step_flops,
    unet_step,
)
from projects.benchmarks.results import record
from projects.common.engine.launch import sentences_only
from projects.common.utils.argument_types import count
from projects.common.utils.config_options import check_options
from projects.ppm.apis import build_model

import torch
from mmengine.config import Config, DictAction

STEPS = 300  # of a fit, for the estimate


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest='command', required=True)
    fit = commands.add_parser('fit', help='three ways of fitting')
    fit.add_argument('config', help='config of PPM with ExactPromptMaps')
    fit.add_argument('--keypoints', type=count, default=17)
    fit.add_argument('--steps', type=count, default=20)
    fit.add_argument('--cfg-options', nargs='+', action=DictAction, default={})
    unet = commands.add_parser('unet', help='a step of a large UNet')
    unet.add_argument('--size', type=count, default=512, help='pixels')
    unet.add_argument('--keypoints', type=count, nargs='+', default=[1, 5, 17])
    unet.add_argument(
        '--max-batch',
        type=count,
        default=8,
        help='keypoints at a time, which bounds the memory',
    )
    for command in (fit, unet):
        command.add_argument('--repeat', type=count, default=3)
        command.add_argument('--device', default='cpu', help='cpu or cuda')
        command.add_argument(
            '--record', help='also store the figures in this results file'
        )
    return parser.parse_args(argv)


def benchmark_fit(args: argparse.Namespace) -> dict[str, float]:
    """Seconds of the ways of fitting, and how much they differ."""
    config = Config.fromfile(args.config)
    check_options(config, args.cfg_options)
    config.merge_from_dict(args.cfg_options)
    config.model.learner.update(steps=args.steps, plateau_window=None)
    model = build_model(config, device=args.device)
    episode = random_episode(args.keypoints, model.maps.size)
    start = model.learner.start(model.maps, episode.category, 0)
    exact = Fitter(model, episode, start)
    cached = Fitter(model, episode, start, build_cached(model))
    ways = {
        'together': exact.together,
        'one at a time': exact.one_at_a_time,
        'cached': cached.together,
    }
    batch, singles = exact.together(), exact.one_at_a_time()
    cached.together()
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(args.repeat):
        for name, way in ways.items():
            times[name].append(seconds(way))
    found = {f'seconds, {name}': median(t) for name, t in times.items()}
    for slow, fast in (
        ('one at a time', 'together'),
        ('together', 'cached'),
        ('one at a time', 'cached'),
    ):
        ratios = [a / b for a, b in zip(times[slow], times[fast])]
        found[f'{slow} / {fast}'] = median(ratios)
    first = torch.cat([one.losses[0] for one in singles])
    found['first losses differ by'] = float(
        (batch.losses[0] - first).abs().max()
    )
    alone = torch.cat([find(exact, one) for one in singles])
    apart = (find(exact, batch) - alone).norm(dim=-1)
    found['found keypoints differ by, pixels'] = float(apart.max())
    return found


def benchmark_unet(args: argparse.Namespace) -> dict[str, float]:
    """Seconds and memory of steps, and what a split of MP-100 would take."""
    unet = sd15_unet(args.device)
    found = {}
    for number in sorted(args.keypoints):
        times = [
            seconds(
                partial(unet_step, unet, args.size, number, args.max_batch)
            )
            for _ in range(args.repeat)
        ]
        step = median(times)
        found[f'seconds a step, K = {number}'] = step
        found[f'TFLOP a step, K = {number}'] = (
            step_flops(args.size, number) / 1e12
        )
        found[f'peak memory, MB, K = {number}'] = peak_memory(args.device)
        # A query is a pass forward, about a third of a step.
        episode = step * (STEPS + QUERIES / 3)
        hours = episode * EPISODES_OF_A_SPLIT / 3600
        found[f'hours a split, K = {number}, 1 device'] = hours
        found[f'hours a split, K = {number}, 8 devices'] = hours / 8
    return found


def protocol(args: argparse.Namespace) -> str:
    """What the figures depend on."""
    words = [
        f'medians of {args.repeat}, in turns',
        f'{torch.get_num_threads()} threads',
    ]
    if args.command == 'unet':
        words.append(f'at most {args.max_batch} keypoints at a time')
    return '; '.join(words)


def peak_memory(device: str) -> float:
    """Of the process so far (CPU) or of the tensors (GPU), in MB."""
    if device.startswith('cuda'):
        return torch.cuda.max_memory_allocated() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Measure, print and store what the command line says."""
    args = parse_args(argv)
    with sentences_only():
        if args.command == 'fit':
            found = benchmark_fit(args)
            claim = f'Fitting {args.keypoints} prompts in {args.steps} steps'
            config = args.config
        else:
            found = benchmark_unet(args)
            claim = (
                'A step of fitting with a UNet of the size of Stable '
                f'Diffusion 1.5 at {args.size} pixels; a split is '
                f'{EPISODES_OF_A_SPLIT} episodes of {STEPS} steps'
            )
            config = 'configs/category_agnostic_2d_keypoint/ppm/ppm_sd15.py'
    for name, value in found.items():
        print(f'{name:45s} {value:12.6g}')
    if args.record is not None:
        words = ['python', 'tools/analysis_tools/benchmark_ppm.py']
        record(
            args.record,
            claim=claim,
            metrics={name: float(f'{v:.6g}') for name, v in found.items()},
            config=config,
            command=shlex.join([*words, *(argv or sys.argv[1:])]),
            protocol=protocol(args),
        )
    return found


if __name__ == '__main__':
    main()
