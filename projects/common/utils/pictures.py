# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Reading a picture that a person named."""

import os
from pathlib import Path

import cv2
import mmcv
import numpy as np


def read_picture(
    path: str | os.PathLike,
    where: str = 'the path is taken from the current folder',
) -> np.ndarray:
    """Read a picture, (H, W, 3) uint8 BGR.

    Turned as its EXIF orientation says; grey, 16 bit, palette and CMYK become
    colour of 8 bit, an alpha channel is dropped.

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
    try:
        image = mmcv.imread(str(path))
    except cv2.error:  # an empty file, or more pixels than OpenCV takes
        image = None
    if image is None:
        raise OSError(
            f'The file "{path}" cannot be read as a picture; convert it to '
            'JPEG or PNG.'
        )
    return image


def as_picture(image: np.ndarray) -> np.ndarray:
    """Bring an array into the form of :func:`read_picture`.

    Args:
        image: (H, W), (H, W, 1), (H, W, 3) BGR or (H, W, 4) BGRA, of uint8 or
            uint16.

    Returns:
        np.ndarray: (H, W, 3) uint8 BGR; the alpha channel is dropped.

    Raises:
        ValueError: If it has another shape or type.
    """
    channels = image.shape[2] if image.ndim == 3 else 1
    if (
        image.ndim not in (2, 3)
        or channels not in (1, 3, 4)
        or 0 in image.shape
        or image.dtype not in (np.uint8, np.uint16)
    ):
        raise ValueError(
            f'The picture is an array of shape {image.shape} and type '
            f'{image.dtype}; give (height, width, 3) in BGR of uint8, '
            'or grey, BGRA or uint16.'
        )
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    if channels == 1:
        return cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_GRAY2BGR)
    return np.ascontiguousarray(image[..., :3])
