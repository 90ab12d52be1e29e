# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""A source, read and checked: what ``build`` keeps between runs.

A shard is a text file. Its first line is json: ``key`` (what it was made
from), ``sha256`` of the other lines, and ``summary``. Then, for each picture,
a line ``P <split> <in the mix: 0 or 1> <json>`` and for each of its objects a
line ``A <category> <json>``, separated by tabs; the json lacks its opening
brace and the ids, which depend on the other sources.
"""

from __future__ import annotations

import hashlib
import json
import os.path
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from projects.common.utils.files import replacing
from projects.common.version import __version__
from projects.unikpt.checks import (
    LINK_LOOP,
    MISSING_PICTURE,
    UNREADABLE_PICTURE,
)
from projects.unikpt.records import SPLITS
from projects.unikpt.rows import Row, Summary, read_rows
from projects.unikpt.source import Source
from projects.unikpt.subsets import Subset, draw_subset, generator
from projects.unikpt.vocabulary import Vocabulary

HELD_OUT = 0.1
# Mending these changes no annotation file, so it would not be noticed.
_OF_FILES = {MISSING_PICTURE, UNREADABLE_PICTURE, LINK_LOOP}


@dataclass(frozen=True)
class ShardTask:
    """What to make a shard of.

    Attributes:
        source: The source.
        root: Its folder, absolute.
        out: Folder of the whole set.
        seed: Of the splits and the subset.
        subset: What enters the mix, None for all of it.
        resplit: Share of the pictures to hold out, whatever the source's
            own splits; None keeps them.
        vocabulary: Names and keypoints of the categories.
    """

    source: Source
    root: Path
    out: Path
    seed: int
    subset: Subset | None
    resplit: float | None
    vocabulary: Vocabulary

    @property
    def path(self) -> Path:
        """The shard's file."""
        return self.out / 'shards' / f'{self.source.name}.txt'

    def key(self) -> str:
        """Hash of everything that the shard depends on, but pictures."""
        files = self.source.find(self.root)
        stamps = [
            (split, str(file), file.stat().st_size, file.stat().st_mtime_ns)
            for split, paths in [
                *sorted(files.found.items()),
                ('', files.beside),
            ]
            for file in paths
        ]
        subset = self.subset and asdict(self.subset)
        content = [__version__, self.source.name, str(self.root), stamps]
        content += [self.seed, subset, self.resplit, repr(self.vocabulary)]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


class ShardPicture(NamedTuple):
    """A picture of a shard.

    Attributes:
        split: Of ours.
        mixed: Whether it is in the mix.
        image: Its json, without opening brace and id.
        annotations: Category and the same json of each of its objects.
    """

    split: str
    mixed: bool
    image: str
    annotations: list[tuple[str, str]]


def make_shard(task: ShardTask, advance: Callable[[int], None]) -> Summary:
    """Write a shard, unless one of the same key is there.

    Args:
        task: What to make.
        advance: Called with numbers of pictures as they are done.

    Returns:
        Its summary.

    Raises:
        ValueError: If the annotation files give no picture at all.
        OSError: If something cannot be written.
    """
    key = task.key()
    kept = _kept(task, key)
    if kept is not None:
        advance(sum(kept.listed.values()))
        return kept
    summary = Summary()
    rows = list(
        read_rows(
            task.source,
            task.root,
            task.out,
            task.vocabulary,
            summary,
            advance,
        )
    )
    if not rows:
        faults = ', '.join(f'{n} x {k}' for k, n in summary.faults.items())
        raise ValueError(
            f'{task.source.title} in {task.root} gives no picture'
            f'{f" ({faults})" if faults else ""}; see what `doctor` says, '
            'or leave this source out: --only names the others.'
        )
    splits = _splits(task, rows, summary)
    mixed = _mix(task, rows)
    _count(summary, rows, splits, mixed)
    _count_names(summary, task.vocabulary)
    _write(task.path, key, summary, rows, splits, mixed)
    return summary


def _kept(task: ShardTask, key: str) -> Summary | None:
    """Summary of a whole shard that was made with this key.

    None if there is none, or if a picture of it is no longer there.
    """
    if not task.path.is_file():
        return None
    with task.path.open('rb') as file:
        try:
            head = json.loads(file.readline())
            if (
                head['key'] != key
                or head['sha256'] != _digest(file)
                or _OF_FILES & set(head['summary']['faults'])
            ):
                return None
        except (ValueError, KeyError, TypeError):
            return None
    if not all(_is_there(task, picture) for picture in read_shard(task.path)):
        return None
    return Summary(**head['summary'])


def _is_there(task: ShardTask, picture: ShardPicture) -> bool:
    """Whether the file of a picture, or of a written frame, exists."""
    name = json.loads('{' + picture.image)['file_name']
    folder, _, below = name.partition('/')
    if folder == task.source.name:
        return os.path.isfile(task.root / below)
    return os.path.isfile(task.out / 'images' / name)


def _digest(file: BinaryIO) -> str:
    """Hash of what is left of a file."""
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def _splits(
    task: ShardTask, rows: Sequence[Row], summary: Summary
) -> list[str]:
    """Split of ours of each picture; notes whether it was drawn.

    With ``resplit`` all sources' are drawn, else those that are all 'train'
    and those whose own splits have different categories.
    """
    # A file of which nothing can be read still is that split's.
    found = task.source.find(task.root).found
    listed = {*summary.listed, *(s for s in SPLITS if s in found)}
    share = task.resplit
    if share is None and (
        listed == {'train'}
        or (task.source.divides_categories and len(listed) > 1)
    ):
        share = HELD_OUT
    summary.split_drawn = share is not None
    if share is None:
        return own_splits([row.split for row in rows], listed)
    groups = [row.group for row in rows]
    return drawn_splits(groups, share, task.seed, task.source.name)


def own_splits(splits: Sequence[str], listed: Collection[str]) -> list[str]:
    """A source's own splits as ours; without 'val', 'test' takes its place.

    Args:
        splits: Of each picture.
        listed: All splits of the source, also those without a picture that
            can be read.
    """
    swap = {} if 'val' in listed else {'test': 'val'}
    return [swap.get(split, split) for split in splits]


def drawn_splits(
    groups: Sequence[str], share: float, seed: int, name: str
) -> list[str]:
    """Hold out groups of pictures for 'val' until there are enough.

    Args:
        groups: Of each picture; a group is held out whole or not at all.
        share: Of the pictures that are wanted, of which there is at least
            one group, but not all.
        seed: Of the draw.
        name: The source's.

    Returns:
        'train' or 'val' of each picture.
    """
    sizes = Counter(groups)
    names = list(sizes)
    order = generator(seed, name, 'split').permutation(len(names))
    wanted = max(round(share * len(groups)), 1)
    held_out, number = set(), 0
    for index in order[:-1]:
        if number >= wanted:
            break
        held_out.add(names[index])
        number += sizes[names[index]]
    return ['val' if group in held_out else 'train' for group in groups]


def _mix(task: ShardTask, rows: Sequence[Row]) -> set[int]:
    """Indices of the pictures that enter the mix."""
    counts = [row.counted for row in rows]
    if task.subset is None:
        return {i for i, count in enumerate(counts) if count}
    rng = generator(task.seed, task.source.name, 'subset')
    return set(draw_subset(counts, task.subset, rng))


def _count(
    summary: Summary,
    rows: Sequence[Row],
    splits: Sequence[str],
    mixed: set[int],
) -> None:
    for index, (row, split) in enumerate(zip(rows, splits)):
        own = row.split
        summary.pictures[own] = summary.pictures.get(own, 0) + (
            row.counted > 0
        )
        summary.instances[own] = summary.instances.get(own, 0) + row.counted
        for table, wanted in (
            (summary.written, True),
            (summary.mixed, index in mixed),
        ):
            if wanted:
                entry = table.setdefault(split, [0, 0])
                entry[0] += 1
                entry[1] += len(row.annotations)
        if index in mixed:
            summary.mixed_pictures += 1
            summary.mixed_instances += row.counted


def _count_names(summary: Summary, vocabulary: Vocabulary) -> None:
    lists = [vocabulary.category(n).keypoints for n in summary.categories]
    summary.keypoints_added_up = sum(map(len, lists))
    summary.keypoints = sorted({name for names in lists for name in names})


def _write(
    path: Path,
    key: str,
    summary: Summary,
    rows: Sequence[Row],
    splits: Sequence[str],
    mixed: set[int],
) -> None:
    body = hashlib.sha256()

    def lines() -> Iterator[bytes]:
        for index, (row, split) in enumerate(zip(rows, splits)):
            yield f'P\t{split}\t{int(index in mixed)}\t{row.image}\n'.encode()
            for category, text in row.annotations:
                yield f'A\t{category}\t{text}\n'.encode()

    for line in lines():
        body.update(line)
    head = {'key': key, 'sha256': body.hexdigest(), 'summary': asdict(summary)}
    with replacing(path) as temporary, temporary.open('wb') as file:
        file.write(json.dumps(head).encode() + b'\n')
        file.writelines(lines())


def read_shard(path: Path) -> Iterator[ShardPicture]:
    """Pictures of a shard, in its order."""
    current: ShardPicture | None = None
    with path.open(encoding='utf-8') as file:
        next(file)
        for line in file:
            kind, first, text = line.rstrip('\n').split('\t', 2)
            if kind == 'A':
                current.annotations.append((first, text))
                continue
            if current is not None:
                yield current
            mixed, image = text.split('\t', 1)
            current = ShardPicture(first, mixed == '1', image, [])
    if current is not None:
        yield current
