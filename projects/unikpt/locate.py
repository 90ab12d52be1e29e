# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Which folder holds which source."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

from projects.unikpt.source import SOURCES, Source

#: Rows of table 2 of the X-Pose paper.
ORDER = (
    'coco',
    '300w',
    'onehand10k',
    'humanart',
    'ap10k',
    'apt36k',
    'macaque',
    'animal_kingdom',
    'animalweb',
    'vinegar_fly',
    'desert_locust',
    'keypoint5',
    'mp100',
)


def select(names: Iterable[str] | None = None) -> dict[str, Source]:
    """Sources by name; for None all, those of the paper first.

    Raises:
        ValueError: If there is no such source; the nearest name is told.
    """
    if names is None:
        known = {name: SOURCES[name] for name in ORDER if name in SOURCES}
        return known | SOURCES
    chosen = {}
    for name in names:
        if name not in SOURCES:
            near = difflib.get_close_matches(name, SOURCES, 1)
            hint = f'; did you mean {near[0]!r}?' if near else ''
            raise ValueError(
                f'There is no source {name!r}{hint} Known are '
                f'{", ".join(sorted(SOURCES))}.'
            )
        chosen[name] = SOURCES[name]
    return chosen


def parse_folders(texts: Iterable[str]) -> dict[str, Path]:
    """Read ``NAME=DIR`` texts.

    Raises:
        ValueError: If a text has another form, a name is unknown or given
            twice.
        FileNotFoundError: If there is no such folder.
    """
    folders = {}
    for text in texts:
        name, equals, folder = text.partition('=')
        if not equals or not folder or name in folders:
            raise ValueError(
                f'--source {text}: write NAME=DIR, each name once, for '
                'example --source ap10k=/data/ap-10k.'
            )
        select([name])
        if not Path(folder).is_dir():
            raise FileNotFoundError(
                f'--source {text}: there is no folder "{folder}".'
            )
        folders[name] = Path(folder)
    return folders


def locate(
    root: Path | None,
    sources: Mapping[str, Source],
    named: Mapping[str, Path],
) -> dict[str, Path | None]:
    """Find the folder of each source.

    It is the one that was named, else ``root/<name>``, else the folder below
    ``root`` in which this source alone finds an annotation file of its own.
    Of several the first is taken and a warning names each other one.

    Args:
        root: Folder that holds the folders of sources, None for none.
        sources: Sources by name.
        named: Folders by name of source.

    Returns:
        dict: Name -> folder, None where there is none.

    Raises:
        FileNotFoundError: If ``root`` is no folder.
    """
    if root is not None and not Path(root).is_dir():
        raise FileNotFoundError(
            f'There is no folder "{root}"; give the folder that holds the '
            'folders of the sources.'
        )
    folders = dict.fromkeys(sources)
    for name in sources:
        if name in named:
            folders[name] = Path(named[name])
        elif root is not None and (Path(root) / name).is_dir():
            folders[name] = Path(root) / name
    if root is not None:
        missing = [name for name, folder in folders.items() if folder is None]
        claims = _claimed(Path(root))
        folders.update({n: claims[n][0] for n in missing if n in claims})
        for name, folder in folders.items():
            if name not in named:
                _tell_others(name, folder, claims.get(name, ()))
    return folders


def _tell_others(
    name: str, taken: Path | None, claims: Iterable[Path]
) -> None:
    for folder in claims:
        if folder != taken:
            warnings.warn(
                f'also found {folder} for {name}, of which {taken} is taken; '
                f'give --source {name}={folder} to take it instead.',
                stacklevel=3,
            )


def _claimed(root: Path) -> dict[str, list[Path]]:
    """Folders of other names that exactly one source recognises."""
    claims: dict[str, list[Path]] = {}
    for folder in sorted(p for p in root.iterdir() if p.is_dir()):
        if folder.name in SOURCES:
            continue
        claimants = recognised_by(folder)
        if len(claimants) == 1:
            claims.setdefault(claimants[0], []).append(folder)
    return claims


def recognised_by(folder: Path) -> list[str]:
    """Names of the sources that find an annotation file in a folder."""
    return [
        name for name, source in SOURCES.items() if source.find(folder).found
    ]
