# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Where the files that come with the package are."""

from pathlib import Path


def data_root() -> Path:
    """The folder that holds configs/ and model-index.yml.

    Returns:
        Path: The root of the checkout, or inside an installed wheel the
        folder ``projects/common/.mim`` (the name that mim knows).

    Raises:
        FileNotFoundError: If the package was copied without its configs.
    """
    common = Path(__file__).resolve().parents[1]
    for root in (common / '.mim', common.parents[1]):
        if (root / 'configs').is_dir():
            return root
    raise FileNotFoundError(
        f'No folder configs/ beside {common.parent} and none in '
        f'{common / ".mim"}. Work in a clone of the repository, or '
        'install the wheel: pip install --no-deps anykeypoint-*.whl'
    )


def config_root() -> Path:
    """The folder of all configs, in a checkout and installed.

    Returns:
        Path: The folder ``configs`` of :func:`data_root`.
    """
    return data_root() / 'configs'


def find_shipped(path: str | Path) -> Path:
    """A file that a config names, taken from here or from what ships.

    Args:
        path: Absolute, or taken from the current folder, or, if it is not
            there, from :func:`data_root`.
    """
    path = Path(path)
    return path if path.exists() else data_root() / path
