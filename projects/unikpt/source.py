# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What a source of UniKPT is: where its files are and how they are read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np

from projects.unikpt.records import SourcePicture


@dataclass(frozen=True)
class Fault:
    """Something wrong in a source; reading goes on without it.

    Attributes:
        kind: A few words that group faults: 'unreadable annotation',
            'missing key', 'duplicated id', 'unknown picture',
            'unknown category', 'wrong number of keypoints',
            'not a number' ...
        where: The file, and the id of the annotation where there is one.
        detail: What was found, for a person to read.
    """

    kind: str
    where: str
    detail: str = ''


#: Kind of the fault of a file of which nothing, or not all, was read.
UNREADABLE = 'unreadable annotation'
Report = Callable[[Fault], None]


@dataclass(frozen=True)
class SourceFiles:
    """Annotation files of a source.

    Attributes:
        found: Split -> the files that are there.
        missing: Split -> the paths (relative to the root) of which none is.
        beside: Further files that are there and read, such as a list of
            names.
    """

    found: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    beside: tuple[Path, ...] = ()


class Source(ABC):
    """A data set in its own distribution.

    Subclasses set the class attributes and yield records from ``read``.

    Attributes:
        name: Short name, unique, such as 'ap10k'.
        title: Name for people, such as 'AP-10K'.
        licence: Licence or terms of use in a sentence.
        page: Address of the official page.
        bibtex: Citation.
        tree: How to obtain the set and the folder tree it is expected in.
        paper: Row of table 2 of the X-Pose paper: ``keypoints``,
            ``categories``, ``images``, ``instances``, and
            ``unified_images``, ``unified_instances`` of UniKPT. Empty for
            a set that is not part of UniKPT.
        annotations: Split -> glob patterns relative to the root, in order of
            preference: the first that matches anything is read.
        optional: Splits that not every release of the set has; they are
            never missing.
        divides_categories: Whether the set's splits have different
            categories. What trains on all of them needs another split.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    licence: ClassVar[str]
    page: ClassVar[str]
    bibtex: ClassVar[str]
    tree: ClassVar[str]
    paper: ClassVar[Mapping[str, int]] = {}
    annotations: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    optional: ClassVar[frozenset[str]] = frozenset()
    divides_categories: ClassVar[bool] = False

    def find(self, root: Path) -> SourceFiles:
        """Look for the annotation files below ``root``; raises nothing."""
        found, missing = {}, {}
        for split, patterns in self.annotations.items():
            for pattern in patterns:
                files = tuple(sorted(Path(root).glob(pattern)))
                if files:
                    found[split] = files
                    break
            else:
                if split not in self.optional:
                    missing[split] = tuple(patterns)
        return SourceFiles(found, missing)

    def group(self, picture: SourcePicture) -> str:
        """Name of the pictures that a drawn split must not part.

        Frames of one clip, for example; by default each picture is alone.
        """
        return f'{picture.file}#{picture.frame}'

    @abstractmethod
    def read(self, root: Path, report: Report) -> Iterator[SourcePicture]:
        """Read all annotation files found below ``root``.

        Args:
            root: Folder of the set.
            report: Called with every fault of the annotation; the faulty
                entry is left out and the rest still read. Faults that only
                show against the picture itself are not looked for here.

        Yields:
            SourcePicture: Every picture, with the objects annotated in it.
        """

    def read_picture(self, root: Path, picture: SourcePicture) -> np.ndarray:
        """Decode a picture.

        Args:
            root: Folder of the set.
            picture: A record that ``read`` gave.

        Returns:
            np.ndarray: (H, W, 3) uint8, BGR.

        Raises:
            OSError: If the file is missing or is not a picture.
        """
        path = Path(root) / picture.file
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            raise OSError(
                f'{path} is missing or is not a picture; fetch it again from '
                f'{self.page}'
            )
        return image


SOURCES: dict[str, Source] = {}


def register_source(cls: type[Source]) -> type[Source]:
    """Class decorator: put one instance of the source into ``SOURCES``.

    Raises:
        ValueError: If the name is taken.
    """
    if cls.name in SOURCES:
        raise ValueError(
            f'Two sources are named {cls.name!r}: '
            f'{type(SOURCES[cls.name]).__name__} and {cls.__name__}; '
            'give each a name of its own.'
        )
    SOURCES[cls.name] = cls()
    return cls
