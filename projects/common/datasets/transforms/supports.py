# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Asking by example: prompts get supports from a pool of objects.

SamplePromptCategories -> SampleSupports (training)  -> PackPromptInputs
                       or FixedSupports (evaluation)
"""

# Workers of a data loader are seeded through numpy's global state.
from __future__ import annotations

import warnings
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform, Compose
from mmcv.transforms.utils import cache_randomness
from mmpose.registry import TRANSFORMS

from projects.common.datasets.support_pool import (
    SupportPool,
    is_same_picture,
    shared_pool,
)
from projects.common.datasets.transforms.support_cut import (
    UnreadableSupportError,
    check_cut,
    cut_support,
)
from projects.common.structures import (
    MODALITIES,
    KeypointCategory,
    KeypointPrompt,
    SupportShot,
)


@TRANSFORMS.register_module()
class SampleSupports(BaseTransform):
    """Ask by text, by example or by both in training.

    The paper draws the modality for every iteration (X-Pose, Training &
    Inference Details); here it is drawn for every picture, because a batch
    may mix them. Every category of the prompt gets its own supports from
    pictures other than this one; a category without a usable object stays
    text. Ground-truth keypoints that no shot shows stay.

    Everything follows numpy's global state, which :class:`SeededDataset`
    sets for every item.

    Required keys: ``prompts``, ``gt_labels`` that index it, and ``img_path``
    and ``img_id`` of the picture. Modifies ``prompts`` and, with
    ``max_negatives``, ``gt_labels``.

    Args:
        pool: Arguments of :class:`SupportPool`; pools of the same arguments
            are shared. Or a pool.
        modality_probs: Probability of 'text', 'visual' and 'combined'; they
            sum to 1, missing ones are 0.
        shots: Smallest and largest number of shots, drawn for every category.
        size: Side of a shot in pixels, at least 32.
        context: Range that the side of the cut over the box's longer side is
            drawn from, for every shot; at least 1.1.
        augment: Transforms of the support's picture and keypoints before it
            is cut, drawn for every shot. A result that shows no keypoint any
            more is replaced by the picture as it was.
        max_negatives: With examples, the prompt keeps at most so many
            categories that are not in the picture (at least one where it has
            none), because every shot costs a pass of the image tower; None
            keeps all.
        skip_unreadable: Warn once about an example whose picture cannot be
            read and draw another one instead of raising an error.

    Raises:
        UnreadableSupportError: On use, see ``skip_unreadable``.
        ValueError: If an argument is out of its range or the pool is empty;
            on use, if the pool's category has other keypoints.
    """

    def __init__(
        self,
        pool: Mapping[str, Any] | SupportPool,
        modality_probs: Mapping[str, float],
        shots: tuple[int, int] = (1, 1),
        size: int = 224,
        context: tuple[float, float] = (1.25, 1.25),
        augment: Sequence[dict | Callable] = (),
        max_negatives: int | None = None,
        skip_unreadable: bool = False,
    ) -> None:
        _check_probs(modality_probs)
        low, high = shots
        if not 1 <= low <= high:
            raise ValueError(
                f'SampleSupports: shots is {tuple(shots)}; give (smallest, '
                'largest) with 1 <= smallest <= largest.'
            )
        if max_negatives is not None and max_negatives < 0:
            raise ValueError(
                f'SampleSupports: max_negatives is {max_negatives}; give 0 '
                'or more, or None to keep all.'
            )
        check_cut('SampleSupports', size, tuple(context))
        self.pool = (
            pool if isinstance(pool, SupportPool) else shared_pool(pool)
        )
        self.modality_probs = dict(modality_probs)
        self.shots = (low, high)
        self.size = size
        self.context = tuple(context)
        self.augment = Compose(augment)
        self.max_negatives = max_negatives
        self.skip_unreadable = skip_unreadable

    @cache_randomness
    def _random_modality(self) -> str:
        names = list(self.modality_probs)
        probs = np.array(list(self.modality_probs.values()), float)
        return names[np.random.choice(len(names), p=probs / probs.sum())]

    @cache_randomness
    def _random_seed(self) -> int:
        return np.random.randint(2**31)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Draw the modality and, unless it is text, supports."""
        modality = self._random_modality()
        if modality == 'text':
            return results
        rng = np.random.default_rng(self._random_seed())
        if self.max_negatives is not None:
            self._limit_negatives(results)
        results['prompts'] = _with_supports(
            results['prompts'],
            [
                self._shots_of(category, rng, results)
                for category in results['prompts'].categories
            ],
            modality,
        )
        return results

    def _shots_of(
        self,
        category: KeypointCategory,
        rng: np.random.Generator,
        results: Mapping[str, Any],
    ) -> list[SupportShot]:
        count = rng.integers(self.shots[0], self.shots[1] + 1)
        shots = []
        for record in self.pool.candidates(category, rng, results):
            context = rng.uniform(*self.context)
            try:
                shot = cut_support(record, self.size, context, self.augment)
            except UnreadableSupportError as error:
                if not self.skip_unreadable:
                    raise
                # Python shows a text once.
                warnings.warn(
                    f'{error} Another example is taken.', stacklevel=2
                )
                continue
            shots.append(shot)
            if len(shots) == count:
                break
        return shots

    def _limit_negatives(self, results: dict[str, Any]) -> None:
        """Drop categories that are not in the picture; the order stays."""
        prompts = results['prompts']
        present = set(results['gt_labels'].tolist())
        left = max(self.max_negatives, 0 if present else 1)
        absent = [i for i in range(len(prompts.names)) if i not in present]
        kept = sorted([*present, *absent[:left]])
        position = np.full(len(prompts.names), -1)
        position[kept] = np.arange(len(kept))
        results['prompts'] = prompts.select([prompts.names[i] for i in kept])
        results['gt_labels'] = position[results['gt_labels']]

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(modality_probs={self.modality_probs}, '
            f'shots={self.shots}, size={self.size}, context={self.context}, '
            f'augment={self.augment}, max_negatives={self.max_negatives}, '
            f'skip_unreadable={self.skip_unreadable})'
        )


@TRANSFORMS.register_module()
class FixedSupports(BaseTransform):
    """Ask every picture by the same examples, in evaluation.

    A category's supports are the first ``shots`` of its usable objects in an
    order that depends on ``seed`` and its name only, so that fewer shots are
    a part of more. Only the pictures that they come from get the next ones
    in their place: a picture is never its own support. Shots are cut once in
    every process.

    Required keys: ``prompts``, and ``img_path`` and ``img_id`` of the
    picture. Modifies ``prompts``; its shots name their annotations.

    Args:
        pool: Arguments of :class:`SupportPool`; pools of the same arguments
            are shared. Or a pool.
        modality: 'visual' or 'combined'.
        shots: Number of shots of a category, fewer if there are not as many.
        seed: Another seed, other supports.
        size: Side of a shot in pixels, at least 32.
        context: Side of the cut over the box's longer side, at least 1.1.
        text_instead: Ask by text for a category that has no usable object.

    Raises:
        ValueError: If an argument is out of its range or the pool is empty;
            on use, if a category of the prompt has other keypoints in the
            pool, or no usable object, without ``text_instead``.
    """

    def __init__(
        self,
        pool: Mapping[str, Any] | SupportPool,
        modality: str = 'visual',
        shots: int = 1,
        seed: int = 0,
        size: int = 224,
        context: float = 1.25,
        text_instead: bool = False,
    ) -> None:
        if modality not in MODALITIES or modality == 'text':
            raise ValueError(
                f'FixedSupports: modality is {modality!r}; choose '
                "'visual' or 'combined', or leave the transform out to ask "
                'by text.'
            )
        if shots < 1:
            raise ValueError(
                f'FixedSupports: shots is {shots}; give at least 1.'
            )
        check_cut('FixedSupports', size, (context, context))
        self.pool = (
            pool if isinstance(pool, SupportPool) else shared_pool(pool)
        )
        self.modality = modality
        self.shots = shots
        self.seed = seed
        self.size = size
        self.context = context
        self.text_instead = text_instead
        self._orders: dict[str, np.ndarray] = {}
        self._cuts: dict[tuple[str, int], tuple[dict, SupportShot]] = {}

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Put the supports into the prompt."""
        results['prompts'] = _with_supports(
            results['prompts'],
            [
                self._shots_of(category, results)
                for category in results['prompts'].categories
            ],
            self.modality,
        )
        return results

    def _shots_of(
        self, category: KeypointCategory, results: Mapping[str, Any]
    ) -> list[SupportShot]:
        name = category.name
        if name not in self._orders:
            seed = [self.seed, zlib.crc32(name.lower().encode())]
            rng = np.random.default_rng(seed)
            self._orders[name] = self.pool.order(category, rng)
        shots = []
        for rank in range(len(self._orders[name])):
            source, shot = self._cut(name, rank)
            if not is_same_picture(source, results):
                shots.append(shot)
            if len(shots) == self.shots:
                break
        if not shots and not self.text_instead:
            raise ValueError(
                f'Category {name!r} has no usable support for the picture '
                f'{results["img_path"]}: the pool has '
                f'{self.pool.counts.get(name, 0)} and none from the picture '
                'itself is taken. Lower min_visible or min_size of the pool, '
                'take another annotation file, ask for fewer categories, or '
                'set text_instead=True.'
            )
        return shots

    def _cut(self, name: str, rank: int) -> tuple[dict, SupportShot]:
        """Where a shot comes from, and the shot."""
        if (name, rank) not in self._cuts:
            record = self.pool.record(self._orders[name][rank])
            shot = cut_support(record, self.size, self.context)
            source = {key: record[key] for key in ('img_path', 'img_id')}
            shot.key  # noqa: B018  computed here, travels with every copy
            self._cuts[name, rank] = source, shot
        return self._cuts[name, rank]

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(modality={self.modality!r}, '
            f'shots={self.shots}, seed={self.seed}, size={self.size}, '
            f'context={self.context})'
        )


def _check_probs(probs: Mapping[str, float]) -> None:
    unknown = sorted(set(probs) - set(MODALITIES))
    if unknown:
        raise ValueError(
            f'SampleSupports: modality_probs names {unknown}; choose from '
            f'{", ".join(map(repr, MODALITIES))}.'
        )
    total = sum(probs.values())
    if any(p < 0 for p in probs.values()) or abs(total - 1) > 1e-6:
        raise ValueError(
            f'SampleSupports: modality_probs is {dict(probs)}; the '
            f'probabilities must be 0 or more and sum to 1, not {total:g}.'
        )


def _with_supports(
    prompts: KeypointPrompt,
    supports: Sequence[Sequence[SupportShot]],
    modality: str,
) -> KeypointPrompt:
    """The prompt with supports; without a shot, a category stays text."""
    prompts = prompts.clone()
    prompts.set_metainfo(
        {
            'supports': supports,
            'modalities': [modality if s else 'text' for s in supports],
        }
    )
    return prompts
