# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Everything that the demo measured, in one file."""

import datetime
import platform
from importlib import metadata
from typing import Any

from projects.benchmarks.results.store import device_name
from projects.common.version import __version__
from projects.showcase.point_scores import mean_scores
from projects.showcase.settings import CONFIG, DemoSettings

PACKAGES = (
    'torch',
    'mmengine',
    'mmcv',
    'mmcv-lite',
    'mmdet',
    'mmpose',
    'timm',
    'transformers',
    'diffusers',
    'xtcocotools',
    'opencv-python',
    'opencv-python-headless',
    'numpy',
)


def summarise(
    settings: DemoSettings,
    seconds: dict[str, float],
    training: dict[str, Any],
    evaluation: dict[str, Any],
    predictions: list[dict[str, Any]],
) -> dict[str, Any]:
    """Put the results of the stages together.

    Args:
        settings (DemoSettings): The sizes.
        seconds (dict): By stage.
        training (dict): See ``train``.
        evaluation (dict): See ``evaluate``.
        predictions (list): See ``predict_scenes``.

    Returns:
        dict: What ``summary.json`` holds.
    """
    return {
        'date': datetime.datetime.now().astimezone().isoformat('T', 'seconds'),
        'device': device_name(),
        'versions': versions(),
        'config': f'configs/{CONFIG}',
        'data': {'seed': settings.seed, **settings.counts},
        'seconds': {**seconds, 'total': round(sum(seconds.values()), 1)},
        'training': training,
        'evaluation': evaluation,
        'predictions': predictions,
        'mean_point_scores': mean_scores(predictions),
    }


def versions() -> dict[str, str]:
    """Versions of Python, of this package and of what it stands on."""
    found = {'anykeypoint': __version__, 'python': platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue  # mmcv and OpenCV have two names each
    return found
