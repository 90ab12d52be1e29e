# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Parts of the training engine that mmengine lacks."""

from projects.common.engine.draw_hook import DrawPredictionsHook
from projects.common.engine.learnt_hook import LearntHook
from projects.common.engine.optim_wrapper import CpuAmpOptimWrapper
from projects.common.engine.seed_hook import IterSeedHook

__all__ = [
    'CpuAmpOptimWrapper',
    'DrawPredictionsHook',
    'IterSeedHook',
    'LearntHook',
]
