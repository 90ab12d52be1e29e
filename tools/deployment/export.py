# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
r"""Export X-Pose, without its prompt encoder, as one file.

Examples:
  python tools/deployment/export.py --model xpose_tiny \
      --out xpose_tiny.onnx --check
      for onnxruntime and others; demo/onnx_inference.py runs it
  python tools/deployment/export.py --model xpose_tiny --out xpose_tiny.pt2
      for torch.export.load

Exit codes: 0 written (and the same as PyTorch, with --check), 1 written, but
not the same as PyTorch, 2 wrong arguments or model, nothing written.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.common.apis import AnyKeypointInferencer
from projects.common.engine.launch import sentences_only
from projects.common.prompt_files import model_hash
from projects.common.utils.files import replacing
from projects.xpose.deployment import (
    TOLERANCE,
    OnnxModel,
    XPoseGraph,
    compare,
    example_inputs,
    export_onnx,
    export_program,
    metadata,
)
from projects.xpose.models import XPose

import torch
from mmengine.config import DictAction


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        '--model', help='name in model-index.yml or path of a config'
    )
    parser.add_argument('--weights', help='checkpoint of the model')
    parser.add_argument(
        '--out', required=True, help='file to write: .onnx, or .pt2'
    )
    parser.add_argument(
        '--check',
        action='store_true',
        help='compare the file with PyTorch on the CPU, on several sizes',
    )
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, metavar='KEY=VALUE'
    )
    args = parser.parse_args(argv)
    if args.model is None and args.weights is None:
        parser.error('give --model or --weights')
    if not args.out.endswith(('.onnx', '.pt2')):
        parser.error(f'--out is {args.out}; let it end in .onnx or .pt2')
    return args


def export(args: argparse.Namespace) -> XPoseGraph:
    """Write the file.

    Raises:
        OSError: If a file does not exist or cannot be written.
        ValueError: If the model is none that can be exported.
    """
    inferencer = AnyKeypointInferencer(
        args.model, args.weights, 'cpu', cfg_options=args.cfg_options
    )
    model = inferencer.backend.model
    if not isinstance(model, XPose):
        raise ValueError(
            f'A {type(model).__name__} cannot be exported: only X-Pose can. '
            'PPM learns from the examples of each prompt.'
        )
    graph = XPoseGraph(model)
    notes = metadata(graph, model.cfg, model_hash(model))
    inputs = example_inputs(graph)
    if args.out.endswith('.onnx'):
        export_onnx(graph, inputs, args.out, notes)
    else:
        program = export_program(graph, inputs)
        with replacing(args.out, '.pt2') as temporary:
            torch.export.save(program, temporary, extra_files=notes)
    return graph


def check(graph: XPoseGraph, path: str) -> bool:
    """Print how far the file is from PyTorch; whether that is near enough."""
    if path.endswith('.onnx'):
        exported = OnnxModel(path)
    else:
        exported = torch.export.load(path).module()
    differences = compare(graph, exported)
    for name, value in differences.items():
        print(f'  {name}: {value:.1e}')
    same = all(value < TOLERANCE for value in differences.values())
    print(
        f'{"the same as" if same else "NOT the same as"} PyTorch '
        f'(tolerance {TOLERANCE:g})'
    )
    return same


def main(argv: Sequence[str] | None = None) -> int:
    """Write, and perhaps check; see the exit codes above."""
    args = parse_args(argv)
    with sentences_only():
        graph = export(args)
    print(f'{args.out}: {Path(args.out).stat().st_size / 2**20:.1f} MiB')
    return 0 if not args.check or check(graph, args.out) else 1


if __name__ == '__main__':
    sys.exit(main())
