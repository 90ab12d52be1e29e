# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Measured figures with what is needed to repeat them.

A file ``docs/results/NAME.json`` is a list of entries; every figure that the
docs show is one of them.
"""

import datetime
import functools
import json
import math
import os
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import torch

from projects.common.utils.checkpoints import file_sha256
from projects.common.utils.files import write_text
from projects.common.version import __version__

_SHA256 = re.compile(r'[0-9a-f]{64}')


@dataclass(frozen=True)
class ResultEntry:
    """One figure and where it comes from.

    Args:
        claim: What it shows, a short sentence or phrase.
        metric: Name of the metric, for example ``keypoint/AP``.
        value: The figure.
        protocol: Thresholds and settings that the figure depends on.
        config: Path of the config, from the root of the repository.
        checkpoint: Path of the checkpoint, from the root if it is shipped;
            '' if none was used.
        checkpoint_sha256: Hash of that file, '' if none was used.
        external: True if the checkpoint does not ship under checkpoints/.
        data: Path of the annotation or episode file, '' without data.
        data_sha256: Hash of that file, '' without data.
        device: Where it was measured.
        command: What to type to measure it again.
        date: Day of the measurement, YYYY-MM-DD.
        version: Version of this package.

    Raises:
        ValueError: If a field is empty or malformed.
    """

    claim: str
    metric: str
    value: int | float
    protocol: str
    config: str
    checkpoint: str
    checkpoint_sha256: str
    external: bool
    data: str
    data_sha256: str
    device: str
    command: str
    date: str
    version: str

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type is str and not isinstance(value, str):
                self._refuse(field.name, value, 'a text')
        optional = ('checkpoint', 'data')
        for name in (
            'claim',
            'metric',
            'protocol',
            'config',
            'device',
            'command',
            'version',
        ):
            if not getattr(self, name).strip():
                self._refuse(name, getattr(self, name), 'a text, not empty')
        if not isinstance(self.external, bool):
            self._refuse('external', self.external, 'true or false')
        if (
            isinstance(self.value, bool)
            or not isinstance(self.value, (int, float))
            or not math.isfinite(self.value)
        ):
            self._refuse('value', self.value, 'a finite number')
        for name in optional:
            digest = getattr(self, f'{name}_sha256')
            if getattr(self, name) and not _SHA256.fullmatch(digest):
                self._refuse(f'{name}_sha256', digest, '64 hexadecimal digits')
        try:
            datetime.date.fromisoformat(self.date)
        except ValueError:
            self._refuse('date', self.date, 'a day like 2026-01-31')

    @property
    def run(self) -> tuple[str, str, str, str]:
        """What the entries of one run have in common."""
        return self.claim, self.config, self.checkpoint, self.data

    def _refuse(self, name: str, value: Any, wanted: str) -> None:
        raise ValueError(
            f'Result "{self.claim}", {self.metric}: {name} is {value!r}, it '
            f'must be {wanted}.'
        )


def load_entries(path: str | Path) -> list[ResultEntry]:
    """Read and check a results file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not a list of valid entries.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'There is no results file "{path}"; tools/test.py --record '
            'writes one.'
        )
    try:
        content = json.loads(path.read_text(encoding='utf-8'))
    except json.JSONDecodeError as error:
        raise ValueError(f'{path} is no valid json: {error}.') from error
    if not isinstance(content, list):
        raise ValueError(f'{path} must hold a list of entries.')
    names = {field.name for field in fields(ResultEntry)}
    entries = []
    for index, item in enumerate(content):
        wrong = names.symmetric_difference(item)
        if wrong:
            raise ValueError(
                f'{path}, entry {index}: fields {sorted(wrong)} are missing '
                'or unknown.'
            )
        try:
            entries.append(ResultEntry(**item))
        except ValueError as error:
            raise ValueError(f'{path}, entry {index}: {error}') from error
    return entries


def record(
    path: str | Path,
    *,
    claim: str,
    metrics: Mapping[str, int | float | str],
    config: str,
    command: str,
    protocol: str,
    checkpoint: str | None = None,
    data: str | None = None,
    root: str | Path = '.',
) -> list[ResultEntry]:
    """Add one entry per metric to a results file.

    Entries of the same claim, config, checkpoint path and data path are
    replaced, others stay: a variable of the environment may choose other
    data for the same config.

    Args:
        path: The file, usually ``docs/results/NAME.json``.
        claim: What the metrics show.
        metrics: Names and values; texts are left out.
        config: Path of the config.
        command: What was typed.
        protocol: See :func:`describe_protocol`.
        checkpoint: Path of the checkpoint, if one was used.
        data: Path of the annotation or episode file, if one was used.
        root: Root of the repository; paths below it are stored from there.

    Returns:
        list: The new entries.
    """
    root = Path(root).resolve()
    weights = _from_root(checkpoint, root)
    common = {
        'claim': claim,
        'protocol': protocol,
        'config': _from_root(config, root),
        'checkpoint': weights,
        'checkpoint_sha256': file_sha256(checkpoint) if checkpoint else '',
        'external': bool(weights) and not weights.startswith('checkpoints/'),
        'data': _from_root(data, root),
        'data_sha256': file_sha256(data) if data else '',
        'device': device_name(),
        'command': command,
        'date': datetime.date.today().isoformat(),
        'version': __version__,
    }
    new = [
        ResultEntry(metric=name, value=_plain_number(value), **common)
        for name, value in metrics.items()
        if not isinstance(value, str)
    ]
    path = Path(path)
    runs = {entry.run for entry in new}
    kept = [
        entry
        for entry in (load_entries(path) if path.exists() else [])
        if entry.run not in runs
    ]
    _write(path, kept + new)
    return new


def verify_entries(
    entries: Sequence[ResultEntry], root: str | Path = '.'
) -> list[str]:
    """Check entries against the repository.

    Args:
        entries: What :func:`load_entries` returned.
        root: Root of the repository.

    Returns:
        list: A sentence for every config that is gone, every shipped
        checkpoint that is gone or has changed, and every data file that is
        here but not the one that was used; empty if all is well.
    """
    root, problems = Path(root), []
    digest = functools.lru_cache(maxsize=None)(file_sha256)
    for entry in entries:
        where = f'Result "{entry.claim}", {entry.metric}:'
        if not (root / entry.config).is_file():
            problems.append(
                f'{where} the config {entry.config} does not exist.'
            )
        data = root / entry.data  # data need not be here
        if data.is_file() and digest(data) != entry.data_sha256:
            problems.append(
                f'{where} the data file {entry.data} is not the one that was '
                'used; make it again as docs/dataset_zoo says, or measure '
                'again.'
            )
        if not entry.checkpoint or entry.external:
            continue
        weights = root / entry.checkpoint
        if not weights.is_file():
            problems.append(
                f'{where} the checkpoint {entry.checkpoint} does not exist.'
            )
        elif digest(weights) != entry.checkpoint_sha256:
            problems.append(
                f'{where} the checkpoint {entry.checkpoint} has changed '
                'since it was measured; measure it again.'
            )
    return problems


def describe_protocol(
    cfg: Mapping[str, Any], metrics: Mapping[str, Any]
) -> str:
    """What the figures of a test run depend on, in one line.

    Args:
        cfg: The config with ``test_evaluator`` and ``model``.
        metrics: The result, of which ``protocol`` is used, or
            ``num_images`` where the metric does not say its protocol.
    """
    if 'protocol' in metrics:
        return metrics['protocol']
    parts = []
    for evaluator in _evaluators(cfg):
        shown = ', '.join(
            f'{key}={value}'
            for key, value in evaluator.items()
            if key
            not in ('type', 'ann_file', 'outfile_prefix', 'out_file_path')
        )
        parts.append(f'{evaluator["type"]}({shown})')
    settings = (cfg.get('model') or {}).get('test_cfg') or {}
    if settings:
        shown = ', '.join(f'{k}={v}' for k, v in settings.items())
        parts.append(f'test_cfg({shown})')
    count, total = (metrics.get(k) for k in ('num_images', 'num_images_total'))
    if count is not None:
        parts.append(
            f'{count} pictures'
            if count == total
            else f'PARTIAL: {count} of {total} pictures'
        )
    return '; '.join(parts)


def data_file(cfg: Mapping[str, Any]) -> str | None:
    """What a test run is measured on.

    The annotation file of the first test evaluator that has one, else the
    frozen episodes of the test data set, else the file of its benchmarks: the
    annotation file if a single one was built, for several the stamp of the
    set, which has the hash of each. None if there is none of all that.
    """
    files = (evaluator.get('ann_file') for evaluator in _evaluators(cfg))
    found = next((file for file in files if file), None)
    if found is None:
        dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
        episodes = dataset.get('episodes')
        found = episodes if isinstance(episodes, str) else None
        if dataset.get('benchmarks'):
            found = _benchmark_file(dataset)
    return found


def _benchmark_file(dataset: Mapping[str, Any]) -> str | None:
    """The file that says what a data set of benchmarks was measured on."""
    # Slow to import, and figures of other data sets do not need them.
    from projects.common.datasets.benchmarks import chosen_benchmarks
    from projects.unikpt.build import STAMP

    root = dataset['dataset'].get('data_root', '')
    found = chosen_benchmarks(
        dataset['benchmarks'], dataset['names'], root, 'the results file'
    )
    files = {benchmark['ann_file'] for benchmark in found.values()}
    path = os.path.join(root, files.pop() if len(files) == 1 else STAMP)
    return path if os.path.isfile(path) else None


def device_name() -> str:
    """The device that models run on by default, in words."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f'CPU ({_cpu_model()}, {torch.get_num_threads()} threads)'


def _cpu_model() -> str:
    info = Path('/proc/cpuinfo')  # Linux; Python itself does not know more
    if info.exists():
        found = re.search(r'model name\s*: (.+)', info.read_text())
        if found:
            return found.group(1)
    return platform.processor() or platform.machine()


def _evaluators(cfg: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    evaluators = cfg.get('test_evaluator') or []
    return (
        [evaluators] if isinstance(evaluators, Mapping) else list(evaluators)
    )


def _plain_number(value: Any) -> int | float:
    return value if isinstance(value, int) else round(float(value), 6)


def _from_root(path: str | None, root: Path) -> str:
    """A path as seen from the root, unchanged if it lies elsewhere."""
    if not path:
        return ''
    absolute = Path(os.path.abspath(path))
    return (
        absolute.relative_to(root).as_posix()
        if absolute.is_relative_to(root)
        else str(path)
    )


def _write(path: Path, entries: Sequence[ResultEntry]) -> None:
    text = json.dumps([asdict(e) for e in entries], indent=2)
    write_text(path, text + '\n')
