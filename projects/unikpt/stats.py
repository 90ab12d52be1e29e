# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Table 2 of the X-Pose paper beside what was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from projects.unikpt.locate import select
from projects.unikpt.source import SOURCES, UNREADABLE, Source
from projects.unikpt.vocabulary import Vocabulary

COLUMNS = (
    'keypoints',
    'categories',
    'images',
    'instances',
    'unified_images',
    'unified_instances',
)
HEADER = ('data set', 'vocabulary', *(c.replace('_', ' ') for c in COLUMNS))
LEGEND = (
    'vocabulary: keypoints / categories that it knows; the rest: found / in '
    'the paper, "-" where a set was not built or the paper has no figure.'
)
TOTAL = 'UniKPT'
#: X-Pose, table 2, last row.
PAPER_TOTAL: Mapping[str, int] = {
    'keypoints': 338,
    'categories': 1237,
    'unified_images': 226_547,
    'unified_instances': 418_487,
}
Row = dict[str, Any]


def table(stamp: Mapping[str, Any], vocabulary: Vocabulary) -> list[Row]:
    """Found and published figures, a row per source and one in total.

    Objects count if they are no crowd and have a labelled keypoint, pictures
    if they have such an object. Keypoints are different names. The total has
    the sources of UniKPT; a name that several sources have counts once.

    Args:
        stamp: What :func:`build` returned.
        vocabulary: The vocabulary that it was built with.

    Returns:
        Rows with ``name``, ``title``, ``found`` and ``paper`` (column ->
        number; ``found`` is None where the source was not built, ``paper``
        lacks what the paper does not have) and ``differences``, sentences.

    Raises:
        ValueError: If the stamp names a source that is not registered.
    """
    unknown = sorted(set(stamp['sources']) - set(SOURCES))
    if unknown:
        raise ValueError(
            f'The set was built with {", ".join(unknown)}, but no such '
            'source is registered; register it again or build without it.'
        )
    rows = [
        _row(name, stamp['sources'].get(name), vocabulary)
        for name in _names(stamp)
    ]
    built = [e for n, e in stamp['sources'].items() if SOURCES[n].paper]
    found = {
        'keypoints': len({k for e in built for k in e['keypoints']}),
        'categories': len({c for e in built for c in e['categories']}),
        **{
            column: sum(_counted(entry)[column] for entry in built)
            for column in COLUMNS[2:]
        },
    }
    differences = []
    if stamp['partial']:
        differences.append(partial_sentence(stamp))
    rows.append(
        {
            'name': '',
            'title': TOTAL,
            'found': found,
            'paper': dict(PAPER_TOTAL),
            'vocabulary': _vocabulary_counts(
                [n for n, s in SOURCES.items() if s.paper], (), vocabulary
            ),
            'differences': differences,
        }
    )
    return rows


def partial_sentence(stamp: Mapping[str, Any]) -> str:
    """What a partial set lacks."""
    total = sum(bool(source.paper) for source in SOURCES.values())
    parts = [f'PARTIAL: {total - len(stamp["missing"])} of {total} sources']
    if stamp['missing']:
        parts.append(f'without {", ".join(stamp["missing"])}')
    parts += [
        f'{name} without {", ".join(entry["missing_splits"])}'
        for name, entry in stamp['sources'].items()
        if entry['missing_splits']
    ]
    parts += [
        f'{name} without what of its annotation cannot be read'
        for name, entry in stamp['sources'].items()
        if entry['faults'].get(UNREADABLE)
    ]
    lost = [
        f'{name} {entry["left_out"]["pictures"]:,} of '
        f'{sum(entry["listed"].values()):,}'
        for name, entry in stamp['sources'].items()
        if entry['left_out'].get('pictures')
    ]
    more = f' Pictures left out: {", ".join(lost)}.' if lost else ''
    return '; '.join(parts) + '.' + more


def _names(stamp: Mapping[str, Any]) -> list[str]:
    """Sources of the paper, and what else was built."""
    own = [n for n in stamp['sources'] if not SOURCES[n].paper]
    return [n for n, source in select().items() if source.paper] + own


def _row(
    name: str, entry: Mapping[str, Any] | None, vocabulary: Vocabulary
) -> Row:
    source = SOURCES[name]
    categories = entry['categories'] if entry else ()
    return {
        'name': name,
        'title': source.title,
        'found': entry and _counted(entry),
        'paper': dict(source.paper),
        'vocabulary': _vocabulary_counts([name], categories, vocabulary),
        'differences': _differences(name, entry) if entry else [],
    }


def _counted(entry: Mapping[str, Any]) -> dict[str, int]:
    return {
        'keypoints': len(entry['keypoints']),
        'categories': len(entry['categories']),
        'images': sum(entry['pictures'].values()),
        'instances': sum(entry['instances'].values()),
        'unified_images': entry['mixed_pictures'],
        'unified_instances': entry['mixed_instances'],
    }


def _vocabulary_counts(
    names: Iterable[str], found: Iterable[str], vocabulary: Vocabulary
) -> dict[str, int]:
    """What the vocabulary knows, whether or not it is in the data."""
    known = [name for name in names if name in vocabulary.sources]
    counts = vocabulary.counts(known, found)
    return {'keypoints': counts.keypoints, 'categories': counts.categories}


def _differences(name: str, entry: Mapping[str, Any]) -> list[str]:
    source, found = SOURCES[name], _counted(entry)
    if all(found[c] == n for c, n in source.paper.items()):
        return []
    reasons = []
    if entry['missing_splits']:
        splits = ', '.join(entry['missing_splits'])
        reasons.append(f'No annotation of {splits} was found.')
    pictures, listed = found['images'], sum(entry['listed'].values())
    if listed != pictures:
        reasons.append(
            f'Of {listed:,} pictures that are listed, {pictures:,} '
            'can be read and have an object with a keypoint.'
        )
    if entry['left_out']:
        left = ', '.join(f'{n:,} {k}' for k, n in entry['left_out'].items())
        kinds = ', '.join(f'{n:,} x {k}' for k, n in entry['faults'].items())
        reasons.append(f'Left out: {left} ({kinds}).')
    return [*reasons, about(source)]


def about(source: Source) -> str:
    """What is peculiar about a source, in one line."""
    return ' '.join((type(source).__doc__ or '').split())


def markdown(rows: Sequence[Row]) -> str:
    """The table and the explanations; in each cell found / paper."""
    lines = [
        '| ' + ' | '.join(HEADER) + ' |',
        '| --- |' + ' ---: |' * (len(HEADER) - 1),
    ]
    lines += ['| ' + ' | '.join(cells(row)) + ' |' for row in rows]
    lines += ['', LEGEND]
    lines += [
        f'\n{row["title"]}: {" ".join(row["differences"])}'
        for row in rows
        if row['differences']
    ]
    return '\n'.join(lines) + '\n'


def cells(row: Row) -> list[str]:
    """Cells of a row of the table."""
    known = row['vocabulary']
    texts = [row['title'], f'{known["keypoints"]} / {known["categories"]}']
    for column in COLUMNS:
        found = '-' if row['found'] is None else f'{row["found"][column]:,}'
        paper = row['paper'].get(column)
        texts.append(f'{found} / {"-" if paper is None else f"{paper:,}"}')
    return texts
