# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Numbers on a command line: ``add_argument(..., type=share)``."""

import math
from argparse import ArgumentTypeError


def count(text: str) -> int:
    """A number from 1 on.

    Raises:
        ArgumentTypeError: If it is none.
    """
    if not text.isdigit() or int(text) == 0:
        raise ArgumentTypeError(f'{text!r} is not 1, 2, 3, ...')
    return int(text)


def share(text: str) -> float:
    """A number from 0 to 1.

    Raises:
        ArgumentTypeError: If it is none.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise ArgumentTypeError(f'{text!r} is not from 0 to 1')
    return value
