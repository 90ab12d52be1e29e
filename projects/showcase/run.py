# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The stages of the demo, one after the other."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import projects.xpose  # noqa: F401  registers what configs name
from projects.common.engine.launch import quieten
from projects.common.utils.files import write_json, write_text
from projects.showcase.evaluation import evaluate
from projects.showcase.page import main_metrics, render_page
from projects.showcase.parts import DemoPart
from projects.showcase.point_scores import mean_scores
from projects.showcase.prediction import predict_scenes
from projects.showcase.progress import StageLog
from projects.showcase.settings import DemoSettings
from projects.showcase.summary import summarise
from projects.showcase.training import draw_losses, moving_ends, train
from projects.synthkpt.writer import generate

CURVE = 'pictures/loss.svg'


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Make data, train briefly, evaluate, predict, show.'
    )
    parser.add_argument(
        '--reduced', action='store_true', help='the same in small, as CI does'
    )
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('work_dirs/demo'),
        help='folder for everything (default: work_dirs/demo)',
    )
    return parser.parse_args(argv)


def run_demo(
    settings: DemoSettings, parts: Sequence[DemoPart] = ()
) -> dict[str, Any]:
    """Run all stages and write the page.

    Args:
        settings (DemoSettings): The sizes.
        parts (Sequence): Stages after our own.

    Returns:
        dict: What ``summary.json`` holds.
    """
    log, counts = StageLog(total=4 + len(parts)), settings.counts
    with log.stage(
        'data',
        f'SynthKPT: {counts["train"]} training and {counts["val"]} '
        f'validation pictures in {settings.data}',
    ):
        workers = min(os.cpu_count() or 1, 8)
        bar = sys.stderr.isatty()
        generate(settings.data, settings.seed, counts, workers, bar)
    with log.stage(
        'train',
        f'xpose_tiny from scratch, {settings.iterations} iterations or '
        f'{settings.max_train_seconds:.0f} s',
    ):
        training = train(settings)
        print('      loss {:.1f} -> {:.1f}'.format(*_ends(training)))
    with log.stage('evaluate', 'The checkpoint on the validation pictures'):
        evaluation = evaluate(settings, training['checkpoint'])
        print(f'      {evaluation["note"]}')
        for words, value in main_metrics(evaluation['metrics']):
            print(f'      {words:<20} {value:.3f}')
    with log.stage(
        'predict', 'Pictures, asked by words, by example and by both'
    ):
        shown = predict_scenes(settings, evaluation['checkpoint'])
        for state, means in mean_scores(shown).items():
            print(
                f'      {means["count"]:3} keypoints {state:<8} mean score '
                f'{means["score"]:.2f}'
            )
    figures = {}
    for part in parts:
        with log.stage(part.name, part.text):
            figures[part.name] = part.run(settings.data, settings.out)
    summary = summarise(settings, log.seconds, training, evaluation, shown)
    return write_results(settings, {**summary, **figures}, parts)


def _ends(training: dict[str, Any]) -> tuple[float, float]:
    return moving_ends(training['loss'])


def write_results(
    settings: DemoSettings,
    summary: dict[str, Any],
    parts: Sequence[DemoPart] = (),
) -> dict[str, Any]:
    """Write curve, page and summary; each is complete or absent."""
    draw_losses(summary['training']['loss'], settings.out / CURVE)
    write_json(settings.out / 'summary.json', summary)
    page = render_page(summary, CURVE, parts)
    write_text(settings.out / 'index.html', page)
    return summary


def main(
    argv: Sequence[str] | None = None, parts: Sequence[DemoPart] = ()
) -> int:
    """Run the demo.

    Args:
        argv (Sequence, optional): The command line.
        parts (Sequence): Stages after our own.

    Returns:
        int: Exit status: 0, or 1 after an error that is printed as a
        sentence.
    """
    args = parse_args(argv)
    quieten()
    settings = (DemoSettings.reduced if args.reduced else DemoSettings)(
        args.out
    )
    try:
        summary = run_demo(settings, parts)
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    print(
        f'Done in {summary["seconds"]["total"]:.0f} s. Open\n'
        f'  {settings.out / "index.html"}\nAll figures are in\n'
        f'  {settings.out / "summary.json"}'
    )
    return 0
