# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The import hook: decides, at import time, whether a gap has to be closed.

This file runs at every start of an environment that carries the start-up
copy, therefore it imports only what Python has loaded by then.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader

TYPE_CHECKING = False  # `from typing import` takes 20 ms of every start
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType
    from typing import Any

MARKER = 'anykeypoint-compat'
EXT_NAME = 'mmcv._ext'
EXT_FILE = os.path.join(
    os.path.dirname(os.path.abspath(__file__)), 'mmcv_ext.py'
)


def _repair_extension(module: ModuleType) -> None:
    from . import torchvision_gap

    torchvision_gap.repair_extension(module)


def _repair_boxes(module: ModuleType) -> None:
    from . import torchvision_gap

    torchvision_gap.repair_boxes(module)


# Modules that run as they are; the function follows and repairs if needed.
REPAIRS: dict[str, Callable[[ModuleType], None]] = {
    'torchvision.extension': _repair_extension,
    'torchvision.ops.boxes': _repair_boxes,
}


class CompatFinder:
    """Meta path finder that closes the gaps named in the package docstring."""

    marker = MARKER

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Find a module that needs care; None leaves it to the others.

        Args:
            name (str): Full module name.
            path (sequence of str, optional): The parent package's path.
            target (module, optional): The module being reloaded.

        Returns:
            ModuleSpec or None: For ``mmcv._ext`` the real one if there is
            one, else ours; for the modules in ``REPAIRS`` the real one,
            repaired after it ran; None for every other module.
        """
        if name != EXT_NAME and name not in REPAIRS:
            return None
        spec = _find_elsewhere(name, path, target)
        if name == EXT_NAME:
            return _fallback_spec() if spec is None else _guard(spec)
        if spec is not None and spec.loader is not None:
            _run_after(spec.loader, REPAIRS[name])
        return spec


def install() -> None:
    """Put the hook first; a hook installed earlier by a copy is replaced."""
    others = [f for f in sys.meta_path if not _is_ours(f)]
    sys.meta_path[:] = [CompatFinder(), *others]
    for name, repair in REPAIRS.items():
        # Left over from an `import torchvision` that failed half way.
        if name in sys.modules:
            repair(sys.modules[name])


def _is_ours(finder: Any) -> bool:
    return getattr(finder, 'marker', None) == MARKER


def _find_elsewhere(
    name: str,
    path: Sequence[str] | None,
    target: ModuleType | None,
) -> ModuleSpec | None:
    for finder in sys.meta_path:
        find_spec = getattr(finder, 'find_spec', None)
        if find_spec is None or _is_ours(finder):
            continue
        spec = find_spec(name, path, target)
        if spec is not None:
            return spec
    return None


def _run_after(loader: Any, repair: Callable[[ModuleType], None]) -> None:
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        execute(module)
        repair(module)

    loader.exec_module = exec_module


def _fallback_spec() -> ModuleSpec:
    loader = SourceFileLoader(EXT_NAME, EXT_FILE)
    spec = ModuleSpec(EXT_NAME, loader, origin=EXT_FILE)
    spec.has_location = True
    return spec


def _guard(spec: ModuleSpec) -> ModuleSpec:
    """Let a real ``mmcv._ext`` load; take ours, loudly, if it cannot."""
    loader: Any = spec.loader
    create, execute = loader.create_module, loader.exec_module
    broken = []

    def create_module(spec: ModuleSpec) -> ModuleType | None:
        try:
            return create(spec)
        except ImportError as error:
            broken.append(error)
            return None

    def exec_module(module: ModuleType) -> None:
        if not broken:
            try:
                execute(module)
                return
            except ImportError as error:
                broken.append(error)
        import warnings

        warnings.warn(
            f'{spec.origin} exists but does not load ({broken[0]}); slower '
            'PyTorch operators are used instead. Reinstall mmcv for the '
            'installed torch, or install mmcv-lite to silence this.',
            RuntimeWarning,
            stacklevel=2,
        )
        fallback = _fallback_spec()
        module.__spec__, module.__file__ = fallback, EXT_FILE
        module.__loader__ = fallback.loader
        fallback.loader.exec_module(module)

    loader.create_module, loader.exec_module = create_module, exec_module
    return spec
