# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The names that all sources of UniKPT share."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from projects.unikpt.entries import (
    CategoryEntry,
    Counts,
    KeypointEntry,
    Schema,
    SourceEntry,
    plain,
)
from projects.unikpt.vocabulary_file import FOLDER, read_vocabulary

if TYPE_CHECKING:
    # Imports torch, which reading a source does not need.
    from projects.common.structures import KeypointCategory


@functools.cache
def load_vocabulary(folder: Path = FOLDER) -> Vocabulary:
    """Read and check every ``*.yml`` of a folder as one vocabulary.

    Raises:
        ValueError: If the files contradict themselves or each other.
        FileNotFoundError: If mmpose lacks a metainfo that is named.
    """
    vocabulary = Vocabulary(**read_vocabulary(folder))
    for source, entry in vocabulary.sources.items():
        for name in entry.categories:
            try:
                vocabulary.entry(name)
            except ValueError as error:
                raise ValueError(f'Source {source!r}: {error}') from error
    return vocabulary


@dataclass(frozen=True)
class Vocabulary:
    """All keypoints and categories; :func:`load_vocabulary` makes it.

    Attributes:
        version: Rises with every change of a name, an order or a sigma.
        keypoints: Name -> entry.
        categories: Name -> entry, the listed ones.
        schemas: Name -> keypoint list.
        sources: Source -> its categories.
    """

    version: str
    keypoints: Mapping[str, KeypointEntry]
    categories: Mapping[str, CategoryEntry]
    schemas: Mapping[str, Schema]
    sources: Mapping[str, SourceEntry]

    def entry(self, name: str) -> CategoryEntry:
        """The entry of a listed or open category.

        Raises:
            ValueError: If there is no such category.
        """
        if name in self.categories:
            return self.categories[name]
        for schema in self.schemas.values():
            thing = schema.object_in(name)
            if thing is not None:
                return self._open_entry(name, thing, schema)
        close = difflib.get_close_matches(name, self.categories)
        hint = f'; did you mean {" or ".join(close)}?' if close else '.'
        raise ValueError(f'The vocabulary has no category {name!r}{hint}')

    def _open_entry(
        self, name: str, thing: str, schema: Schema
    ) -> CategoryEntry:
        same = self.categories.get(thing)
        return CategoryEntry(
            name=name,
            object_name=thing,
            supercategory=schema.supercategory,
            schema=schema,
            aliases=(),
            taxonomy=same.taxonomy if same else {},
        )

    def category(self, name: str) -> KeypointCategory:
        """A category as prompts and data sets use it.

        Raises:
            ValueError: If there is no such category.
        """
        from projects.common.structures import KeypointCategory

        entry = self.entry(name)
        return KeypointCategory(
            name=entry.name,
            keypoints=entry.keypoints,
            parts=entry.schema.parts,
            skeleton=entry.skeleton,
            swap_pairs=entry.schema.swap_pairs,
            sigmas=entry.schema.sigmas,
            supercategory=entry.supercategory,
        )

    def find(self, text: str, source: str) -> str | None:
        """Name of the category that a source calls ``text``.

        Args:
            text: The source's own name; case, '_' and '-' do not matter.
            source: Name of the source.

        Returns:
            The category's name, None if the source has none of that name
            or the name, as that of a broken file name, is no UTF-8.

        Raises:
            ValueError: If the vocabulary does not know the source.
        """
        if source not in self._known:
            raise ValueError(
                f'The vocabulary has no source {source!r}; add it with its '
                f'categories to "sources:" of a .yml file in {FOLDER}.'
            )
        text = plain(text)
        try:
            text.encode()
        except UnicodeEncodeError:
            return None
        if text in self._known[source]:
            return self._known[source][text]
        form = self.sources[source].open
        return self.schemas[form].open.format(text) if form and text else None

    @functools.cached_property
    def _known(self) -> dict[str, dict[str, str]]:
        """Source -> text -> category; names go before aliases."""
        known: dict[str, dict[str, str]] = {}
        for source, entry in self.sources.items():
            known[source] = {plain(name): name for name in entry.categories}
            for name in entry.categories:
                category = self.entry(name)
                for text in (category.object_name, *category.aliases):
                    known[source].setdefault(plain(text), name)
        return known

    def in_family(self, family: str, source: str) -> tuple[str, ...]:
        """Categories of a source that belong to a biological family.

        Raises:
            ValueError: If none does.
        """
        names = tuple(
            name
            for name in self.sources[source].categories
            if self.entry(name).taxonomy.get('family') == family
        )
        if not names:
            raise ValueError(
                f'Source {source!r} has no category of the family '
                f'{family!r}; families have Latin names such as Felidae.'
            )
        return names

    def counts(
        self,
        sources: Iterable[str],
        found: Iterable[str] = (),
    ) -> Counts:
        """Count what sources annotate.

        Args:
            sources: Names of sources; what they share counts once.
            found: Categories met in the data, to count open ones too.
        """
        names = {n for s in sources for n in self.sources[s].categories}
        names.update(found)
        schemas = {self.sources[s].open for s in sources} - {''}
        entries = [self.entry(name) for name in names]
        keypoints = {k for e in entries for k in e.keypoints}
        for schema in schemas:
            keypoints.update(self.schemas[schema].keypoints)
        objects = {e.object_name for e in entries}
        return Counts(len(keypoints), len(names), len(objects))
