# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The vocabulary of SynthKPT."""

from __future__ import annotations

from functools import lru_cache

from projects.synthkpt import (
    animal_body,
    animal_face,
    clothes,
    craft,
    face,
    furniture,
    hand,
    human,
    insect,
    vehicle,
)
from projects.synthkpt.base import Shape

_MODULES = (
    human,
    face,
    hand,
    animal_body,
    animal_face,
    insect,
    clothes,
    furniture,
    vehicle,
    craft,
)


@lru_cache(maxsize=1)
def all_shapes() -> tuple[Shape, ...]:
    """Every category; its position decides its COCO id (position + 1)."""
    return tuple(shape for module in _MODULES for shape in module.SHAPES)
