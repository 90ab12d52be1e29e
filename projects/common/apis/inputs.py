# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Pictures from files, folders, videos, cameras and arrays."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from projects.common.utils.pictures import as_picture, read_picture

#: Called with what could not be read and the error, to go on without it.
OnError = Callable[[str, Exception], None]

# What container headers say is rounded in some formats.
_FRAME_COUNT_TOLERANCE = 2
# Drawings and moving pictures.
_NOT_READ = ('image/gif', 'image/svg+xml')


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture.

    Attributes:
        image: (h, w, 3) uint8 BGR.
        source: Path of the picture or the video, if any.
        index: Number of the frame, from 0; None for a picture.
        number: Which of the inputs it is, from 0; also of those before it
            that could not be read.
    """

    image: np.ndarray
    source: str | None = None
    index: int | None = None
    number: int = 0


class Video:
    """The frames of a video file or a camera, one after the other.

    Args:
        source: Path of a file, or the number of a camera.

    Attributes:
        name: The path, or "webcam:0".
        fps: Frames per second; 25 where it is not known.
        expected: How many frames the file says it has; None for cameras and
            where it does not say.
        read: How many frames have been read.

    Raises:
        FileNotFoundError: If the file does not exist.
        OSError: If it cannot be opened.
    """

    def __init__(self, source: str | os.PathLike | int) -> None:
        camera = isinstance(source, int)
        self.name = f'webcam:{source}' if camera else str(source)
        if not camera and not Path(source).is_file():
            raise FileNotFoundError(
                f'The video "{source}" does not exist; the path is taken '
                'from the current folder.'
            )
        self._capture = cv2.VideoCapture(source if camera else str(source))
        if not self._capture.isOpened():
            raise OSError(
                f'The camera {source} cannot be opened; is it connected, and '
                'free?'
                if camera
                else f'The video "{source}" cannot be opened: it is cut '
                'short, damaged or of an unknown format; convert it to MP4.'
            )
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if 0 < fps < 1000 else 25.0
        count = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.expected = count if count > 0 and not camera else None
        self.read = 0

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames; the file is closed at the end."""
        try:
            while True:
                there, image = self._capture.read()
                if not there:
                    return
                yield Frame(as_picture(image), self.name, self.read, self.read)
                self.read += 1
        finally:
            self._capture.release()

    def check_complete(self) -> None:
        """Raise OSError if the file ended early; call it after the end."""
        if (
            self.expected is not None
            and self.read < self.expected - _FRAME_COUNT_TOLERANCE
        ):
            raise OSError(
                f'The video "{self.name}" ends after {self.read} of '
                f'{self.expected} frames: it is cut short or damaged. What '
                'was read is done.'
            )


def is_video(path: str | os.PathLike) -> bool:
    """Whether a name is that of a video."""
    kind = mimetypes.guess_type(str(path))[0] or ''
    return kind.startswith('video/')


def camera_number(source: Any) -> int | None:
    """The camera that ``1``, ``'webcam'`` or ``'webcam:1'`` means, else None.

    Raises:
        ValueError: If it is ``'webcam:'`` and no number.
    """
    if isinstance(source, int):
        return source
    if not isinstance(source, str) or source.split(':')[0] != 'webcam':
        return None
    number = source.partition(':')[2] or '0'
    if not number.isdigit():
        raise ValueError(
            f'{source!r} is no camera; write "webcam" or "webcam:1".'
        )
    return int(number)


def _is_picture(name: str) -> bool:
    kind = mimetypes.guess_type(name)[0] or ''
    return kind.startswith('image/') and kind not in _NOT_READ


def list_pictures(folder: str | os.PathLike) -> list[Path]:
    """All pictures in a folder and the folders in it, by name.

    Kinds that OpenCV does not read are left out.

    Raises:
        ValueError: If there is none.
    """
    found = sorted(
        path
        for path in Path(folder).rglob('*')
        if _is_picture(path.name) and path.is_file()
    )
    if not found:
        raise ValueError(
            f'The folder "{folder}" holds no pictures (.jpg, .png, ...); '
            'videos are given one by one.'
        )
    return found


def iterate(inputs: Any, on_error: OnError | None = None) -> Iterator[Frame]:
    """Read pictures one after the other; only one is held at a time.

    Args:
        inputs: A path of a picture, folder or video; the number of a camera
            or "webcam:1"; an array (see :func:`as_picture`); a
            :class:`Video`; or an iterable of paths of pictures and arrays.
        on_error: Called with each picture that cannot be read and with a
            video that ends early, to go on; by default that is an error.

    Raises:
        FileNotFoundError: If something does not exist.
        OSError: If a picture or video cannot be read.
        ValueError: If a folder holds no pictures, or an array is none.
    """
    camera = camera_number(inputs)
    path = isinstance(inputs, (str, os.PathLike))
    if camera is not None or (path and is_video(inputs)):
        inputs = Video(inputs if camera is None else camera)
    if isinstance(inputs, Video):
        return _frames(inputs, on_error)
    if isinstance(inputs, np.ndarray):
        inputs = [inputs]
    elif path:
        folder = Path(inputs).is_dir()
        inputs = list_pictures(inputs) if folder else [inputs]
    return _pictures(inputs, on_error)


def _frames(video: Video, on_error: OnError | None) -> Iterator[Frame]:
    yield from video
    try:
        video.check_complete()
    except OSError as error:
        if on_error is None:
            raise
        on_error(video.name, error)


def _pictures(
    inputs: Iterable[str | os.PathLike | np.ndarray],
    on_error: OnError | None,
) -> Iterator[Frame]:
    for number, item in enumerate(inputs):
        array = isinstance(item, np.ndarray)
        try:
            frame = (
                Frame(as_picture(item), number=number)
                if array
                else Frame(read_picture(item), str(item), number=number)
            )
        except (OSError, ValueError) as error:
            if on_error is None:
                raise
            on_error(f'picture {number}' if array else str(item), error)
            continue
        yield frame
