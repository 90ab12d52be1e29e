# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Prepare the small real set: mouse, fly and persons in one vocabulary.

python tools/dataset_converters/realmini.py REALDATA_DIR --out data/realmini

docs/dataset_zoo/realmini.md says where the files come from.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.common.datasets.converters.merge import CocoSource, merge_coco
from projects.common.utils.files import replacing, write_text
from projects.synthkpt.registry import all_shapes

from tools.dataset_converters import deeplabcut, deepposekit

MOUSE = 'openfield-Pranav-2018-10-30'
FLY = 'deepposekit_fly/example_annotation_set.h5'
PERSON = 'tiny_coco'
SPLITS = ('train', 'val')

# SynthKPT's names for the same points, so that a model knows the texts.
FLY_NAMES = {
    'abdomen': 'abdomen tip',
    'wingL': 'left wing tip',
    'wingR': 'right wing tip',
    **{
        f'{leg}leg{letter}{number}': f'{side} {word} leg {joint}'
        for leg, word in (('fore', 'front'), ('mid', 'middle'), ('hind',) * 2)
        for letter, side in (('L', 'left'), ('R', 'right'))
        for number, joint in enumerate(('base', 'knee', 'ankle', 'tip'), 1)
    },
}


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description='Prepare the small real set of mouse, fly and persons.'
    )
    parser.add_argument(
        'realdata', type=Path, help=f'folder of {MOUSE}, {FLY} and {PERSON}'
    )
    parser.add_argument('--out', type=Path, default=Path('data/realmini'))
    return parser.parse_args(argv)


def check_sources(realdata: Path) -> None:
    """Raise FileNotFoundError if one of the three sets is not there."""
    missing = [n for n in (MOUSE, FLY, PERSON) if not (realdata / n).exists()]
    if missing:
        raise FileNotFoundError(
            f'"{realdata}" lacks {", ".join(missing)}; '
            'docs/dataset_zoo/realmini.md says where to get them.'
        )


def convert_mouse(realdata: Path, out: Path) -> None:
    """Convert the DeepLabCut project; see ``deeplabcut.convert``."""
    command = [str(realdata / MOUSE), '--out', str(out), '--category=mouse']
    command += ['--rename', 'tailbase=tail base']
    deeplabcut.convert(deeplabcut.parse_args(command))


def convert_fly(realdata: Path, out: Path) -> None:
    """Convert the annotation set; see ``deepposekit.convert``."""
    command = [str(realdata / FLY), '--out', str(out), '--category=fly']
    command += ['--rename', *('='.join(pair) for pair in FLY_NAMES.items())]
    deepposekit.convert(deepposekit.parse_args(command))


def copy_persons(realdata: Path, out: Path) -> None:
    """Copy the COCO pictures and their annotations.

    Raises:
        FileNotFoundError: If a picture or an annotation file is missing.
        ValueError: If an annotation file has no category "person".
    """
    for split in SPLITS:
        name = f'person_keypoints_{split}2017.json'
        path = realdata / PERSON / 'annotations' / name
        content = json.loads(path.read_text(encoding='utf-8'))
        for image in content['images']:
            with replacing(out / 'images' / image['file_name']) as copy:
                shutil.copyfile(
                    realdata / PERSON / f'{split}2017' / image['file_name'],
                    copy,
                )
        _person(path, content['categories'])['supercategory'] = 'human body'
        write_text(out / 'annotations' / f'{split}.json', json.dumps(content))


def _person(path: Path, categories: Sequence[dict]) -> dict:
    for record in categories:
        if record['name'] == 'person':
            return record
    raise ValueError(
        f'"{path}" has the categories {[c["name"] for c in categories]}, '
        'none is "person"; give COCO\'s person keypoints.'
    )


def add_parts(path: Path) -> None:
    """Write SynthKPT's part names into a file whose category it has."""
    known = {
        shape.category['name']: dict(
            zip(shape.category['keypoints'], shape.category['parts'])
        )
        for shape in all_shapes()
    }
    content = json.loads(path.read_text(encoding='utf-8'))
    for record in content['categories']:
        parts = known.get(record['name'], {})
        record['parts'] = [
            parts.get(keypoint.replace('_', ' '), '')
            for keypoint in record['keypoints']
        ]
    write_text(path, json.dumps(content))


def prepare(realdata: Path, out: Path) -> dict[str, dict[str, int]]:
    """Convert the three sets and merge them; again gives the same files.

    Args:
        realdata: Folder of the three sets.
        out: Folder of the merged set, ``annotations/{train,val}.json``.

    Returns:
        dict: For both splits what :func:`merge_coco` returns.

    Raises:
        FileNotFoundError: If something is missing.
        ImportError: If h5py is not installed.
        ValueError: If a set is faulty.
    """
    check_sources(realdata)
    convert_mouse(realdata, out / 'mouse')
    convert_fly(realdata, out / 'fly')
    copy_persons(realdata, out / 'person')
    counts = {}
    for split in SPLITS:
        sources = []
        for name in ('mouse', 'fly', 'person'):
            path = out / name / 'annotations' / f'{split}.json'
            add_parts(path)
            sources.append(CocoSource(name, path, out / name / 'images'))
        counts[split] = merge_coco(sources, out, split)
    return counts


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 1 if the set cannot be prepared."""
    args = parse_args(argv)
    try:
        result = prepare(args.realdata, args.out)
    except (OSError, ImportError, ValueError) as error:
        print(f'error: {error}', file=sys.stderr)
        return 1
    for split, counts in result.items():
        numbers = ', '.join(f'{n} {kind}' for kind, n in counts.items())
        print(f'{args.out}, {split}: {numbers}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
