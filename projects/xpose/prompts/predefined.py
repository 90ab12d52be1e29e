# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Predefined prompts: from an object's name to its keypoints.

Each file under ``data/`` is one keypoint set of the released model: names in
the order of its training data, skeleton (1-based, as in COCO), pairs that
change sides in a mirrored picture, and the objects it is meant for. Which
objects share a set (a horse the set ``animal``) is our own assignment.
"""

import difflib
import functools
import json
from dataclasses import dataclass
from pathlib import Path

from projects.common.structures import KeypointCategory

_DATA = Path(__file__).parent / 'data'


@dataclass(frozen=True)
class PredefinedSet:
    """One keypoint set.

    Attributes:
        name (str): Its name, ours.
        also_called (tuple[str, ...]): Names it has in the released model.
        objects (tuple[str, ...]): Objects it is meant for, the most general
            first.
        schema (dict): ``keypoints``, ``skeleton`` and ``swap_pairs``, as in
            a category of a COCO json.
    """

    name: str
    also_called: tuple[str, ...]
    objects: tuple[str, ...]
    schema: dict

    def category(self, name: str | None = None) -> KeypointCategory:
        """The set as the keypoints of an object, of its first one if None."""
        return KeypointCategory.from_coco(
            dict(self.schema, name=name or self.objects[0])
        )


@functools.lru_cache(maxsize=1)
def predefined_sets() -> tuple[PredefinedSet, ...]:
    """All keypoint sets, by name."""
    sets = []
    for path in sorted(_DATA.glob('*.json')):
        content = json.loads(path.read_text(encoding='utf-8'))
        sets.append(
            PredefinedSet(
                content.pop('name'),
                tuple(content.pop('also_called', ())),
                tuple(content.pop('objects')),
                content,
            )
        )
    return tuple(sets)


def predefined_names() -> tuple[str, ...]:
    """All names that :func:`predefined_category` takes."""
    return tuple(_table())


def predefined_categories() -> list[KeypointCategory]:
    """The category of every object, and of every set once."""
    return list(
        dict.fromkeys(
            keypoint_set.category(name)
            for keypoint_set in predefined_sets()
            for name in keypoint_set.objects
        )
    )


def predefined_category(
    name: str, keypoints_of: str | None = None
) -> KeypointCategory:
    """Find the keypoints of an object.

    Args:
        name (str): An object ('horse') or a keypoint set ('animal_face');
            letter case, ``_`` and ``-`` do not matter.
        keypoints_of (str, optional): Object or set whose keypoints to take;
            ``name`` may be any object then.

    Returns:
        KeypointCategory: Named as asked for; a name that is only that of a
        set becomes the set's most general object.

    Raises:
        ValueError: If the name is unknown; similar ones are suggested.

    Examples:
        >>> predefined_category('horse').num_keypoints
        17
        >>> predefined_category('tapir', keypoints_of='horse').name
        'tapir'
    """
    found = _table().get(_plain(keypoints_of or name))
    if found is None:
        raise ValueError(_unknown(keypoints_of or name))
    objects = {_plain(o): o for o in found.objects}
    if keypoints_of is not None:
        return found.category(name)
    return found.category(objects.get(_plain(name)))


@functools.lru_cache(maxsize=1)
def _table() -> dict[str, PredefinedSet]:
    table = {}
    for keypoint_set in predefined_sets():
        for name in keypoint_set.objects:
            table.setdefault(_plain(name), keypoint_set)
    # A set's own name goes before another set's object of that name.
    for keypoint_set in predefined_sets():
        for name in (keypoint_set.name, *keypoint_set.also_called):
            table[_plain(name)] = keypoint_set
    return table


def _plain(name: str) -> str:
    return ' '.join(name.lower().replace('_', ' ').replace('-', ' ').split())


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(_plain(name), _table(), n=3)
    if close:
        hint = 'did you mean ' + ' or '.join(map(repr, close)) + '?'
    else:
        sets = ', '.join(s.name for s in predefined_sets())
        hint = f'known sets are {sets}.'
    return (
        f'No keypoints are known for {name!r}; {hint} Or name an object whose '
        'keypoints it shares, or give keypoint names of its own.'
    )
