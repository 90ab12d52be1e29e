# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Prompts in a line of text."""

from __future__ import annotations

#: What a line asks of a category: its own keypoints, or (a text) those of
#: another object, or (None) those that are known for it.
Request = tuple[str, list[str] | str | None]

_SYNTAX = (
    'write "horse", "tapir like horse" or "teapot: lid, handle, spout", with '
    '";" between categories'
)


def parse_prompt_text(text: str) -> list[Request]:
    """Read categories as they are written on a command line.

    Args:
        text: Categories with ``;`` between them, each one of ``horse`` (its
            keypoints are known), ``tapir like horse`` (keypoints of another
            object), ``teapot: lid, handle, spout`` (keypoints of its own).

    Returns:
        list: Each category's name, and its keypoints, or the name of whose
        keypoints it has, or None.

    Raises:
        ValueError: If a name is missing.

    Examples:
        >>> parse_prompt_text('cat: left eye, right eye; dog')
        [('cat', ['left eye', 'right eye']), ('dog', None)]
    """
    parts = [part.strip() for part in text.split(';')]
    found = [_parse(part, text) for part in parts if part]
    if not found:
        raise ValueError(f'The prompt {text!r} is empty; {_SYNTAX}.')
    return found


def _parse(part: str, text: str) -> Request:
    name, own, keypoints = part.partition(':')
    if own:
        names = [keypoint.strip() for keypoint in keypoints.split(',')]
        request = name.strip(), names
    else:
        name, other, like = part.partition(' like ')
        request = name.strip(), like.strip() if other else None
    missing = request[1] is not None and not all(request[1])
    if not request[0] or missing or request[1] == '':
        raise ValueError(
            f'A name is missing in {part!r} of the prompt {text!r}; {_SYNTAX}.'
        )
    return request
