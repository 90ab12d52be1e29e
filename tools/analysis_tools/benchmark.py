# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Speed, memory and size of a model: stage by stage, or beside another."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import projects.xpose  # noqa: F401  registers what configs name
from projects.benchmarks.results.store import device_name, record
from projects.benchmarks.timing import (
    Measurement,
    Workload,
    complexity,
    measure,
    raw_outputs,
)
from projects.common.engine.launch import sentences_only
from projects.common.utils.checkpoints import check_compatible, file_sha256
from projects.common.utils.files import write_json
from projects.common.version import __version__

import torch
from mmengine.config import Config, DictAction
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS
from torch import nn

STAGES = {
    'pre-processing': ['data_preprocessor.forward'],
    'prompts': ['prompt_encoder.forward'],
    'backbone': ['extract_feat'],
    'enhancer': ['pre_transformer', 'forward_encoder'],
    'query selection': ['pre_decoder'],
    'object decoder': ['decoder.forward_objects'],
    'keypoint decoder': ['decoder.forward_keypoints'],
    'post-processing': ['bbox_head.predict'],
}
SENSITIVITY = [(k, c) for c in (1, 10, 50) for k in (5, 17, 68)]


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument('config', help='config file')
    parser.add_argument(
        'checkpoint', nargs='?', help='weights; random ones if not given'
    )
    parser.add_argument('--device', default='cpu', help='cpu or cuda')
    parser.add_argument(
        '--shape',
        nargs=2,
        type=int,
        default=[800, 1066],
        metavar=('H', 'W'),
        help='size of the resized picture',
    )
    parser.add_argument('--keypoints', type=int, default=17)
    parser.add_argument('--categories', type=int, default=1)
    parser.add_argument('--repeat', type=int, default=5)
    parser.add_argument('--warm-up', type=int, default=1)
    parser.add_argument(
        '--compare',
        metavar='CONFIG2',
        help='measure this one too, with the same weights if it takes them',
    )
    parser.add_argument(
        '--sensitivity',
        action='store_true',
        help='also 5, 17, 68 keypoints with 1, 10, 50 categories',
    )
    parser.add_argument(
        '--no-flops', action='store_true', help='do not count operations'
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        metavar='KEY=VALUE',
        help='override settings of the (first) config',
    )
    parser.add_argument(
        '--out',
        help='json file; work_dirs/benchmark/CONFIG.json if not given',
    )
    parser.add_argument(
        '--record',
        help='also store seconds and memory in this results file, see '
        'docs/results/README.md',
    )
    return parser.parse_args(argv)


def build(
    config: str, checkpoint: str | None, device: str, options: dict
) -> nn.Module:
    """The model of a config; its random weights are always the same.

    Raises:
        FileNotFoundError: If the config or the checkpoint does not exist.
        ValueError: If the checkpoint does not fit.
    """
    cfg = Config.fromfile(config)
    cfg.merge_from_dict(options)
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    if checkpoint is not None:
        check_compatible(model, checkpoint)
    return model.to(device).eval()


def profile(
    args: argparse.Namespace, config: str, options: dict
) -> tuple[dict[str, Any], tuple]:
    """Everything about one config, and its outputs."""
    model = build(config, args.checkpoint, args.device, options)
    workload = Workload(tuple(args.shape), args.categories, args.keypoints)
    result = {'config': config}
    measured = measure(model, workload, STAGES, args.repeat, args.warm_up)
    result['measured'] = asdict(measured)
    outputs = raw_outputs(model, workload)
    if not args.no_flops:
        result['complexity'] = complexity(model, workload)
    if args.sensitivity:
        result['sensitivity'] = [
            {
                'keypoints': keypoints,
                'categories': categories,
                'measured': asdict(
                    measure(
                        model,
                        Workload(workload.shape, categories, keypoints),
                        STAGES,
                        args.repeat,
                        args.warm_up,
                    )
                ),
            }
            for keypoints, categories in SENSITIVITY
        ]
    return result, outputs


def largest_difference(first: tuple, second: tuple) -> float | None:
    """Largest |a - b| of two models' outputs; None if shapes differ."""
    if [a.shape for a in first] != [b.shape for b in second]:
        return None
    return max(
        (a - b)[a != b].abs().max().item() if (a != b).any() else 0.0
        for a, b in zip(first, second)
    )


def table(results: Sequence[dict[str, Any]]) -> str:
    """The stages of one or two configs, for people."""
    columns = [Measurement(**result['measured']) for result in results]
    lines = [
        f'{"stage":18s}' + f'{"seconds":>10s}{"share":>7s}' * len(columns)
    ]
    lines[0] += f'{"ratio":>8s}' * (len(columns) == 2)
    for stage in columns[0].seconds:
        cells = ''
        for column in columns:
            share = column.seconds[stage] / column.seconds['total']
            cells += f'{column.seconds[stage]:10.4f}{share:7.1%}'
        if len(columns) == 2 and columns[1].seconds[stage]:
            ratio = columns[0].seconds[stage] / columns[1].seconds[stage]
            cells += f'{ratio:8.2f}'
        lines.append(f'{stage:18s}{cells}')
    peaks = (f'{column.peak_memory / 1e6:10.0f} MB    ' for column in columns)
    lines.append(f'{"peak memory":18s}' + ''.join(peaks).rstrip())
    for result in results:
        if 'complexity' in result:
            found = result['complexity']
            parts = ', '.join(
                f'{name} {flops / 1e9:.1f}'
                for name, flops in found['flops_by_part'].items()
                if flops > 0.005 * found['flops']
            )
            lines.append(
                f'{result["config"]}: {found["parameters"] / 1e6:.1f} M '
                f'parameters, {found["flops"] / 1e9:.1f} G multiply-adds '
                f'({parts})'
            )
    return '\n'.join(lines)


def sensitivity_table(result: dict[str, Any]) -> str:
    """Seconds over keypoints and categories, for people."""
    lines = [
        f'{"categories":>10s}{"keypoints":>10s}{"total":>9s}{"enhancer":>10s}'
        f'{"objects":>9s}{"keypoints":>10s}{"peak MB":>9s}'
    ]
    for row in result['sensitivity']:
        seconds = row['measured']['seconds']
        lines.append(
            f'{row["categories"]:10d}{row["keypoints"]:10d}'
            f'{seconds["total"]:9.3f}{seconds["enhancer"]:10.3f}'
            f'{seconds["object decoder"]:9.3f}'
            f'{seconds["keypoint decoder"]:10.3f}'
            f'{row["measured"]["peak_memory"] / 1e6:9.0f}'
        )
    return '\n'.join(lines)


def store(
    args: argparse.Namespace, results: list[dict[str, Any]], command: str
) -> None:
    """Write the figures into the results store, a claim per config."""
    height, width = args.shape
    for result in results:
        measured = Measurement(**result['measured'])
        figures = {
            f'seconds, {stage}': seconds
            for stage, seconds in measured.seconds.items()
        }
        figures['peak memory, MB'] = measured.peak_memory / 1e6
        for row in result.get('sensitivity', []):
            name = f'C = {row["categories"]}, K = {row["keypoints"]}'
            figures[f'seconds, total, {name}'] = row['measured']['seconds'][
                'total'
            ]
        record(
            args.record,
            claim=f'Seconds per picture of {height} x {width} (h x w), '
            f'C = {args.categories}, K = {args.keypoints}, one at a time',
            metrics={name: round(value, 4) for name, value in figures.items()},
            config=result['config'],
            command=command,
            protocol=f'median of {args.repeat} after {args.warm_up} to warm '
            f'up, {torch.get_num_threads()} threads',
            checkpoint=args.checkpoint,
        )


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, print and write what the command line says."""
    args = parse_args(argv)
    with sentences_only():
        first, outputs = profile(args, args.config, args.cfg_options)
        results = [first]
        content = {
            'device': f'{args.device}: {device_name()}',
            'threads': torch.get_num_threads(),
            'versions': {
                'anykeypoint': __version__,
                'torch': torch.__version__,
            },
            'checkpoint_sha256': args.checkpoint
            and file_sha256(args.checkpoint),
            'arguments': vars(args),
            'results': results,
        }
        if args.compare is not None:
            second, others = profile(args, args.compare, {})
            results.append(second)
            content['largest_difference'] = largest_difference(outputs, others)
    print(f'{content["device"]}, {content["threads"]} threads')
    print(table(results))
    if args.compare is not None:
        print(
            f'largest difference of the outputs: '
            f'{content["largest_difference"]}'
        )
    for result in results:
        if args.sensitivity:
            print(f'\n{result["config"]}\n{sensitivity_table(result)}')
    name = f'work_dirs/benchmark/{Path(args.config).stem}.json'
    write_json(Path(args.out or name), content)
    if args.record is not None:
        command = ['python', 'tools/analysis_tools/benchmark.py']
        store(args, results, shlex.join([*command, *(argv or sys.argv[1:])]))
    return content


if __name__ == '__main__':
    main()
