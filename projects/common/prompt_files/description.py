# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What is asked for, before it is cut to the size of a model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from projects.common.prompt_files.example import CHECK_SIZE, Example
from projects.common.structures import KeypointCategory, KeypointPrompt


@dataclass(frozen=True, eq=False)
class PromptDescription:
    """Categories with names, examples or both; of no particular model.

    Args:
        categories: C categories.
        examples: C tuples of examples, empty where there are none; None
            where no category has any.
        modalities: C of 'text', 'visual' and 'combined'; by default 'visual'
            where there are examples.
        style: A word such as 'sketch' for the pictures.

    Raises:
        ValueError: If the parts contradict each other; see
            :class:`KeypointPrompt`.
    """

    categories: tuple[KeypointCategory, ...]
    examples: tuple[tuple[Example, ...], ...] | None = None
    modalities: tuple[str, ...] | None = None
    style: str | None = None

    def __post_init__(self) -> None:
        categories = tuple(self.categories)
        examples = self.examples
        if examples is None:
            examples = ((),) * len(categories)
        examples = tuple(tuple(some) for some in examples)
        object.__setattr__(self, 'categories', categories)
        object.__setattr__(self, 'examples', examples)
        # The prompt checks itself; shots of any size do for that.
        prompt = self.prompt(CHECK_SIZE)
        object.__setattr__(self, 'modalities', prompt.modalities)

    @classmethod
    def of_examples(
        cls,
        examples: Mapping[KeypointCategory, Sequence[Example]],
        modality: str | None = None,
    ) -> PromptDescription:
        """Categories that are shown.

        Args:
            examples: Of each category.
            modality: 'visual' (the default) or 'combined'.
        """
        modalities = None if modality is None else (modality,) * len(examples)
        return cls(tuple(examples), tuple(examples.values()), modalities)

    @classmethod
    def joined(cls, parts: Iterable[PromptDescription]) -> PromptDescription:
        """All categories of several descriptions, in their order.

        Raises:
            ValueError: If two have a category of the same name.
        """
        parts = list(parts)
        styles = {part.style for part in parts} - {None}
        return cls(
            tuple(c for part in parts for c in part.categories),
            tuple(e for part in parts for e in part.examples),
            tuple(m for part in parts for m in part.modalities),
            styles.pop() if len(styles) == 1 else None,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The C category names."""
        return tuple(category.name for category in self.categories)

    @property
    def has_examples(self) -> bool:
        """Whether a category is shown."""
        return any(self.examples)

    def prompt(self, size: int | None = None) -> KeypointPrompt:
        """Make the prompt for a model.

        Args:
            size: Side of the shots that the model takes; needed where there
                are examples.

        Raises:
            ValueError: If an example cannot be cut, or the parts contradict
                each other.
        """
        return KeypointPrompt.from_categories(
            self.categories,
            self.style,
            [self._shots(i, size) for i in range(len(self.examples))],
            self.modalities,
        )

    def _shots(self, number: int, size: int | None) -> list:
        name = self.categories[number].name
        try:
            return [example.shot(size) for example in self.examples[number]]
        except ValueError as error:
            raise ValueError(f'Category {name!r}: {error}') from error

    def digest(self) -> str:
        """SHA-256 of the content; equal descriptions have equal digests."""
        digest = hashlib.sha256()
        content = [list(map(asdict, self.categories)), self.modalities]
        digest.update(json.dumps([*content, self.style]).encode())
        for example in (e for some in self.examples for e in some):
            cropped = example.cropped
            for array in (cropped.keypoints, cropped.visible):
                digest.update(array.tobytes())
            digest.update(json.dumps(list(map(float, cropped.bbox))).encode())
            digest.update(cropped.picture.tobytes())
        return digest.hexdigest()
