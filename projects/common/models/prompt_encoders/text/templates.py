# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""From a category, its parts and its keypoints to sentences."""

from __future__ import annotations

import functools
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass

from projects.common.structures import KeypointCategory

_SEGMENT = ' / '
_FIELDS = {
    'object': ('style', 'object'),
    'keypoint': ('style', 'object', 'part', 'keypoint'),
}
_PRESETS = {
    'hierarchical': (
        'a {style}photo of a {object}',
        'a {style}photo of a {object} / {part} / {keypoint}',
    ),
    'flat': ('a photo of {object}', 'a photo of {keypoint}'),
}


@dataclass(frozen=True)
class PromptTemplate:
    """Two format strings: one for an object, one for a keypoint of it.

    The default is the hierarchical template of X-Pose (section 3.1, "An
    [image style] photo of a [object]/[part]/[keypoint]"). Names are written
    in lower case with single spaces; underscores, and in object names
    hyphens, become spaces.

    Args:
        object: Format of an object's sentence with ``{object}`` and
            optionally ``{style}``.
        keypoint: Format of a keypoint's sentence with ``{keypoint}`` and
            optionally ``{object}``, ``{part}`` and ``{style}``. A
            segment between ' / ' that holds ``{part}`` but neither
            ``{object}`` nor ``{keypoint}`` is left out for a keypoint
            without a part.

    ``{style}`` is the prompt's style and a space ('sketch '), or nothing
    for no style and for 'photo', which the sentence says already.

    Raises:
        ValueError: If a format holds an unknown field, lacks the one that
            tells its sentences apart, or is no valid format string.

    Examples:
        >>> cat = KeypointCategory('cat', ('left_eye',), parts=('face',))
        >>> PromptTemplate().texts(cat, 'sketch')
        ('a sketch photo of a cat', ('a sketch photo of a cat / face / left \
eye',))
    """

    object: str = _PRESETS['hierarchical'][0]
    keypoint: str = _PRESETS['hierarchical'][1]

    def __post_init__(self) -> None:
        for kind, allowed in _FIELDS.items():
            _check_format(kind, getattr(self, kind), allowed)

    @classmethod
    def from_config(
        cls, value: str | Mapping[str, str] | PromptTemplate
    ) -> PromptTemplate:
        """Read a template as a config spells it.

        Args:
            value: 'hierarchical' (the paper's), 'flat' (the released model's:
                "a photo of {object}", "a photo of {keypoint}"), or a dict
                with the arguments of this class.

        Raises:
            ValueError: If the name or a key is unknown, or a format is wrong.
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, str):
            if value not in _PRESETS:
                raise ValueError(
                    f'The prompt template {value!r} is unknown; use one of '
                    f'{", ".join(map(repr, _PRESETS))} or a dict with the '
                    'formats "object" and "keypoint".'
                )
            return cls(*_PRESETS[value])
        unknown = sorted(set(value) - set(_FIELDS))
        if unknown:
            raise ValueError(
                f'The prompt template has the unknown keys {unknown}; it '
                'takes "object" and "keypoint".'
            )
        return cls(**value)

    def texts(
        self, category: KeypointCategory, style: str | None = None
    ) -> tuple[str, tuple[str, ...]]:
        """Write the sentences of one category.

        Args:
            category: The category, with K keypoints.
            style: Style of the picture, such as 'sketch'.

        Returns:
            The object's sentence and the K sentences of its keypoints.
        """
        # Training asks for the same few hundred categories every iteration.
        return _category_texts(self, category, style)


@functools.lru_cache(maxsize=65536)
def _category_texts(
    template: PromptTemplate, category: KeypointCategory, style: str | None
) -> tuple[str, tuple[str, ...]]:
    style = _plain(style or '')
    fields = {
        'style': '' if style in ('', 'photo') else f'{style} ',
        'object': _plain(category.name.replace('-', ' ')),
    }
    object_text = _plain_spaces(template.object.format(**fields))
    keypoint_texts = tuple(
        _keypoint_text(template.keypoint, _plain(part), _plain(name), fields)
        for name, part in zip(category.keypoints, category.parts)
    )
    return object_text, keypoint_texts


def _keypoint_text(
    format_string: str, part: str, keypoint: str, fields: dict[str, str]
) -> str:
    segments = format_string.split(_SEGMENT)
    if not part:
        segments = [s for s in segments if not _is_part_only(s)]
    text = _SEGMENT.join(segments)
    return _plain_spaces(text.format(part=part, keypoint=keypoint, **fields))


def _is_part_only(segment: str) -> bool:
    names = _field_names(segment)
    return 'part' in names and not {'object', 'keypoint'} & names


def _field_names(format_string: str) -> set[str]:
    parsed = string.Formatter().parse(format_string)
    return {name for _, name, _, _ in parsed if name is not None}


def _check_format(
    kind: str, format_string: str, allowed: tuple[str, ...]
) -> None:
    listed = ', '.join(f'{{{name}}}' for name in allowed)
    try:
        names = _field_names(format_string)
    except ValueError as error:
        raise ValueError(
            f'The {kind} template {format_string!r} is no valid format '
            f'string ({error}); use plain text with the fields {listed}.'
        ) from error
    unknown = sorted(names - set(allowed))
    if unknown:
        raise ValueError(
            f'The {kind} template {format_string!r} has the unknown fields '
            f'{", ".join(f"{{{name}}}" for name in unknown)}; allowed are '
            f'{listed}.'
        )
    if kind not in names:
        raise ValueError(
            f'The {kind} template {format_string!r} lacks {{{kind}}}, so all '
            f'its sentences would be equal; add that field.'
        )


def _plain(name: str) -> str:
    return _plain_spaces(name.lower().replace('_', ' '))


def _plain_spaces(text: str) -> str:
    return re.sub(r'\s+', ' ', text).strip()
