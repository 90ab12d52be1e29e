# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What was found in a COCO file: what was mended, what cannot be used."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: How many places of one kind a report names.
MAX_PLACES = 3


class CocoFileError(ValueError):
    """A COCO file cannot be used; the text names the first places."""


@dataclass
class Finding:
    """All places of one kind.

    Attributes:
        text: What was done, or what is wrong at the first place.
        count: How many places there are.
        places: The first of them, such as 'annotation 7'.
    """

    text: str
    count: int = 0
    places: list[str] = field(default_factory=list)

    def add(self, place: str) -> None:
        """Count one more place."""
        self.count += 1
        if len(self.places) < MAX_PLACES:
            self.places.append(place)

    @property
    def listed(self) -> str:
        """The first places in words."""
        more = ', ...' if self.count > len(self.places) else ''
        return ', '.join(self.places) + more


class CocoReport:
    """Collects what a check of a COCO file finds.

    Attributes:
        path: The file.
        counts: How many records there are, by what they are called.
        mended: By kind: what was changed on reading, never in the file.
        refused: By kind: what the file cannot be used with.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.counts: dict[str, int] = {}
        self.mended: dict[str, Finding] = {}
        self.refused: dict[str, Finding] = {}

    def mend(self, text: str, place: str) -> None:
        """Note a change.

        Args:
            text: What was found and what was done; also the kind.
            place: Where.
        """
        self.mended.setdefault(text, Finding(text)).add(place)

    def refuse(self, kind: str, place: str, problem: str) -> None:
        """Note what makes the file unusable.

        Args:
            kind: Places of one kind are counted together.
            place: Where, such as 'annotation 7'.
            problem: The rest of the sentence: field, value and remedy.
        """
        text = f'{place} {problem}.'
        self.refused.setdefault(kind, Finding(text)).add(place)

    @property
    def exit_code(self) -> int:
        """0 if the file is as it should be, 1 if mended, 2 if refused."""
        return 2 if self.refused else int(bool(self.mended))

    def require_usable(self) -> None:
        """Stop here if the file cannot be used.

        Raises:
            CocoFileError: With one sentence for each kind of fault.
        """
        if self.refused:
            lines = [f'{self.path}: {line}' for line in self._refusals()]
            raise CocoFileError('\n'.join(lines))

    def changes(self) -> str:
        """What was mended, a line for each kind; '' if nothing was."""
        if not self.mended:
            return ''
        return '\n'.join(
            [f'{self.path}: mended while reading', *self._mends()]
        )

    def table(self) -> str:
        """The whole report, several lines."""
        counted = ', '.join(f'{n} {what}' for what, n in self.counts.items())
        lines = [f'{self.path}: {counted}' if counted else self.path]
        if self.mended:
            lines += ['mended', *self._mends()]
        if self.refused:
            lines.append('refused')
            lines += [f'  {line}' for line in self._refusals()]
        verdict = ('Fine as it is.', 'Usable, as mended.', 'Not usable.')
        return '\n'.join([*lines, verdict[self.exit_code]])

    def _mends(self) -> list[str]:
        return [
            f'  {found.count:6d}  {found.text} ({found.listed})'
            for found in self.mended.values()
        ]

    def _refusals(self) -> list[str]:
        return [
            found.text
            if found.count == 1
            else f'{found.text} {found.count} in all: {found.listed}.'
            for found in self.refused.values()
        ]


def shown(value: Any) -> str:
    """A value of the file in a message, at most 60 characters."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + '...'
