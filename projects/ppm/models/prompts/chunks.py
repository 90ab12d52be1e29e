# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Work in chunks that fit into memory."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

import torch
from mmengine.logging import print_log

Result = TypeVar('Result')


class Chunks:
    """Cuts rows into chunks, smaller ones after the memory ran out.

    Args:
        max_batch: Rows in a chunk, at least 1.

    Attributes:
        max_batch: The present size; it stays halved.

    Raises:
        ValueError: If it is less than 1.
    """

    def __init__(self, max_batch: int) -> None:
        if max_batch < 1:
            raise ValueError(
                f'max_batch is {max_batch}; at least one keypoint has to be '
                'computed at a time.'
            )
        self.max_batch = max_batch

    def run(self, count: int, work: Callable[[slice], Result]) -> list[Result]:
        """Call ``work`` with slices that cover ``count`` rows, in order.

        A slice that runs out of memory is tried again with half its rows, so
        ``work`` must have no effects but its result.

        Raises:
            MemoryError: If a single row does not fit.
        """
        results: list[Result] = []
        start = 0
        while start < count:
            stop = min(start + self.max_batch, count)
            failure = None
            try:
                results.append(work(slice(start, stop)))
            except (torch.OutOfMemoryError, RuntimeError) as error:
                if not _is_memory(error):
                    raise
                failure = str(error).split('\n', 1)[0]
            # Outside of the except block, whose traceback holds tensors.
            if failure is None:
                start = stop
            else:
                self._halve(stop - start, failure)
        return results

    def _halve(self, rows: int, failure: str) -> None:
        if rows == 1:
            raise MemoryError(
                'A single keypoint does not fit into memory '
                f'({failure}); choose a smaller size, dtype="float16", or '
                'checkpointing=True.'
            )
        self.max_batch = rows // 2
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        print_log(
            f'Out of memory with {rows} keypoints at a time; going on with '
            f'{self.max_batch} (max_batch).',
            logger='current',
            level=logging.WARNING,
        )


def _is_memory(error: Exception) -> bool:
    """Whether it is about memory; the CPU's allocator has no own class.

    Behind its name, every system has other words.
    """
    return isinstance(error, torch.OutOfMemoryError) or (
        'DefaultCPUAllocator: ' in str(error)
    )
