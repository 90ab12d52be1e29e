# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""A split for sets that have none of their own."""

HOLD_OUT_EVERY = 5


def held_out(index: int) -> bool:
    """Whether the picture of this index, counted from 0, validates.

    Every fifth does, as with the converters of other labelling tools.
    """
    return index % HOLD_OUT_EVERY == HOLD_OUT_EVERY - 1
