# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Balanced subsets: how many pictures of a large source enter the mix."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np


@dataclass(frozen=True)
class Subset:
    """Size of a subset.

    Attributes:
        pictures: Number of pictures.
        instances: Number of objects on them, None for whatever comes.
    """

    pictures: int
    instances: int | None = None

    def __post_init__(self) -> None:
        if self.pictures < 1 or self.instances == 0:
            raise ValueError(
                f'A subset of {self.pictures} pictures and {self.instances} '
                'instances was asked for; both must be 1 at least.'
            )

    @classmethod
    def parse(cls, text: str) -> Subset:
        """Read ``PICTURES`` or ``PICTURES/INSTANCES``.

        Raises:
            ValueError: If the text has another form.
        """
        pictures, slash, instances = text.partition('/')
        if not pictures.isdecimal() or (slash and not instances.isdecimal()):
            raise ValueError(
                f'The size of a subset is "{text}"; write PICTURES or '
                'PICTURES/INSTANCES, for example 2000/2320.'
            )
        return cls(int(pictures), int(instances) if slash else None)


#: X-Pose, table 2, "unified" columns that differ from the whole.
BALANCED: Mapping[str, Subset] = MappingProxyType(
    {
        'onehand10k': Subset(2000, 2000),
        'macaque': Subset(2000, 2320),
        'keypoint5': Subset(2000, 2000),
    }
)


def generator(seed: int, *names: str) -> np.random.Generator:
    """Random numbers that depend on the seed and on names only.

    Args:
        seed: 0 or more.
        names: For example the source and what is drawn, so that adding a
            source changes no other's draw.
    """
    return np.random.default_rng(
        [seed, *(zlib.crc32(name.encode()) for name in names)]
    )


def draw_subset(
    counts: Sequence[int], subset: Subset, rng: np.random.Generator
) -> list[int]:
    """Draw pictures; those without an object are not drawn.

    The pictures are drawn at random. If their objects do not add up to
    ``subset.instances``, drawn pictures are exchanged, in the drawing's
    order, for others whose number of objects brings the sum closer, until
    it is met or nothing more helps.

    Args:
        counts: Number of objects of each picture.
        subset: What is wanted.
        rng: Source of the draw.

    Returns:
        Ascending indices into ``counts``; all pictures with an object if
        there are not more than wanted.
    """
    order = rng.permutation([i for i, n in enumerate(counts) if n]).tolist()
    drawn, rest = order[: subset.pictures], order[subset.pictures :]
    if subset.instances is not None and rest:
        _exchange(drawn, rest, counts, subset.instances)
    return sorted(drawn)


def _exchange(
    drawn: list[int], rest: Sequence[int], counts: Sequence[int], wanted: int
) -> None:
    pools: dict[int, deque[int]] = {}
    for index in rest:
        pools.setdefault(counts[index], deque()).append(index)
    surplus, before = sum(counts[i] for i in drawn) - wanted, None
    while surplus and surplus != before:
        before = surplus
        for place, index in enumerate(drawn):
            own = counts[index]
            better = [
                n
                for n, pool in pools.items()
                if pool and abs(surplus - own + n) < abs(surplus)
            ]
            if better:
                # The smallest step: few objects change at each exchange.
                number = min(better, key=lambda n: (abs(own - n), n))
                drawn[place] = pools[number].popleft()
                surplus += number - own
