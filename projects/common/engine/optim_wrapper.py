# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Mixed precision where mmengine has none."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from mmengine.optim import OptimWrapper
from mmpose.registry import OPTIM_WRAPPERS
from torch import nn


@OPTIM_WRAPPERS.register_module()
class CpuAmpOptimWrapper(OptimWrapper):
    """Run the forward pass in bfloat16 on the CPU.

    mmengine's ``AmpOptimWrapper`` insists on an accelerator because it scales
    the loss for float16; bfloat16 has float32's range and needs no scaling.
    """

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Autocast to bfloat16 within the usual context of a step."""
        with (
            super().optim_context(model),
            torch.autocast('cpu', dtype=torch.bfloat16),
        ):
            yield
