# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Examine the folders of sources: what is there, and what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from projects.unikpt.checks import (
    Look,
    clean_instance,
    look_at,
    place,
    printable,
    scan_folder,
    size_faults,
)
from projects.unikpt.locate import recognised_by
from projects.unikpt.records import SourcePicture
from projects.unikpt.source import (
    SOURCES,
    UNREADABLE,
    Fault,
    Source,
)
from projects.unikpt.vocabulary import Vocabulary

CLEAN, FAULTY, MISSING = 0, 1, 3

OTHER_SET = 'folder of another data set'
NO_ANNOTATION = 'no annotation found'
SAME_PICTURE = 'same picture twice'
TWO_SPLITS = 'picture in two splits'


@dataclass
class SourceReport:
    """What was found of a source.

    Attributes:
        name: The source's.
        folder: Where it is, None if it was not found.
        files: Split -> number of annotation files.
        missing: Split -> patterns of which no file was found.
        pictures: Split -> pictures that the annotation lists.
        instances: Split -> objects on them.
        faults: What is wrong.
    """

    name: str
    folder: Path | None
    files: dict[str, int] = field(default_factory=dict)
    missing: dict[str, list[str]] = field(default_factory=dict)
    pictures: Counter[str] = field(default_factory=Counter)
    instances: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)

    @property
    def status(self) -> int:
        """``CLEAN``, ``FAULTY``, or ``MISSING`` in whole or in part."""
        if self.faults:
            return FAULTY
        return MISSING if self.missing or not self.files else CLEAN

    def grouped(self) -> dict[str, list[Fault]]:
        """Faults by kind, the most frequent kind first."""
        kinds: dict[str, list[Fault]] = {}
        for fault in self.faults:
            kinds.setdefault(fault.kind, []).append(fault)
        return dict(sorted(kinds.items(), key=lambda item: -len(item[1])))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, every fault included."""
        source = SOURCES[self.name]
        return {
            'title': source.title,
            'folder': self.folder and printable(str(self.folder)),
            'annotation_files': self.files,
            'missing': self.missing,
            'pictures': dict(self.pictures),
            'instances': dict(self.instances),
            'faults': {
                kind: [
                    [printable(f.where), printable(f.detail)] for f in faults
                ]
                for kind, faults in self.grouped().items()
            },
            'licence': source.licence,
            'page': source.page,
            'tree': source.tree,
        }


@dataclass
class _Seen:
    """Where each content was seen first: digest -> source, split, place."""

    first: dict[str, tuple[str, str, str]] = field(default_factory=dict)


def examine(
    folders: Mapping[str, Path | None],
    vocabulary: Vocabulary,
    quick: bool = False,
    workers: int = 1,
    progress: Callable[[str, int, int], None] = lambda *args: None,
) -> list[SourceReport]:
    """Examine sources.

    Args:
        folders: Source -> its folder, None where there is none.
        vocabulary: Names and keypoints of all categories.
        quick: Read the headers of pictures only; pictures that are cut off
            and pictures of the same content are not found then.
        workers: Threads that read pictures.
        progress: Called with a source, pictures done and pictures in all.

    Returns:
        One report per source, in the order of ``folders``.
    """
    seen = _Seen()
    return [
        _examine_source(
            SOURCES[name], folder, vocabulary, seen, quick, workers, progress
        )
        for name, folder in folders.items()
    ]


def _examine_source(
    source: Source,
    folder: Path | None,
    vocabulary: Vocabulary,
    seen: _Seen,
    quick: bool,
    workers: int,
    progress: Callable[[str, int, int], None],
) -> SourceReport:
    report = SourceReport(source.name, folder)
    if folder is None:
        return report
    files = source.find(folder)
    report.files = {split: len(found) for split, found in files.found.items()}
    report.missing = {s: list(tried) for s, tried in files.missing.items()}
    report.faults += scan_folder(folder)
    pictures = list(_read(source, folder, report.faults.append))
    unreadable = UNREADABLE in report.grouped()
    if not unreadable and not any(p.instances for p in pictures):
        report.faults += _nothing_in(source, folder)
    with ThreadPoolExecutor(workers) as pool:
        looks = pool.map(
            lambda p: look_at(source, folder, p, decode=not quick), pictures
        )
        for done, (picture, look) in enumerate(zip(pictures, looks), 1):
            _note(report, picture, look, vocabulary)
            report.faults += _repeated(source, picture, look, seen)
            progress(source.name, done, len(pictures))
    report.faults += _in_two_splits(pictures)
    return report


def _read(
    source: Source, folder: Path, report: Callable[[Fault], None]
) -> Iterator[SourcePicture]:
    """Pictures of a source, up to where its reader fails."""
    try:
        yield from source.read(folder, report)
    except Exception as error:  # a reader met what nobody has thought of
        detail = f'{type(error).__name__}: {error}'
        report(Fault(UNREADABLE, str(folder), printable(detail)))


def _nothing_in(source: Source, folder: Path) -> Iterator[Fault]:
    """Why a folder gives no object."""
    others = [n for n in recognised_by(folder) if n != source.name]
    where = printable(str(folder))
    if others:
        titles = ' or '.join(SOURCES[name].title for name in others)
        yield Fault(OTHER_SET, where, f'it looks like {titles}')
    else:
        yield Fault(NO_ANNOTATION, where, f'see the tree of {source.title}')


def _note(
    report: SourceReport,
    picture: SourcePicture,
    look: Look,
    vocabulary: Vocabulary,
) -> None:
    report.pictures[picture.split] += 1
    report.instances[picture.split] += len(picture.instances)
    if look.fault:
        report.faults.append(look.fault)
        return
    report.faults += size_faults(picture, look.size)
    for instance in picture.instances:
        try:
            category = vocabulary.category(instance.category)
        except ValueError:
            category = None
        _, faults = clean_instance(picture, instance, category, look.size)
        report.faults += faults


def _repeated(
    source: Source, picture: SourcePicture, look: Look, seen: _Seen
) -> Iterator[Fault]:
    if not look.digest:
        return
    here = (source.name, picture.split, place(picture))
    name, split, first = seen.first.setdefault(look.digest, here)
    # The same file in two splits is told as such.
    if (name, first) != (source.name, here[2]):
        yield Fault(
            SAME_PICTURE,
            here[2],
            f'{picture.split}; is {first} of {SOURCES[name].title}, {split}',
        )


def _in_two_splits(pictures: Iterable[SourcePicture]) -> Iterator[Fault]:
    splits: dict[str, list[str]] = {}
    for picture in pictures:
        splits.setdefault(place(picture), []).append(picture.split)
    for where, found in splits.items():
        if len(set(found)) > 1:
            yield Fault(TWO_SPLITS, where, ', '.join(sorted(set(found))))


def exit_code(reports: Sequence[SourceReport]) -> int:
    """0: all are there and clean; 1: faults; 3: no fault, some missing."""
    states = {report.status for report in reports}
    return next((s for s in (FAULTY, MISSING) if s in states), CLEAN)


def show(
    reports: Sequence[SourceReport], console: Console, first: int = 3
) -> None:
    """Print reports.

    Args:
        reports: What :func:`examine` returned.
        console: Where to.
        first: How many faults of a kind to name.
    """
    table = Table()
    for column in ('source', 'folder', 'split', 'annotation'):
        table.add_column(column, overflow='fold')
    for column in ('pictures', 'instances', 'faults'):
        table.add_column(column, justify='right')
    for report in reports:
        for cells in _rows(report):
            table.add_row(*map(escape, cells))
    console.print(table)
    for report in reports:
        title = escape(SOURCES[report.name].title)
        for kind, faults in report.grouped().items():
            console.print(f'[red]{title}[/]: {len(faults)} x {kind}')
            for fault in faults[:first]:
                detail = f': {fault.detail}' if fault.detail else ''
                text = printable(fault.where + detail)
                console.print(f'    {escape(text)}')
            if len(faults) > first:
                console.print(f'    and {len(faults) - first} more')
    for report in reports:
        if report.missing or not report.files:
            console.print(escape(how_to_obtain(report)), highlight=False)


def _rows(report: SourceReport) -> Iterator[list[str]]:
    """A row for each split; the first says what holds for all."""
    folder = 'missing'
    if report.folder is not None:
        folder = printable(report.folder.name)
    head, faults = [report.name, folder], str(len(report.faults))
    for split in dict.fromkeys(
        [*report.files, *report.missing, *report.pictures]
    ):
        files = report.files.get(split, 0)
        annotation = {0: '', 1: '1 file'}.get(files, f'{files:,} files')
        if split in report.missing:
            annotation = 'missing'
        counts = ['', '']
        if split in report.pictures:
            tables = report.pictures, report.instances
            counts = [f'{table[split]:,}' for table in tables]
        yield [*head, split, annotation, *counts, faults]
        head, faults = ['', ''], ''
    if head[0]:
        yield [*head, '', '', '', '', faults]


def how_to_obtain(report: SourceReport) -> str:
    """What is missing of a source and where to get it."""
    source = SOURCES[report.name]
    lines = [f'{source.title} is missing.']
    if report.files:
        lines = [
            f'{source.title}, {split}: none of {", ".join(tried)} is there.'
            for split, tried in report.missing.items()
        ]
    lines += [f'Licence: {source.licence}', f'Page: {source.page}']
    return '\n'.join([*lines, source.tree.strip()]) + '\n'
