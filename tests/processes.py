# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The launch scripts of tools/, run as a user runs them."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from tests.conftest import REPO_ROOT


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def run_script(script: str, *argv: object, cwd: Path) -> None:
    """Run a script of tools/ with this Python; it has to succeed."""
    result = subprocess.run(
        ['bash', str(REPO_ROOT / 'tools' / script), *map(str, argv)],
        env={
            **os.environ,
            'PYTHON': sys.executable,
            'PORT': str(free_port()),
            'OMP_NUM_THREADS': '1',
        },
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=300,
    )
    # The end tells why; a log of the config comes before it.
    said = (result.stdout[-2000:] + result.stderr[-4000:]).strip()
    assert result.returncode == 0, said
