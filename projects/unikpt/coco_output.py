# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Shards joined to COCO-style files, picture by picture."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from projects.common.datasets.converters.merge import coco_category
from projects.common.utils.files import replacing
from projects.unikpt.records import SPLITS
from projects.unikpt.rows import Summary
from projects.unikpt.shards import (
    ShardPicture,
    ShardTask,
    read_shard,
)
from projects.unikpt.vocabulary import Vocabulary

_Add = Callable[[str, Iterable[str]], None]


def write_annotations(
    folder: Path,
    tasks: Sequence[ShardTask],
    summaries: Mapping[str, Summary],
    info: Mapping[str, Any],
    mixed: Collection[str],
    partial: str,
) -> list[str]:
    """Write the files of the mix and of every source.

    Args:
        folder: Where to.
        tasks: Whose shards are joined, in this order.
        summaries: By source.
        info: For ``info`` of every file.
        mixed: Names of the sources of the mix.
        partial: What the mix lacks, a sentence; '' if nothing.

    Returns:
        Names of the files.
    """
    names = sorted({c for s in summaries.values() for c in s.categories})
    number = _Numbers(names)
    writer = _Writer(folder, tasks, summaries, info, number.categories)
    members = [t for t in tasks if t.source.name in mixed]
    splits = {s for t in members for s in summaries[t.source.name].mixed}
    if members:
        splits |= {'train', 'val'}  # configs name them
    with writer.opened('unikpt', members, splits, partial) as mix:
        for licence, task in enumerate(tasks, 1):
            name = task.source.name
            splits, lost = summaries[name].written, _lost(summaries[name])
            with writer.opened(name, [task], splits, lost) as own:
                for picture in read_shard(task.path):
                    texts = number(licence, picture)
                    own[picture.split](*texts)
                    if picture.mixed and name in mixed:
                        mix[picture.split](*texts)
    return writer.files


def _lost(summary: Summary) -> str:
    """What a source's own files lack."""
    pictures = summary.left_out.get('pictures', 0)
    listed = sum(summary.listed.values())
    text = f'PARTIAL: {pictures} of {listed} pictures are left out.'
    return text if pictures else ''


class _Numbers:
    """Puts ids in front of the records of pictures, one after another."""

    def __init__(self, categories: Iterable[str]) -> None:
        self.images = self.annotations = 0
        self.categories = {c: i for i, c in enumerate(categories, 1)}

    def __call__(
        self, licence: int, picture: ShardPicture
    ) -> tuple[str, list[str]]:
        self.images += 1
        records = []
        for category, text in picture.annotations:
            self.annotations += 1
            ids = (
                f'"id":{self.annotations},"image_id":{self.images},'
                f'"category_id":{self.categories[category]}'
            )
            records.append(f'{{{ids},{text}')
        ids = f'"id":{self.images},"licence":{licence}'
        return f'{{{ids},{picture.image}', records


class _Writer:
    """Opens files with the head that their sources need."""

    def __init__(
        self,
        folder: Path,
        tasks: Sequence[ShardTask],
        summaries: Mapping[str, Summary],
        info: Mapping[str, Any],
        categories: Mapping[str, int],
    ) -> None:
        self.folder = folder
        self.tasks = tasks
        self.summaries = summaries
        self.info = info
        self.categories = categories
        self.files: list[str] = []

    @contextmanager
    def opened(
        self,
        name: str,
        members: Sequence[ShardTask],
        splits: Iterable[str],
        partial: str,
    ) -> Iterator[dict[str, _Add]]:
        """Files ``<name>_<split>.json`` of these sources, by split.

        ``partial`` is what results on them have to say.
        """
        with ExitStack() as stack:
            files = {}
            for split in SPLITS:
                if split in splits:
                    file = f'{name}_{split}.json'
                    self.files.append(file)
                    head = self._head(members)
                    head['info'] |= {'split': split, 'partial': partial}
                    files[split] = stack.enter_context(
                        _coco_file(self.folder / file, head)
                    )
            yield files

    def _head(self, members: Sequence[ShardTask]) -> dict[str, Any]:
        used = {
            category
            for task in members
            for category in self.summaries[task.source.name].categories
        }
        return {
            'info': dict(self.info),
            'licences': [
                {
                    'id': licence,
                    'source': task.source.name,
                    'name': task.source.licence,
                    'url': task.source.page,
                }
                for licence, task in enumerate(self.tasks, 1)
                if task in members
            ],
            'categories': [
                self._category(name, number)
                for name, number in self.categories.items()
                if name in used
            ],
        }

    def _category(self, name: str, number: int) -> dict[str, Any]:
        """Record of a category, with what tells sources' objects apart."""
        vocabulary = self.tasks[0].vocabulary
        entry = vocabulary.entry(name)
        return {
            **coco_category(vocabulary.category(name), number),
            'sources': [
                source
                for source, summary in self.summaries.items()
                if name in summary.categories
                or name in _listed(vocabulary, source)
            ],
            'object': entry.object_name,
            'taxonomy': dict(entry.taxonomy),
        }


def _listed(vocabulary: Vocabulary, source: str) -> Collection[str]:
    """Categories that a source annotates, whether or not they were found."""
    entry = vocabulary.sources.get(source)
    return entry.categories if entry else ()


@contextmanager
def _coco_file(path: Path, head: Mapping[str, Any]) -> Iterator[_Add]:
    """Write a COCO-style file bit by bit; memory does not grow with it.

    Args:
        path: The file.
        head: What it holds besides pictures and annotations.

    Yields:
        Callable: Takes json of a picture and of its annotations.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        replacing(path) as temporary,
        temporary.open('w', encoding='utf-8') as file,
        tempfile.TemporaryFile(
            'w+', encoding='utf-8', dir=path.parent
        ) as rest,
    ):
        file.write(json.dumps(head)[:-1] + ', "images": [')
        images, annotations = _Listing(file), _Listing(rest)

        def add(image: str, texts: Iterable[str]) -> None:
            images.add(image)
            for text in texts:
                annotations.add(text)

        yield add
        file.write('\n], "annotations": [')
        rest.seek(0)
        shutil.copyfileobj(rest, file)
        file.write('\n]}\n')


class _Listing:
    """Writes entries of a json list, one a line."""

    def __init__(self, file: Any) -> None:
        self.file = file
        self.before = '\n'

    def add(self, text: str) -> None:
        self.file.write(self.before + text)
        self.before = ',\n'
