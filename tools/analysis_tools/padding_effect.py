# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""How far the padding of a mixed batch moves the predictions.

Pictures of different sizes are padded to the largest of their batch, and
the backbone sees the padding. Each batch of the test set is predicted
together and picture by picture; detections of the same category are paired
by their boxes.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import projects.xpose  # noqa: F401  registers what configs name
from projects.benchmarks.results.store import record
from projects.common.engine.launch import sentences_only
from projects.xpose.apis import init_model

import numpy as np
import torch
from mmdet.structures.bbox import bbox_overlaps
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS, init_default_scope
from mmengine.structures import InstanceData
from scipy.optimize import linear_sum_assignment

PAIRED_IOU = 0.5


@dataclass
class Moved:
    """How far the detections of a picture moved.

    Attributes:
        scores: |difference| of each pair's scores.
        keypoints: Mean distance of each pair's keypoints, in units of the
            longer side of the box.
        lost: Detections without a partner.
    """

    scores: list[float] = field(default_factory=list)
    keypoints: list[float] = field(default_factory=list)
    lost: int = 0


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='its weights')
    parser.add_argument('--pictures', type=int, default=64)
    parser.add_argument('--batch-size', type=int, default=8)
    parser.add_argument(
        '--score-thr',
        type=float,
        default=0.3,
        help='look at detections above it, of the pictures alone',
    )
    parser.add_argument('--device', help='an accelerator if not given')
    parser.add_argument(
        '--record', help='results file, see docs/results/README.md'
    )
    return parser.parse_args(argv)


def compare(
    alone: InstanceData, batched: InstanceData, score_thr: float, moved: Moved
) -> None:
    """Pair the detections of one picture and note how far they moved.

    Args:
        alone: ``pred_instances`` of the picture predicted alone.
        batched: Those of the same picture in a batch.
        score_thr: Detections of ``alone`` above it are looked for.
        moved: Takes the result.
    """
    alone = alone[alone.scores > score_thr]
    overlap = bbox_overlaps(alone.bboxes, batched.bboxes)
    overlap[alone.labels[:, None] != batched.labels] = 0
    pairs = linear_sum_assignment(overlap.numpy(), maximize=True)
    found = [(i, j) for i, j in zip(*pairs) if overlap[i, j] > PAIRED_IOU]
    moved.lost += len(alone) - len(found)
    for i, j in found:
        one, other = alone[int(i)], batched[int(j)]
        moved.scores.append((one.scores - other.scores).abs().item())
        x1, y1, x2, y2 = one.bboxes[0].tolist()
        real = one.keypoint_mask[0]
        # Padded slots: one batch may hold more of them than another.
        first, second = (
            found.keypoints[0, : len(real)] for found in (one, other)
        )
        distance = (first - second).norm(dim=-1)[real].mean()
        moved.keypoints.append(distance.item() / max(x2 - x1, y2 - y1))


def measure(args: argparse.Namespace) -> dict[str, float]:
    """The figures of all pictures."""
    cfg = Config.fromfile(args.config)
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    model = init_model(cfg, args.checkpoint, args.device)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    items = [dataset[i] for i in range(min(args.pictures, len(dataset)))]
    moved = Moved()
    for start in range(0, len(items), args.batch_size):
        batch = items[start : start + args.batch_size]
        for alone, batched in zip(
            [predict(model, [item])[0] for item in batch],
            predict(model, batch),
            strict=True,
        ):
            compare(alone, batched, args.score_thr, moved)
    if not moved.scores:
        raise ValueError(
            f'No detection scores above {args.score_thr} in '
            f'{len(items)} pictures; lower --score-thr.'
        )
    return {
        'detections': len(moved.scores) + moved.lost,
        'not found again': moved.lost,
        'score, median': float(np.median(moved.scores)),
        'score, largest': max(moved.scores),
        'keypoints / box side, median': float(np.median(moved.keypoints)),
        'keypoints / box side, largest': max(moved.keypoints),
    }


@torch.inference_mode()
def predict(
    model: torch.nn.Module, items: list[dict[str, Any]]
) -> list[InstanceData]:
    """``pred_instances`` of one batch, on the CPU."""
    data = pseudo_collate(
        [
            {**item, 'data_samples': item['data_samples'].clone()}
            for item in items
        ]
    )
    return [sample.pred_instances.cpu() for sample in model.test_step(data)]


def main(argv: Sequence[str] | None = None) -> dict[str, float]:
    """Measure, print and record what the command line says."""
    args = parse_args(argv)
    with sentences_only():
        figures = measure(args)
    for name, value in figures.items():
        print(f'{name:32s}{value:8.4g}')
    if args.record is not None:
        command = ['python', 'tools/analysis_tools/padding_effect.py']
        record(
            args.record,
            claim='How far padding moves the predictions of mixed batches',
            metrics={name: round(v, 4) for name, v in figures.items()},
            config=args.config,
            checkpoint=args.checkpoint,
            protocol=f'batches of {args.batch_size} against one by one; '
            f'{args.pictures} pictures, detections above {args.score_thr}, '
            f'paired at IoU > {PAIRED_IOU}',
            command=shlex.join([*command, *(argv or sys.argv[1:])]),
        )
    return figures


if __name__ == '__main__':
    main()
