# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Writing files so that they are whole or absent."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replacing(path: str | os.PathLike, suffix: str = '.tmp') -> Iterator[Path]:
    """Give a temporary path that takes the place of ``path`` at the end.

    Args:
        path: The file or symbolic link; its folder is made.
        suffix: End of the temporary name.

    Yields:
        Path: Where to write, in the same folder; nothing exists there. It is
        removed if the block raises, and ``path`` stays as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'{path.name}.{os.getpid()}{suffix}')
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: str | os.PathLike, data: bytes) -> None:
    """Write a file, whole or not at all; its folder is made."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a UTF-8 file, whole or not at all; its folder is made."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding='utf-8')


def write_json(path: str | os.PathLike, content: Any) -> None:
    """Write a json file, whole or not at all; its folder is made."""
    write_text(path, json.dumps(content, indent=2) + '\n')
