# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Carries the compatibility hook into a whole environment, where needed.

A script that imports transformers or torchvision before anything of ours
would otherwise fail before our hook is there. ``make env`` runs
``python -m projects.common.compat.startup`` at its end.
"""

import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from .hook import MARKER

PACKAGE = '_anykeypoint_compat'
FILES = ('__init__.py', 'hook.py', 'mmcv_ext.py', 'torchvision_gap.py')

# In a fresh interpreter, without the hook that may be installed already.
CHECK = f"""
import sys
sys.meta_path[:] = [
    f for f in sys.meta_path if getattr(f, 'marker', None) != {MARKER!r}]
import torchvision, mmcv._ext
"""


def site_packages() -> Path:
    """The running interpreter's folder for installed packages."""
    return Path(sysconfig.get_paths()['purelib'])


def is_needed() -> bool:
    """Whether torchvision or ``mmcv._ext`` does not import by itself."""
    with tempfile.TemporaryDirectory() as empty:
        done = subprocess.run(
            [sys.executable, '-c', CHECK],
            cwd=empty,
            capture_output=True,
            check=False,
        )
    return done.returncode != 0


def install(folder: Path) -> None:
    """Copy the hook into a folder of packages and start it from there.

    Args:
        folder (Path): A site-packages folder. Gets the package and a .pth
            file that imports it; nothing refers to this checkout, which may
            be moved or deleted.
    """
    package = folder / PACKAGE
    package.mkdir(exist_ok=True)
    for name in FILES:
        source = Path(__file__).with_name(name).read_text(encoding='utf-8')
        _write(package / name, source)
    _write(folder / f'{PACKAGE}.pth', f'import {PACKAGE}\n')


def remove(folder: Path) -> None:
    """Take out what :func:`install` wrote; nothing happens without it.

    Args:
        folder (Path): A site-packages folder.
    """
    (folder / f'{PACKAGE}.pth').unlink(missing_ok=True)
    for name in FILES:
        (folder / PACKAGE / name).unlink(missing_ok=True)


def is_installed(folder: Path) -> bool:
    """Whether the folder carries the hook.

    Args:
        folder (Path): A site-packages folder.

    Returns:
        bool: True if the .pth file is there.
    """
    return (folder / f'{PACKAGE}.pth').is_file()


def main() -> None:
    """Install or remove the hook for the running interpreter."""
    folder = site_packages()
    if is_needed():
        install(folder)
        print(
            'torchvision or mmcv._ext does not load by itself here: the '
            f'start-up hook is in {folder / PACKAGE}.'
        )
    else:
        remove(folder)
        print('torchvision and mmcv load by themselves: no start-up hook.')


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f'{path.name}.{os.getpid()}.tmp')
    temporary.write_text(text, encoding='utf-8')
    os.replace(temporary, path)


if __name__ == '__main__':
    main()
