# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Saying how far things are, on a terminal and in a log."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner
from tqdm import tqdm


class StageLog:
    """Announces stages and measures them.

    Args:
        total (int): How many there will be.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        #: Seconds by name, of the stages that are over.
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, text: str) -> Iterator[None]:
        """Announce a stage, run the block, say how long it took."""
        number = len(self.seconds) + 1
        print(f'[{number}/{self.total}] {text}', flush=True)
        start = time.perf_counter()
        yield
        self.seconds[name] = round(time.perf_counter() - start, 1)
        print(f'      {self.seconds[name]:.1f} s', flush=True)


class Progress:
    """A bar on a terminal, about ten lines elsewhere.

    Args:
        label (str): What is counted.
        total (int): The last count.
    """

    lines = 10

    def __init__(self, label: str, total: int) -> None:
        self.label, self.total, self._printed = label, total, 0
        self._bar = None
        if sys.stdout.isatty():
            self._bar = tqdm(
                desc=f'      {label}', total=total, ncols=79, file=sys.stdout
            )

    def update(self, done: int, note: str = '') -> None:
        """Show that ``done`` are done."""
        if self._bar is not None:
            self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(done - self._bar.n)
            return
        step = done * self.lines // self.total
        if step > self._printed:
            self._printed = step
            text = f'      {self.label} {done}/{self.total}  {note}'
            print(text.rstrip(), flush=True)

    def close(self) -> None:
        """Leave the bar as it is and go to the next line."""
        if self._bar is not None:
            self._bar.close()


class TrainProgressHook(Hook):
    """Shows the loss and ends the training when its time is over.

    Args:
        max_seconds (float): The time.
    """

    priority = 'VERY_LOW'

    def __init__(self, max_seconds: float) -> None:
        self.max_seconds = max_seconds

    def before_train(self, runner: Runner) -> None:
        """Start the clock."""
        self._start = time.monotonic()
        self._progress = Progress('iteration', runner.max_iters)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict | None = None,
    ) -> None:
        """Show an iteration."""
        loss = float(outputs['loss'].detach())
        self._progress.update(runner.iter + 1, f'loss {loss:.1f}')
        if time.monotonic() - self._start > self.max_seconds:
            runner.train_loop.stop_training = True

    def after_train(self, runner: Runner) -> None:
        """End the bar."""
        self._progress.close()


class TestProgressHook(Hook):
    """Shows how many batches are evaluated."""

    priority = 'VERY_LOW'

    def before_test(self, runner: Runner) -> None:
        """Start counting."""
        self._progress = Progress('batch', len(runner.test_dataloader))

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Any = None,
    ) -> None:
        """Show a batch."""
        self._progress.update(batch_idx + 1)

    def after_test_epoch(
        self, runner: Runner, metrics: dict[str, float] | None = None
    ) -> None:
        """End the bar."""
        self._progress.close()
