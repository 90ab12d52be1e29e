# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What a conversion did, and why it refuses."""

from collections import Counter
from dataclasses import dataclass, field

# Enough to see what kind of difference it is.
MAX_PROBLEMS = 12


class ConversionError(ValueError):
    """A file does not fit the architecture; the message lists how."""


@dataclass
class ConversionReport:
    """Account of every tensor of a file.

    Attributes:
        mapped (dict): Our name -> the names in the released layout.
        ignored (dict): Name or top-level entry -> why it is left out.
        missing (dict): Name -> why it matters or not. Entries of
            ``problems`` are not repeated here.
        problems (list): What cannot be explained, one sentence each.
        notes (list): Further results, one sentence each.
    """

    mapped: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ignored: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def check(self, path: object) -> None:
        """Raise ConversionError if anything is unexplained."""
        if not self.problems:
            return
        shown = ''.join(f'\n  {line}' for line in self.problems[:MAX_PROBLEMS])
        more = len(self.problems) - MAX_PROBLEMS
        rest = f'\n  ... and {more} more' if more > 0 else ''
        raise ConversionError(
            f'"{path}" was not converted, {len(self.problems)} of its entries '
            f'are unexplained:{shown}{rest}\n'
            'Give a complete file of this architecture, or with --config the '
            'config of its sizes.'
        )

    def __str__(self) -> str:
        """Several lines for people."""
        sources = sum(map(len, self.mapped.values()))
        parts = Counter(name.split('.')[0] for name in self.mapped)
        lines = [f'mapped   {sources} tensors to {len(self.mapped)} of ours']
        lines += [f'           {n:5d}  {part}' for part, n in parts.items()]
        for title in ('ignored', 'missing'):
            entries = getattr(self, title)
            lines.append(f'{title:8s} {len(entries)}')
            lines += [f'           {k}: {why}' for k, why in entries.items()]
        return '\n'.join(lines + self.notes)
