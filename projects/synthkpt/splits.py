# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Which categories are learnt and which are held out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from projects.synthkpt.base import Shape

NUM_SPLITS = 5
HELD_OUT = ('human body', 'human face', 'vehicle', 'furniture')


def category_records(shapes: Sequence[Shape]) -> list[dict[str, Any]]:
    """COCO categories of a vocabulary, ids from 1 in its order."""
    return [{'id': i + 1, **shape.category} for i, shape in enumerate(shapes)]


def category_splits(
    categories: Sequence[dict[str, Any]], seed: int
) -> list[dict[str, list[int]]]:
    """Five MP-100 shaped splits of the categories.

    The categories of each super-category are shuffled and dealt out to five
    folds. Split s tests on fold s, validates on half of the next fold and
    trains on the rest, about 70/10/20 %. So over the five splits each
    category is tested exactly once.

    Args:
        categories: COCO categories with id and supercategory.
        seed: Seed of the shuffle.

    Returns:
        Per split 'train', 'val' and 'test', each a sorted list of ids.

    Raises:
        ValueError: With fewer than ten categories a validation part would
            be empty.
    """
    if len(categories) < 2 * NUM_SPLITS:
        raise ValueError(
            f'{len(categories)} categories cannot be dealt to {NUM_SPLITS} '
            f'splits; at least {2 * NUM_SPLITS} are needed.'
        )
    rng = np.random.default_rng([seed, len(categories)])
    kinds: dict[str, list[int]] = {}
    for record in categories:
        kinds.setdefault(record['supercategory'], []).append(record['id'])
    dealt = [
        ids[i] for ids in kinds.values() for i in rng.permutation(len(ids))
    ]
    folds = [dealt[s::NUM_SPLITS] for s in range(NUM_SPLITS)]
    splits = []
    for s in range(NUM_SPLITS):
        following = folds[(s + 1) % NUM_SPLITS]
        test, val = set(folds[s]), set(following[::2])
        train = set(dealt) - test - val
        splits.append(
            {'train': sorted(train), 'val': sorted(val), 'test': sorted(test)}
        )
    return splits


def split_files(
    categories: Sequence[dict[str, Any]], seed: int
) -> dict[str, list[int]]:
    """Category ids of every split file, by the file's name without ending.

    Besides the five splits there is one pair of files for each held-out
    super-category that the vocabulary has.
    """
    files = {}
    for s, parts in enumerate(category_splits(categories, seed), 1):
        for part, ids in parts.items():
            files[f'synthmp_split{s}_{part}'] = ids
    for kind in HELD_OUT:
        test = [c['id'] for c in categories if c['supercategory'] == kind]
        if not test:
            continue
        slug = kind.replace(' ', '_')
        files[f'synthmp_super_{slug}_train'] = [
            c['id'] for c in categories if c['supercategory'] != kind
        ]
        files[f'synthmp_super_{slug}_test'] = test
    return files
