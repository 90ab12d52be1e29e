# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What a checkpoint says about itself, as plain values among its metadata."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from projects.common.structures import KeypointCategory
from projects.common.utils.checkpoints import read_checkpoint


@dataclass(frozen=True)
class Learnt:
    """What a model was trained to find.

    Attributes:
        categories: Its categories; empty = the checkpoint does not say.
        score_thr: Score from which on objects are worth showing, 0 to 1;
            None = the checkpoint does not say.
    """

    categories: tuple[KeypointCategory, ...] = ()
    score_thr: float | None = None

    @classmethod
    def of_meta(cls, meta: Mapping[str, Any]) -> Learnt:
        """Read a checkpoint's metadata, those of earlier versions as well.

        Of two categories of one name the first counts: they cannot be asked
        for together.

        Raises:
            ValueError: If a category or the threshold is none.
        """
        records = meta.get('categories')
        if records is None:  # what mmengine keeps of the training data
            records = (meta.get('dataset_meta') or {}).get('categories', ())
        found: dict[str, KeypointCategory] = {}
        try:
            for record in records:
                category = KeypointCategory(**record)
                found.setdefault(category.name.lower(), category)
            score_thr = meta.get('score_thr')
            if score_thr is not None and not 0 <= score_thr <= 1:
                raise ValueError(f'score_thr is {score_thr}, not 0 to 1')
        except (TypeError, ValueError) as error:
            raise ValueError(
                f'What the checkpoint says of its categories is damaged: '
                f'{error}. Publish it anew from the checkpoint of its '
                'training.'
            ) from error
        return cls(tuple(found.values()), score_thr)

    @classmethod
    def of_file(cls, path: str | Path) -> Learnt:
        """Read a checkpoint.

        Raises:
            FileNotFoundError: If it does not exist.
            ValueError: As :meth:`of_meta`, or it cannot be read safely.
        """
        content = read_checkpoint(path)
        meta = content.get('meta') if isinstance(content, Mapping) else None
        return cls.of_meta(meta or {})

    def to_meta(self) -> dict[str, Any]:
        """The entries of the metadata that :meth:`of_meta` reads."""
        meta: dict[str, Any] = {}
        if self.categories:
            meta['categories'] = [asdict(one) for one in self.categories]
        if self.score_thr is not None:
            meta['score_thr'] = self.score_thr
        return meta
