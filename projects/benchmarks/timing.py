# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""How long each part of a prompted model takes, and what it needs.

A run is one random picture, already resized, with C categories of K
keypoints each: picture to predictions in pixels.
"""

import re
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import torch
from mmengine.analysis import FlopAnalyzer
from mmpose.structures import PoseDataSample
from torch import Tensor, nn

from projects.common.structures import KeypointCategory, KeypointPrompt

REST = 'rest'
TOTAL = 'total'
_STATUS = Path('/proc/self/status')
_CLEAR_REFS = Path('/proc/self/clear_refs')


@dataclass(frozen=True)
class Workload:
    """What the model is asked to do.

    Attributes:
        shape (tuple[int, int]): (h, w) of the picture, input pixels.
        categories (int): C.
        keypoints (int): K of every category.
    """

    shape: tuple[int, int]
    categories: int = 1
    keypoints: int = 17

    def data(self) -> dict[str, list]:
        """A batch of one, as a data loader gives it; always the same."""
        generator = torch.Generator().manual_seed(0)
        picture = torch.randint(
            0, 256, (3, *self.shape), generator=generator, dtype=torch.uint8
        )
        sample = PoseDataSample(
            metainfo={
                'img_shape': self.shape,
                'ori_shape': self.shape,
                'scale_factor': (1.0, 1.0),
            }
        )
        sample.prompts = KeypointPrompt.from_categories(
            KeypointCategory(
                f'object {c}',
                tuple(f'keypoint {k}' for k in range(self.keypoints)),
            )
            for c in range(self.categories)
        )
        return {'inputs': [picture], 'data_samples': [sample]}


@dataclass(frozen=True)
class Measurement:
    """Cost of a workload.

    Attributes:
        seconds (dict): Median of each stage, of ``rest`` (what belongs to
            none) and of ``total``.
        spread (tuple): Shortest and longest total, seconds.
        peak_memory (int): Bytes: of the whole process on a CPU, allocated
            by torch on an accelerator.
    """

    seconds: dict[str, float]
    spread: tuple[float, float]
    peak_memory: int


@contextmanager
def timed_stages(
    model: nn.Module, stages: Mapping[str, Sequence[str]]
) -> Iterator[dict[str, float]]:
    """Time methods of a model and of its parts.

    Args:
        model (nn.Module): The model.
        stages (Mapping): Stage -> methods, as paths such as
            ``'decoder.forward_objects'``; no method may call another one.

    Yields:
        dict: Stage -> seconds spent in it since it was last cleared.

    Raises:
        AttributeError: If the model has no such method.
    """
    seconds: dict[str, float] = {}
    owners = []
    try:
        for stage, paths in stages.items():
            for path in paths:
                parent, _, name = path.rpartition('.')
                owner = model.get_submodule(parent)
                method = getattr(owner, name)
                setattr(owner, name, _timed(method, stage, seconds))
                owners.append((owner, name))
        yield seconds
    finally:
        for owner, name in owners:
            delattr(owner, name)  # the class's own method shows again


def measure(
    model: nn.Module,
    workload: Workload,
    stages: Mapping[str, Sequence[str]],
    repeat: int,
    warm_up: int = 1,
) -> Measurement:
    """Run a workload several times.

    Args:
        model (nn.Module): In evaluation mode, on its device.
        workload (Workload): What to run.
        stages (Mapping): See :func:`timed_stages`.
        repeat (int): Measured runs, at least one.
        warm_up (int): Runs before them, at least one: it encodes the words.

    Raises:
        ValueError: If ``repeat`` or ``warm_up`` is not positive.
    """
    if repeat < 1 or warm_up < 1:
        raise ValueError(
            f'repeat is {repeat} and warm_up {warm_up}; both must be 1 at '
            'least.'
        )
    for _ in range(warm_up):
        run(model, workload)
    rows = []
    with timed_stages(model, stages) as seconds, peak_memory() as peak:
        for _ in range(repeat):
            seconds.clear()
            start = now()
            run(model, workload)
            total = now() - start
            row = {stage: seconds.get(stage, 0.0) for stage in stages}
            rows.append({**row, REST: total - sum(row.values()), TOTAL: total})
    totals = [row[TOTAL] for row in rows]
    return Measurement(
        {s: statistics.median(row[s] for row in rows) for s in rows[0]},
        (min(totals), max(totals)),
        peak[0],
    )


@torch.inference_mode()
def run(model: nn.Module, workload: Workload) -> PoseDataSample:
    """One picture through preprocessor and model."""
    data = model.data_preprocessor(workload.data(), False)
    return model(**data, mode='predict')[0]


@torch.inference_mode()
def raw_outputs(model: nn.Module, workload: Workload) -> tuple[Tensor, ...]:
    """The model's tensors before post-processing."""
    data = model.data_preprocessor(workload.data(), False)
    return model(**data, mode='tensor')


@contextmanager
def peak_memory() -> Iterator[list[int]]:
    """Measure the largest memory in use during the block, bytes.

    Yields:
        list[int]: Gets one entry at the end of the block.
    """
    peak: list[int] = []
    if torch.cuda.is_initialized():
        torch.cuda.reset_peak_memory_stats()
        yield peak
        peak.append(torch.cuda.max_memory_allocated())
        return
    if _CLEAR_REFS.exists():
        _CLEAR_REFS.write_text('5')  # Linux: forget the peak so far
    yield peak
    peak.append(_peak_of_process())


def complexity(model: nn.Module, workload: Workload) -> dict[str, Any]:
    """Parameters and operations of a model, counted by mmengine.

    Args:
        model (nn.Module): In evaluation mode.
        workload (Workload): What to trace.

    Returns:
        dict: ``parameters``, ``trainable``, ``flops`` (multiply-adds) and
        ``flops_by_part`` of the model's direct children. Operators without
        a rule (sampling, sorting) count as zero and are listed in
        ``not_counted``.
    """
    data = model.data_preprocessor(workload.data(), False)
    wrapped = _TensorsOnly(model, data['data_samples']).eval()
    with torch.inference_mode():
        analyzer = FlopAnalyzer(wrapped, (data['inputs'],))
        analyzer.unsupported_ops_warnings(False)
        analyzer.uncalled_modules_warnings(False)
        analyzer.tracer_warnings('none')
        by_module = analyzer.by_module()
        not_counted = analyzer.unsupported_ops()
    return {
        'parameters': sum(p.numel() for p in model.parameters()),
        'trainable': sum(
            p.numel() for p in model.parameters() if p.requires_grad
        ),
        'flops': by_module[''],
        'flops_by_part': {
            name: by_module[f'model.{name}']
            for name, _ in model.named_children()
            if by_module[f'model.{name}']
        },
        'not_counted': dict(sorted(not_counted.items())),
    }


class _TensorsOnly(nn.Module):
    """A model as a function of its picture alone, which can be traced."""

    def __init__(
        self, model: nn.Module, data_samples: list[PoseDataSample]
    ) -> None:
        super().__init__()
        self.model = model
        self.data_samples = data_samples

    def forward(self, inputs: Tensor) -> tuple[Tensor, ...]:
        return self.model(inputs, self.data_samples, mode='tensor')


def _timed(
    method: Callable[..., Any], stage: str, seconds: dict[str, float]
) -> Callable[..., Any]:
    @wraps(method)
    def call(*args, **kwargs) -> Any:
        start = now()
        try:
            return method(*args, **kwargs)
        finally:
            seconds[stage] = seconds.get(stage, 0.0) + now() - start

    return call


def now() -> float:
    """Seconds, when all work given to an accelerator is done."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
    return time.perf_counter()


def _peak_of_process() -> int:
    if _STATUS.exists():
        found = re.search(r'VmHWM:\s+(\d+) kB', _STATUS.read_text())
        if found:
            return int(found[1]) * 1024
    import resource  # not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
