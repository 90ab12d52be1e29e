# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Random numbers of the model that do not depend on resuming."""

import random
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS


@HOOKS.register_module()
class IterSeedHook(Hook):
    """Reseed before every training iteration from (seed, iteration, rank).

    mmengine restores weights, optimiser and schedule on resuming, but no
    random generator; noise drawn by the model would differ. Once an epoch
    is not enough: a data loader draws a number when its workers start,
    which happens in the first epoch of a process only.
    """

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Reseed torch, numpy and random in the main process."""
        state = np.random.SeedSequence([runner.seed, runner.iter, get_rank()])
        seed = int(state.generate_state(1)[0])
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
