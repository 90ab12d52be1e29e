# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""An episode's shots, and the fitted prompts of episodes."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from projects.common.structures import (
    KeypointCategory,
    KeypointPrompt,
    SupportShot,
)
from projects.ppm.models.prompts import FittedPrompts, PromptMaps
from projects.ppm.models.prompts.fitted_prompt_file import (
    PromptFile,
    load_prompts,
    save_prompts,
)


@dataclass(frozen=True)
class Episode:
    """A category and its shots."""

    category: KeypointCategory
    shots: tuple[SupportShot, ...]

    @classmethod
    def from_prompt(cls, prompt: KeypointPrompt) -> Episode:
        """The episode of a sample's prompt.

        Raises:
            ValueError: If it has more than one category, or no shot.
        """
        if len(prompt.categories) != 1:
            raise ValueError(
                f'The prompt asks for {len(prompt.categories)} categories '
                f'({", ".join(prompt.names)}); PPM looks for one at a time.'
            )
        category, shots = prompt.categories[0], prompt.supports[0]
        if not shots:
            raise ValueError(
                f'The prompt of category {category.name!r} has no support; '
                'PPM learns from at least one shot.'
            )
        return cls(category, shots)

    @property
    def key(self) -> str:
        """Digest of category, keypoint names and shots."""
        text = json.dumps(
            [
                self.category.name,
                self.category.keypoints,
                [shot.key for shot in self.shots],
            ]
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def seed(self, seed: int) -> int:
        """A number of this episode only, whatever ran before it."""
        digest = hashlib.sha256(f'{seed}:{self.key}'.encode()).hexdigest()
        return int(digest[:15], 16)


class EpisodeStore:
    """Fitted episodes, the latest in memory and, if asked for, all on disk.

    Args:
        size: How many are kept in memory.
        folder: Where prompt files are kept; None keeps none.
    """

    def __init__(self, size: int, folder: str | None = None) -> None:
        self.size = size
        self.folder = None if folder is None else Path(folder)
        self._fitted: OrderedDict[str, FittedPrompts] = OrderedDict()

    def get(self, key: str, on_disk: bool) -> FittedPrompts | None:
        """A fitted episode, None if there is none.

        Args:
            key: Of all that decides the fit.
            on_disk: Whether to look in the folder, too.

        Raises:
            ValueError: If its file is damaged.
        """
        if key not in self._fitted and on_disk and self.folder is not None:
            path = self.folder / f'{key}.safetensors'
            if path.is_file():
                self._remember(key, load_prompts(path).fitted)
        return self._fitted.get(key)

    def put(
        self,
        key: str,
        fitted: FittedPrompts,
        episode: Episode,
        maps: PromptMaps,
        on_disk: bool,
    ) -> None:
        """Keep a fitted episode, if asked for in the folder, too."""
        self._remember(key, fitted)
        if on_disk and self.folder is not None:
            save_prompts(
                self.folder / f'{key}.safetensors',
                PromptFile.of(fitted, episode.category, maps),
            )

    def clear(self) -> None:
        """Forget what is in memory."""
        self._fitted.clear()

    def _remember(self, key: str, fitted: FittedPrompts) -> None:
        self._fitted[key] = fitted
        while len(self._fitted) > self.size:
            self._fitted.popitem(last=False)
