# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The prompt: the categories that a model is asked to find in a picture."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable
from typing import Any

from mmengine.structures import BaseDataElement

from projects.common.structures.category import KeypointCategory
from projects.common.structures.support import SupportShot

#: How a category is asked for: by its names, by its shots, or by both.
MODALITIES = ('text', 'visual', 'combined')


class KeypointPrompt(BaseDataElement):
    """The C categories asked for, each with its own number of keypoints.

    It travels as ``data_sample.prompts`` and survives collating, ``to`` and
    ``to_dict``. Labels of the sample's instances index ``categories``.

    Args:
        metainfo: ``categories``, C >= 1 :class:`KeypointCategory` whose names
            differ in more than upper and lower case, and optionally
            ``style``, a word such as 'sketch' that describes the picture;
            ``supports``, C tuples of :class:`SupportShot` (empty for a
            category that has none); ``modalities``, C of 'text', 'visual'
            and 'combined', by default 'visual' where there are shots.

    Raises:
        ValueError: If there is no category, two have the same name,
            ``supports`` or ``modalities`` are not C, a category that is
            asked for by example has no shot, or a shot has another number
            of keypoints than its category.
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
        metainfo = {
            'categories': (),
            'style': None,
            'supports': None,
            'modalities': None,
            **(metainfo or {}),
        }
        super().__init__(metainfo=metainfo, **kwargs)

    @classmethod
    def from_categories(
        cls,
        categories: Iterable[KeypointCategory],
        style: str | None = None,
        supports: Iterable[Iterable[SupportShot]] | None = None,
        modalities: Iterable[str] | None = None,
    ) -> KeypointPrompt:
        """Ask for ``categories``, in this order; see the class."""
        return cls(
            metainfo={
                'categories': tuple(categories),
                'style': style,
                'supports': supports,
                'modalities': modalities,
            }
        )

    def set_metainfo(self, metainfo: dict[str, Any]) -> None:
        """Set or change metainfo; all of it is checked."""
        metainfo = {**self._kept(metainfo), **metainfo}
        categories = _checked(tuple(metainfo['categories']))
        supports = _checked_supports(metainfo['supports'], categories)
        modalities = _checked_modalities(
            metainfo['modalities'], supports, categories
        )
        super().set_metainfo(
            {
                **metainfo,
                'categories': categories,
                'supports': supports,
                'modalities': modalities,
            }
        )

    def _kept(self, metainfo: dict[str, Any]) -> dict[str, Any]:
        """What stays; shots belong to the categories they were given for."""
        kept = dict(self.metainfo_items())
        if 'supports' in metainfo:
            return kept | {'modalities': None}
        if 'categories' not in metainfo:
            return kept
        if not any(kept.get('supports') or ()):
            return kept | {'supports': None, 'modalities': None}
        if tuple(metainfo['categories']) != kept['categories']:
            raise ValueError(
                'The prompt has supports for '
                f'{", ".join(map(repr, self.names))}; give "supports" '
                'together with other "categories", or use select().'
            )
        return kept

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
        known = {name.lower(): i for i, name in enumerate(self.names)}
        chosen = []
        for name in names:
            if name.lower() not in known:
                raise ValueError(_unknown_name(name, self.names))
            chosen.append(known[name.lower()])
        metainfo = dict(self.metainfo_items())
        for key in ('categories', 'supports', 'modalities'):
            metainfo[key] = tuple(metainfo[key][i] for i in chosen)
        return self.new(metainfo=metainfo)


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


def _checked_supports(
    supports: Iterable[Iterable[SupportShot]] | None,
    categories: tuple[KeypointCategory, ...],
) -> tuple[tuple[SupportShot, ...], ...]:
    if supports is None:
        return ((),) * len(categories)
    supports = tuple(tuple(shots) for shots in supports)
    if len(supports) != len(categories):
        raise ValueError(
            f'The prompt has {len(categories)} categories but supports for '
            f'{len(supports)}; give one tuple of shots for each category, '
            'empty where it has none.'
        )
    for category, shots in zip(categories, supports, strict=True):
        for shot in shots:
            if shot.num_keypoints != category.num_keypoints:
                raise ValueError(
                    f'A support of category {category.name!r} has '
                    f'{shot.num_keypoints} keypoints, but the category has '
                    f'{category.num_keypoints}; every shot lists all of '
                    'them, with visibility 0 for those it does not show.'
                )
    return supports


def _checked_modalities(
    modalities: Iterable[str] | None,
    supports: tuple[tuple[SupportShot, ...], ...],
    categories: tuple[KeypointCategory, ...],
) -> tuple[str, ...]:
    if modalities is None:
        return tuple('visual' if shots else 'text' for shots in supports)
    modalities = tuple(modalities)
    if len(modalities) != len(categories):
        raise ValueError(
            f'The prompt has {len(categories)} categories but '
            f'{len(modalities)} modalities; give one for each category.'
        )
    for category, modality, shots in zip(
        categories, modalities, supports, strict=True
    ):
        if modality not in MODALITIES:
            raise ValueError(
                f'Category {category.name!r} has the modality {modality!r}; '
                f'choose one of {", ".join(map(repr, MODALITIES))}.'
            )
        if modality != 'text' and not shots:
            raise ValueError(
                f'Category {category.name!r} is asked for by example '
                f'({modality!r}) but has no support; give at least one shot '
                "or the modality 'text'."
            )
    return modalities


def _unknown_name(name: str, known: tuple[str, ...]) -> str:
    by_lower = {k.lower(): k for k in known}
    close = [k for k in by_lower if name.lower() in k]
    close += difflib.get_close_matches(name.lower(), by_lower, n=3)
    close = list(dict.fromkeys(close))[:3]
    if close:
        hint = 'did you mean ' + ' or '.join(repr(by_lower[c]) for c in close)
        return f'The prompt has no category {name!r}; {hint}?'
    return f'The prompt has no category {name!r}; it has {", ".join(known)}.'
