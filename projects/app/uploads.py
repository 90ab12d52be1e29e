# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Files that people send: where they may be, and how large."""

from __future__ import annotations

import base64
import binascii
import io
import json
import os
import re
import secrets
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from projects.common.apis import Video
from projects.common.prompt_files import PromptDescription
from projects.common.utils.pictures import read_picture

_FORMATS = ('JPEG', 'PNG', 'WEBP', 'BMP', 'TIFF')
_KEPT_SECONDS = 3600
# Play lists and the like name other files, so only these containers.
_VIDEO_STARTS = (rb'....ftyp', rb'\x1aE\xdf\xa3', rb'RIFF....AVI ')


@dataclass(frozen=True)
class Limits:
    """What is taken at most.

    Attributes:
        megabytes: Of a file.
        megapixels: Of a picture.
        side: Of a picture, pixels.
        pictures: At a time.
        frames: Of a video; those behind are left out.
        keypoints: Of a prompt, all categories together.
    """

    megabytes: int = 32
    megapixels: int = 25
    side: int = 12000
    pictures: int = 20
    frames: int = 300
    keypoints: int = 400


class Workspace:
    """The only folder that the page reads from and writes to.

    Args:
        folder: It is made.
        limits: What is taken at most.
    """

    def __init__(
        self, folder: str | os.PathLike, limits: Limits | None = None
    ) -> None:
        self.folder = Path(folder).resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.limits = limits or Limits()

    def claim(self) -> None:
        """Make it this process's folder of temporary files.

        Call it before Gradio is imported.
        """
        os.environ['TMPDIR'] = tempfile.tempdir = str(self.folder)
        os.environ['GRADIO_TEMP_DIR'] = str(self.folder)

    def inside(self, path: str | os.PathLike) -> Path:
        """The path, links followed, if it is a file of this folder.

        Raises:
            ValueError: If it is not.
        """
        found = Path(path).resolve()
        if not found.is_relative_to(self.folder) or not found.is_file():
            raise ValueError(
                f'"{Path(path).name}" is no uploaded file, or it has been '
                'cleared away; upload it again.'
            )
        size = found.stat().st_size
        if size > self.limits.megabytes * 2**20:
            raise ValueError(
                f'"{found.name}" has {size / 2**20:.1f} MB; files of at most '
                f'{self.limits.megabytes} MB are taken.'
            )
        return found

    def new_file(self, name: str) -> Path:
        """A path for a file to download, in a folder of its own.

        It is cleared away after an hour; Gradio has its copy then.
        """
        made = self.folder / 'made'
        made.mkdir(exist_ok=True)
        for old in made.iterdir():
            if time.time() - old.stat().st_mtime > _KEPT_SECONDS:
                shutil.rmtree(old, ignore_errors=True)
        folder = made / secrets.token_hex(16)
        folder.mkdir()
        return folder / name

    def picture(self, path: str | os.PathLike) -> np.ndarray:
        """Read a picture, (h, w, 3) uint8 BGR, turned as EXIF says.

        Raises:
            ValueError: If it is none, or too large.
        """
        found = self.check_picture(path)
        try:
            return read_picture(found)
        except OSError as error:
            raise ValueError(_no_picture(found.name)) from error

    def check_picture(self, path: str | os.PathLike) -> Path:
        """Look at a picture's header only; errors as :meth:`picture`."""
        found = self.inside(path)
        self._check_size(found, found.name)
        return found

    def _check_size(self, source: Path | io.BytesIO, name: str) -> None:
        try:
            with Image.open(source, formats=_FORMATS) as image:
                width, height = image.size
        except Image.DecompressionBombError as error:
            raise ValueError(self._too_large(name, 'too many')) from error
        except (UnidentifiedImageError, OSError, ValueError) as error:
            raise ValueError(_no_picture(name)) from error
        limits = self.limits
        if (
            width * height > limits.megapixels * 1e6
            or max(width, height) > limits.side
        ):
            raise ValueError(self._too_large(name, f'{width} x {height}'))

    def _too_large(self, name: str, size: str) -> str:
        limits = self.limits
        return (
            f'The picture "{name}" has {size} pixels; at most '
            f'{limits.megapixels} million are taken, and {limits.side} on a '
            'side. Make it smaller.'
        )

    def video(self, path: str | os.PathLike) -> Video:
        """Open a video.

        Raises:
            OSError: If it cannot be read.
            ValueError: If its frames are too large.
        """
        found = self.inside(path)
        with open(found, 'rb') as file:
            start = file.read(16)
        if not any(re.match(s, start, re.DOTALL) for s in _VIDEO_STARTS):
            raise ValueError(
                f'"{found.name}" is no MP4, WebM or AVI video; convert it.'
            )
        capture = cv2.VideoCapture(str(found))
        width, height = (
            int(capture.get(entry))
            for entry in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
        )
        capture.release()
        if width * height > self.limits.megapixels * 1e6:
            raise ValueError(
                self._too_large(found.name, f'{width} x {height}')
            )
        return Video(found)

    def prompt_file(self, path: str | os.PathLike) -> Path:
        """Check a prompt file before it is loaded.

        Raises:
            ValueError: If it is of another kind, or names pictures by path.
        """
        found = self.inside(path)
        if found.suffix not in ('.json', '.safetensors'):
            raise ValueError(
                f'"{found.name}" is no prompt file; those end in .json or '
                '.safetensors.'
            )
        if found.suffix == '.json':
            try:
                content = json.loads(found.read_text(encoding='utf-8'))
            except (ValueError, RecursionError) as error:
                raise ValueError(f'"{found.name}" is no json file.') from error
            for number, value in enumerate(_pictures(content), 1):
                self._check_inner(value, f'{found.name}, example {number}')
        return found

    def _check_inner(self, value: Any, name: str) -> None:
        if not str(value).startswith('data:'):
            raise ValueError(
                f'{name}: the picture is given by a path; here a prompt file '
                'has to hold its pictures. tools/misc/make_prompt.py makes '
                'such a file of yours.'
            )
        try:
            data = base64.b64decode(value.partition(',')[2], validate=True)
        except binascii.Error as error:
            raise ValueError(_no_picture(name)) from error
        self._check_size(io.BytesIO(data), name)

    def check_prompt(self, prompt: PromptDescription) -> None:
        """Raise ValueError if it asks for too much."""
        count = sum(c.num_keypoints for c in prompt.categories)
        if count > self.limits.keypoints:
            raise ValueError(
                f'The prompt asks for {count} keypoints; at most '
                f'{self.limits.keypoints} are taken here.'
            )

    def plain(self, error: Exception) -> str:
        """What an error says, without paths of this machine."""
        folder = re.escape(str(self.folder))
        return re.sub(rf'{folder}(/[^"/]+)*/', '', str(error))


def _pictures(content: Any) -> list[Any]:
    """What a prompt file gives for pictures, if it is one."""
    try:
        return [
            example['picture']
            for category in content['categories']
            for example in category.get('examples') or ()
        ]
    except (KeyError, TypeError, AttributeError):
        return []


def _no_picture(name: str) -> str:
    return f'"{name}" cannot be read as a picture; convert it to JPEG or PNG.'
