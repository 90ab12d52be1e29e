# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Build UniKPT: sources -> shards -> COCO-style files -> stamp."""

from __future__ import annotations

import functools
import json
import multiprocessing
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import cv2

from projects.common.utils.checkpoints import file_sha256
from projects.common.utils.files import replacing, write_json
from projects.common.version import __version__
from projects.unikpt.coco_output import write_annotations
from projects.unikpt.locate import select
from projects.unikpt.records import SPLITS
from projects.unikpt.rows import Summary
from projects.unikpt.shards import ShardTask, make_shard
from projects.unikpt.source import SOURCES, UNREADABLE, Source
from projects.unikpt.stats import partial_sentence
from projects.unikpt.subsets import BALANCED, Subset
from projects.unikpt.vocabulary import Vocabulary

STAMP = 'unikpt.json'
ANNOTATIONS = 'annotations'
# What a stamp and its entries have at least.
_TOP = {'partial', 'missing', 'sources', 'annotations'}
_ENTRY = {'in_mix', 'missing_splits', *(f.name for f in fields(Summary))}
Progress = Callable[[str, int], None]


@dataclass(frozen=True)
class BuildOptions:
    """How to build.

    Attributes:
        seed: Of splits and subsets that are drawn.
        subsets: Source -> what enters the mix; others enter whole.
        resplit: Share of pictures to hold out of every source, None to keep
            the sources' own splits.
        added: Sources outside UniKPT that enter the mix all the same.
        workers: Processes, one source each.
    """

    seed: int = 0
    subsets: Mapping[str, Subset] = field(default_factory=lambda: BALANCED)
    resplit: float | None = None
    added: frozenset[str] = frozenset()
    workers: int = 1

    def __post_init__(self) -> None:
        if self.seed < 0 or self.workers < 1:
            raise ValueError(
                f'--seed is {self.seed} and --workers {self.workers}; the '
                'seed must be 0 or more, the workers 1 or more.'
            )
        if self.resplit is not None and not 0 < self.resplit < 1:
            raise ValueError(
                f'--resplit is {self.resplit}; give the share to hold out, '
                'between 0 and 1.'
            )


def build(
    out: Path,
    folders: Mapping[str, Path],
    vocabulary: Vocabulary,
    options: BuildOptions,
    progress: Progress = lambda name, pictures: None,
) -> dict[str, Any]:
    """Write the set.

    ``annotations/unikpt_{train,val,test}.json`` hold the mix,
    ``annotations/<source>_{train,val,test}.json`` each source whole; ids are
    the same in both. ``file_name`` starts from ``images/``, which has a link
    to each source's folder. Shards of an earlier run that still fit are not
    made again.

    Args:
        out: Folder of the set.
        folders: Source -> its folder, at least one.
        vocabulary: Names and keypoints of all categories.
        options: See there.
        progress: Called with a source and a number of pictures done.

    Returns:
        dict: The stamp, as written to ``unikpt.json``.

    Raises:
        ValueError: If there is nothing to build, ``out`` lies in a source,
            or sources cannot be read; the shards of the others are kept, and
            so is the set that was built before.
        OSError: If something cannot be written.
    """
    if not folders:
        raise ValueError(
            'There is no source to build; see what `doctor` says.'
        )
    out = Path(out).absolute()
    for name, folder in folders.items():
        # Files of a source may have the names of ours, and links to it would
        # go round.
        if out.resolve().is_relative_to(Path(folder).resolve()):
            raise ValueError(
                f'The set would be built into "{out}", in the folder of '
                f'{name}; choose one outside.'
            )
    tasks = [
        ShardTask(
            source=SOURCES[name],
            root=Path(folder).absolute(),
            out=out,
            seed=options.seed,
            subset=options.subsets.get(name),
            resplit=options.resplit,
            vocabulary=vocabulary,
        )
        for name, folder in folders.items()
    ]
    summaries = _make_shards(tasks, options.workers, progress)
    stamp = _stamp(tasks, summaries, options, vocabulary.version)
    info = {
        'description': 'UniKPT',
        **{k: stamp[k] for k in ('version', 'vocabulary', 'seed', 'missing')},
    }
    partial = partial_sentence(stamp) if stamp['partial'] else ''
    mixed = {n for n, entry in stamp['sources'].items() if entry['in_mix']}
    new = out / 'annotations.new'
    shutil.rmtree(new, ignore_errors=True)  # of a build that was killed
    try:
        names = write_annotations(new, tasks, summaries, info, mixed, partial)
        stamp['annotations'] = {
            f'{ANNOTATIONS}/{name}': file_sha256(new / name) for name in names
        }
        _replace(out, new, names, tasks)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    write_json(out / STAMP, stamp)
    return stamp


def read_stamp(out: Path) -> dict[str, Any]:
    """The stamp of a set that was built.

    Raises:
        FileNotFoundError: If there is none.
        ValueError: If it is no stamp.
    """
    path = Path(out) / STAMP
    if not path.is_file():
        raise FileNotFoundError(
            f'There is no {STAMP} in "{out}"; give the folder that `build` '
            'wrote. It is not there either while a build has not come to '
            'its end.'
        )
    try:
        stamp = json.loads(path.read_text(encoding='utf-8'))
        lacking = _TOP - set(stamp)
        for entry in stamp['sources'].values():
            lacking |= _ENTRY - set(entry)
        if lacking:
            raise ValueError(f'It lacks {sorted(lacking)}.')
        return stamp
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f'{path} is not what `build` writes; build again.'
        ) from error


def _make_shards(
    tasks: Iterable[ShardTask], workers: int, progress: Progress
) -> dict[str, Summary]:
    """Summary of each source, made in processes if there are several."""
    done: dict[str, Summary] = {}
    problems: list[str] = []

    def finish(name: str, result: Callable[[], Summary]) -> None:
        try:
            done[name] = result()
        except (OSError, ValueError) as error:
            problems.append(str(error))
        except Exception as error:  # a reader met what nobody has thought of
            title = SOURCES[name].title
            problems.append(f'{title}: {type(error).__name__}: {error}.')

    if workers == 1:
        for task in tasks:
            name = task.source.name
            advance = functools.partial(progress, name)
            finish(name, functools.partial(make_shard, task, advance))
    else:
        _make_in_processes(tasks, workers, progress, finish)
    if problems:
        raise ValueError(' '.join(problems))
    # Processes come to their ends in any order.
    return {task.source.name: done[task.source.name] for task in tasks}


def _make_in_processes(
    tasks: Iterable[ShardTask],
    workers: int,
    progress: Progress,
    finish: Callable[[str, Callable[[], Summary]], None],
) -> None:
    # As PyTorch's data loaders start theirs: a fresh process would import
    # everything once more. OpenCV's threads do not survive it.
    context = multiprocessing.get_context(
        'fork' if sys.platform == 'linux' else 'spawn'
    )
    with (
        context.Manager() as manager,
        ProcessPoolExecutor(workers, context, cv2.setNumThreads, (0,)) as pool,
    ):
        queue = manager.Queue()
        running = {
            pool.submit(_work, task, queue): task.source.name for task in tasks
        }
        while running:
            ready, _ = wait(running, 0.2, FIRST_COMPLETED)
            for name, pictures in _waiting(queue):
                progress(name, pictures)
            for future in ready:
                finish(running.pop(future), future.result)


def _work(task: ShardTask, queue: Queue) -> Summary:
    name = task.source.name
    return make_shard(task, lambda pictures: queue.put((name, pictures)))


def _waiting(queue: Queue) -> Iterator[tuple[str, int]]:
    while True:
        try:
            yield queue.get_nowait()
        except Empty:
            return


def _replace(
    out: Path, new: Path, names: Iterable[str], tasks: Iterable[ShardTask]
) -> None:
    """Put annotation files in the place of those of builds before.

    There is no stamp meanwhile: the files do not belong together. A build
    that ends here leaves files that only their names tell to be ours.
    """
    old = set(_stamped_files(out))
    old |= {
        f'{ANNOTATIONS}/{name}_{split}.json'
        for name in ('unikpt', *SOURCES)
        for split in SPLITS
    }
    (out / STAMP).unlink(missing_ok=True)
    for name in old:
        (out / name).unlink(missing_ok=True)
    for task in tasks:
        _link(out / 'images' / task.source.name, task.root)
    (out / ANNOTATIONS).mkdir(exist_ok=True)
    for name in names:
        os.replace(new / name, out / ANNOTATIONS / name)


def _link(link: Path, folder: Path) -> None:
    with replacing(link) as temporary:
        temporary.symlink_to(folder, target_is_directory=True)


def _stamped_files(out: Path) -> Iterable[str]:
    """Annotation files of the build before, as its stamp names them."""
    try:
        return read_stamp(out)['annotations']
    except (FileNotFoundError, ValueError):
        return ()


def _stamp(
    tasks: Iterable[ShardTask],
    summaries: Mapping[str, Summary],
    options: BuildOptions,
    vocabulary_version: Any,
) -> dict[str, Any]:
    sources = {}
    for task in tasks:
        name = task.source.name
        sources[name] = {
            'licence': task.source.licence,
            'in_mix': in_mix(task.source, options.added),
            'subset': task.subset and asdict(task.subset),
            'missing_splits': sorted(task.source.find(task.root).missing),
            **asdict(summaries[name]),
        }
    missing = [
        name
        for name, source in select().items()
        if source.paper and name not in sources
    ]
    incomplete = any(
        entry['missing_splits']
        or entry['left_out'].get('pictures')
        or entry['faults'].get(UNREADABLE)
        for entry in sources.values()
    )
    return {
        'version': __version__,
        'vocabulary': vocabulary_version,
        'seed': options.seed,
        'resplit': options.resplit,
        'partial': bool(missing or incomplete),
        'missing': missing,
        'sources': sources,
    }


def in_mix(source: Source, added: Iterable[str] = ()) -> bool:
    """Whether a source is part of UniKPT, or was added to it."""
    return bool(source.paper) or source.name in added
