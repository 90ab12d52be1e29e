# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Several sources in one annotation file, of which a part may be taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from mmengine.dataset import Compose
from mmpose.registry import DATASETS

from projects.common.datasets.coco_file import CocoKeypointFile
from projects.common.datasets.prompt_coco_dataset import PromptCocoDataset
from projects.common.datasets.selection import Selection, require
from projects.common.datasets.support_pool import SupportPool


class UniKPTFile(CocoKeypointFile):
    """A part of an annotation file that was built from several sources.

    Args:
        path: The json file; see :class:`Selection` for its additions.
        category_names: See :class:`CocoKeypointFile`.
        selection: Which part; by default all.

    Raises:
        FileNotFoundError: As :class:`CocoKeypointFile`.
        ValueError: As :class:`CocoKeypointFile` and :class:`Selection`.
    """

    def __init__(
        self,
        path: str,
        category_names: Sequence[str] | None = None,
        selection: Selection | None = None,
    ) -> None:
        self._selection = selection or Selection()
        super().__init__(path, category_names)

    def _read(self, path: str) -> dict[str, Any]:
        return self._selection.apply(super()._read(path), path)


@DATASETS.register_module()
class UniKPTDataset(PromptCocoDataset):
    """UniKPT, whole or in part, as a :class:`PromptCocoDataset`.

    Items have ``source`` besides. The vocabulary is that of all selected
    sources, so that training asks every picture for categories of other
    sources as well. But those did not label this picture: what it may show
    all the same is in ``never_negative`` (M,), labels that
    :class:`SamplePromptCategories` does not ask for. They are categories
    that the picture's source does not have and that, beside one of the
    picture's objects,

    - show the same ``object`` ("cat face" beside "cat"),
    - are of the same biological family, unless both name their species and
      these differ,
    - or are of super-categories that ``inseparable`` names together.

    Args:
        select: Arguments of :class:`Selection`; by default all.
        inseparable: Groups of super-categories that occur together without
            being labelled, such as persons and clothes.
        pool: Arguments of :class:`SupportPool` without the data set: the
            examples of ``SampleSupports`` in the pipeline are then objects
            of this very data set, which is held in memory once.
        pipeline: Transforms.
        kwargs: As :class:`PromptCocoDataset`, without ``category_names``.

    Raises:
        FileNotFoundError: As :class:`PromptCocoDataset`.
        ValueError: As :class:`PromptCocoDataset` and :class:`Selection`, or
            if the file does not say whose its pictures and categories are.
    """

    def __init__(
        self,
        *args: Any,
        select: Mapping[str, Sequence[str]] | None = None,
        inseparable: Sequence[Sequence[str]] = (),
        pool: Mapping[str, Any] | None = None,
        pipeline: Sequence[dict | Callable] = (),
        **kwargs: Any,
    ) -> None:
        selection = Selection(**(select or {}))
        self.file_type = partial(UniKPTFile, selection=selection)
        self.inseparable = [set(group) for group in inseparable]
        self._pool, self._steps = pool, pipeline
        super().__init__(*args, **kwargs)

    def full_init(self) -> None:
        """Load the annotations now, then build the transforms."""
        if self._fully_initialized:
            return
        super().full_init()
        own = {}
        if self._pool is not None:
            own['SampleSupports'] = {'pool': SupportPool(self, **self._pool)}
        self.pipeline = Compose(
            [
                {**step, **own.get(step['type'], {})}
                if isinstance(step, Mapping)
                else step
                for step in self._steps
            ]
        )

    def read_file(self) -> UniKPTFile:
        """Read the selected part of the annotation file."""
        file = super().read_file()
        require(file.records, 'sources', self.ann_file, 'categories')
        require(file.images, 'source', self.ann_file, 'images')
        self._foreign = {
            source: np.array(
                [source not in r['sources'] for r in file.records]
            )
            for source in {image['source'] for image in file.images}
        }
        self._alike = _alike(file.records, self.inseparable)
        return file

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """Annotations of one picture; see the class for the keys."""
        info = super().get_data_info(idx)
        possible = self._alike[info['gt_labels']].any(0)
        possible &= self._foreign[info['source']]
        info['never_negative'] = np.flatnonzero(possible)
        return info


def _alike(
    records: Sequence[Mapping[str, Any]], inseparable: Sequence[set[str]]
) -> np.ndarray:
    """(V, V) bool, True where an object may be of the other category too."""
    taxa = [record.get('taxonomy') or {} for record in records]
    species = np.array([taxon.get('species', '') for taxon in taxa])
    told_apart = species[:, None] != species[None]
    told_apart &= (species[:, None] != '') & (species[None] != '')
    family = _same(taxon.get('family', '') for taxon in taxa)
    supers = np.array([r.get('supercategory', '') for r in records])
    together = np.zeros_like(family)
    for group in inseparable:
        inside = np.isin(supers, list(group))
        together |= inside[:, None] & inside[None]
    objects = _same(record.get('object', '') for record in records)
    return objects | (family & ~told_apart) | together


def _same(names: Any) -> np.ndarray:
    """(V, V) bool, where two names are the same and not empty."""
    names = np.array(list(names))
    return (names[:, None] == names[None]) & (names[:, None] != '')
