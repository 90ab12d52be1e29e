# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Lists of episodes: drawn once, written as annotation ids with hashes.

EpisodeSource --freeze_episodes--> EpisodeList --save--> FILE.json
FILE.json --EpisodeList.load, check--> the same episodes, or an error
"""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from projects.common.datasets.episodes.source import EpisodeSource
from projects.common.utils.checkpoints import file_sha256
from projects.common.utils.files import write_text
from projects.common.utils.paths import data_root

#: 'distinct_pictures': no picture occurs twice in an episode. 'published':
#: no object does; a support may come from the picture of a query.
DRAWING_RULES = ('distinct_pictures', 'published')
_FORMAT = 1


@dataclass(frozen=True)
class Episode:
    """Supports and queries of one category.

    Attributes:
        category: Name of the category.
        supports: S annotation ids.
        queries: Q annotation ids.
    """

    category: str
    supports: tuple[int, ...]
    queries: tuple[int, ...]


@dataclass(frozen=True)
class EpisodeList:
    """Episodes of an annotation file, in their order.

    Attributes:
        annotation_file: Name of the annotation file, without folders.
        annotation_sha256: Hash of the annotation file.
        rule: One of :data:`DRAWING_RULES`.
        shots: S, supports of each episode.
        queries: Q, queries of each episode; fewer where a category is small.
        seed: What the episodes were drawn with.
        episodes: E episodes, those of a category together.
    """

    annotation_file: str
    annotation_sha256: str
    rule: str
    shots: int
    queries: int
    seed: int
    episodes: tuple[Episode, ...] = field(repr=False)

    @property
    def sha256(self) -> str:
        """Hash of the whole list."""
        text = json.dumps(self._content(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def _content(self) -> dict[str, Any]:
        categories: dict[str, list[list[int]]] = {}
        for episode in self.episodes:
            ids = [*episode.supports, *episode.queries]
            categories.setdefault(episode.category, []).append(ids)
        return {
            'format': _FORMAT,
            'annotation_file': self.annotation_file,
            'annotation_sha256': self.annotation_sha256,
            'rule': self.rule,
            'shots': self.shots,
            'queries': self.queries,
            'seed': self.seed,
            'categories': categories,
        }

    def save(self, path: str | os.PathLike) -> None:
        """Write the list; one line for each category."""
        content = {**self._content(), 'sha256': self.sha256}
        categories = content.pop('categories')
        head = json.dumps(content, indent=1)[:-2]
        rows = ',\n'.join(
            f'  {json.dumps(name)}: {json.dumps(rows, separators=(",", ":"))}'
            for name, rows in categories.items()
        )
        write_text(path, f'{head},\n "categories": {{\n{rows}\n }}\n}}\n')

    @classmethod
    def load(cls, path: str | os.PathLike) -> EpisodeList:
        """Read a list and check its own hash.

        Args:
            path: The json file; one below ``configs/`` is also found inside
                an installed package.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is no list of episodes, or was edited.
        """
        path = _find(Path(path))
        try:
            content = json.loads(path.read_text(encoding='utf-8'))
            if content['format'] != _FORMAT:
                raise ValueError(f'its format is {content["format"]}')
            shots = content['shots']
            episodes = tuple(
                Episode(name, tuple(ids[:shots]), tuple(ids[shots:]))
                for name, rows in content['categories'].items()
                for ids in rows
            )
            names = (
                'annotation_file',
                'annotation_sha256',
                'rule',
                'shots',
                'queries',
                'seed',
            )
            found = cls(*(content[n] for n in names), episodes=episodes)
            sha256 = content['sha256']
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f'{path} is not a list of episodes of this version '
                f'({type(error).__name__}: {error}); write one with '
                'tools/dataset_converters/freeze_episodes.py.'
            ) from error
        if found.sha256 != sha256:
            raise ValueError(
                f'{path} has been changed since it was written: its content '
                f'has the hash {found.sha256[:12]}, but it says '
                f'{sha256[:12]}. Restore the file, or freeze new episodes '
                'with tools/dataset_converters/freeze_episodes.py.'
            )
        return found

    def partial_text(self, source: EpisodeSource) -> str:
        """What results have to say if categories are left out, else ''."""
        used = len({episode.category for episode in self.episodes})
        total = sum(bool(ids) for ids in source.by_category.values())
        if used == total:
            return ''
        return f'PARTIAL: {used} of {total} categories'

    def check(self, source: EpisodeSource) -> None:
        """Refuse another or a changed annotation file.

        Raises:
            ValueError: If the file is not the one that was frozen, or lacks
                a category or an annotation (for example because the data set
                was restricted to some categories).
        """
        digest = file_sha256(source.path)
        if digest != self.annotation_sha256:
            raise ValueError(
                'The episodes were frozen for the annotation file '
                f'{self.annotation_file} with the hash '
                f'{self.annotation_sha256[:12]}, but {source.path} has '
                f'{digest[:12]}: it is another data set or has changed '
                'since. Use the file that they belong to, or freeze new '
                'episodes with tools/dataset_converters/freeze_episodes.py.'
            )
        for episode in self.episodes:
            known = set(source.by_category.get(episode.category, ()))
            absent = {*episode.supports, *episode.queries} - known
            if absent:
                raise ValueError(
                    f'{source.path} has no usable annotations '
                    f'{sorted(absent)[:5]} of the category '
                    f'{episode.category!r}, which the episodes name; read '
                    'the file with all its categories and with the data set '
                    'class that it was frozen with.'
                )


def freeze_episodes(
    source: EpisodeSource,
    shots: int = 1,
    queries: int = 15,
    episodes: int = 200,
    seed: int = 0,
    rule: str = 'distinct_pictures',
    categories: Sequence[str] | None = None,
    fewer_queries: bool = False,
) -> EpisodeList:
    """Draw the episodes of an evaluation.

    Those of a category depend on the seed, the category's name and its
    annotation ids only, not on other categories or the file's order.

    Args:
        source: The objects.
        shots: S, at least 1.
        queries: Q, at least 1.
        episodes: Number of episodes of each category.
        seed: Any whole number.
        rule: One of :data:`DRAWING_RULES`.
        categories: Names, by default all of the source; a name that occurs
            twice counts once.
        fewer_queries: Give a category that is too small episodes of as many
            queries as it has instead of raising an error.

    Raises:
        ValueError: If an argument is out of its range, a category is unknown
            or too small.
    """
    drawn = []
    every = [category.name for category in source.categories]
    if episodes < 1:
        raise ValueError(f'episodes is {episodes}; it must be at least 1.')
    for name in dict.fromkeys(categories or every):
        source.category(name)
        count = num_queries(source, name, shots, queries, rule, fewer_queries)
        digest = hashlib.sha256(f'{seed}/{name}'.encode()).digest()
        generator = random.Random(int.from_bytes(digest[:8], 'big'))
        drawn += [
            draw_episode(source, name, shots, count, rule, generator)
            for _ in range(episodes)
        ]
    return EpisodeList(
        os.path.basename(source.path),
        file_sha256(source.path),
        rule,
        shots,
        queries,
        seed,
        tuple(drawn),
    )


def num_queries(
    source: EpisodeSource,
    category: str,
    shots: int,
    queries: int,
    rule: str,
    fewer_queries: bool = False,
) -> int:
    """Queries that an episode of a category can have, at most ``queries``.

    Raises:
        ValueError: If the category is too small (with ``fewer_queries``: for
            one query), or an argument is out of its range.
    """
    if shots < 1 or queries < 1 or rule not in DRAWING_RULES:
        raise ValueError(
            f'Episodes with shots={shots}, queries={queries} and '
            f'rule={rule!r} cannot be drawn; shots and queries must be at '
            f'least 1, the rule one of {", ".join(map(repr, DRAWING_RULES))}.'
        )
    ids = source.by_category[category]
    pictures = {source.objects[i].image['id'] for i in ids}
    what = 'pictures' if rule == 'distinct_pictures' else 'objects'
    total = len(pictures) if rule == 'distinct_pictures' else len(ids)
    count = min(queries, total - shots) if fewer_queries else queries
    if count < 1 or total < shots + count:
        raise ValueError(
            f'{source.path}: the category {category!r} has {total} usable '
            f'{what}, but an episode needs {shots} for supports and '
            f'{count if count > 0 else 1} for queries. Leave the category '
            'out, ask for fewer queries, or allow fewer queries where there '
            'are not enough (--fewer-queries).'
        )
    return count


def draw_episode(
    source: EpisodeSource,
    category: str,
    shots: int,
    queries: int,
    rule: str,
    generator: random.Random,
) -> Episode:
    """Draw one episode of a category that is large enough for it.

    Only ``generator.random()`` is used, whose numbers are the same in every
    version of Python.
    """
    order = sorted(
        (generator.random(), number) for number in source.by_category[category]
    )
    chosen, used = [], set()
    for _, number in order:
        picture = source.objects[number].image['id']
        if rule == 'distinct_pictures' and picture in used:
            continue
        used.add(picture)
        chosen.append(number)
        if len(chosen) == shots + queries:
            break
    return Episode(category, tuple(chosen[:shots]), tuple(chosen[shots:]))


def _find(path: Path) -> Path:
    if path.is_file():
        return path
    if path.parts[:1] == ('configs',) and (data_root() / path).is_file():
        return data_root() / path
    raise FileNotFoundError(
        f'There is no list of episodes {path}; write one with '
        'tools/dataset_converters/freeze_episodes.py.'
    )
