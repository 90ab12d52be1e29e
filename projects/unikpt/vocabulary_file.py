# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Reading the vocabulary's files and checking that they agree.

``data/vocabulary.yml`` describes the format.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from projects.unikpt.entries import (
    CategoryEntry,
    KeypointEntry,
    Schema,
    SourceEntry,
    plain,
)
from projects.unikpt.metainfo import Metainfo, read_metainfo

DEFAULT_SIGMA = 0.05
FOLDER = Path(__file__).parent / 'data'
_KEYS = {
    'schemas': {
        *('metainfo', 'rename', 'keypoints', 'parts', 'skeleton'),
        *('sigmas_from', 'sigma', 'sigma_source', 'open', 'supercategory'),
    },
    'keypoints': {'aliases'},
    'families': {'class', 'order'},
    'categories': {
        *('schema', 'supercategory', 'object', 'aliases'),
        *('class', 'order', 'family', 'species'),
    },
    'sources': {'categories', 'open'},
}
_REQUIRED = {'categories': {'schema', 'supercategory'}}
# The compiled one where PyYAML has it.
_LOADER = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
_OTHER_SIDE = {'left': 'right', 'right': 'left'}


def read_vocabulary(folder: Path) -> dict[str, Any]:
    """Read every ``*.yml`` of a folder.

    Returns:
        The arguments of :class:`Vocabulary`.

    Raises:
        ValueError: If the files contradict themselves or each other.
        FileNotFoundError: If mmpose lacks a metainfo that is named.
    """
    paths = sorted(folder.glob('*.yml'))
    # What several schemas have goes by the main file.
    paths.sort(key=lambda path: path.name != 'vocabulary.yml')
    merged = _merge(paths)
    files = merged['schema_files']
    schemas = {
        name: _schema(name, record, files[name])
        for name, record in merged['schemas'].items()
    }
    keypoints = _keypoints(schemas, merged['keypoints'])
    categories = {
        name: _category(name, record, schemas, merged['families'])
        for name, record in merged['categories'].items()
    }
    _check_aliases('keypoint', keypoints)
    _check_aliases('category', categories)
    return {
        'version': merged['version'],
        'keypoints': keypoints,
        'categories': categories,
        'schemas': schemas,
        'sources': {
            name: _source(name, record, schemas)
            for name, record in merged['sources'].items()
        },
    }


def _merge(paths: Sequence[Path]) -> dict[str, Any]:
    merged: dict[str, Any] = {key: {} for key in (*_KEYS, 'schema_files')}
    for path in paths:
        content = yaml.load(path.read_text(encoding='utf-8'), _LOADER)
        for section, records in content.items():
            if section == 'version':
                merged['version'] = str(records)
                continue
            if section not in _KEYS:
                raise ValueError(
                    f'{path} has the section {section!r}; sections are '
                    f'version, {", ".join(_KEYS)}.'
                )
            for name, record in records.items():
                _check_record(path, section, name, record, merged)
                merged[section][name] = record
    if 'version' not in merged:
        raise ValueError(
            f'None of {[str(p) for p in paths]} has a version; '
            "write version: '1.0' into vocabulary.yml."
        )
    return merged


def _check_record(
    path: Path, section: str, name: str, record: Any, merged: Mapping
) -> None:
    if name in merged[section]:
        raise ValueError(
            f'{path}: {name!r} of {section} is in another file or further '
            'up already; keep one of the two.'
        )
    unknown = set(record) - _KEYS[section]
    if isinstance(record, Mapping) and unknown:
        raise ValueError(
            f'{path}: {name!r} of {section} has the keys {sorted(unknown)}; '
            f'known are {sorted(_KEYS[section])}.'
        )
    lacking = sorted(_REQUIRED.get(section, set()) - set(record))
    if lacking:
        raise ValueError(
            f'{path}: {name!r} of {section} lacks {" and ".join(lacking)}; '
            'write it there.'
        )
    if section == 'schemas':
        merged['schema_files'][name] = path


def _schema(name: str, record: Mapping[str, Any], path: Path) -> Schema:
    meta = read_metainfo(record['metainfo']) if 'metainfo' in record else None
    source_names = meta.keypoints if meta else tuple(record['keypoints'])
    keypoints = _unified(name, record, source_names)
    sigmas, sigma_source = _sigmas(name, record, meta, len(keypoints))
    index = {keypoint: i for i, keypoint in enumerate(keypoints)}
    if 'skeleton' in record or meta is None:
        bones = [b for c in record.get('skeleton', ()) for b in pairwise(c)]
    else:
        ours = dict(zip(source_names, keypoints))
        bones = [(ours[a], ours[b]) for a, b in meta.skeleton]
    odd = sorted({name for bone in bones for name in bone} - set(index))
    if odd:
        raise ValueError(
            f'{path}: the skeleton of the schema {name!r} has '
            f'{", ".join(map(repr, odd))}; its keypoints are '
            f'{", ".join(keypoints)}.'
        )
    swaps = _swaps(keypoints, source_names, meta)
    return Schema(
        name=name,
        source_names=source_names,
        keypoints=keypoints,
        parts=_parts(name, record, keypoints),
        skeleton=tuple((index[a], index[b]) for a, b in bones),
        swap_pairs=tuple(
            (i, index[swaps[k]])
            for k, i in index.items()
            if k in swaps and i < index[swaps[k]]
        ),
        sigmas=sigmas,
        sigma_source=sigma_source,
        open=record.get('open', ''),
        supercategory=record.get('supercategory', ''),
    )


def _unified(
    name: str, record: Mapping[str, Any], source_names: Sequence[str]
) -> tuple[str, ...]:
    rename = record.get('rename', {})
    unknown = sorted(set(rename) - set(source_names))
    if unknown:
        raise ValueError(
            f'Schema {name!r} renames {unknown}, which it does not have; '
            f'its names are {", ".join(source_names)}.'
        )
    keypoints = tuple(
        record.get('keypoints')
        or (rename.get(n, plain(n)) for n in source_names)
    )
    if len(keypoints) != len(source_names) or len(set(keypoints)) != len(
        keypoints
    ):
        raise ValueError(
            f'Schema {name!r} gives {len(set(keypoints))} different names '
            f'to {len(source_names)} keypoints; each needs one of its own.'
        )
    return keypoints


def _sigmas(
    name: str, record: Mapping[str, Any], meta: Metainfo | None, count: int
) -> tuple[tuple[float, ...], str]:
    if 'sigmas_from' in record:
        other = record['sigmas_from']
        sigmas, source = read_metainfo(other).sigmas, f'mmpose {other}'
    elif 'sigma' in record:
        sigmas, source = (record['sigma'],) * count, record['sigma_source']
    elif meta and meta.sigmas:
        sigmas, source = meta.sigmas, f'mmpose {record["metainfo"]}'
    else:
        sigmas, source = (DEFAULT_SIGMA,) * count, 'default'
    if len(sigmas) != count:
        raise ValueError(
            f'Schema {name!r} has {count} keypoints but {len(sigmas)} sigmas '
            f'({source}).'
        )
    return tuple(map(float, sigmas)), source


def _parts(
    name: str, record: Mapping[str, Any], keypoints: Sequence[str]
) -> tuple[str, ...]:
    pairs = [(k, p) for p, ks in record.get('parts', {}).items() for k in ks]
    part = dict(pairs)
    if sorted(k for k, _ in pairs) != sorted(keypoints):
        odd = sorted(set(keypoints) ^ set(part))
        raise ValueError(
            f'Schema {name!r}: parts must hold every keypoint once; look at '
            f'{", ".join(odd) or "those that are there twice"}.'
        )
    return tuple(part[keypoint] for keypoint in keypoints)


def _swaps(
    keypoints: Sequence[str],
    source_names: Sequence[str],
    meta: Metainfo | None,
) -> dict[str, str]:
    """Keypoint -> mirror partner, as mmpose or left/right in names say."""
    if meta:
        ours = dict(zip(source_names, keypoints))
        pairs = zip(keypoints, meta.swaps)
        return {k: ours[swap] for k, swap in pairs if swap}
    partner = {k: _mirrored(k) for k in keypoints}
    return {k: p for k, p in partner.items() if p != k and p in partner}


def _mirrored(name: str) -> str:
    return ' '.join(_OTHER_SIDE.get(w, w) for w in name.split())


def _category(
    name: str,
    record: Mapping[str, Any],
    schemas: Mapping[str, Schema],
    families: Mapping[str, Mapping[str, str]],
) -> CategoryEntry:
    taxonomy = {
        rank: record[rank]
        for rank in ('class', 'order', 'family', 'species')
        if rank in record
    }
    if 'family' in taxonomy:
        if taxonomy['family'] not in families:
            raise ValueError(
                f'Category {name!r} is of the family {taxonomy["family"]!r}, '
                'which "families" does not have; add its class and order.'
            )
        taxonomy = {**families[taxonomy['family']], **taxonomy}
    if record['schema'] not in schemas:
        raise ValueError(
            f'Category {name!r} has the schema {record["schema"]!r}; there '
            f'are {", ".join(schemas)}.'
        )
    return CategoryEntry(
        name=name,
        object_name=record.get('object', name),
        supercategory=record['supercategory'],
        schema=schemas[record['schema']],
        aliases=tuple(record.get('aliases', ())),
        taxonomy=taxonomy,
    )


def _keypoints(
    schemas: Mapping[str, Schema], records: Mapping[str, Mapping[str, Any]]
) -> dict[str, KeypointEntry]:
    entries: dict[str, KeypointEntry] = {}
    for schema in schemas.values():
        swaps = dict(schema.swap_pairs)
        swaps.update({b: a for a, b in schema.swap_pairs})
        for i, name in enumerate(schema.keypoints):
            swap = schema.keypoints[swaps[i]] if i in swaps else None
            if name not in entries:
                entries[name] = KeypointEntry(
                    name=name,
                    part=schema.parts[i],
                    aliases=tuple(records.get(name, {}).get('aliases', ())),
                    swap=swap,
                    sigma=schema.sigmas[i],
                    sigma_source=schema.sigma_source,
                )
            elif entries[name].swap != swap:
                raise ValueError(
                    f'Schema {schema.name!r} mirrors {name!r} to {swap!r}, '
                    f'another one to {entries[name].swap!r}; if they mean '
                    'different points, give them different names.'
                )
    return entries


def _source(
    name: str,
    record: Sequence[str] | Mapping[str, Any],
    schemas: Mapping[str, Schema],
) -> SourceEntry:
    if not isinstance(record, Mapping):
        return SourceEntry(tuple(record))
    entry = SourceEntry(
        tuple(record.get('categories', ())), record.get('open', '')
    )
    if entry.open and not (entry.open in schemas and schemas[entry.open].open):
        raise ValueError(
            f'Source {name!r} is open to the schema {entry.open!r}, which '
            "has no open names; give it open: '{} body'."
        )
    return entry


def _check_aliases(kind: str, entries: Mapping[str, Any]) -> None:
    """No alias may be the name of something else."""
    for entry in entries.values():
        for alias in entry.aliases:
            if alias in entries:
                raise ValueError(
                    f'{alias!r} is an alias of the {kind} {entry.name!r} '
                    f'and a {kind} itself; if they are the same, use one '
                    'name for both.'
                )
