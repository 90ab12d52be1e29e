# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The folder of a run: named after its config and what was overridden."""

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MAX_SUFFIX = 80
# How a run is carried out; two that differ in nothing else are one experiment.
_OF_NO_CONSEQUENCE = (
    'custom_hooks',
    'data_root',
    'default_hooks',
    'env_cfg',
    'load_from',
    'log_level',
    'log_processor',
    'num_workers',
    'persistent_workers',
    'pin_memory',
    'prefetch_factor',
    'resume',
    'vis_backends',
    'visualizer',
)


def default_work_dir(config: str, options: Mapping[str, Any]) -> str:
    """The work dir of a run for which no other was chosen.

    Args:
        config: Path of the config.
        options: What ``--cfg-options`` gave: dotted keys and values.

    Returns:
        str: ``work_dirs/`` and the name of the config, followed by what
        was overridden, for example
        ``work_dirs/xpose_tiny_photos_lr-0.001_split-2``. Paths and settings
        of loaders and logs are left out; a long name ends in a hash.
    """
    name = '_'.join([Path(config).stem, *_suffix(options)])
    return os.path.join('work_dirs', name)


def _suffix(options: Mapping[str, Any]) -> list[str]:
    parts = sorted(
        {
            f'{key.rpartition(".")[2]}-{_readable(value)}'
            for key, value in options.items()
            if not set(key.split('.')) & set(_OF_NO_CONSEQUENCE)
        }
    )
    text = '_'.join(parts)
    if len(text) <= MAX_SUFFIX:
        return parts
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return [text[: MAX_SUFFIX - len(digest) - 1].rstrip('_-.'), digest]


def _readable(value: Any) -> str:
    """A value in letters, digits, points and hyphens."""
    if isinstance(value, str) and '/' in value:
        value = Path(value).stem
    return re.sub(r'[^A-Za-z0-9.+-]+', '-', str(value)).strip('-.') or 'empty'
