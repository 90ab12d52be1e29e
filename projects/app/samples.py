# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Pictures of SynthKPT to try the page with; they are drawn at its start."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from projects.synthkpt.writer import Task, make_picture

#: Numbers of validation pictures with one whole object: to click, to search.
_PAIRS = {
    'panda face': (296, 371),
    'sailing boat': (267, 646),
    'chair': (620, 914),
    'horse': (242, 329),
    'bicycle': (188, 411),
}


@dataclass(frozen=True)
class Sample:
    """One object in two pictures.

    Attributes:
        name: Of the object.
        example: Path of the picture to click keypoints in.
        query: Path of the picture to find them in.
        box: Box of the object in the example, xyxy pixels.
    """

    name: str
    example: Path
    query: Path
    box: tuple[float, float, float, float]


def make_samples(folder: Path) -> list[Sample]:
    """Draw the pictures, a few seconds.

    Args:
        folder: Where they go; those that are there are kept.
    """
    samples = []
    for name, numbers in _PAIRS.items():
        tasks = [Task(folder, 0, 'val', number) for number in numbers]
        records = [make_picture(task) for task in tasks]
        x, y, width, height = records[0].annotations[0]['bbox']
        paths = [folder / task.file_name for task in tasks]
        box = x, y, x + width, y + height
        samples.append(Sample(name, *paths, box))
    return samples
