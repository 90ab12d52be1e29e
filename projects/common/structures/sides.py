# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Left and right in names of keypoints."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Whole words; an underscore separates words, which \b does not know.
_SIDE = re.compile(r'(?<![^\W_])(?:left|right)(?![^\W_])|左|右')
_OTHER_SIDE = {'left': 'right', 'right': 'left', '左': '右', '右': '左'}
# "paw1LH" -> paw, 1, LH; "LEar" -> L, Ear.
_PIECES = re.compile(r'[A-Z]+(?![a-z])|[A-Z]?[a-z]+')
_SHORT_SIDE = re.compile(r'([LR])[A-Z]?|[A-Z]([LR])|([lr])')

Pair = tuple[int, int]


def names_a_side(name: str) -> bool:
    """Whether a name has the word 'left' or 'right' in it."""
    return bool(_SIDE.search(name.lower()))


def mirrored_name(name: str) -> str | None:
    """Name with its first 'left'/'right' replaced, None without one.

    It is in lower case.
    """
    mirrored, count = _SIDE.subn(
        lambda match: _OTHER_SIDE[match.group()], name.lower(), count=1
    )
    return mirrored if count else None


def abbreviate_sides(names: Sequence[str]) -> bool:
    """Whether names tell sides by letters, as eyeL, l_ear or paw1LH do.

    Both letters have to occur: "R" alone may be anything.
    """
    letters = set()
    for name in names:
        for piece in _PIECES.findall(name):
            match = _SHORT_SIDE.fullmatch(piece)
            if match:
                letters.add(next(filter(None, match.groups())).upper())
    return letters == {'L', 'R'}


def infer_swap_pairs(names: Sequence[str]) -> tuple[Pair, ...]:
    """Pairs of names that differ in 'left' and 'right' alone, 0-based."""
    index = {name.lower(): i for i, name in enumerate(names)}
    pairs = []
    for i, name in enumerate(names):
        partner = index.get(mirrored_name(name) or '')
        if partner is not None and i < partner:
            pairs.append((i, partner))
    return tuple(pairs)


def contradicting_pair(
    names: Sequence[str], pairs: Sequence[Pair]
) -> tuple[str, str] | None:
    """The first pair whose names say that it is none.

    The two of a pair are on one side ("left eye", "left ear"), or one of
    them has its partner elsewhere ("left eye" with "right ear" though there
    is a "right eye").

    Returns:
        The two names, None if all pairs go with their names.
    """
    index = {name.lower(): i for i, name in enumerate(names)}
    for pair in pairs:
        first, second = (names[i] for i in pair)
        sides = [_SIDE.findall(name.lower())[:1] for name in (first, second)]
        elsewhere = any(
            index.get(mirrored_name(names[i]) or '', j) != j
            for i, j in (pair, pair[::-1])
        )
        if elsewhere or (sides[0] and sides[0] == sides[1]):
            return first, second
    return None
