# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Episodes made harder in one way each, to see what a method relies on.

S shots, K keypoints. Draws depend on the seed, the episode and the query
alone, so every method meets the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import torch
from mmpose.registry import DATASETS

from projects.common.datasets.episodes.episode_dataset import EpisodeDataset
from projects.common.datasets.episodes.frozen import EpisodeList
from projects.common.datasets.episodes.records import EpisodeTask
from projects.common.datasets.episodes.source import EpisodeObject
from projects.common.structures import KeypointCategory, SupportShot

#: Name -> what is done.
PERTURBATIONS = {
    'order': 'keypoints of supports and queries in another order',
    'occluded': 'a grey patch of half the width and height of the box in '
    'each support',
    'blurred': 'supports blurred by a Gaussian of 3 % of their side',
    'flipped': 'supports mirrored, left and right keypoints swapped, unless a '
    'left or right keypoint of the category has no partner',
    'flipped_counted': 'nothing; only the keypoints of flipped count',
    'wrong_support': 'the last support is of another category',
    'wrong_box': "each edge of the query's box moved by up to 20 % of its "
    'width or height',
    'fewer_keypoints': 'supports show half of their keypoints, only those '
    'count',
    'fewer_counted': 'nothing; only the keypoints of fewer_keypoints count',
}
_GREY = 127
_BLUR = 0.03
_EDGE = 0.2


@DATASETS.register_module()
class PerturbedEpisodes(EpisodeDataset):
    """The episodes of a frozen list, changed in one way.

    The score still is measured by the query's annotated box, and over
    keypoints that query and all supports label.

    Args:
        perturbation: A name of :data:`PERTURBATIONS`. 'order' must not
            change the score of a method. 'fewer_counted' is what
            'fewer_keypoints' is to be compared with, 'flipped_counted' what
            'flipped' is.
        perturbation_seed: Of what is drawn.
        **kwargs: Those of :class:`EpisodeDataset`.

    Raises:
        ValueError: If the perturbation is unknown, the episodes are not
            frozen, or see :func:`check_perturbation`.
    """

    def __init__(
        self, perturbation: str, perturbation_seed: int = 0, **kwargs: Any
    ) -> None:
        if perturbation not in PERTURBATIONS:
            raise ValueError(
                f'PerturbedEpisodes: perturbation is {perturbation!r}; '
                f'choose one of {", ".join(map(repr, PERTURBATIONS))}.'
            )
        super().__init__(**kwargs)
        if self.list is None:
            raise ValueError(
                'PerturbedEpisodes: the episodes are drawn anew; freeze them '
                'with tools/dataset_converters/freeze_episodes.py first.'
            )
        check_perturbation(perturbation, self.list)
        self.perturbation = perturbation
        self.perturbation_seed = perturbation_seed

    @property
    def metainfo(self) -> dict[str, Any]:
        """See the base class; ``episodes`` names the perturbation."""
        metainfo = super().metainfo
        text = f'{self.perturbation} ({PERTURBATIONS[self.perturbation]})'
        metainfo['episodes']['perturbation'] = text
        return metainfo

    def _generator(self, *numbers: int) -> np.random.Generator:
        return np.random.default_rng([self.perturbation_seed, *numbers])

    def task(self, number: int, epoch: int = 0) -> EpisodeTask:
        """See the base class."""
        task = super().task(number, epoch)
        generator = self._generator(number)
        if self.perturbation == 'order':
            return _reordered(task, self._order(number, task.category))
        if self.perturbation == 'wrong_support':
            return self._with_wrong_support(task, generator)
        if self.perturbation in ('fewer_keypoints', 'fewer_counted'):
            hide = self.perturbation == 'fewer_keypoints'
            return _fewer_keypoints(task, generator, hide)
        if self.perturbation in ('flipped', 'flipped_counted'):
            return _flipped(task, self.perturbation == 'flipped')
        change = _SHOT_CHANGES.get(self.perturbation)
        if change is None:
            return task
        shots = tuple(
            change(shot, box, generator)
            for shot, box in zip(task.shots, task.boxes)
        )
        return replace(task, shots=shots)

    def _order(self, number: int, category: KeypointCategory) -> np.ndarray:
        """(K,) where each keypoint of an episode comes from."""
        return self._generator(number).permutation(category.num_keypoints)

    def given_object(
        self, number: int, query: int, item: EpisodeObject
    ) -> EpisodeObject:
        """See the base class."""
        if self.perturbation == 'order':
            category = self.source.category(self._frozen[number].category)
            order = self._order(number, category)
            return replace(item, keypoints=item.keypoints[order])
        if self.perturbation == 'wrong_box':
            return _wrong_box(item, self._generator(number, query))
        return item

    def _with_wrong_support(
        self, task: EpisodeTask, generator: np.random.Generator
    ) -> EpisodeTask:
        others = [
            episode
            for episode in self._frozen
            if episode.category != task.category.name
        ]
        count = task.category.num_keypoints
        # Its keypoints take the first places; at least one must be shown.
        for index in generator.permutation(len(others)):
            item = self.source.objects[others[index].supports[0]]
            shot, box = self.shot(item)
            keypoints, visible = torch.zeros(count, 2), torch.zeros(count)
            kept = min(count, shot.num_keypoints)
            keypoints[:kept] = shot.keypoints[:kept]
            visible[:kept] = shot.visible[:kept]
            if visible.any():
                shot = replace(shot, keypoints=keypoints, visible=visible)
                return replace(
                    task,
                    shots=(*task.shots[:-1], shot),
                    boxes=np.concatenate([task.boxes[:-1], box[None]]),
                )
        return task


def check_perturbation(perturbation: str, episodes: EpisodeList) -> None:
    """Refuse episodes that cannot be changed so.

    Raises:
        ValueError: If a support shall be wrong where there is one only, or
            where there is no other category.
    """
    categories = {episode.category for episode in episodes.episodes}
    if perturbation == 'wrong_support' and (
        episodes.shots < 2 or len(categories) < 2
    ):
        raise ValueError(
            "PerturbedEpisodes: 'wrong_support' replaces one of several "
            'supports by one of another category, but the episodes have '
            f'{episodes.shots} of {len(categories)} categories; take a list '
            'of 5-shot episodes of several categories.'
        )


def _reordered(task: EpisodeTask, order: np.ndarray) -> EpisodeTask:
    """Keypoint ``order[k]`` becomes keypoint k."""
    category = task.category
    place = np.argsort(order)
    index = torch.from_numpy(order)
    return replace(
        task,
        category=replace(
            category,
            keypoints=tuple(category.keypoints[i] for i in order),
            parts=tuple(category.parts[i] for i in order),
            sigmas=tuple(category.sigmas[i] for i in order),
            skeleton=_renumbered(category.skeleton, place),
            swap_pairs=_renumbered(category.swap_pairs, place),
        ),
        shots=tuple(
            replace(
                shot,
                keypoints=shot.keypoints[index],
                visible=shot.visible[index],
            )
            for shot in task.shots
        ),
        labelled=task.labelled[order],
    )


def _renumbered(
    pairs: tuple[tuple[int, int], ...], place: np.ndarray
) -> tuple[tuple[int, int], ...]:
    return tuple((int(place[a]), int(place[b])) for a, b in pairs)


def _flipped(task: EpisodeTask, mirror: bool) -> EpisodeTask:
    """Categories whose names cannot be mirrored stay as they are."""
    if not task.category.can_mirror:
        return task
    swap = list(task.category.swap_indices)
    labelled = task.labelled & task.labelled[swap]
    if not mirror:
        return replace(task, labelled=labelled)
    shots = []
    for shot in task.shots:
        keypoints = shot.keypoints[swap]
        keypoints[:, 0] = shot.image.shape[-1] - 1 - keypoints[:, 0]
        shots.append(
            replace(
                shot,
                image=shot.image.flip(-1).contiguous(),
                keypoints=keypoints,
                visible=shot.visible[swap],
            )
        )
    side = task.shots[0].image.shape[-1]
    boxes = task.boxes.copy()
    boxes[:, [0, 2]] = side - task.boxes[:, [2, 0]]
    return replace(task, shots=tuple(shots), boxes=boxes, labelled=labelled)


def _fewer_keypoints(
    task: EpisodeTask, generator: np.random.Generator, hide: bool
) -> EpisodeTask:
    """Keep half, rounded up, of the keypoints that all shots show."""
    visible = torch.stack([shot.visible for shot in task.shots])
    shown = np.flatnonzero((visible > 0).all(0).numpy() & task.labelled)
    if not len(shown):
        return task
    kept = generator.permutation(shown)[: -(-len(shown) // 2)]
    mask = np.zeros(len(task.labelled), bool)
    mask[kept] = True
    shots = task.shots
    if hide:
        shown_mask = torch.from_numpy(mask)
        shots = tuple(
            replace(shot, visible=shot.visible * shown_mask) for shot in shots
        )
    return replace(task, shots=shots, labelled=task.labelled & mask)


def _occluded(
    shot: SupportShot, box: np.ndarray, generator: np.random.Generator
) -> SupportShot:
    """Keypoints below the patch are known still, but hidden."""
    size = (box[2:] - box[:2]) / 2
    low = generator.uniform(box[:2], box[:2] + size)
    side = shot.image.shape[-1]
    x1, y1 = np.clip(np.floor(low), 0, side).astype(int)
    x2, y2 = np.clip(np.ceil(low + size), 0, side).astype(int)
    image = shot.image.clone()
    image[:, y1:y2, x1:x2] = _GREY
    x, y = shot.keypoints.T
    below = (x >= x1) & (x < x2) & (y >= y1) & (y < y2)
    visible = torch.where(below, shot.visible.clamp(max=1), shot.visible)
    return replace(shot, image=image, visible=visible)


def _blurred(
    shot: SupportShot, box: np.ndarray, generator: np.random.Generator
) -> SupportShot:
    pixels = np.ascontiguousarray(shot.image.numpy().transpose(1, 2, 0))
    blurred = cv2.GaussianBlur(pixels, (0, 0), _BLUR * len(pixels))
    image = torch.from_numpy(np.ascontiguousarray(blurred.transpose(2, 0, 1)))
    return replace(shot, image=image)


_SHOT_CHANGES: dict[
    str,
    Callable[[SupportShot, np.ndarray, np.random.Generator], SupportShot],
] = {'occluded': _occluded, 'blurred': _blurred}


def _wrong_box(
    item: EpisodeObject, generator: np.random.Generator
) -> EpisodeObject:
    """A box that misses the picture would not be asked for; it stays."""
    x, y, width, height = item.bbox
    moved = generator.uniform(-_EDGE, _EDGE, (2, 2)) * (width, height)
    x1, y1 = (x, y) + moved[0]
    x2, y2 = (x + width, y + height) + moved[1]
    wrong = replace(item, bbox=(x1, y1, x2 - x1, y2 - y1))
    left, top, right, bottom = wrong.box
    return wrong if right > left and bottom > top else item
