# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Checking the pictures that a COCO file names: place, readability, size."""

from __future__ import annotations

import os
import random
import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from PIL import Image

from projects.common.datasets.coco.report import CocoReport, shown
from projects.common.utils.pictures import read_picture

#: Of more pictures than this a sample of so many is opened.
MAX_OPENED = 3000

_BY_NAME = (
    'file names that are no path below the picture folder: found there by '
    'their last part'
)
_ORIENTATION = 0x0112  # EXIF tag
_QUARTER_TURNS = (5, 6, 7, 8)

Record = dict[str, Any]


@dataclass(frozen=True)
class PictureSize:
    """Size of a picture in its file.

    Attributes:
        width: Pixels, as stored.
        height: Pixels, as stored.
        orientation: Of EXIF; 5 to 8 are quarter turns.
    """

    width: int
    height: int
    orientation: int = 1

    @property
    def turned(self) -> bool:
        """Whether EXIF turns the picture by a quarter."""
        return self.orientation in _QUARTER_TURNS

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height as people, and this project, see it."""
        size = self.width, self.height
        return size[::-1] if self.turned else size


def check_pictures(
    images: Sequence[Record],
    folder: str | os.PathLike,
    report: CocoReport,
    must_exist: bool = True,
    max_opened: int = MAX_OPENED,
) -> None:
    """Find every picture and compare its size with the file's.

    URLs, absolute paths and paths of another machine are looked for by their
    last part anywhere below the folder; where just one picture has it,
    ``file_name`` is replaced in place. Headers only are read, so a picture
    that is cut short may pass.

    Args:
        images: Image records that are checked themselves.
        folder: Where ``file_name`` starts from.
        report: Where changes and faults go.
        must_exist: Whether missing and unreadable pictures are faults; the
            rest is checked in any case.
        max_opened: Of more pictures a sample of so many is opened, always
            the same; the place of all is checked.
    """
    finder = _Finder(Path(folder))
    found = []
    for image in images:
        name, problem = finder.find(image['file_name'])
        if name is None:
            if must_exist:
                place = f'image {image["id"]}'
                known = finder.knows(image['file_name'])
                kind = 'several places' if known else 'missing'
                report.refuse(kind, place, problem)
            continue
        if name != image['file_name']:
            image['file_name'] = name
            report.mend(_BY_NAME, f'image {image["id"]}')
        found.append(image)
    if len(found) > max_opened:
        found = random.Random(0).sample(found, max_opened)
    for image in found:
        _check_size(image, finder.folder, report, must_exist)


class _Finder:
    """Finds pictures below a folder, which is listed when needed.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._by_name: dict[str, list[str]] | None = None

    def find(self, written: str) -> tuple[str | None, str]:
        """Where a picture is.

        Returns:
            Its path below the folder and '', or None and what is wrong.
        """
        if os.path.isfile(self.folder / written):
            return written, ''
        last = last_part(written)
        places = self._listed().get(last, [])
        if len(places) == 1:
            return places[0], ''
        if places:
            return None, (
                f'names the picture {shown(written)}, and {last} is in '
                f'several places: {", ".join(sorted(places)[:3])}; write the '
                f'path below {self.folder} under file_name'
            )
        return None, (
            f'names the picture {shown(written)}, which is not below '
            f'{self.folder}; correct the folder or file_name'
        )

    def knows(self, written: str) -> bool:
        """Whether a picture's last part is anywhere below the folder."""
        return last_part(written) in self._listed()

    def _listed(self) -> dict[str, list[str]]:
        if self._by_name is None:
            self._by_name = defaultdict(list)
            for root, _, files in os.walk(self.folder):
                for file in files:
                    path = Path(root, file).relative_to(self.folder)
                    # A name unpacked on another system holds backslashes.
                    name = file.rsplit('\\', 1)[-1]
                    self._by_name[name].append(path.as_posix())
        return self._by_name


def is_foreign(written: str) -> bool:
    """Whether a file name is a URL or an absolute path of any system."""
    return '://' in written or written[:1] == '/' or written[1:2] == ':'


def last_part(written: str) -> str:
    """The name of the file of a path or URL, also in a query (?d=...)."""
    if '://' in written or '?' in written:
        url = urlsplit(written)
        queried = parse_qs(url.query).get('d')
        written = queried[0] if queried else unquote(url.path)
    return written.replace('\\', '/').rsplit('/', 1)[-1]


def _check_size(
    image: Record, folder: Path, report: CocoReport, must_exist: bool
) -> None:
    path = folder / image['file_name']
    size = picture_size(path)
    place = f'image {image["id"]}'
    if size is None:
        if must_exist:
            report.refuse(
                'picture unreadable',
                place,
                f'has the picture {path}, which cannot be read; replace it, '
                'or remove the image and its annotations',
            )
        return
    told = image['width'], image['height']
    if told == size.upright:
        return
    width, height = size.upright
    if size.turned and told == (size.width, size.height):
        report.refuse(
            'labelled unturned',
            place,
            f'is {told[0]} x {told[1]} in the file, but {path} is {width} x '
            f'{height} as its EXIF orientation ({size.orientation}) turns '
            'it: the labels were made without the turn. Take the '
            'orientation out of the pictures (exiftool -Orientation= '
            'FOLDER), or label them as they are shown',
        )
        return
    report.refuse(
        'picture size',
        place,
        f'is {told[0]} x {told[1]} in the file, but {path} is {width} x '
        f'{height} pixels (w x h), so its keypoints are of another picture '
        'or of this one in another size; give the pictures that were '
        'labelled, or correct width and height if they alone are wrong',
    )


def picture_size(path: str | os.PathLike) -> PictureSize | None:
    """Size of a picture, from its header where that is enough.

    Returns:
        PictureSize: None if the file is no picture that can be read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                turn = picture.getexif().get(_ORIENTATION, 1)
                if turn not in _QUARTER_TURNS or picture.format == 'JPEG':
                    return PictureSize(*picture.size, turn)
    except Image.DecompressionBombError:
        return None
    except Exception:
        pass
    return _decoded_size(path)


def _decoded_size(path: str | os.PathLike) -> PictureSize | None:
    try:
        height, width = read_picture(path).shape[:2]
    except OSError:
        return None
    return PictureSize(width, height)
