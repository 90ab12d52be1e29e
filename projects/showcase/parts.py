# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Stages of the demo that come from elsewhere."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class DemoPart:
    """One more stage, whose figures and pictures join the demo's.

    Attributes:
        name: Key of its figures and its seconds in ``summary.json``.
        text: What it does, for the log and the table of stages.
        run: Called with the folders of SynthKPT and of the page; returns
            plain values, and writes pictures below the latter's
            ``pictures/``.
        render: From these values to a piece of HTML, a heading and what is
            below it.
    """

    name: str
    text: str
    run: Callable[[Path, Path], dict[str, Any]]
    render: Callable[[dict[str, Any]], str]
