# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The models of the page, loaded when they are first asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from projects.common.apis import AnyKeypointInferencer


class Models:
    """Models by name; all users share them.

    Args:
        sources: Of each model (name of the model index,) or (path of a
            config,) or (path of a config, path of a checkpoint).
        device: See :class:`AnyKeypointInferencer`.

    Raises:
        ValueError: If there is none, or two have the same name.
    """

    def __init__(
        self, sources: Sequence[Sequence[str]], device: str | None = None
    ) -> None:
        named = [(Path(source[0]).stem, source) for source in sources]
        self._sources = dict(named)
        if not named or len(self._sources) < len(named):
            raise ValueError(
                'Give at least one model, and each only once: '
                f'{[name for name, _ in named]}.'
            )
        self.device = device
        self._loaded: dict[str, AnyKeypointInferencer] = {}
        self._lock = threading.RLock()

    @property
    def names(self) -> list[str]:
        """What the models are called, the first by default."""
        return list(self._sources)

    @contextmanager
    def using(self, name: str) -> Iterator[AnyKeypointInferencer]:
        """A model; only one thread at a time uses any.

        Raises:
            OSError: If a file of it does not exist.
            ValueError: If the name is unknown or the weights do not fit.
        """
        if name not in self._sources:
            raise ValueError(
                f'There is no model {name!r} here; choose one of '
                f'{", ".join(self.names)}.'
            )
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = AnyKeypointInferencer(
                    *self._sources[name], device=self.device
                )
            yield self._loaded[name]
