# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Which examples a model was prompted with, for the record."""

from collections.abc import Iterable
from typing import Any

# Category name -> modalities and annotation ids.
Supports = dict[str, dict[str, list]]


def used_supports(prompts: dict[str, Any]) -> Supports:
    """What a prompt shows.

    Args:
        prompts: ``KeypointPrompt`` as a dict.

    Returns:
        Of every category that is not asked for by text alone: its
        ``modalities`` and the ``annotation_ids`` of its shots (None where a
        shot was not cut from an annotation).
    """
    rows = zip(
        prompts['categories'],
        prompts.get('modalities') or (),
        prompts.get('supports') or (),
    )
    return {
        category.name: {
            'modalities': [modality],
            'annotation_ids': [shot.annotation_id for shot in shots],
        }
        for category, modality, shots in rows
        if modality != 'text'
    }


def merge_supports(parts: Iterable[Supports]) -> Supports:
    """List everything once, in order, over all pictures."""
    merged = {}
    for part in parts:
        for name, entry in part.items():
            row = merged.setdefault(
                name, {key: set() for key in ('modalities', 'annotation_ids')}
            )
            for key, values in entry.items():
                row[key].update(values)
    return {
        name: {
            key: sorted(values, key=lambda v: (v is None, v))
            for key, values in row.items()
        }
        for name, row in sorted(merged.items())
    }
