# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""MP-100's cross-super-category splits, made of its five splits.

Each category is in the test part of exactly one of the five splits, so their
test files together are the whole of MP-100:

python tools/dataset_converters/mp100_super.py data/mp100/annotations

writes ``mp100_super_{human_body,human_face,vehicle,furniture}_test.json``, the
categories that are held out, and ``..._train.json``, all others. What a file
lacks of MP-100 (``info.partial``) all of them say.
"""

import argparse
import json
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.common.utils.files import write_json

#: Categories by super-category. ``amur_tiger_body``, which holds human faces,
#: is neither here nor in the training part that leaves faces out.
SUPER_CATEGORIES = {
    'human_body': ('human_body',),
    'human_face': ('human_face',),
    'vehicle': ('bus', 'car', 'suv'),
    'furniture': ('bed', 'chair', 'sofa', 'swivelchair', 'table'),
}
MISNAMED_FACES = 'amur_tiger_body'
SPLITS = range(1, 6)


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Make MP-100's cross-super-category annotation files."
    )
    parser.add_argument(
        'annotations', type=Path, help='folder of mp100_split*_test.json'
    )
    return parser.parse_args(argv)


def read_all(folder: Path) -> dict[str, Any]:
    """Categories, images and annotations of all five test files.

    Ids are given anew, since those of the files may collide; a picture that
    several files name becomes one.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a category is in two files.
    """
    categories, images, annotations = {}, {}, []
    partial = []
    for split in SPLITS:
        path = folder / f'mp100_split{split}_test.json'
        if not path.is_file():
            raise FileNotFoundError(
                f'{path} is missing; the test files of all five splits are '
                'needed, since each category is in one of them only.'
            )
        content = json.loads(path.read_text(encoding='utf-8'))
        info = content.get('info')
        if isinstance(info, dict):
            partial.append(info.get('partial', ''))
        names, files = {}, {}
        for record in content['categories']:
            used = any(
                a['category_id'] == record['id']
                for a in content['annotations']
            )
            if used and record['name'] in categories:
                raise ValueError(
                    f'{path}: the category {record["name"]!r} is in the test '
                    'file of another split, too; take the files of one '
                    'release of MP-100.'
                )
            names[record['id']] = record['name']
            if used:
                number = len(categories) + 1
                categories[record['name']] = {**record, 'id': number}
        for record in content['images']:
            files[record['id']] = record['file_name']
            images.setdefault(
                record['file_name'], {**record, 'id': len(images) + 1}
            )
        for record in content['annotations']:
            annotations.append(
                {
                    **record,
                    'id': len(annotations) + 1,
                    'image_id': images[files[record['image_id']]]['id'],
                    'category_id': categories[names[record['category_id']]][
                        'id'
                    ],
                }
            )
    text = '; '.join(filter(None, partial))
    return {
        **({'info': {'partial': text}} if text else {}),
        'categories': list(categories.values()),
        'images': list(images.values()),
        'annotations': annotations,
    }


def check_groups(known: Collection[str]) -> None:
    """Refuse files that lack a category of a group.

    Raises:
        ValueError: If one is missing.
    """
    for group, names in SUPER_CATEGORIES.items():
        absent = sorted(set(names) - set(known))
        if absent:
            raise ValueError(
                f'The files have no categories {", ".join(absent)} of '
                f'{group}; take the files of MP-100 as published.'
            )


def restricted(
    content: dict[str, Any], names: Collection[str]
) -> dict[str, Any]:
    """The part of an annotation file about some categories."""
    categories = [r for r in content['categories'] if r['name'] in names]
    ids = {record['id'] for record in categories}
    annotations = [
        r for r in content['annotations'] if r['category_id'] in ids
    ]
    pictures = {record['image_id'] for record in annotations}
    return {
        **content,
        'categories': categories,
        'images': [r for r in content['images'] if r['id'] in pictures],
        'annotations': annotations,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 1 if the files cannot be made."""
    args = parse_args(argv)
    try:
        content = read_all(args.annotations)
        known = {record['name'] for record in content['categories']}
        check_groups(known)
        for group, names in SUPER_CATEGORIES.items():
            others = known - set(names)
            if group == 'human_face':
                others.discard(MISNAMED_FACES)
            for part, chosen in (('test', names), ('train', others)):
                path = args.annotations / f'mp100_super_{group}_{part}.json'
                found = restricted(content, chosen)
                write_json(path, found)
                print(
                    f'{path}: {len(found["categories"])} categories, '
                    f'{len(found["images"])} images, '
                    f'{len(found["annotations"])} annotations'
                )
    except (OSError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
