# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Reading single fields of COCO records; nothing is guessed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from numbers import Real
from typing import Any


def whole_number(value: Any) -> int | None:
    """A whole number that may be written as 785, 785.0 or '785'.

    Returns:
        The number, None where the value is none.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            with suppress(ValueError):
                return whole_number(float(value))
    return None


def are_finite(values: Sequence[Any]) -> bool:
    """Whether all are finite numbers; faster than numpy for a few."""
    try:
        return all(map(math.isfinite, values))
    except (TypeError, OverflowError):
        return False


def is_finite_number(value: Any) -> bool:
    """Whether a value is one finite number, True and False excepted."""
    return (
        isinstance(value, Real)
        and not isinstance(value, bool)
        and math.isfinite(value)
    )
