# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Shared fixtures. Torch is not imported here, so that collecting is quick."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# Before any test module imports mmdet, mmpose, torchvision or transformers.
from projects.common import compat  # noqa: F401

REPO_ROOT = Path(__file__).resolve().parents[1]

# Tests are small: more threads than this only fight over the cores.
os.environ.setdefault('OMP_NUM_THREADS', '2')
# Nothing in a test may ask a network for weights.
os.environ.setdefault('HF_HUB_OFFLINE', '1')


@pytest.fixture(scope='session')
def repo_root() -> Path:
    """The root of the checkout under test."""
    return REPO_ROOT


@pytest.fixture(autouse=True)
def no_default_scope():
    """Forget the registry scope that a test has set."""
    yield
    registry = sys.modules.get('mmengine.registry')
    if registry is not None:
        registry.DefaultScope._instance_dict.clear()


@pytest.fixture
def run_python(tmp_path):
    """Run Python code or a module in a fresh interpreter.

    ``run(code)`` or ``run('-m', 'some.module')``; keyword ``path`` lists the
    folders put on PYTHONPATH (default: the checkout), ``cwd`` the working
    directory (default: an empty folder), ``flags`` interpreter options.
    """

    def run(*args, path=(REPO_ROOT,), cwd=None, flags=(), env=None):
        if len(args) == 1:
            args = ('-c', *args)
        full_env = {**os.environ, **(env or {})}
        full_env['PYTHONPATH'] = os.pathsep.join(map(str, path))
        return subprocess.run(
            [sys.executable, *flags, *args],
            cwd=cwd or tmp_path,
            env=full_env,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run
