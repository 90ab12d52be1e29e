# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Finding the pictures of MP-100 inside the folders of its sources."""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
from PIL import Image, UnidentifiedImageError

from projects.common.datasets.converters.deepposekit import (
    read_frame,
    read_points,
)

PICTURE_ENDS = ('.jpg', '.jpeg', '.png', '.bmp')
_TRAIN_FIRST = ('train', 'val', 'test')


@dataclass(frozen=True)
class WantedPicture:
    """A picture that the annotation names.

    Attributes:
        category: Folder that it belongs in, a category of MP-100.
        path: Its path below that folder, '/' separated.
        width: As annotated, in pixels.
        height: As annotated, in pixels.
        annotation: The first annotation of it.
    """

    category: str
    path: str
    width: int
    height: int
    annotation: Mapping[str, Any]

    @property
    def file(self) -> str:
        """Path below the folder of all pictures."""
        return f'{self.category}/{self.path}'


@dataclass(frozen=True)
class FoundPicture:
    """Where a picture is.

    Attributes:
        file: The file to link or to copy, None if ``content`` holds it.
        content: Gives the bytes of a picture that is no file of its own.
        ambiguous: Whether other files fitted as well.
    """

    file: Path | None = None
    content: Callable[[], bytes] | None = None
    ambiguous: bool = False


class WrongSizeError(ValueError):
    """Pictures of that name exist, but none has the annotated size."""


def walk(root: Path, ends: tuple[str, ...]) -> Iterator[Path]:
    """Files below a folder with one of the endings, sorted.

    Links are followed, each folder is entered once.
    """
    entered = set()
    for folder, names, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in entered:
            names.clear()
            continue
        entered.add(real)
        names.sort()
        for name in sorted(files):
            if name.lower().endswith(ends):
                yield Path(folder) / name


def picture_size(path: Path) -> tuple[int, int] | None:
    """(w, h) from the header, None if the file is no picture."""
    try:
        with Image.open(path) as image:
            return image.size
    except (OSError, UnidentifiedImageError):
        return None


class FolderIndex:
    """Pictures of a source, by name.

    Args:
        root: Folder of the source; it is searched with all its folders.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._by_name: dict[str, list[Path]] = defaultdict(list)
        self._by_stem: dict[str, list[Path]] = defaultdict(list)
        for path in walk(root, PICTURE_ENDS):
            self._by_name[path.name].append(path)
            self._by_stem[path.stem].append(path)

    def find(self, wanted: WantedPicture) -> FoundPicture | None:
        """Look for a picture.

        The most specific candidates count: those whose path ends as that of
        the annotation, else those of the name, else those of the name with
        another ending; of them those in a folder named as the category.

        Returns:
            FoundPicture: The first candidate of the annotated size, those
            of a train folder first; None if there is no candidate.

        Raises:
            WrongSizeError: If no candidate has the annotated size.
        """
        return self._choose(self._candidates(wanted), wanted)

    def named(self, path: str) -> list[Path]:
        """Pictures whose path ends so, '/' separated."""
        parts = PurePosixPath(path).parts
        named = self._by_name.get(parts[-1], ())
        return [p for p in named if p.parts[-len(parts) :] == parts]

    def _candidates(self, wanted: WantedPicture) -> list[Path]:
        name = PurePosixPath(wanted.path)
        found = (
            self.named(wanted.path)
            or self._by_name.get(name.name, [])
            or self._by_stem.get(name.stem, [])
        )
        category = wanted.category
        return [p for p in found if category in self._parts(p)] or found

    def _parts(self, path: Path) -> tuple[str, ...]:
        return path.relative_to(self.root).parts

    def _choose(
        self, candidates: list[Path], wanted: WantedPicture
    ) -> FoundPicture | None:
        if not candidates:
            return None
        size = (wanted.width, wanted.height)
        sizes = [picture_size(path) for path in candidates]
        fitting = [p for p, s in zip(candidates, sizes) if s == size]
        if not fitting:
            raise WrongSizeError(
                f'{candidates[0]} is {_shown(sizes[0])}, the annotation of '
                f'{wanted.file} says {_shown(size)}'
            )
        fitting.sort(key=lambda p: _split_rank(self._parts(p)))
        return FoundPicture(fitting[0], ambiguous=len(fitting) > 1)


class FrameIndex:
    """Frames of a DeepPoseKit set; a picture's name is the frame's index.

    Args:
        root: Folder of the source.

    Raises:
        ValueError: If no h5 file in it is an annotation set.
    """

    def __init__(self, root: Path) -> None:
        # The released set is the largest: examples have fewer frames.
        sets = []
        for path in walk(root, ('.h5', '.hdf5')):
            try:
                points, shape = read_points(path, note=lambda text: None)
            except ValueError:
                continue
            sets.append((len(points), shape, path))
        if not sets:
            raise ValueError(f'{root} holds no h5 annotation set')
        self.count, (self.height, self.width), self.path = max(sets)

    def find(self, wanted: WantedPicture) -> FoundPicture | None:
        """Look for a frame; as :meth:`FolderIndex.find`."""
        digits = re.findall(r'\d+', PurePosixPath(wanted.path).stem)
        if not digits or int(digits[-1]) >= self.count:
            return None
        size = (self.width, self.height)
        if size != (wanted.width, wanted.height):
            raise WrongSizeError(
                f'the frames of {self.path} are {_shown(size)}, the '
                f'annotation of {wanted.file} says '
                f'{_shown((wanted.width, wanted.height))}'
            )
        index, end = int(digits[-1]), PurePosixPath(wanted.path).suffix

        def encode() -> bytes:
            frame = read_frame(self.path, index)
            quality = [cv2.IMWRITE_JPEG_QUALITY, 100]
            return cv2.imencode(end, frame, quality)[1].tobytes()

        return FoundPicture(content=encode)


class CarFusionIndex(FolderIndex):
    """Pictures of CarFusion, which MP-100 renamed to ``<image id>.jpg``.

    The annotation that ``carfusion_to_coco`` wrote below the folder is
    searched for the same box and keypoints, which do not depend on its
    version, and only then for the image id. A picture renamed already is
    found by its name.

    Args:
        root: Folder of the source.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._by_object: dict[tuple, set[str]] = defaultdict(set)
        self._by_id: dict[str, set[str]] = defaultdict(set)
        for path in walk(root, ('.json',)):
            self._read(path)

    def _read(self, path: Path) -> None:
        try:
            content = json.loads(path.read_text(encoding='utf-8'))
            images = {i['id']: i['file_name'] for i in content['images']}
            for number, name in images.items():
                self._by_id[str(number)].add(name)
            for annotation in content['annotations']:
                name = images[annotation['image_id']]
                self._by_object[_object_key(annotation)].add(name)
        except (KeyError, TypeError, ValueError):
            return  # some other json file

    def _candidates(self, wanted: WantedPicture) -> list[Path]:
        stem = PurePosixPath(wanted.path).stem
        names = (
            self._by_object.get(_object_key(wanted.annotation))
            or self._by_id.get(stem)
            or ()
        )
        found = [path for name in sorted(names) for path in self.named(name)]
        return found or self.named(wanted.path)


def _object_key(annotation: Mapping[str, Any]) -> tuple:
    """Box and labelled keypoints, whole pixels."""
    flat = annotation.get('keypoints') or ()
    labelled = zip(flat[0::3], flat[1::3], flat[2::3])
    return (
        tuple(round(v) for v in annotation.get('bbox') or ()),
        tuple((round(x), round(y)) for x, y, v in labelled if v > 0),
    )


def _split_rank(parts: tuple[str, ...]) -> tuple[int, tuple[str, ...]]:
    """Train folders before validation before test, then by name."""
    for rank, split in enumerate(_TRAIN_FIRST):
        if any(part.lower().startswith(split) for part in parts):
            return rank, parts
    return len(_TRAIN_FIRST), parts


def _shown(size: tuple[int, int] | None) -> str:
    return 'no picture' if size is None else f'{size[0]} x {size[1]}'
