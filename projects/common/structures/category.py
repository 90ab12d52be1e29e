# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""One category of objects and the keypoints that it has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from projects.common.structures.sides import (
    abbreviate_sides,
    infer_swap_pairs,
    names_a_side,
)

DEFAULT_SIGMA = 0.05

#: Per-keypoint constants of the COCO keypoint evaluation (cocoeval.py).
COCO_PERSON_SIGMAS: dict[str, float] = {
    'nose': 0.026,
    'left eye': 0.025,
    'right eye': 0.025,
    'left ear': 0.035,
    'right ear': 0.035,
    'left shoulder': 0.079,
    'right shoulder': 0.079,
    'left elbow': 0.072,
    'right elbow': 0.072,
    'left wrist': 0.062,
    'right wrist': 0.062,
    'left hip': 0.107,
    'right hip': 0.107,
    'left knee': 0.087,
    'right knee': 0.087,
    'left ankle': 0.089,
    'right ankle': 0.089,
}


@dataclass(frozen=True)
class KeypointCategory:
    """A category's name and its ordered keypoints; immutable and checked.

    Args:
        name: Category name, not empty.
        keypoints: K keypoint names, at least one, without duplicates.
        parts: K names of the body part a keypoint belongs to ('' = none), or
            empty, which becomes K times ''.
        skeleton: Index pairs (0-based) of the keypoints a line connects.
        swap_pairs: Index pairs (0-based) that change places when the picture
            is mirrored; no keypoint is in two pairs.
        sigmas: K positive constants of the object keypoint similarity, in
            units of the square root of the object's area, or empty, which
            becomes K times 0.05.
        supercategory: Name of the group the category belongs to, may be ''.
        mirror_safe: False = a mirrored image would show something else (a
            number plate), so training never mirrors one.

    Raises:
        ValueError: If any of the above does not hold.
    """

    name: str
    keypoints: tuple[str, ...]
    parts: tuple[str, ...] = ()
    skeleton: tuple[tuple[int, int], ...] = ()
    swap_pairs: tuple[tuple[int, int], ...] = ()
    sigmas: tuple[float, ...] = ()
    supercategory: str = ''
    mirror_safe: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise ValueError(
                f'A keypoint category has the name {self.name!r}; give it a '
                'non-empty text such as "cat".'
            )
        if not isinstance(self.mirror_safe, bool):
            raise ValueError(
                f'Category "{self.name}" has mirror_safe='
                f'{self.mirror_safe!r}; it is true or false.'
            )
        self._check_keypoints()
        count = len(self.keypoints)
        self._set('parts', tuple(self.parts) or ('',) * count)
        self._set(
            'sigmas',
            tuple(float(s) for s in self.sigmas) or (DEFAULT_SIGMA,) * count,
        )
        for field in ('parts', 'sigmas'):
            length = len(getattr(self, field))
            if length != count:
                raise ValueError(
                    f'Category {self.name!r} has {count} keypoints but '
                    f'{length} {field}; give {count} or none.'
                )
        for name, sigma in zip(self.keypoints, self.sigmas):
            if not 0 < sigma < float('inf'):
                raise ValueError(
                    f'Category {self.name!r}: the sigma of {name!r} is '
                    f'{sigma}; sigmas must be positive and finite.'
                )
        for field in ('skeleton', 'swap_pairs'):
            self._set(field, self._checked_pairs(field))
        self._check_swap_pairs_disjoint()

    def _set(self, field: str, value: Any) -> None:
        object.__setattr__(self, field, value)

    def _check_keypoints(self) -> None:
        if isinstance(self.keypoints, str):
            raise ValueError(
                f'Category {self.name!r}: keypoints is the text '
                f'{self.keypoints!r}; give a list of names.'
            )
        self._set('keypoints', tuple(self.keypoints))
        if not self.keypoints:
            raise ValueError(
                f'Category {self.name!r} has no keypoints; give at least one '
                'keypoint name or leave the category out.'
            )
        for index, keypoint in enumerate(self.keypoints):
            if not isinstance(keypoint, str) or not keypoint.strip():
                raise ValueError(
                    f'Category {self.name!r}: keypoint {index} has the name '
                    f'{keypoint!r}; give it a non-empty text.'
                )
        twice = [k for k, n in Counter(self.keypoints).items() if n > 1]
        if twice:
            raise ValueError(
                f'Category {self.name!r} has duplicate keypoint names: '
                f'{", ".join(map(repr, twice))}; every keypoint of a '
                'category needs a name of its own.'
            )

    def _checked_pairs(self, field: str) -> tuple[tuple[int, int], ...]:
        count = len(self.keypoints)
        pairs = []
        for pair in getattr(self, field):
            pair = tuple(pair)
            if (
                len(pair) != 2
                or not all(isinstance(i, Integral) for i in pair)
                or not all(0 <= i < count for i in pair)
                or pair[0] == pair[1]
            ):
                raise ValueError(
                    f'Category {self.name!r}: {field} holds {pair}; each '
                    'entry must be two different keypoint indices from 0 to '
                    f'{count - 1}.'
                )
            pairs.append((int(pair[0]), int(pair[1])))
        return tuple(pairs)

    def _check_swap_pairs_disjoint(self) -> None:
        used = Counter(i for pair in self.swap_pairs for i in pair)
        twice = [self.keypoints[i] for i, n in used.items() if n > 1]
        if twice:
            raise ValueError(
                f'Category {self.name!r}: {", ".join(map(repr, twice))} is '
                'in more than one swap pair; a keypoint has one mirror '
                'partner at most.'
            )

    def __deepcopy__(self, memo: dict) -> KeypointCategory:
        # Immutable, and copied with every sample's metainfo otherwise.
        return self

    @property
    def num_keypoints(self) -> int:
        """Number of keypoints, K."""
        return len(self.keypoints)

    @property
    def swap_indices(self) -> tuple[int, ...]:
        """K indices: where each keypoint comes from in a mirrored picture."""
        indices = list(range(self.num_keypoints))
        for first, second in self.swap_pairs:
            indices[first], indices[second] = second, first
        return tuple(indices)

    @property
    def can_mirror(self) -> bool:
        """Whether the names stay true in a mirrored picture.

        They do not where the category says so, where a name says 'left' or
        'right' and no swap pair tells its partner, and where names without a
        partner tell sides by letters (paw1LH and paw2RH, eyeL and eyeR).
        """
        alone = [
            self.keypoints[index]
            for index, partner in enumerate(self.swap_indices)
            if partner == index
        ]
        return (
            self.mirror_safe
            and not any(map(names_a_side, alone))
            and not abbreviate_sides(alone)
        )

    @classmethod
    def from_coco(cls, category: Mapping[str, Any]) -> KeypointCategory:
        """Read one entry of a COCO json's ``categories``.

        Underscores of names become spaces. The skeleton is 1-based there;
        one that uses 0 can only be 0-based and is taken so.
        Missing ``swap_pairs`` (pairs of names) are inferred from the words
        'left' and 'right' in the names; missing ``sigmas`` are COCO's where
        the names are COCO's 17, else 0.05.

        Args:
            category: ``name`` and ``keypoints``, optionally ``skeleton``,
                ``parts``, ``swap_pairs``, ``sigmas``, ``supercategory``,
                ``mirror_safe``.

        Raises:
            ValueError: If the entry has no keypoints, a swap pair holds an
                unknown name, or the result is not a valid category.
        """
        name = _plain(category.get('name', ''))
        if not category.get('keypoints'):
            raise ValueError(
                f'Category {name!r} (id {category.get("id")}) has no '
                'keypoints; add their names under "keypoints" or remove the '
                'category and its annotations from the file.'
            )
        keypoints = tuple(_plain(k) for k in category['keypoints'])
        pairs = category.get('swap_pairs')
        skeleton = category.get('skeleton') or ()
        first = min((i for edge in skeleton for i in edge), default=1)
        base = 0 if first == 0 else 1
        mirror_safe = category.get('mirror_safe')
        return cls(
            name=name,
            keypoints=keypoints,
            parts=tuple(_plain(p) for p in category.get('parts') or ()),
            skeleton=tuple(tuple(i - base for i in edge) for edge in skeleton),
            swap_pairs=(
                infer_swap_pairs(keypoints)
                if pairs is None
                else _named_swap_pairs(name, keypoints, pairs)
            ),
            sigmas=tuple(category.get('sigmas') or _known_sigmas(keypoints)),
            supercategory=_plain(category.get('supercategory') or ''),
            mirror_safe=True if mirror_safe is None else mirror_safe,
        )


def _plain(name: str) -> str:
    return ' '.join(str(name).replace('_', ' ').split())


def _named_swap_pairs(
    category: str,
    keypoints: Sequence[str],
    pairs: Iterable[Sequence[str]],
) -> tuple[tuple[int, int], ...]:
    index = {keypoint: i for i, keypoint in enumerate(keypoints)}
    result = []
    for pair in pairs:
        for keypoint in map(_plain, pair):
            if keypoint not in index:
                raise ValueError(
                    f'Category {category!r}: swap_pairs names {keypoint!r}, '
                    'which is none of its keypoints: '
                    f'{", ".join(keypoints)}.'
                )
        result.append(tuple(index[_plain(keypoint)] for keypoint in pair))
    return tuple(result)


def _known_sigmas(keypoints: Sequence[str]) -> tuple[float, ...]:
    if tuple(keypoints) == tuple(COCO_PERSON_SIGMAS):
        return tuple(COCO_PERSON_SIGMAS.values())
    return ()
