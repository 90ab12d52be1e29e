# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Several sources, one after another, each asked for what it labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.dataset import ConcatDataset
from mmpose.registry import DATASETS

from projects.common.datasets.benchmarks import Benchmarks, chosen_benchmarks


@DATASETS.register_module()
class SourceDatasets(ConcatDataset):
    """Data sets of one kind, one for every annotation file of benchmarks.

    Each has a vocabulary of its own, as its benchmark has. Files that were
    not built are left out with a warning. The meta information is that of
    the first.

    Args:
        benchmarks: Name -> dict of ``ann_file``, ``ask`` (the ``mode`` of
            :class:`SamplePromptCategories`: 'all' of the file's categories,
            or those that are 'present' in the picture) and ``examples``, the
            annotation file that visual prompts come from; others are for
            :class:`PerSourceMetric`. Where several have the same file, it
            is taken once, as the first says.
        dataset: Config of each data set, without ``ann_file``.
        pipeline: Transforms of each, in which ``SamplePromptCategories`` is
            given the benchmark's mode and ``FixedSupports``, if it is
            there, its examples.
        names: Names with commas between them, or 'all'.
        pool: Arguments of the pool of examples, without its data set.

    Raises:
        FileNotFoundError: If no file was built, or one has no examples.
        ValueError: If a name is unknown.
    """

    def __init__(
        self,
        benchmarks: Benchmarks,
        dataset: Mapping[str, Any],
        pipeline: Sequence[Mapping[str, Any]],
        names: str = 'all',
        pool: Mapping[str, Any] | None = None,
    ) -> None:
        root = dataset.get('data_root', '')
        found = chosen_benchmarks(benchmarks, names, root, 'SourceDatasets')
        files: dict[str, Mapping[str, Any]] = {}
        for benchmark in found.values():
            files.setdefault(benchmark['ann_file'], benchmark)
        self._dataset, self._pool = dict(dataset), dict(pool or {})
        super().__init__(
            [
                DATASETS.build(
                    {
                        **self._dataset,
                        'ann_file': path,
                        'pipeline': self._pipeline(benchmark, pipeline),
                    }
                )
                for path, benchmark in files.items()
            ],
            ignore_keys=['categories', 'dataset_name'],
        )

    def _pipeline(
        self, benchmark: Mapping[str, Any], steps: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, Any]]:
        """The transforms, completed for a benchmark."""
        examples = {**self._dataset, 'ann_file': benchmark['examples']}
        own = {
            'SamplePromptCategories': {'mode': benchmark['ask']},
            'FixedSupports': {'pool': {**self._pool, 'dataset': examples}},
        }
        return [{**step, **own.get(step['type'], {})} for step in steps]
