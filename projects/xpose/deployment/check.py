# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Does an exported file compute what the model computes?"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from .graph import XPoseGraph

#: Of scores, and of coordinates as shares of the picture's longer side.
TOLERANCE = 1e-3
#: Categories, keypoints, and h, w of the picture in units of the least side.
CASES = ((3, 5, 1.5, 2.0), (1, 1, 1.0, 1.0), (2, 17, 2.0, 1.5))
_PIXELS = ('boxes', 'keypoints')

Outputs = Mapping[str, Tensor]


class OnnxModel:
    """An exported ONNX file in onnxruntime on the CPU.

    Args:
        path: The file.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        import onnxruntime  # of the extra "export"

        self.session = onnxruntime.InferenceSession(
            str(path), providers=['CPUExecutionProvider']
        )

    def __call__(self, **inputs: Tensor) -> dict[str, Tensor]:
        """Outputs by name, as :class:`XPoseGraph` returns them."""
        arrays = {name: value.numpy() for name, value in inputs.items()}
        values = self.session.run(None, arrays)
        names = [output.name for output in self.session.get_outputs()]
        return dict(zip(names, map(torch.from_numpy, values)))


def example_inputs(
    graph: XPoseGraph,
    categories: int = 3,
    keypoints: int = 5,
    height: float = 1.5,
    width: float = 2.0,
) -> dict[str, Tensor]:
    """Made-up inputs of a graph, always the same.

    Args:
        graph: Whose inputs.
        categories: C.
        keypoints: K; every category but the first lacks some.
        height: Of the picture, in units of the graph's least side; cut to
            what the model takes and not all of it real.
        width: As ``height``.
    """
    draw = torch.Generator().manual_seed(0)
    sides = [
        int(side * graph.min_side) // graph.divisor * graph.divisor
        for side in (height, width)
    ]
    channels = graph.prompt_width
    counts = torch.randint(
        1, keypoints + 1, (categories, 1), generator=draw
    ).index_fill(0, torch.tensor([0]), keypoints)
    mask = torch.arange(keypoints) < counts
    embeddings = torch.randn(
        categories, 1 + keypoints, channels, generator=draw
    )
    return {
        'image': torch.randint(
            256, (*sides, 3), dtype=torch.uint8, generator=draw
        ),
        'image_size': torch.tensor([sides[1] - 5, sides[0] - 9]),
        'object_embeddings': embeddings[:, 0].contiguous(),
        'keypoint_embeddings': embeddings[:, 1:] * mask[..., None],
        'category_mask': torch.ones(categories, dtype=torch.bool),
        'keypoint_mask': mask,
        'sigmas': torch.full(mask.shape, 0.05),
    }


def compare(
    graph: XPoseGraph, exported: Callable[..., Outputs]
) -> dict[str, float]:
    """Run both on several sizes of the picture and of the prompt.

    Args:
        graph: PyTorch.
        exported: What was written: :class:`OnnxModel`, or the module of a
            ``torch.export`` program, which takes no C or K of 1.

    Returns:
        dict[str, float]: The largest difference by output; of coordinates as
        a share of the picture's longer side. ``detections`` is how many more
        or fewer there are. Detections of nearly the same score may change
        places, so each is compared with the most similar one.
    """
    worst = {}
    for case in CASES:
        if 1 in case[:2] and not isinstance(exported, OnnxModel):
            continue
        inputs = example_inputs(graph, *case)
        side = max(inputs['image_size'].tolist())
        with torch.no_grad():
            expected = _detections(graph(**inputs), side)
            found = _detections(exported(**inputs), side)
        for name, value in _differences(expected, found).items():
            worst[name] = max(worst.get(name, 0.0), value)
    return worst


def _detections(outputs: Outputs, side: int) -> dict[str, Tensor]:
    """Outputs (M, ...) as (M', -1) of real detections, places in 0..1."""
    kept = outputs['scores'] > 0
    rows = {
        name: values.flatten(1) if values.dim() > 1 else values[:, None]
        for name, values in outputs.items()
    }
    return {
        name: values[kept].float() / (side if name in _PIXELS else 1)
        for name, values in rows.items()
    }


def _differences(
    expected: dict[str, Tensor], found: dict[str, Tensor]
) -> dict[str, float]:
    """Of each detection to its nearest in all of its values."""
    counts = len(expected['scores']), len(found['scores'])
    differences = {'detections': float(abs(counts[0] - counts[1]))}
    if 0 in counts:
        return differences
    apart = {
        name: (value[:, None] - found[name]).abs().amax(-1)
        for name, value in expected.items()
    }
    nearest = torch.stack(list(apart.values())).amax(0).argmin(1)
    rows = torch.arange(counts[0])
    return differences | {
        name: value[rows, nearest].max().item()
        for name, value in apart.items()
    }
