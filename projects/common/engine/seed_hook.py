# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Random numbers of the model that do not depend on resuming."""

from mmengine.hooks import Hook
from mmengine.runner import Runner, set_random_seed
from mmpose.registry import HOOKS


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Reseed before every training epoch from (seed, epoch, rank).

    mmengine restores weights, optimiser and schedule on resuming, but no
    random generator; noise drawn by the model would differ.
    """

    def before_train_epoch(self, runner: Runner) -> None:
        """Reseed torch, numpy and random in the main process."""
        set_random_seed(
            runner.seed + 10_000 * (runner.epoch + 1),
            diff_rank_seed=True,
        )
