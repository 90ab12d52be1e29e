# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The metrics of a checkpoint on the demo's validation pictures."""

import shutil
from pathlib import Path
from typing import Any

from mmengine.runner import Runner

from projects.common.utils.checkpoints import check_compatible, file_sha256
from projects.showcase.progress import TestProgressHook
from projects.showcase.settings import (
    CHECKPOINT,
    DemoSettings,
    demo_config,
    shipped_checkpoint,
)


def choose_checkpoint(trained: str) -> tuple[Path, str]:
    """The shipped checkpoint, or the one just trained without it.

    Args:
        trained (str): Path of the weights trained by the demo.

    Returns:
        tuple[Path, str]: The checkpoint, and a sentence about it.
    """
    shipped = shipped_checkpoint()
    if shipped.is_file():
        return shipped, (
            f'The shipped checkpoint, {CHECKPOINT}; how it was trained is in '
            f'{Path(CHECKPOINT).with_suffix(".md")}.'
        )
    return Path(trained), (
        f'There is no {CHECKPOINT} here, so the weights of the short training '
        'above are used; they find next to nothing. Restore the file (git '
        f'checkout {CHECKPOINT}) and run the demo again.'
    )


def evaluate(settings: DemoSettings, trained: str) -> dict[str, Any]:
    """Evaluate the shipped checkpoint.

    Args:
        settings (DemoSettings): The sizes.
        trained (str): Path of the weights trained by the demo, which stand
            in if the shipped ones are missing.

    Returns:
        dict: ``checkpoint``, ``sha256``, ``shipped`` (whether it is the
        shipped one), ``note`` and ``metrics``.

    Raises:
        ValueError: If the checkpoint does not fit the config.
    """
    checkpoint, note = choose_checkpoint(trained)
    cfg = demo_config(settings, 'test')
    shutil.rmtree(cfg.work_dir, ignore_errors=True)
    runner = Runner.from_cfg(cfg)
    check_compatible(runner.model, str(checkpoint))
    runner.register_hook(TestProgressHook())
    metrics = runner.test()
    return {
        'checkpoint': str(checkpoint),
        'sha256': file_sha256(checkpoint),
        'shipped': checkpoint == shipped_checkpoint(),
        'note': note,
        'metrics': {key: round(v, 4) for key, v in metrics.items()},
    }
