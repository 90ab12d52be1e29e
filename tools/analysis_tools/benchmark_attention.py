# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Speed of the back ends of deformable attention, measured in turns.

Every back end computes the same attention; outputs and gradients are
compared with grid_sample's before anything is timed.
"""

import argparse
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.benchmarks.results.store import device_name
from projects.benchmarks.timing import now
from projects.common.engine.launch import sentences_only
from projects.common.models.layers import BACKENDS, DeformableAttention
from projects.common.utils.files import write_json
from projects.common.version import __version__

import torch
from torch import Tensor

REFERENCE = 'grid_sample'


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument('--device', default='cpu', help='cpu or cuda')
    parser.add_argument(
        '--backends',
        nargs='+',
        choices=BACKENDS[1:],
        default=[REFERENCE, 'embedding_bag'],
        help='"compiled" needs full mmcv',
    )
    parser.add_argument(
        '--shape',
        nargs=2,
        type=int,
        default=[192, 192],
        metavar=('H', 'W'),
        help='picture; its levels have strides 8, 16, 32',
    )
    parser.add_argument('--batch', type=int, default=8)
    parser.add_argument('--embed-dims', type=int, default=128)
    parser.add_argument('--heads', type=int, default=4)
    parser.add_argument('--repeat', type=int, default=9)
    parser.add_argument(
        '--out', default='work_dirs/benchmark/attention.json', help='json file'
    )
    return parser.parse_args(argv)


def make_inputs(args: argparse.Namespace) -> dict[str, Tensor]:
    """Self-attention of all tokens, each at its own place."""
    shapes = [[-(-side // s) for side in args.shape] for s in (8, 16, 32)]
    areas = torch.tensor([h * w for h, w in shapes])
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randn(
        args.batch, int(areas.sum()), args.embed_dims, generator=generator
    )
    centres = [
        torch.cartesian_prod(
            (torch.arange(h) + 0.5) / h, (torch.arange(w) + 0.5) / w
        ).flip(-1)
        for h, w in shapes
    ]
    reference = torch.cat(centres)[None, :, None].expand(args.batch, -1, 3, 2)
    inputs = {
        'query': tokens,
        'value': tokens,
        'reference_points': reference,
        'spatial_shapes': torch.tensor(shapes),
        'level_start_index': areas.cumsum(0) - areas,
    }
    return {name: t.to(args.device) for name, t in inputs.items()}


def run(
    layer: DeformableAttention, inputs: dict[str, Tensor]
) -> tuple[dict[str, float], Tensor, Tensor]:
    """Seconds of forward and backward, the output, a gradient."""
    inputs = {**inputs, 'value': inputs['value'].detach().requires_grad_()}
    start = now()
    output = layer(**inputs)
    middle = now()
    output.square().sum().backward()
    end = now()
    seconds = {'forward': middle - start, 'backward': end - middle}
    return seconds, output.detach(), inputs['value'].grad


def measure(args: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Backend -> medians in seconds and differences from the reference."""
    torch.manual_seed(0)
    layer = DeformableAttention(
        args.embed_dims, args.heads, 3, dropout=0, batch_first=True
    ).to(args.device)
    torch.nn.init.normal_(layer.sampling_offsets.weight, std=0.05)
    inputs = make_inputs(args)
    layer.backend = REFERENCE
    _, output, gradient = run(layer, inputs)
    results, seconds = {}, {}
    for backend in args.backends:
        layer.backend = backend
        _, *found = run(layer, inputs)  # also warms up
        results[backend] = {
            'output_difference': _difference(found[0], output),
            'gradient_difference': _difference(found[1], gradient),
        }
        seconds[backend] = []
    for _ in range(args.repeat):
        for backend in args.backends:
            layer.backend = backend
            seconds[backend].append(run(layer, inputs)[0])
    for backend, runs in seconds.items():
        for part in ('forward', 'backward'):
            results[backend][part] = statistics.median(r[part] for r in runs)
    return results


def _difference(tensor: Tensor, reference: Tensor) -> float:
    """Largest difference relative to the largest value."""
    return ((tensor - reference).abs().max() / reference.abs().max()).item()


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Measure, print and write what the command line says."""
    args = parse_args(argv)
    with sentences_only():
        results = measure(args)
    content = {
        'device': f'{args.device}: {device_name()}',
        'threads': torch.get_num_threads(),
        'versions': {'anykeypoint': __version__, 'torch': torch.__version__},
        'arguments': vars(args),
        'results': results,
    }
    print(f'{content["device"]}, {content["threads"]} threads')
    print(
        f'{"back end":14s}{"forward s":>11s}{"backward s":>12s}{"error":>9s}'
    )
    for backend, row in results.items():
        error = max(row['output_difference'], row['gradient_difference'])
        print(
            f'{backend:14s}{row["forward"]:11.4f}{row["backward"]:12.4f}'
            f'{error:9.0e}'
        )
    write_json(Path(args.out), content)
    return content


if __name__ == '__main__':
    main()
