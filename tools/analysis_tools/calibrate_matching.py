# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
r"""Make the scores of matching probabilities: fit slope and offset.

The score of a keypoint is to be the probability that it is found, that is,
within 0.1 of the box's longer side of its true place. Episodes are drawn of
categories that are not tested:

python tools/analysis_tools/calibrate_matching.py \
    configs/category_agnostic_2d_keypoint/baselines/\
layout_matching_synthkpt-split1_1shot.py \
    --ann-file annotations/synthmp_split1_val.json --shots 1 5
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects import xpose  # noqa: F401  registers what configs name
from projects.common.datasets.episodes import EpisodeDataset
from projects.common.engine import launch
from projects.common.models.baselines import FeatureMatching
from projects.common.utils.argument_types import count

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS, MODELS
from torch import Tensor

_QUERIES = 15
_BINS = 10


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('config', help='config of matching on a data set')
    parser.add_argument(
        '--ann-file',
        required=True,
        help="annotations to draw episodes of, below the data set's root",
    )
    parser.add_argument(
        '--shots',
        nargs='+',
        type=count,
        default=[1],
        help='numbers of shots, which count equally (default: 1)',
    )
    parser.add_argument(
        '--episodes',
        type=count,
        default=40,
        help='episodes of each number of shots (default: 40)',
    )
    return parser.parse_args(argv)


def score(
    model: FeatureMatching, dataset: EpisodeDataset
) -> tuple[Tensor, Tensor]:
    """Scores (n,) of all keypoints of all queries, and which are found."""
    scores, found = [], []
    for rows in dataset.slices:
        items = [dataset[row] for row in rows]
        data = {
            name: [item[name] for item in items]
            for name in ('inputs', 'data_samples')
        }
        for sample in model.test_step(data):
            truth, guess = sample.gt_instances, sample.pred_instances
            counted = torch.as_tensor(sample.episode.support_visible)
            counted = counted & (truth.keypoints_visible[0] > 0).cpu()
            box = truth.bboxes[0].cpu()
            away = guess.keypoints[0] - truth.keypoints[0].cpu()
            near = away.norm(dim=-1) < 0.1 * (box[2:] - box[:2]).max()
            scores.append(guess.keypoint_scores[0][counted])
            found.append(near[counted])
    return torch.cat(scores), torch.cat(found)


def fit(scores: Tensor, found: Tensor) -> tuple[float, float]:
    """Slope and offset of the logistic regression of found on logit(score)."""
    logits = scores.double().logit(eps=1e-6)
    both = torch.stack([logits, torch.ones_like(logits)], 1)
    weights = torch.tensor([1.0, 0.0], dtype=torch.float64)
    for _ in range(20):  # Newton's method
        guess = (both @ weights).sigmoid()
        gradient = both.T @ (found.double() - guess)
        hessian = (both * (guess * (1 - guess))[:, None]).T @ both
        weights = weights + torch.linalg.solve(hessian, gradient)
    return float(weights[0]), float(weights[1])


def calibration_error(scores: Tensor, found: Tensor) -> float:
    """Mean of |score - share of found| over ten bins of scores."""
    bins = (scores * _BINS).long().clamp(max=_BINS - 1)
    return sum(
        float((scores[bins == i] - found[bins == i].float()).sum().abs())
        for i in bins.unique()
    ) / len(scores)


def main(argv: Sequence[str] | None = None) -> None:
    """Fit and print; what is wrong is said in a sentence."""
    args = parse_args(argv)
    launch.quieten()
    with launch.sentences_only():
        cfg = Config.fromfile(args.config)
        init_default_scope(cfg.default_scope)
        cfg.model.calibration = (1.0, 0.0)  # the plain share
        model = MODELS.build(cfg.model).eval()
        settings = cfg.test_dataloader.dataset
        settings.dataset.ann_file = args.ann_file
        measured = {}
        for shots in args.shots:
            settings.episodes = dict(
                shots=shots, queries=_QUERIES, num_episodes=args.episodes
            )
            measured[shots] = score(model, DATASETS.build(settings))
    kept = min(len(scores) for scores, _ in measured.values())
    order = torch.Generator().manual_seed(0)
    parts = [
        (scores[chosen], found[chosen])
        for scores, found in measured.values()
        for chosen in [torch.randperm(len(scores), generator=order)[:kept]]
    ]
    slope, offset = fit(*map(torch.cat, zip(*parts)))
    print(f'calibration=({slope:.3f}, {offset:.3f})')
    for shots, (scores, found) in measured.items():
        now = (slope * scores.logit(eps=1e-6) + offset).sigmoid()
        print(
            f'{shots} shots: {len(scores)} keypoints, found '
            f'{found.float().mean():.3f}, calibration error '
            f'{calibration_error(scores, found):.3f} -> '
            f'{calibration_error(now, found):.3f}'
        )


if __name__ == '__main__':
    main()
