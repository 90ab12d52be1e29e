# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Episodes: some shots of a category, and pictures to find it in."""

from __future__ import annotations

import os.path as osp
import random
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from itertools import accumulate
from typing import Any

import mmcv
import numpy as np
from mmengine.dataset import Compose
from mmpose.registry import DATASETS

from projects.common.datasets.episodes.frozen import (
    Episode,
    EpisodeList,
    draw_episode,
    num_queries,
)
from projects.common.datasets.episodes.records import (
    EpisodeQuery,
    EpisodeTask,
)
from projects.common.datasets.episodes.source import (
    CONTEXT,
    EpisodeObject,
    EpisodeSource,
)
from projects.common.datasets.prompt_coco_dataset import PromptCocoDataset
from projects.common.datasets.seeded import seed_all
from projects.common.structures import (
    KeypointPrompt,
    SupportShot,
    crop_square,
    crop_support,
)

FRAMES = ('crop', 'picture')
_CACHED_EPISODES = 8


@DATASETS.register_module()
class EpisodeDataset:
    """One item for each query of each episode.

    The pipeline gets ``img`` (the query's crop or its whole picture),
    ``prompts`` (one category with S shots, shared by the queries of an
    episode) and, in pixels of ``img``, what :class:`PromptCocoDataset` gives
    of one object: ``gt_bboxes`` (1, 4), ``gt_labels`` (0), ``gt_keypoints``
    (1, K, 3) (kept where they lie outside a crop), ``gt_areas``;
    ``ori_shape`` is that of ``img``. The data sample it packs gets
    :class:`EpisodeQuery` as ``episode``.

    An item is a pure function of (seed, epoch, index). ``dataset[i]`` with
    ``i = epoch * len(dataset) + index`` is an item of a later epoch, as
    :class:`EpisodeSampler` asks for; frozen episodes know no epoch.

    Args:
        dataset: Config of a data set with keypoint annotations
            (:class:`PromptCocoDataset`, :class:`MP100Dataset`); its own
            pipeline is not used.
        episodes: Path of a frozen list, or ``dict(shots, queries,
            num_episodes, rule)`` to draw that many episodes in every epoch,
            as many of one category as of another.
        frame: 'crop': the query is the square of its box's longer side times
            1.25, resized; 'picture': the whole picture.
        input_size: Side of the query's crop in pixels.
        support_size: Side of the supports' crops in pixels.
        max_episodes: Use only the first so many episodes of each category of
            a frozen list, None for all.
        pipeline: Transforms; the last one packs.
        seed: Of drawn episodes and random transforms.

    Raises:
        FileNotFoundError: If an annotation file, the list or pictures that
            the episodes use are missing.
        ValueError: If an argument is out of its range, the list belongs to
            another annotation file, or no category is large enough.
    """

    def __init__(
        self,
        dataset: Mapping[str, Any],
        episodes: str | Mapping[str, Any],
        frame: str = 'crop',
        input_size: int = 256,
        support_size: int = 224,
        max_episodes: int | None = None,
        pipeline: Sequence[dict | Callable] = (),
        seed: int = 0,
    ) -> None:
        if frame not in FRAMES:
            raise ValueError(
                f'EpisodeDataset: frame is {frame!r}; choose one of '
                f'{", ".join(map(repr, FRAMES))}.'
            )
        self.dataset: PromptCocoDataset = DATASETS.build(
            {**dataset, 'lazy_init': True}
        )
        file = self.dataset.read_file()
        # Episodes may need a few of the pictures only; see below.
        file.find_pictures(self.dataset.data_prefix['img'], must_exist=False)
        self.source = EpisodeSource(file)
        self.frame = frame
        self.input_size = input_size
        self.support_size = support_size
        self.pipeline = Compose(list(pipeline))
        self.seed = seed
        if isinstance(episodes, str):
            self._load(episodes, max_episodes)
        else:
            self._prepare_drawing(max_episodes, **episodes)
        ends = [0, *accumulate(self._counts)]
        #: For every episode the indices of its queries.
        self.slices = [range(a, b) for a, b in zip(ends, ends[1:])]
        self._episode_of = np.repeat(np.arange(len(self.slices)), self._counts)
        self._check_pictures()
        self._tasks: OrderedDict[tuple[int, int], tuple] = OrderedDict()

    def _load(self, path: str, max_episodes: int | None) -> None:
        self.list: EpisodeList | None = EpisodeList.load(path)
        self.list.check(self.source)
        kept: dict[str, list[Episode]] = {}
        for episode in self.list.episodes:
            kept.setdefault(episode.category, []).append(episode)
        if max_episodes is not None and max_episodes < 1:
            raise ValueError(
                f'EpisodeDataset: max_episodes is {max_episodes}; it must be '
                'at least 1, or None for all.'
            )
        self._frozen = [e for es in kept.values() for e in es[:max_episodes]]
        self._counts = [len(episode.queries) for episode in self._frozen]
        self.shots = self.list.shots

    def _prepare_drawing(
        self,
        max_episodes: int | None,
        shots: int,
        queries: int,
        num_episodes: int,
        rule: str = 'distinct_pictures',
    ) -> None:
        if max_episodes is not None:
            raise ValueError(
                'EpisodeDataset: max_episodes shortens a frozen list; set '
                'num_episodes of the drawn episodes instead.'
            )
        for name in self.source.by_category:
            num_queries(self.source, name, shots, queries, rule)
        self.list = None
        self.shots, self._queries, self._rule = shots, queries, rule
        self._counts = [queries] * num_episodes

    def episode(self, number: int, epoch: int = 0) -> Episode:
        """The episode of that number, in an epoch if it is drawn."""
        if self.list is not None:
            return self._frozen[number]
        names = list(self.source.by_category)
        order = np.random.default_rng([self.seed, epoch]).permutation(
            len(names)
        )
        return draw_episode(
            self.source,
            names[order[number % len(names)]],
            self.shots,
            self._queries,
            self._rule,
            random.Random(f'{self.seed}/{epoch}/{number}'),
        )

    def _check_pictures(self) -> None:
        if self.list is None:
            used = list(self.source.objects)
        else:
            used = [i for e in self._frozen for i in (*e.supports, *e.queries)]
        paths = {
            self.dataset.picture_path(self.source.objects[i].image)
            for i in used
        }
        missing = sorted(path for path in paths if not osp.isfile(path))
        if missing:
            raise FileNotFoundError(
                f'{len(missing)} of the {len(paths)} pictures of the '
                f'episodes are missing, for example {missing[0]}; check '
                'data_root and data_prefix, or complete the data set.'
            )

    @property
    def metainfo(self) -> dict[str, Any]:
        """Plain values: the categories, and what the episodes are."""
        left_out = self.list.partial_text(self.source) if self.list else ''
        return {
            'dataset_name': osp.splitext(osp.basename(self.source.path))[0],
            'categories': tuple(map(asdict, self.source.categories)),
            'episodes': {
                'sha256': self.list.sha256 if self.list else '',
                'annotation_file': osp.basename(self.source.path),
                'partial': '; '.join(
                    filter(None, (self.source.partial, left_out))
                ),
                'shots': self.shots,
                'frame': self.frame,
                'rule': self.list.rule if self.list else self._rule,
                'num_episodes': len(self.slices),
                'num_episodes_total': len(
                    self.list.episodes if self.list else self.slices
                ),
                'num_queries': len(self),
            },
        }

    def __len__(self) -> int:
        return len(self._episode_of)

    def __getitem__(self, index: int) -> Any:
        """Query ``index % len`` as it is in epoch ``index // len``."""
        epoch, index = divmod(int(index), len(self))
        if epoch < 0 or (epoch and self.list is not None):
            raise IndexError(
                f'There are {len(self)} queries; the index is out of range.'
            )
        number = int(self._episode_of[index])
        task, prompt = self._cached_task(number, epoch)
        query = index - self.slices[number].start
        item = self.source.objects[task.episode.queries[query]]
        given = self.given_object(number, query, item)
        results, to_picture = self._frame(given)
        results['prompts'] = prompt
        results['categories'] = prompt.categories
        seed_all(self.seed, epoch, index)
        packed = self.pipeline(results)
        if 'data_samples' in packed:
            record = EpisodeQuery(
                episode=number,
                query=query,
                annotation_id=item.annotation_id,
                support_annotation_ids=task.episode.supports,
                support_visible=task.labelled,
                support_bboxes=task.boxes,
                bbox=item.bbox,
                given_bbox=given.bbox,
                keypoints=given.keypoints,
                picture_shape=item.picture_shape,
                frame=self.frame,
                to_picture=to_picture,
            )
            packed['data_samples'].set_metainfo({'episode': record})
        return packed

    def _cached_task(
        self, number: int, epoch: int
    ) -> tuple[EpisodeTask, KeypointPrompt]:
        """An episode's task as a prompt, too; kept for a while."""
        key = (epoch, number)
        if key not in self._tasks:
            task = self.task(number, epoch)
            prompt = KeypointPrompt.from_categories(
                [task.category], supports=[task.shots]
            )
            self._tasks[key] = task, prompt
            if len(self._tasks) > _CACHED_EPISODES:
                self._tasks.popitem(last=False)
        return self._tasks[key]

    def task(self, number: int, epoch: int = 0) -> EpisodeTask:
        """What methods are asked in the episode of that number."""
        episode = self.episode(number, epoch)
        items = [self.source.objects[i] for i in episode.supports]
        shots, boxes = zip(*map(self.shot, items))
        return EpisodeTask(
            episode,
            self.source.category(episode.category),
            shots,
            np.stack(boxes),
            np.all([item.keypoints[:, 2] > 0 for item in items], axis=0),
        )

    def given_object(
        self, number: int, query: int, item: EpisodeObject
    ) -> EpisodeObject:
        """What methods are told of a query: here its annotation."""
        return item

    def shot(self, item: EpisodeObject) -> tuple[SupportShot, np.ndarray]:
        """An object as a support, and its box (4,) xyxy in the crop."""
        shot = crop_support(
            self._read(item),
            item.keypoints[:, :2],
            item.keypoints[:, 2] * item.shown,
            item.box,
            self.support_size,
            CONTEXT,
            annotation_id=item.annotation_id,
            image_id=item.image['id'],
        )
        # The crop has the box's centre and 1.25 times its longer side.
        size = item.box[2:] - item.box[:2]
        half = size / (size.max() * CONTEXT) * self.support_size / 2
        middle = self.support_size / 2
        return shot, np.concatenate([middle - half, middle + half])

    def _read(self, item: EpisodeObject) -> np.ndarray:
        """The picture (h, w, 3) BGR."""
        path = self.dataset.picture_path(item.image)
        image = mmcv.imread(path)
        if image is None:
            raise OSError(
                f'The picture {path} cannot be read; replace the file.'
            )
        if image.shape[:2] != item.picture_shape:
            height, width = image.shape[:2]
            raise ValueError(
                f'The picture {path} is {width} x {height} (w x h) but its '
                f'annotation says {item.picture_shape[1]} x '
                f'{item.picture_shape[0]}; correct the annotation file, or '
                'the picture.'
            )
        return image

    def _frame(self, item: EpisodeObject) -> tuple[dict[str, Any], np.ndarray]:
        """What the pipeline starts from, and the matrix to the picture."""
        image, matrix = self._read(item), np.eye(2, 3)
        if self.frame == 'crop':
            image, matrix = crop_square(
                image, item.box, self.input_size, CONTEXT
            )
        linear, offset = matrix[:, :2], matrix[:, 2]
        keypoints = item.keypoints.copy()
        shown = keypoints[:, 2] > 0
        keypoints[shown, :2] = keypoints[shown, :2] @ linear.T + offset
        box = item.box.reshape(2, 2) @ linear.T + offset
        inverse = np.linalg.inv(linear)
        results = {
            'img': image,
            'img_shape': image.shape[:2],
            'ori_shape': image.shape[:2],
            'img_id': item.image['id'],
            'img_path': self.dataset.picture_path(item.image),
            'style': item.image.get('style'),
            'gt_bboxes': box.reshape(1, 4).astype(np.float32),
            'gt_labels': np.zeros(1, np.int64),
            'gt_keypoints': keypoints[None],
            'gt_areas': np.array(
                [item.area * np.linalg.det(linear)], np.float32
            ),
        }
        to_picture = np.column_stack([inverse, -inverse @ offset])
        return results, to_picture
