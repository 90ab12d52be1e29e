# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Prepare the open sets of real photos: seven categories in one file.

python tools/dataset_converters/photos.py PHOTOS REALDATA --out data/photos

docs/dataset_zoo/photos.md says where the files come from.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.common.datasets.converters.merge import CocoSource, merge_coco
from projects.common.utils.files import write_text

from tools.dataset_converters import realmini

LIVESTOCK, TUBES = 'livestock18', 'glue_tubes'
#: Every source holds one category; the sampler balances sources.
REALMINI = ('mouse', 'fly', 'person')
LIVESTOCK_CATEGORIES = ('cattle', 'horse', 'sheep')
#: Held out by ``--places``: one of three farms of cattle, one of three
#: stables of horses. Of sheep, and of the other sets, there is one place.
HELD_OUT = {
    'cattle': lambda image: image.get('split') == 'A',
    'horse': lambda image: image.get('group', '').startswith('zu_'),
}


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Prepare the open sets of real photos.'
    )
    parser.add_argument(
        'photos', type=Path, help=f'folder of {LIVESTOCK} and {TUBES}'
    )
    parser.add_argument(
        'realdata', type=Path, help='folder of the small real set'
    )
    parser.add_argument('--out', type=Path, default=Path('data/photos'))
    return parser.parse_args(argv)


def check_sources(photos: Path) -> None:
    """Raise FileNotFoundError if one of the sets is not there."""
    missing = [
        f'{name}/{split}.json'
        for name in (LIVESTOCK, TUBES)
        for split in realmini.SPLITS
        if not (photos / name / f'{split}.json').is_file()
    ]
    if missing:
        raise FileNotFoundError(
            f'"{photos}" lacks {", ".join(missing)}; '
            'docs/dataset_zoo/photos.md says where to get them.'
        )


def part_of(
    content: Mapping[str, Any],
    category: str,
    keep: Callable[[Mapping[str, Any]], bool] = lambda image: True,
) -> dict[str, Any]:
    """One category of a COCO file, on some of its images.

    Args:
        content: A COCO-style file whose images show one category each.
        category: Its name.
        keep: Whether an image record is taken.

    Raises:
        ValueError: If there is no such category.
    """
    records = [c for c in content['categories'] if c['name'] == category]
    if not records:
        names = ', '.join(c['name'] for c in content['categories'])
        raise ValueError(
            f'{LIVESTOCK} has no category "{category}", only {names}; it is '
            'not the set that docs/dataset_zoo/photos.md describes.'
        )
    annotations = [
        annotation
        for annotation in content['annotations']
        if annotation['category_id'] == records[0]['id']
    ]
    shown = {annotation['image_id'] for annotation in annotations}
    images = [i for i in content['images'] if i['id'] in shown and keep(i)]
    kept = {image['id'] for image in images}
    return {
        'images': images,
        'annotations': [a for a in annotations if a['image_id'] in kept],
        'categories': records,
    }


def livestock_sources(
    photos: Path, out: Path, split: str, places: bool
) -> list[CocoSource]:
    """Write one file for each livestock category; of ``split``, or by place.

    Args:
        photos: Folder of the sets.
        out: Folder of the merged set.
        split: 'train' or 'val'.
        places: Train without the places of :data:`HELD_OUT` and validate on
            all images of these, training images included, and on the
            validation images of categories of a single place.
    """
    contents = {
        name: json.loads((photos / LIVESTOCK / f'{name}.json').read_text())
        for name in realmini.SPLITS
    }
    sources = []
    for category in LIVESTOCK_CATEGORIES:
        held_out = HELD_OUT.get(category) if places else None
        if held_out is None:
            parts = [part_of(contents[split], category)]
        elif split == 'train':
            keep = lambda image, out=held_out: not out(image)  # noqa: E731
            parts = [part_of(contents['train'], category, keep)]
        else:
            parts = [
                part_of(content, category, held_out)
                for content in contents.values()
            ]
        path = out / LIVESTOCK / f'{category}_{split}{"_places" * places}.json'
        joined = {
            key: [record for part in parts for record in part[key]]
            for key in ('images', 'annotations')
        }
        joined['categories'] = parts[0]['categories']
        for key in ('images', 'annotations'):
            ids = [record['id'] for record in joined[key]]
            if len(set(ids)) < len(ids):
                raise ValueError(
                    f'{LIVESTOCK} has {key} of train and val with the same '
                    'id; it is not the set that docs/dataset_zoo/photos.md '
                    'describes.'
                )
        write_text(path, json.dumps(joined))
        images = photos / LIVESTOCK / 'images'
        sources.append(CocoSource(category, path, images))
    return sources


def prepare(
    photos: Path, realdata: Path, out: Path
) -> dict[str, dict[str, int]]:
    """Merge the sets; again gives the same files.

    Args:
        photos: Folder of ``livestock18`` and ``glue_tubes``.
        realdata: Folder of the small real set, see ``realmini.prepare``.
        out: Folder of the merged set: ``annotations/{train,val}.json`` and
            ``annotations/{train,val}_places.json``, where places are kept
            apart.

    Returns:
        dict: For each of the four files what :func:`merge_coco` returns.

    Raises:
        FileNotFoundError: If something is missing.
        ImportError: If h5py is not installed.
        ValueError: If a set is faulty.
    """
    check_sources(photos)
    # In a folder of its own: a part must not pass for the whole.
    realmini.prepare(realdata, out / 'realmini')
    counts = {}
    for places in (False, True):
        for split in realmini.SPLITS:
            sources = [
                CocoSource(
                    name,
                    out / 'realmini' / name / 'annotations' / f'{split}.json',
                    out / 'realmini' / name / 'images',
                )
                for name in REALMINI
            ]
            sources += livestock_sources(photos, out, split, places)
            tubes = photos / TUBES
            sources.append(
                CocoSource('tube', tubes / f'{split}.json', tubes / 'images')
            )
            name = f'{split}{"_places" * places}'
            counts[name] = merge_coco(sources, out, name)
    return counts


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 1 if the set cannot be prepared."""
    args = parse_args(argv)
    try:
        result = prepare(args.photos, args.realdata, args.out)
    except (OSError, ImportError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    for split, counts in result.items():
        numbers = ', '.join(f'{n} {kind}' for kind, n in counts.items())
        print(f'{args.out}, {split}: {numbers}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
