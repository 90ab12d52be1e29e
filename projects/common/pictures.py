# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Reading a picture that a person named."""

import os
from pathlib import Path

import mmcv
import numpy as np


def read_picture(
    path: str | os.PathLike,
    where: str = 'the path is taken from the current folder',
) -> np.ndarray:
    """Read a picture, (H, W, 3) uint8 BGR.

    Args:
        path: The file.
        where: Where it was looked for, for the error.

    Raises:
        FileNotFoundError: If the picture does not exist.
        OSError: If the file is no picture that can be read.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            f'The picture "{path}" does not exist; {where}.'
        )
    image = mmcv.imread(str(path))
    if image is None:
        raise OSError(
            f'The file "{path}" cannot be read as a picture; convert it to '
            'JPEG or PNG.'
        )
    return image
