# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""MP-100's folder of pictures, made from the data sets that it is made of.

annotation files --wanted_pictures--> WantedPicture of each category
their sources    --open_index------> FoundPicture (link, copy or bytes)
                 --collect---------> images/<category>/<file>, CategoryReport
                 --write_partial---> annotation of the complete categories
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from projects.common.datasets.mp100.mp100_index import (
    CarFusionIndex,
    FolderIndex,
    FrameIndex,
    WantedPicture,
    WrongSizeError,
    picture_size,
)
from projects.common.datasets.mp100.mp100_parts import PART_OF, PARTS
from projects.common.utils.files import replacing, write_bytes, write_json

Index = FolderIndex | FrameIndex
_INDICES: Mapping[str, Callable[[Path], Index]] = {
    'files': FolderIndex,
    'h5': FrameIndex,
    'carfusion': CarFusionIndex,
}
PARTIAL_FOLDER = 'annotations_partial'


@dataclass
class CategoryReport:
    """What was found of a category.

    Attributes:
        name: Category of MP-100.
        expected: Pictures that the annotation names.
        found: Of them those that are in place now.
        added: Of these the ones that this run put there.
        ambiguous: Pictures for which several files fitted.
        problems: Picture -> what is wrong, in a sentence.
    """

    name: str
    expected: int = 0
    found: int = 0
    added: int = 0
    ambiguous: int = 0
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Whether every picture is in place."""
        return self.found == self.expected


def read_annotations(folder: Path) -> dict[str, dict[str, Any]]:
    """Read ``mp100_*.json`` of a folder.

    Returns:
        dict: File name -> content, in order of the names.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If one is no annotation file.
    """
    contents = {}
    for path in sorted(Path(folder).glob('mp100_*.json')):
        try:
            content = json.loads(path.read_text(encoding='utf-8'))
            images, _, _ = (
                content[key] for key in ('images', 'annotations', 'categories')
            )
            for image in images:
                image['id'], image['width'], image['height']
                parts = image['file_name'].split('/')
                if len(parts) < 2 or {'', '..'} & set(parts):
                    raise ValueError(
                        f'the picture {image["file_name"]!r} is not '
                        'CATEGORY/FILE'
                    )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f'{path} is no annotation of MP-100 '
                f'({type(error).__name__}: {error}); fetch it again.'
            ) from error
        contents[path.name] = content
    if not contents:
        raise FileNotFoundError(
            f'There is no mp100_*.json in "{folder}"; put the annotation '
            'files of MP-100 there (github.com/luminxu/Pose-for-Everything, '
            'or with skeletons github.com/orhir/PoseAnything).'
        )
    return contents


def wanted_pictures(
    contents: Mapping[str, Mapping[str, Any]],
) -> dict[str, list[WantedPicture]]:
    """The pictures that annotation files name, each once.

    Args:
        contents: What :func:`read_annotations` returned.

    Returns:
        dict: Category (first folder of the file name) -> its pictures.
    """
    wanted: dict[str, dict[str, WantedPicture]] = {}
    for content in contents.values():
        first = {}
        for annotation in content['annotations']:
            first.setdefault(annotation['image_id'], annotation)
        for image in content['images']:
            category, _, path = image['file_name'].partition('/')
            wanted.setdefault(category, {}).setdefault(
                path,
                WantedPicture(
                    category,
                    path,
                    image['width'],
                    image['height'],
                    first.get(image['id'], {}),
                ),
            )
    return {name: list(wanted[name].values()) for name in sorted(wanted)}


def find_parts(
    root: Path | None, named: Mapping[str, Path]
) -> dict[str, Path]:
    """Folders of the sources.

    Args:
        root: Folder in which sources are looked for by their usual names
            (any case), None to look nowhere.
        named: Source -> its folder; goes first.

    Returns:
        dict: Source -> folder, without those that are not there.

    Raises:
        FileNotFoundError: If a folder that was named does not exist.
        ValueError: If a source is unknown.
    """
    known = {part.name: part for part in PARTS}
    for name, folder in named.items():
        if name not in known:
            raise ValueError(
                f'--source {name}={folder}: MP-100 has no source {name!r}; '
                f'its sources are {", ".join(known)}.'
            )
        if not folder.is_dir():
            raise FileNotFoundError(
                f'--source {name}={folder}: there is no such folder.'
            )
    found = dict(named)
    if root is not None:
        if not root.is_dir():
            raise FileNotFoundError(f'--sources: there is no folder "{root}".')
        here = {p.name.lower(): p for p in sorted(root.iterdir())}
        # A clone of DeepPoseKit-Data has both insects.
        inner = here.get('deepposekit-data', root) / 'datasets'
        if inner.is_dir():
            here |= {p.name.lower(): p for p in sorted(inner.iterdir())}
        for part in PARTS:
            folder = next((here[f] for f in part.folders if f in here), None)
            if folder is not None and folder.is_dir():
                found.setdefault(part.name, folder)
    return found


def collect(
    wanted: Mapping[str, Sequence[WantedPicture]],
    parts: Mapping[str, Path],
    images: Path,
    copy: bool = False,
    dry_run: bool = False,
    progress: Callable[[str], None] = lambda text: None,
) -> dict[str, CategoryReport]:
    """Put every picture in its place, or say why not.

    Pictures that are in place already stay. Nothing is written through a
    category's folder that is itself a link, since that would write into the
    source.

    Args:
        wanted: What :func:`wanted_pictures` returned.
        parts: What :func:`find_parts` returned.
        images: Folder of all pictures.
        copy: Copy files instead of linking them.
        dry_run: Only count; found is what a run would leave in place.
        progress: Called with each source's name before it is searched.

    Returns:
        dict: Category -> report, in the order of ``wanted``.
    """
    reports = {name: CategoryReport(name) for name in wanted}
    by_part: dict[str, list[str]] = {}
    for name in wanted:
        part = PART_OF.get(name)
        by_part.setdefault(part.name if part else '', []).append(name)
    for part_name, names in by_part.items():
        progress(part_name or 'categories that MP-100 does not have')
        index = _Lookup(part_name, parts.get(part_name))
        for name in names:
            for picture in wanted[name]:
                _place(picture, index, images, copy, dry_run, reports[name])
    return reports


class _Lookup:
    """The index of a source, opened when the first picture is missing."""

    def __init__(self, name: str, folder: Path | None) -> None:
        self.name = name
        self.folder = folder
        self._index: Index | None = None

    def open(self) -> Index:
        if not self.name:
            raise LookupError('MP-100 has no such category')
        part = next(p for p in PARTS if p.name == self.name)
        if self.folder is None:
            raise LookupError(f'{part.title} was not found')
        if self._index is None:
            try:
                self._index = _INDICES[part.kind](self.folder)
            except ValueError as error:
                raise LookupError(str(error)) from error
        return self._index


def _place(
    picture: WantedPicture,
    lookup: _Lookup,
    images: Path,
    copy: bool,
    dry_run: bool,
    report: CategoryReport,
) -> None:
    report.expected += 1
    target = images / picture.file
    size = picture_size(target)
    if size == (picture.width, picture.height):
        report.found += 1
        return
    try:
        found = lookup.open().find(picture)
        if found is None:
            raise LookupError(f'not in {lookup.folder}')
        if (images / picture.category).is_symlink():
            raise LookupError(
                f'not in the folder that {images / picture.category} links '
                'to; remove that link, so that pictures can be linked singly'
            )
        if not dry_run:
            if found.content is not None:
                write_bytes(target, found.content())
            else:
                _put(found.file, target, copy)
    except (LookupError, OSError, WrongSizeError) as error:
        there = (
            '' if size is None else f'in place, but {size[0]} x {size[1]}; '
        )
        report.problems[picture.file] = there + str(error)
        return
    report.found += 1
    report.added += 1
    report.ambiguous += found.ambiguous


def _put(source: Path, target: Path, copy: bool) -> None:
    with replacing(target) as temporary:
        if copy:
            shutil.copyfile(source, temporary)
        else:
            temporary.symlink_to(os.path.abspath(source))


def partial_text(
    name: str, content: Mapping[str, Any], incomplete: Iterable[str]
) -> str:
    """What every result on the complete categories of a file has to say.

    Args:
        name: Name of the annotation file.
        content: Its content.
        incomplete: All categories that lack pictures.

    Returns:
        str: '' if the file is complete.
    """
    names = sorted({i['file_name'].split('/')[0] for i in content['images']})
    lacking = sorted(set(names) & set(incomplete))
    if not lacking:
        return ''
    kept = len(names) - len(lacking)
    return (
        f'PARTIAL MP-100: {kept} of {len(names)} categories of {name}, '
        f'without {", ".join(lacking)}; not comparable'
    )


def write_partial(
    contents: Mapping[str, Mapping[str, Any]],
    reports: Mapping[str, CategoryReport],
    out: Path,
) -> dict[str, str]:
    """Write annotation files of the complete categories alone.

    They are written where a category lacks pictures, and removed where none
    does any more. ``info.partial`` of each is :func:`partial_text`, which
    episodes and results carry on. The episodes of a complete category are
    the same as with the whole file.

    Args:
        contents: What :func:`read_annotations` returned.
        reports: What :func:`collect` returned.
        out: Folder of MP-100.

    Returns:
        dict: File name -> its text, for files that lack pictures; nothing is
        written of a file without a complete category.
    """
    incomplete = [r.name for r in reports.values() if not r.complete]
    texts = {}
    for name, content in contents.items():
        path = out / PARTIAL_FOLDER / name
        text = partial_text(name, content, incomplete)
        images = [
            image
            for image in content['images']
            if image['file_name'].split('/')[0] not in incomplete
        ]
        if text:
            texts[name] = text
        if text and images:
            write_json(path, _restricted(content, images, text))
        else:
            path.unlink(missing_ok=True)
    return texts


def _restricted(
    content: Mapping[str, Any], images: list[dict], text: str
) -> dict[str, Any]:
    kept = {image['id'] for image in images}
    annotations = [a for a in content['annotations'] if a['image_id'] in kept]
    used = {annotation['category_id'] for annotation in annotations}
    info = content.get('info')
    return {
        'info': {**(info if isinstance(info, dict) else {}), 'partial': text},
        'images': images,
        'annotations': annotations,
        'categories': [c for c in content['categories'] if c['id'] in used],
    }
