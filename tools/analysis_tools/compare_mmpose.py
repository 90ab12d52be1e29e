# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Train mmpose's models and our small one on one budget and compare them.

Two sets of SynthKPT with 17 keypoints (persons, animals); OKS AP by one
metric, latency as the number of objects grows, size and training time.

python tools/analysis_tools/compare_mmpose.py --iterations 1000
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.benchmarks.comparison import (
    Crowd,
    best_boxes,
    crowded_pictures,
    fixed_keypoint_set,
    largest_objects,
    paired_medians,
    score_results,
)
from projects.benchmarks.results import record
from projects.common.datasets.coco import MAKE_SYNTHKPT
from projects.common.engine.launch import sentences_only
from projects.common.structures import KeypointCategory, KeypointPrompt
from projects.common.utils.argument_types import count
from projects.common.utils.checkpoints import load_weights
from projects.common.utils.files import write_json, write_text
from projects.xpose.apis import init_model, predict

import mmpose.apis
import torch

ROOT = Path(__file__).resolve().parents[2]
ANNOTATIONS = ROOT / 'data/synthkpt/annotations'
#: Set -> (the category whose keypoints are the list, name of the category).
SETS = {'human': ('person', 'person'), 'animal': ('dog', 'animal')}
OURS = 'xpose_tiny'
TOP_DOWN = ('rtmpose-t', 'simplebaseline-r18', 'simplebaseline-lite0')
MODELS = {
    OURS: 'X-Pose tiny, by text',
    'rtmpose-t': 'RTMPose-t',
    'simplebaseline-r18': 'SimpleBaseline, ResNet-18',
    'simplebaseline-lite0': 'SimpleBaseline, EfficientNet-Lite0',
    'rtmo-s': 'RTMO-s',
}
#: Models that start from ImageNet weights; mmpose's own are downloads.
PRETRAINED = (OURS, 'simplebaseline-lite0')
GIVEN, DETECTED = 'ground-truth boxes', "X-Pose tiny's boxes"
MAX_BOXES = 10


@dataclass(frozen=True)
class Run:
    """A model on a set of data.

    Attributes:
        name: A key of ``MODELS``.
        data: A key of ``SETS``.
        work_dir: Folder of checkpoints and results.
        iterations: The budget.
    """

    name: str
    data: str
    work_dir: Path
    iterations: int

    @property
    def config(self) -> Path:
        """The config, from the root of the repository."""
        return Path(
            f'configs/fixed_2d_keypoint/{self.data}/{self.name}_synthkpt.py'
        )

    @property
    def folder(self) -> Path:
        """Where this run writes."""
        return self.work_dir / f'{self.data}_{self.name}'

    @property
    def checkpoint(self) -> Path:
        """The weights after the last iteration."""
        return self.folder / f'iter_{self.iterations}.pth'


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__.splitlines()[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        '--iterations',
        type=count,
        default=1000,
        help='budget of each model, of 16 pictures or objects',
    )
    parser.add_argument('--sets', nargs='+', choices=[*SETS], default=[*SETS])
    parser.add_argument(
        '--models',
        nargs='+',
        choices=[*MODELS],
        default=[*MODELS],
        help=f'to compare with {OURS}, which is always there: it finds the '
        'boxes',
    )
    parser.add_argument(
        '--repeat', type=count, default=7, help='rounds of timing'
    )
    parser.add_argument(
        '--work-dir', type=Path, default=Path('work_dirs/compare_mmpose')
    )
    parser.add_argument(
        '--record',
        type=Path,
        default=Path('docs/results/compare_mmpose.json'),
        help='results file',
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Make the data, train, evaluate, time, store and print."""
    args = parse_args(argv)
    command = shlex.join(
        ['python', 'tools/analysis_tools/compare_mmpose.py']
        + [*(sys.argv[1:] if argv is None else argv)]
    )
    names = list(dict.fromkeys([OURS, *args.models]))
    # All that can be refused is, before hours of training.
    with sentences_only():
        truths = {data: make_set(data) for data in args.sets}
    for data, truth in truths.items():
        runs = [
            Run(name, data, args.work_dir.resolve(), args.iterations)
            for name in names
        ]
        rows = compare(runs, truth, args.repeat)
        for label, run, figures in rows:
            record(
                args.record,
                claim=f'{MODELS[run.name]}{label}, {data}',
                metrics=figures,
                config=str(run.config),
                command=command,
                protocol=protocol(run, truth, label, args.repeat),
                checkpoint=str(run.checkpoint),
                data=str(ANNOTATIONS / f'fixed_{data}_val.json'),
                root=ROOT,
            )
        print(table(data, rows))


def make_set(data: str) -> dict[str, Any]:
    """Write the training and validation file of a set.

    Returns:
        dict: The validation file.

    Raises:
        FileNotFoundError: If SynthKPT has not been made.
        ValueError: If its validation pictures show fewer than ten objects.
    """
    fixed = {}
    for split in ('train', 'val'):
        source = ANNOTATIONS / f'synthkpt_{split}.json'
        if not source.is_file():
            raise FileNotFoundError(f'There is no {source}. {MAKE_SYNTHKPT}')
        content = json.loads(source.read_text(encoding='utf-8'))
        fixed = fixed_keypoint_set(content, *SETS[data])
        target = ANNOTATIONS / f'fixed_{data}_{split}.json'
        write_text(target, json.dumps(fixed))
    largest_objects(fixed)  # those that models are timed on
    return fixed


def compare(
    runs: Sequence[Run], truth: dict[str, Any], repeat: int
) -> list[tuple[str, Run, dict[str, float]]]:
    """Train, evaluate and time the runs, ours first.

    Returns:
        list: (what is said after the model's name, run, figures).
    """
    seconds = {run.name: train(run) for run in runs}
    boxes = runs[0].folder / 'boxes.json'
    found = test(runs[0])
    write_json(boxes, best_boxes(found, MAX_BOXES))
    latencies = time_models(runs, truth, repeat)
    rows = []
    for run in runs:
        ways = {'': None}
        if run.name in TOP_DOWN:
            ways = {f', {GIVEN}': None, f', {DETECTED}': boxes}
        for label, box_file in ways.items():
            results = found if run.name == OURS else test(run, box_file)
            times = latencies[run.name]
            if box_file:
                times = latencies[f'{run.name}, detected']
            figures = {
                **score_results(truth, results),
                **{f'ms, N = {n}': ms for n, ms in enumerate(times, 1)},
                'million parameters': parameters(run),
                'seconds of training': seconds[run.name],
            }
            rows.append((label, run, figures))
    return rows


def train(run: Run) -> float:
    """Train a model with tools/train.py; a finished one is not repeated.

    Returns:
        float: Wall-clock seconds, with the start of the process.
    """
    clock = run.folder / f'seconds_{run.iterations}.json'
    if not (clock.is_file() and run.checkpoint.is_file()):
        start = time.perf_counter()
        call(run, 'tools/train.py', str(run.config), '--no-validate')
        write_json(clock, time.perf_counter() - start)
    return json.loads(clock.read_text())


def test(run: Run, boxes: Path | None = None) -> list[dict[str, Any]]:
    """Results of a model, from tools/test.py, in COCO's form."""
    if boxes is not None and not json.loads(boxes.read_text()):
        return []  # nothing was detected
    prefix = run.folder / ('detected' if boxes else 'results')
    options = [f'test_evaluator.outfile_prefix={prefix}']
    if boxes is not None:
        options.append(f'test_dataloader.dataset.bbox_file={boxes}')
    call(
        run,
        *('tools/test.py', str(run.config), str(run.checkpoint)),
        *('--cfg-options', *options),
    )
    return json.loads(
        prefix.with_name(f'{prefix.name}.keypoints.json').read_text()
    )


def call(run: Run, *words: str) -> None:
    """Run one of our tools on a run's budget and in its folder."""
    subprocess.run(
        [sys.executable, *words, '--work-dir', str(run.folder)],
        cwd=ROOT,
        env={**os.environ, 'COMPARE_ITERATIONS': str(run.iterations)},
        check=True,
    )


def time_models(
    runs: Sequence[Run], truth: dict[str, Any], repeat: int
) -> dict[str, list[float]]:
    """Milliseconds per picture with 1 to 10 objects, of each run.

    Top-down models are timed on given boxes; ``NAME, detected`` adds the
    time of our detector.
    """
    methods = {run.name: method(run, truth) for run in runs}
    crowds = crowded_pictures(truth, ROOT / 'data/synthkpt')
    times = paired_medians(methods, crowds, repeat)
    for run in runs:
        if run.name in TOP_DOWN:
            pairs = zip(times[run.name], times[OURS])
            times[f'{run.name}, detected'] = [a + b for a, b in pairs]
    return times


def method(run: Run, truth: dict[str, Any]) -> Callable[[Crowd], object]:
    """A trained model as a function of a picture."""
    config, weights = str(ROOT / run.config), str(run.checkpoint)
    if run.name == OURS:
        category = KeypointCategory.from_coco(truth['categories'][0])
        prompt = KeypointPrompt.from_categories([category])
        model = init_model(config, weights, 'cpu')
        return lambda crowd: predict(model, crowd.picture, prompt)
    model = mmpose.apis.init_model(config, weights, device='cpu')
    if run.name in TOP_DOWN:
        return lambda crowd: mmpose.apis.inference_topdown(
            model, crowd.picture, crowd.boxes
        )
    return lambda crowd: mmpose.apis.inference_bottomup(model, crowd.picture)


def parameters(run: Run) -> float:
    """Millions of parameters in a checkpoint, frozen ones as well.

    The sentence encoder is not in it: it runs once per prompt.
    """
    return (
        sum(
            value.numel()
            for name, value in load_weights(str(run.checkpoint)).items()
            if value.is_floating_point() and 'running_' not in name
        )
        / 1e6
    )


def protocol(run: Run, truth: dict[str, Any], label: str, repeat: int) -> str:
    """What the figures of a row depend on."""
    things = 'objects' if run.name in TOP_DOWN else 'pictures'
    start = 'ImageNet' if run.name in PRETRAINED else 'random'
    return '; '.join(
        [
            f'{run.iterations} iterations of 16 {things}, {start} weights at '
            f'the start{label}',
            f'OKS AP over the {len(truth["images"])} validation pictures with '
            f'such an object ({", ".join(truth["info"]["categories"])})',
            'time: picture to keypoints, 480 x 384 pixels with 1 to 10 '
            f'objects, median of {repeat} rounds, {torch.get_num_threads()} '
            'threads; boxes count with the time of their detector, if any',
        ]
    )


def table(data: str, rows: Sequence[tuple[str, Run, dict[str, float]]]) -> str:
    """The comparison, for people."""
    names = ('keypoint/AP', 'keypoint/AP50', 'ms, N = 1', 'ms, N = 10')
    names += ('million parameters', 'seconds of training')
    lines = [f'{data:56s}' + ''.join(f'{name:>20s}' for name in names)]
    for label, run, figures in rows:
        cells = ''.join(f'{figures[name]:20.3f}' for name in names)
        lines.append(f'{MODELS[run.name] + label:56s}{cells}')
    return '\n'.join(lines)


if __name__ == '__main__':
    main()
