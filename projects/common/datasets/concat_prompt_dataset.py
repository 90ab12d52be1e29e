# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Several data sets in one, each with its own vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.dataset import BaseDataset, ConcatDataset
from mmpose.registry import DATASETS

from projects.common.datasets.prompt_coco_dataset import PromptCocoDataset


@DATASETS.register_module()
class ConcatPromptDataset(ConcatDataset):
    """Data sets whose categories may share names but not keypoints.

    Every image is asked for categories of its own data set alone: "horse"
    may have 17 keypoints in drawings and 18 in photos. Sets of one
    vocabulary are better merged (tools/dataset_converters/merge_coco.py),
    so that the images of one are asked for the categories of the other.

    Args:
        datasets: Configs of :class:`PromptCocoDataset`, or such data sets.
    """

    def __init__(self, datasets: Sequence[dict | BaseDataset]) -> None:
        self.datasets: list[PromptCocoDataset] = [
            DATASETS.build(one) if isinstance(one, dict) else one
            for one in datasets
        ]
        super().__init__(
            self.datasets,
            ignore_keys=['categories', 'dataset_name'],
        )

    @property
    def metainfo(self) -> dict[str, Any]:
        """That of the first set, with the categories of all."""
        records: dict[Any, dict] = {}
        for dataset in self.datasets:
            for record in dataset.metainfo['categories']:
                # What a category is called and how it is put in words.
                words = record['name'], record['keypoints'], record['parts']
                records.setdefault(words, record)
        first = super().metainfo
        return {**first, 'categories': tuple(records.values())}

    @property
    def picture_sources(self) -> tuple[str, ...]:
        """Source of every image, for :class:`BalancedSourceSampler`."""
        return tuple(
            name for part in self.datasets for name in part.picture_sources
        )
