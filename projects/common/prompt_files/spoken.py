# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""From whatever a caller gives to a description of the prompt."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from projects.common.prompt_files.description import PromptDescription
from projects.common.prompt_files.example import Example
from projects.common.prompt_files.json_file import load_prompt
from projects.common.prompt_files.text import parse_prompt_text
from projects.common.structures import KeypointCategory
from projects.common.utils.pictures import as_picture, read_picture

#: (name, whose keypoints or None) -> category; ValueError if unknown.
Lookup = Callable[[str, str | None], KeypointCategory]

_KINDS = (
    'a category name, a text such as "teapot: lid, handle", the path of a '
    'prompt file, {category: [keypoint names]}, an example (picture, '
    'keypoints[, visibility, names]), {category: [examples]}, or a list of '
    'such'
)


def describe(
    prompt: Any, lookup: Lookup, modality: str | None = None
) -> PromptDescription:
    """Understand a prompt.

    Args:
        prompt: One of

            - a text: see :func:`parse_prompt_text`;
            - a path that ends in .json: see :func:`load_prompt`;
            - a dict from category names to keypoint names, to the name of an
              object whose keypoints it has, to None (its keypoints are
              known), to an example or to a list of examples;
            - an example: :class:`Example` or a tuple (picture, keypoints
              (K, 2)[, visibility (K,)[, keypoint names]]); its category is
              called "object";
            - a category or a description;
            - a list of any of these; examples that are not in a dict are
              categories "object 1", "object 2", ...
        lookup: Finds the keypoints that are known for an object.
        modality: How categories with examples are asked for, 'visual' or
            'combined'; None takes what a file says, else 'visual'.

    Raises:
        FileNotFoundError: If a file does not exist.
        OSError: If a picture cannot be read.
        TypeError: If the prompt is something else.
        ValueError: If a name is unknown or the prompt contradicts itself.
    """
    if not isinstance(prompt, list):
        return _describe(prompt, lookup, modality, 'object')
    several = len(prompt) > 1
    return PromptDescription.joined(
        _describe(
            item, lookup, modality, f'object {i}' if several else 'object'
        )
        for i, item in enumerate(prompt, 1)
    )


def _describe(
    prompt: Any, lookup: Lookup, modality: str | None, name: str
) -> PromptDescription:
    if isinstance(prompt, PromptDescription):
        return prompt
    if isinstance(prompt, KeypointCategory):
        return PromptDescription((prompt,))
    if isinstance(prompt, (str, os.PathLike)):
        if str(prompt).endswith('.json') or isinstance(prompt, os.PathLike):
            return load_prompt(prompt)
        requests = parse_prompt_text(prompt)
    elif isinstance(prompt, Mapping):
        requests = list(prompt.items())
    elif isinstance(prompt, (tuple, Example)):
        requests = [(name, prompt)]
    else:
        raise TypeError(
            f'The prompt is a {type(prompt).__name__}; give {_KINDS}.'
        )
    return PromptDescription.joined(
        _category(name, asked, lookup, modality) for name, asked in requests
    )


def _category(
    name: str, asked: Any, lookup: Lookup, modality: str | None
) -> PromptDescription:
    if asked is None or isinstance(asked, str):
        return PromptDescription((lookup(name, asked),))
    if isinstance(asked, Example) or _is_example(asked):
        asked = [asked]
    if asked and all(isinstance(item, str) for item in asked):
        return PromptDescription((_named(name, asked),))
    if not asked or not all(
        isinstance(item, Example) or _is_example(item) for item in asked
    ):
        raise TypeError(
            f'Category {name!r} of the prompt is asked for by {asked!r}; '
            f'give {_KINDS}.'
        )
    return _shown(name, asked, modality)


def _is_example(item: Any) -> bool:
    """Whether it is a tuple of a picture and keypoints, not of names."""
    return (
        isinstance(item, tuple)
        and 2 <= len(item) <= 4
        and not isinstance(item[1], str)
    )


def _named(name: str, keypoints: Sequence[str]) -> KeypointCategory:
    return KeypointCategory.from_coco({'name': name, 'keypoints': keypoints})


def _shown(
    name: str, items: Sequence[Any], modality: str | None
) -> PromptDescription:
    examples, names = [], None
    for item in items:
        if isinstance(item, Example):
            examples.append(item)
            continue
        picture, keypoints, visible, given = (*item, None, None)[:4]
        examples.append(
            Example(_picture(picture), np.asarray(keypoints), visible)
        )
        if given is not None and names not in (None, list(given)):
            raise ValueError(
                f'The examples of category {name!r} name their keypoints '
                f'{names} and {list(given)}; give all the same names, in the '
                'same order.'
            )
        names = names if given is None else list(given)
    if names is None:
        names = [f'point {i}' for i in range(examples[0].num_keypoints)]
    category = _named(name, names)
    return PromptDescription.of_examples({category: examples}, modality)


def _picture(picture: str | os.PathLike | np.ndarray) -> np.ndarray:
    if isinstance(picture, np.ndarray):
        return as_picture(picture)
    return read_picture(picture)
