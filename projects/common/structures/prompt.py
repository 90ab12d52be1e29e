# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The prompt: the categories that a model is asked to find in a picture."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable
from typing import Any

from mmengine.structures import BaseDataElement

from projects.common.structures.category import KeypointCategory


class KeypointPrompt(BaseDataElement):
    """The C categories asked for, each with its own number of keypoints.

    It travels as ``data_sample.prompts`` and survives collating, ``to`` and
    ``to_dict``. Labels of the sample's instances index ``categories``.

    Args:
        metainfo: ``categories``, C >= 1 :class:`KeypointCategory` whose names
            differ in more than upper and lower case, and optionally
            ``style``, a word such as 'sketch' that describes the picture.

    Raises:
        ValueError: If there is no category or two have the same name.
        TypeError: If an entry is not a :class:`KeypointCategory`.

    Examples:
        >>> cat = KeypointCategory('cat', ('left eye', 'right eye'))
        >>> prompt = KeypointPrompt.from_categories([cat], style='sketch')
        >>> prompt.names
        ('cat',)
    """

    def __init__(
        self, *, metainfo: dict[str, Any] | None = None, **kwargs: Any
    ) -> None:
        metainfo = {'categories': (), 'style': None, **(metainfo or {})}
        super().__init__(metainfo=metainfo, **kwargs)

    @classmethod
    def from_categories(
        cls,
        categories: Iterable[KeypointCategory],
        style: str | None = None,
    ) -> KeypointPrompt:
        """Ask for ``categories``, in this order."""
        return cls(metainfo={'categories': tuple(categories), 'style': style})

    def set_metainfo(self, metainfo: dict[str, Any]) -> None:
        """Set or change metainfo; ``categories`` are checked."""
        if 'categories' in metainfo:
            categories = _checked(tuple(metainfo['categories']))
            metainfo = {**metainfo, 'categories': categories}
        super().set_metainfo(metainfo)

    def new(
        self, *, metainfo: dict[str, Any] | None = None, **kwargs: Any
    ) -> KeypointPrompt:
        """Make a prompt of the same class; see ``BaseDataElement.new``."""
        # The parent starts from an empty element, which is no valid prompt.
        if metainfo is None:
            metainfo = dict(self.metainfo_items())
        return type(self)(metainfo=metainfo, **(kwargs or dict(self.items())))

    def clone(self) -> KeypointPrompt:
        """Make a prompt with the same metainfo and data."""
        return self.new()

    @property
    def names(self) -> tuple[str, ...]:
        """The C category names."""
        return tuple(category.name for category in self.categories)

    def select(self, names: str | Iterable[str]) -> KeypointPrompt:
        """Ask for some of the categories only.

        Args:
            names: One or more of ``self.names``, in any letter case; the
                result keeps their order.

        Raises:
            ValueError: If a name is unknown (similar ones are suggested),
                given twice, or if there is none.
        """
        names = (names,) if isinstance(names, str) else tuple(names)
        known = {c.name.lower(): c for c in self.categories}
        chosen = []
        for name in names:
            if name.lower() not in known:
                raise ValueError(_unknown_name(name, self.names))
            chosen.append(known[name.lower()])
        return self.new(
            metainfo={**dict(self.metainfo_items()), 'categories': chosen}
        )


def _checked(
    categories: tuple[KeypointCategory, ...],
) -> tuple[KeypointCategory, ...]:
    if not categories:
        raise ValueError(
            'The prompt is empty; name at least one category, for example '
            'KeypointPrompt.from_categories([category]).'
        )
    for category in categories:
        if not isinstance(category, KeypointCategory):
            raise TypeError(
                f'The prompt holds {category!r} of type '
                f'{type(category).__name__}; its entries must be '
                'KeypointCategory (see KeypointCategory.from_coco).'
            )
    counts = Counter(category.name.lower() for category in categories)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise ValueError(
            'The prompt has duplicate category names: '
            f'{", ".join(map(repr, twice))}; name every category once.'
        )
    return categories


def _unknown_name(name: str, known: tuple[str, ...]) -> str:
    by_lower = {k.lower(): k for k in known}
    close = [k for k in by_lower if name.lower() in k]
    close += difflib.get_close_matches(name.lower(), by_lower, n=3)
    close = list(dict.fromkeys(close))[:3]
    if close:
        hint = 'did you mean ' + ' or '.join(repr(by_lower[c]) for c in close)
        return f'The prompt has no category {name!r}; {hint}?'
    return f'The prompt has no category {name!r}; it has {", ".join(known)}.'
