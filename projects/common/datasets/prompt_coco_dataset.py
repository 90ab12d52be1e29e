# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""COCO-style data set whose pictures hold objects of many categories."""

from __future__ import annotations

import os.path as osp
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Any

import mmcv
import numpy as np
from mmengine import fileio
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log
from mmpose.registry import DATASETS

from projects.common.datasets.coco import MAKE_SYNTHKPT
from projects.common.datasets.coco_file import CocoKeypointFile


@DATASETS.register_module()
class PromptCocoDataset(BaseDataset):
    """One item per picture; pictures without an object stay.

    Every item has ``img_id``, ``img_path``, ``height``, ``width``, ``style``
    (None where the file has none), ``categories`` (the whole vocabulary, V
    :class:`KeypointCategory`) and, in image pixels, ``gt_bboxes`` (N, 4)
    xyxy, ``gt_labels`` (N,) that index ``categories``, ``gt_keypoints``
    (N, Kmax, 3) [x, y, v] and ``gt_areas`` (N,), besides the annotations'
    ``gt_ids`` (N,); see :meth:`CocoKeypointFile.instances`. Kmax is that of
    the data set.

    ``metainfo['categories']`` holds the vocabulary as plain dicts, because
    checkpoints store it and have to load without our classes;
    ``KeypointCategory(**record)`` restores one.

    Args:
        ann_file: COCO-style json, absolute or below ``data_root``.
        data_root: Folder that the other paths start from.
        data_prefix: ``img``: folder that ``file_name`` starts from.
        category_names: Restrict the vocabulary to these, in this order;
            objects of others are left out, their pictures stay.
        skip_unreadable: In training, warn once about a picture that cannot
            be read and take the next one instead of raising an error.
        metainfo: Additions to the meta information; ``dataset_name``
            defaults to the name of the annotation file.
        pipeline: Transforms.
        test_mode: Whether the data set is for validation or testing.
        indices: Keep only the first n pictures or those with these indices.
        serialize_data: Share the annotations between worker processes.
        lazy_init: Read the annotation file later, on ``full_init``.

    Raises:
        FileNotFoundError: If the annotation file or the picture folder does
            not exist.
        ValueError: If the annotation file is faulty (see
            :class:`CocoKeypointFile`), a picture is missing, unreadable or of
            another size than the file says (``skip_unreadable`` lets the
            first two pass), or ``skip_unreadable`` is set together with
            ``test_mode``, which would score a picture twice.
        OSError: On access, if a picture cannot be read.
    """

    #: What reads the annotation file.
    file_type: type[CocoKeypointFile] = CocoKeypointFile

    def __init__(
        self,
        ann_file: str,
        data_root: str = '',
        data_prefix: dict[str, str] | None = None,
        category_names: Sequence[str] | None = None,
        skip_unreadable: bool = False,
        metainfo: dict[str, Any] | None = None,
        pipeline: Sequence[dict | Callable] = (),
        test_mode: bool = False,
        indices: int | Sequence[int] | None = None,
        serialize_data: bool = True,
        lazy_init: bool = False,
    ) -> None:
        if skip_unreadable and test_mode:
            raise ValueError(
                'skip_unreadable=True with test_mode=True would score '
                'another picture twice; remove skip_unreadable from the '
                'validation and test data sets.'
            )
        self.category_names = category_names
        self.skip_unreadable = skip_unreadable
        self._reported: set[str] = set()
        super().__init__(
            ann_file=ann_file,
            metainfo=metainfo,
            data_root=data_root,
            data_prefix={'img': ''} if data_prefix is None else data_prefix,
            indices=indices,
            serialize_data=serialize_data,
            pipeline=list(pipeline),
            test_mode=test_mode,
            lazy_init=lazy_init,
        )

    def read_file(self) -> CocoKeypointFile:
        """Read the annotation file; the picture folder must exist too.

        Raises:
            FileNotFoundError: If one of the two does not exist.
            ValueError: If the annotation file is faulty.
        """
        source = self.file_type(self.ann_file, self.category_names)
        folder = self.data_prefix['img']
        if folder and not osp.isdir(folder):
            raise FileNotFoundError(
                f'The picture folder {folder} of {self.ann_file} does not '
                'exist; check data_root and data_prefix. ' + MAKE_SYNTHKPT
            )
        return source

    def picture_path(self, image: Mapping[str, Any]) -> str:
        """Path of the picture of one of the file's image records."""
        return osp.join(self.data_prefix['img'], image['file_name'])

    def load_data_list(self) -> list[dict[str, Any]]:
        """Read the annotation file into one dict per picture."""
        source = self.read_file()
        source.find_pictures(
            self.data_prefix['img'], must_exist=not self.skip_unreadable
        )
        self.categories = source.categories
        self._num_keypoints = np.array(
            [category.num_keypoints for category in self.categories]
        )
        self._metainfo['categories'] = tuple(map(asdict, self.categories))
        name = osp.splitext(osp.basename(self.ann_file))[0]
        name = self._metainfo.setdefault('dataset_name', name)
        data_list = [
            {
                'img_id': image['id'],
                'img_path': self.picture_path(image),
                'height': image['height'],
                'width': image['width'],
                'style': image.get('style'),
                'source': image.get('source', name),
                'objects': self._packed(source.instances(image)),
            }
            for image in source.images
        ]
        if source.num_small_boxes:
            print_log(
                f'{self.ann_file}: left out {source.num_small_boxes} '
                'annotations whose box is narrower or lower than a pixel.',
                logger='current',
            )
        return data_list

    @cached_property
    def picture_sources(self) -> tuple[str, ...]:
        """Source of every image, for :class:`BalancedSourceSampler`.

        ``images[i]['source']`` of the file, else the data set's name.
        """
        return tuple(
            BaseDataset.get_data_info(self, index)['source']
            for index in range(len(self))
        )

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """Annotations of one picture; see the class for the keys."""
        info = super().get_data_info(idx)
        info.update(self._unpacked(info.pop('objects')))
        # Not stored per picture: all of them share one tuple.
        info['categories'] = self.categories
        return info

    def _packed(self, objects: Mapping[str, np.ndarray]) -> tuple[Any, ...]:
        """Objects without padding and without the overhead of arrays.

        A large set is held in memory so; both are more than its content.
        """
        labels = objects['gt_labels']
        real = self._num_keypoints[labels][:, None] > np.arange(
            objects['gt_keypoints'].shape[1]
        )
        return (
            labels.astype(np.int32).tobytes(),
            objects['gt_bboxes'].tobytes(),
            objects['gt_areas'].tobytes(),
            objects['gt_keypoints'][real].tobytes(),
            objects['gt_ids'].tolist(),
        )

    def _unpacked(self, packed: tuple[Any, ...]) -> dict[str, np.ndarray]:
        """What :meth:`CocoKeypointFile.instances` gave."""
        labels = np.frombuffer(packed[0], np.int32).astype(np.int64)
        boxes, areas, points = (
            np.frombuffer(data, np.float32) for data in packed[1:4]
        )
        slots = np.arange(self._num_keypoints.max())
        keypoints = np.zeros((len(labels), len(slots), 3), np.float32)
        real = self._num_keypoints[labels][:, None] > slots
        keypoints[real] = points.reshape(-1, 3)
        return {
            'gt_bboxes': boxes.reshape(-1, 4).copy(),
            'gt_labels': labels,
            'gt_keypoints': keypoints,
            'gt_areas': areas.copy(),
            'gt_ids': np.array(packed[4], object),
        }

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline on one picture, or on the next readable one.

        Raises:
            OSError: If the picture (with ``skip_unreadable``: every picture)
                cannot be read.
        """
        for offset in range(len(self)):
            # The index itself may be out of range: then that is the error.
            index = (idx + offset) % len(self) if offset else idx
            info = self.get_data_info(index)
            path = info['img_path']
            try:
                return self.pipeline(info)
            except Exception as error:
                # Transforms fail for other reasons too: look at the file
                # itself, and let every other error through as it is.
                if _is_readable(path):
                    raise
                message = (
                    f'The picture {path} (image id {info["img_id"]} of '
                    f'{self.ann_file}) cannot be read'
                )
                if not self.skip_unreadable:
                    raise OSError(
                        f'{message}. Replace the file, or remove it from the '
                        'annotations, or set skip_unreadable=True on the '
                        'training data set.'
                    ) from error
                if path not in self._reported:
                    self._reported.add(path)
                    print_log(
                        f'{message}; the next one is taken instead.',
                        logger='current',
                        level='WARNING',
                    )
        raise OSError(
            f'None of the {len(self)} pictures of {self.ann_file} can be '
            f'read; check that {self.data_prefix["img"]!r} is the right '
            'folder.'
        )


def _is_readable(path: str) -> bool:
    try:
        return mmcv.imfrombytes(fileio.get(path)) is not None
    except Exception:
        return False
