# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Checkpoints know what they were trained to find."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import BaseLoop, Runner
from mmpose.registry import HOOKS

from projects.common.structures import KeypointCategory
from projects.common.utils.learnt import Learnt

#: What ``PromptKeypointMetric`` calls the threshold that it recommends.
THRESHOLD_KEY = 'keypoint/score_thr'


@HOOKS.register_module()
class LearntHook(Hook):
    """Stores categories and the best threshold in every checkpoint.

    The categories are those of the validation data, or of the training data
    where there are none; the threshold is the one that the last validation
    before saving found best, which for the best checkpoint is its own.
    :class:`Learnt` reads them.
    """

    def __init__(self) -> None:
        self.score_thr: float | None = None

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """Remember the threshold, before the best checkpoint is saved."""
        threshold = (metrics or {}).get(THRESHOLD_KEY)
        if threshold is not None and threshold >= 0:
            self.score_thr = float(threshold)

    def before_save_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Write both among the metadata."""
        loop = runner._val_loop
        if not isinstance(loop, BaseLoop):
            loop = runner._train_loop
        records = loop.dataloader.dataset.metainfo.get('categories', ())
        categories = tuple(KeypointCategory(**record) for record in records)
        checkpoint['meta'].update(Learnt(categories, self.score_thr).to_meta())

    def after_load_checkpoint(
        self, runner: Runner, checkpoint: dict[str, Any]
    ) -> None:
        """Go on with what a resumed run knew."""
        if runner._resume:
            self.score_thr = checkpoint.get('meta', {}).get('score_thr')
