# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Draw what a model predicts while it is evaluated."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mmcv
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS
from mmpose.structures import PoseDataSample


@HOOKS.register_module()
class DrawPredictionsHook(Hook):
    """Write a picture of every prediction, beside the ground truth.

    Pictures of a test run are written to ``out_dir``, those of a validation
    during training to ``out_dir/iter_<n>``.

    Args:
        out_dir: Folder for the pictures.
        interval: Draw every ``interval``-th picture of a process.
        kpt_thr: Keypoints that score less are marked as doubtful.
    """

    def __init__(
        self, out_dir: str, interval: int = 1, kpt_thr: float = 0.3
    ) -> None:
        self.out_dir = Path(out_dir)
        self.interval = interval
        self.kpt_thr = kpt_thr
        self._count = 0

    def before_val_epoch(self, runner: Runner) -> None:
        """Start counting anew."""
        self._count = 0

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[PoseDataSample] = (),
    ) -> None:
        """Draw a batch of a validation."""
        self._draw(runner, outputs, self.out_dir / f'iter_{runner.iter}')

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[PoseDataSample] = (),
    ) -> None:
        """Draw a batch of a test run."""
        self._draw(runner, outputs, self.out_dir)

    def _draw(
        self, runner: Runner, samples: Sequence[PoseDataSample], folder: Path
    ) -> None:
        for sample in samples:
            self._count += 1
            if self._count % self.interval:
                continue
            # The id comes first: pictures of two folders may share a name.
            name = f'{sample.img_id}_{Path(sample.img_path).stem}'
            image = mmcv.imread(sample.img_path, channel_order='rgb')
            runner.visualizer.add_datasample(
                name,
                image,
                sample,
                kpt_thr=self.kpt_thr,
                out_file=str(folder / f'{name}.jpg'),
            )
