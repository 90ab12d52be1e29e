# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Writing files completely or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def write_atomically(
    path: str | os.PathLike, suffix: str = '.tmp'
) -> Iterator[Path]:
    """Give a temporary path that takes the place of ``path`` at the end.

    Args:
        path (str | os.PathLike): The file; its folder is made.
        suffix (str): End of the temporary name.

    Yields:
        Path: Where to write. It is removed if the block raises.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=suffix)
    os.close(handle)
    try:
        yield Path(name)
        os.chmod(name, 0o644)  # mkstemp's files are private
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
