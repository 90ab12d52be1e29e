# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Times of several methods on the same pictures, measured in pairs."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

Item = TypeVar('Item')


def paired_medians(
    methods: Mapping[str, Callable[[Item], object]],
    items: Sequence[Item],
    repeat: int,
) -> dict[str, list[float]]:
    """Median milliseconds of each method on each item.

    Every repetition runs all methods on an item one right after the other,
    so that a busy moment of the machine meets all of them. A first round is
    not measured.

    Args:
        methods: Name -> function of an item.
        items: What to run on.
        repeat: Measured rounds, at least one.

    Returns:
        dict: Name -> one median per item.

    Raises:
        ValueError: If ``repeat`` is not positive.
    """
    if repeat < 1:
        raise ValueError(f'repeat is {repeat}; it must be 1 or more.')
    times = {name: [[] for _ in items] for name in methods}
    for number in range(repeat + 1):
        for index, item in enumerate(items):
            for name, method in methods.items():
                start = time.perf_counter()
                method(item)
                if number:
                    seconds = time.perf_counter() - start
                    times[name][index].append(1000 * seconds)
    return {
        name: [statistics.median(rounds) for rounds in rows]
        for name, rows in times.items()
    }
