# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What the vocabulary of UniKPT is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


def plain(name: str) -> str:
    """A name in lower case, with single spaces for '_', '-' and the like."""
    return ' '.join(name.replace('_', ' ').replace('-', ' ').lower().split())


@dataclass(frozen=True)
class KeypointEntry:
    """A keypoint, whichever objects and sources have it.

    Attributes:
        name: Unique name; the same meaning has the same name everywhere.
        part: Part of the object, as in the first schema that has it.
        aliases: Other names for it.
        swap: Name of its mirror partner, None without one.
        sigma: Its object-keypoint-similarity constant in that schema.
        sigma_source: Where that comes from.
    """

    name: str
    part: str
    aliases: tuple[str, ...]
    swap: str | None
    sigma: float
    sigma_source: str


@dataclass(frozen=True)
class Schema:
    """An ordered list of keypoints that some categories share.

    Attributes:
        name: Unique name.
        source_names: K names as mmpose or the source spells them.
        keypoints: K names of the vocabulary.
        parts: K parts.
        skeleton: Index pairs, 0-based.
        swap_pairs: Index pairs, 0-based.
        sigmas: K constants.
        sigma_source: Where they come from.
        open: Form of the names of categories that need not be listed, such
            as '{} body'; '' for none.
        supercategory: Super-category of those.
    """

    name: str
    source_names: tuple[str, ...]
    keypoints: tuple[str, ...]
    parts: tuple[str, ...]
    skeleton: tuple[tuple[int, int], ...]
    swap_pairs: tuple[tuple[int, int], ...]
    sigmas: tuple[float, ...]
    sigma_source: str
    open: str = ''
    supercategory: str = ''

    def object_in(self, category: str) -> str | None:
        """The object of an open category name, None for any other name."""
        head, _, tail = self.open.partition('{}')
        inside = category[len(head) : len(category) - len(tail)]
        fits = self.open and inside and category == head + inside + tail
        return inside if fits else None

    def order(self, names: Iterable[str]) -> list[int] | None:
        """Where each keypoint stands in a file's own list of names.

        Args:
            names: The file's names, as the vocabulary, mmpose or the source
                spells them, in any order.

        Returns:
            K indices into ``names``, None if those are not this schema's.
        """
        known = dict(zip(map(plain, self.source_names), self.keypoints))
        found = [known.get(plain(n), plain(n)) for n in names]
        if sorted(found) != sorted(self.keypoints):
            return None
        return [found.index(name) for name in self.keypoints]


@dataclass(frozen=True)
class CategoryEntry:
    """An object annotated with one list of keypoints.

    Attributes:
        name: Unique name.
        object_name: The thing itself: 'cat' of the categories 'cat' and
            'cat face'. Categories of one object are not each other's
            negatives.
        supercategory: Group such as 'animal'.
        schema: Its keypoints.
        aliases: Other names for it.
        taxonomy: Any of ``class``, ``order``, ``family``, ``species``.
    """

    name: str
    object_name: str
    supercategory: str
    schema: Schema
    aliases: tuple[str, ...]
    taxonomy: Mapping[str, str]

    @property
    def keypoints(self) -> tuple[str, ...]:
        """K keypoint names."""
        return self.schema.keypoints

    @property
    def skeleton(self) -> tuple[tuple[int, int], ...]:
        """Index pairs (0-based) of the keypoints that a line connects."""
        return self.schema.skeleton


@dataclass(frozen=True)
class SourceEntry:
    """Which categories a source annotates.

    Attributes:
        categories: Listed names.
        open: Schema whose open names it may use besides, '' for none.
    """

    categories: tuple[str, ...]
    open: str = ''


@dataclass(frozen=True)
class Counts:
    """Size of a part of the vocabulary.

    Attributes:
        keypoints: Distinct keypoint names.
        categories: Distinct category names.
        objects: Distinct objects ('cat' and 'cat face' are one).
    """

    keypoints: int
    categories: int
    objects: int
