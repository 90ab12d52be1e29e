# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Several sources evaluated together, each as its own benchmark does."""

from __future__ import annotations

import logging
import os.path as osp
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmpose.registry import METRICS

from projects.common.datasets.benchmarks import Benchmarks, chosen_benchmarks
from projects.common.datasets.selection import EmptySelectionError
from projects.common.evaluation.prediction_records import prediction_record
from projects.common.evaluation.prompt_keypoint_metric import (
    PromptKeypointMetric,
)

COUNTS = ('num_images', 'num_images_total')


@METRICS.register_module()
class PerSourceMetric(BaseMetric):
    """One :class:`PromptKeypointMetric` for every benchmark.

    Predictions meet a benchmark by image id, so ids must not repeat between
    the files; those of ``tools/dataset_converters/unikpt.py`` do not.
    Several benchmarks may look at parts of one file. Benchmarks whose file
    does not exist, or has nothing of their part, are left out with a
    warning.

    No boxes are given: objects are detected end to end, also where a
    benchmark's customary numbers are those of models that are told the
    annotated or somebody else's boxes.

    Keys of the result: ``<benchmark>/<key>`` for each key that it reports,
    its ``num_images`` and ``num_images_total``; ``keypoint/AP``, the mean of
    the keypoint APs of all data sets, to choose checkpoints by, in which
    benchmarks of a part (with ``select``) do not count beside one of the
    whole file, and together count once without it; ``num_benchmarks`` with
    ``num_benchmarks_total``: a smaller first number is a partial
    evaluation; and ``protocol``, which says so in words.

    Args:
        benchmarks: Name -> dict of ``ann_file`` and ``metric``, that is
            ``report``, the customary keys of :class:`PromptKeypointMetric`,
            and that metric's arguments; others are for
            :class:`SourceDatasets`.
        data_root: Folder that ``ann_file`` starts from.
        names: Names with commas between them, or 'all'.
        collect_device: ``cpu`` or ``gpu``, see mmengine's ``BaseMetric``.
        prefix: Put in front of every key.

    Raises:
        FileNotFoundError: If no benchmark has an annotation file.
        ValueError: If a name is unknown, or as :class:`PromptKeypointMetric`;
            on use, if a benchmark is to report a key that its metric does
            not give.
    """

    # Empty, not None: the keys carry their own first part.
    default_prefix = ''

    def __init__(
        self,
        benchmarks: Benchmarks,
        data_root: str = '',
        names: str = 'all',
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        found = chosen_benchmarks(
            benchmarks, names, data_root, type(self).__name__
        )
        self.num_total = (
            len(benchmarks) if names == 'all' else len(names.split(','))
        )
        self.reports: dict[str, Sequence[str]] = {}
        self.metrics: dict[str, PromptKeypointMetric] = {}
        # Whose part of which file a benchmark is.
        self._files = {n: b['ann_file'] for n, b in found.items()}
        self._parts = {n for n, b in found.items() if 'select' in b['metric']}
        for name, benchmark in found.items():
            options = dict(benchmark['metric'])
            self.reports[name] = (*options.pop('report'), *COUNTS)
            path = osp.join(data_root, benchmark['ann_file'])
            try:
                self.metrics[name] = PromptKeypointMetric(path, **options)
            except EmptySelectionError as error:
                print_log(
                    f'partial: {type(self).__name__} goes without {name}: '
                    f'{error}',
                    logger='current',
                    level=logging.WARNING,
                )

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep what is needed of a batch of predictions.

        Args:
            data_batch: Not used.
            data_samples: See :meth:`PromptKeypointMetric.process`.
        """
        self.results.extend(map(prediction_record, data_samples))

    def compute_metrics(self, results: list) -> dict[str, float]:
        """Evaluate the collected predictions, benchmark by benchmark.

        Args:
            results: What :meth:`process` stored, of all processes.

        Returns:
            dict: The values named in the class's docstring.
        """
        values, ap = {}, {}
        for name, metric in self.metrics.items():
            images = set(metric.truth.images)
            metrics = metric.compute_metrics(
                [result for result in results if result['img_id'] in images]
            )
            if metrics['keypoint/AP'] > -1:
                ap[name] = metrics['keypoint/AP']
            for key in self.reports[name]:
                if key not in metrics:
                    raise ValueError(
                        f'The benchmark {name!r} is to report {key!r}, but '
                        f'its metric gives {", ".join(metrics)}.'
                    )
                values[f'{name}/{key}'] = metrics[key]
        values['keypoint/AP'] = self._mean(ap)
        values['num_benchmarks'] = len(self.metrics)
        values['num_benchmarks_total'] = self.num_total
        values['protocol'] = self._protocol()
        return values

    def _mean(self, values: Mapping[str, float]) -> float:
        """Mean over the files of what benchmarks say, -1 for none."""
        whole = {self._files[n] for n in values if n not in self._parts}
        sets = defaultdict(list)
        for name, value in values.items():
            if name not in self._parts or self._files[name] not in whole:
                sets[self._files[name]].append(value)
        return float(np.mean([*map(np.mean, sets.values())] or [-1.0]))

    def _protocol(self) -> str:
        """What the figures depend on, in one line."""
        parts = ['each benchmark by its own protocol, no boxes given']
        if len(self.metrics) < self.num_total:
            found = ', '.join(self.metrics)
            parts.append(
                f'PARTIAL: {len(self.metrics)} of {self.num_total} '
                f'benchmarks ({found})'
            )
        parts += [
            f'{name}: {metric.truth.partial}'
            for name, metric in self.metrics.items()
            if metric.truth.partial
        ]
        return '; '.join(parts)
