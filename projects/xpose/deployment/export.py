# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Write X-Pose as an ONNX file or as a ``torch.export`` program."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from mmengine.config import Config
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from projects.common.utils.files import replacing

from .graph import XPoseGraph

FORMAT = 'anykeypoint.xpose.v1'
OPSET = 17
#: Dimensions that may vary, by input and output.
DYNAMIC = {
    'image': {0: 'height', 1: 'width'},
    'object_embeddings': {0: 'categories'},
    'keypoint_embeddings': {0: 'categories', 1: 'keypoints'},
    'category_mask': {0: 'categories'},
    'keypoint_mask': {0: 'categories', 1: 'keypoints'},
    'sigmas': {0: 'categories', 1: 'keypoints'},
}
_OUTPUTS = {
    name: {1: 'keypoints'}
    for name in ('keypoints', 'keypoint_scores', 'keypoints_visible')
}
_LARGEST = 1024  # of C, K and the sides in units of the divisor


class _Positional(nn.Module):
    """The graph with inputs and outputs in an order instead of names."""

    def __init__(self, graph: XPoseGraph, names: list[str]) -> None:
        super().__init__()
        self.graph = graph
        self.names = names

    def forward(self, *values: Tensor) -> tuple[Tensor, ...]:
        return tuple(self.graph(**dict(zip(self.names, values))).values())


def metadata(graph: XPoseGraph, cfg: Config, identity: str) -> dict[str, str]:
    """What a program has to know to use the exported file.

    Args:
        graph: What is exported.
        cfg: The config of the model, with its test pipeline.
        identity: ``model_hash`` of the model, to which prompts are bound.

    Raises:
        ValueError: If the pipeline does not scale pictures to a size.
    """
    pipeline = cfg.test_dataloader.dataset.pipeline
    scales = [
        step['scale']
        for step in pipeline
        if step['type'].endswith('ResizeKeypoints') and step.get('keep_ratio')
    ]
    if len(scales) != 1:
        raise ValueError(
            'The test pipeline has to hold one ResizeKeypoints with scale '
            'and keep_ratio=True, so that the exported file can say how '
            'large pictures have to be.'
        )
    return {
        'format': FORMAT,
        'identity': identity,
        'scale': json.dumps(list(scales[0])),
        'divisor': str(graph.divisor),
        'min_side': str(graph.min_side),
    }


def export_onnx(
    graph: XPoseGraph,
    inputs: Mapping[str, Tensor],
    path: str | os.PathLike,
    notes: Mapping[str, str],
) -> None:
    """Write an ONNX file of opset 17 with standard operators.

    Args:
        graph: What to export.
        inputs: Example inputs by name; their sizes do not matter.
        path: The file, written whole or not at all.
        notes: Kept in the file as its metadata.

    Raises:
        OSError: If it cannot be written.
    """
    import onnx  # of the extra "export"

    names = list(inputs)
    with _plain_operators():
        outputs = list(graph(**inputs))
        with replacing(path) as temporary:
            torch.onnx.export(
                _Positional(graph, names).eval(),
                tuple(inputs.values()),
                str(temporary),
                # The tracing exporter: a fraction of the time of the other,
                # and sizes of 1 are as dynamic as any.
                dynamo=False,
                opset_version=OPSET,
                input_names=names,
                output_names=outputs,
                dynamic_axes=DYNAMIC
                | {k: v for k, v in _OUTPUTS.items() if k in outputs},
            )
            model = onnx.load(temporary)
            onnx.helper.set_model_props(model, dict(notes))
            onnx.checker.check_model(model)
            onnx.save(model, temporary)


def export_program(
    graph: XPoseGraph, inputs: Mapping[str, Tensor]
) -> ExportedProgram:
    """Make a ``torch.export`` program.

    Args:
        graph: What to export.
        inputs: Example inputs by name, C and K at least 2.

    Returns:
        ExportedProgram: Called with the same names.
    """
    least = graph.min_side // graph.divisor
    sides = {
        axis: graph.divisor * Dim(name, min=least, max=_LARGEST)
        for axis, name in DYNAMIC['image'].items()
    }
    counts = {
        name: Dim(name, max=_LARGEST) for name in ('categories', 'keypoints')
    }
    shapes = {
        name: {axis: counts[size] for axis, size in axes.items()}
        for name, axes in DYNAMIC.items()
        if name != 'image'
    }
    shapes |= {'image': sides, 'image_size': None}
    with _plain_operators():
        return torch.export.export(
            graph,
            (),
            dict(inputs),
            dynamic_shapes={name: shapes[name] for name in inputs},
            strict=False,
            # What always holds, but cannot be proven, is checked by the
            # program instead of refused here.
            prefer_deferred_runtime_asserts_over_guards=True,
        )


@contextmanager
def _plain_operators() -> Iterator[None]:
    """No fused attention, no gradients, no warnings of the tracer.

    And no ``linspace``, whose ends exporters take for constants: mmdet counts
    pixels with it, step by step.
    """
    fused = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with (
            torch.no_grad(),
            patch.object(torch, 'linspace', _count),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter('ignore')
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)


def _count(start: float, end: float, steps: int, **kwargs: Any) -> Tensor:
    """``torch.linspace`` with a step of 1."""
    return torch.arange(steps, **kwargs) + start
