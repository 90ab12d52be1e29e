# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""How fast UniKPT is built, opened and loaded, on synthetic sources."""

import argparse
import re
import resource
import shlex
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from projects.benchmarks.results.store import record
from projects.benchmarks.timing import peak_memory
from projects.common.datasets import PromptCocoDataset
from projects.common.engine.launch import sentences_only
from projects.unikpt.build import BuildOptions, build
from projects.unikpt.synthetic import write_sources
from projects.unikpt.vocabulary import load_vocabulary

from mmengine.dataset import BaseDataset, pseudo_collate
from mmpose.datasets import CocoDataset
from mmpose.utils import register_all_modules
from torch.utils.data import DataLoader

CONFIG = 'configs/_base_/datasets/unikpt.py'  # whose data is imitated
MB = 2**20
SIZE = (256, 256)  # (w, h) that both loaders resize to
OURS = [
    {'type': 'LoadImage'},
    {'type': 'ResizeKeypoints', 'scale': SIZE, 'keep_ratio': True},
    {'type': 'SamplePromptCategories'},
    {'type': 'PackPromptInputs'},
]
THEIRS = [
    {'type': 'LoadImage'},
    {'type': 'BottomupResize', 'input_size': SIZE},
    {'type': 'PackPoseInputs'},
]


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        '--build', type=int, default=200_000, help='objects to build'
    )
    parser.add_argument(
        '--open', type=int, default=400_000, help='objects to open'
    )
    parser.add_argument(
        '--load',
        type=int,
        default=2_000,
        help='pictures to load in each measurement',
    )
    parser.add_argument('--repeat', type=int, default=7, help='pairs to load')
    parser.add_argument(
        '--workers', type=int, default=2, help='of build and of the loaders'
    )
    parser.add_argument(
        '--folder', type=Path, help='for the files; a temporary one if not'
    )
    parser.add_argument(
        '--record', help='results file, see docs/results/README.md'
    )
    return parser.parse_args(argv)


def measure_build(
    folder: Path, instances: int, workers: int
) -> dict[str, float]:
    """Write sources, then build them.

    Peak memory is that of the process and of the largest of its workers.
    """
    sources = write_sources(folder / f'sources_{instances}', instances)
    options = BuildOptions(workers=workers)
    out = folder / f'unikpt_{instances}'
    start = time.perf_counter()
    with peak_memory() as peak:
        stamp = build(out, sources, load_vocabulary(), options)
    seconds = time.perf_counter() - start
    built = sum(e['mixed_instances'] for e in stamp['sources'].values())
    worker = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {
        'instances': built,
        'seconds': seconds,
        'instances per second': built / seconds,
        'peak memory, MB': peak[0] / MB,
        'peak memory of the largest worker, MB': worker,
    }


def measure_open(
    folder: Path, instances: int, workers: int
) -> dict[str, float]:
    """Open the training file of a set with so many training objects."""
    # A tenth is held out.
    wanted = round(instances / 0.9)
    sources = write_sources(folder / f'sources_{wanted}', wanted)
    out = folder / f'unikpt_{wanted}'
    build(out, sources, load_vocabulary(), BuildOptions(workers=workers))
    before = memory_of('self')['Rss']
    start = time.perf_counter()
    with peak_memory() as peak:
        data = open_ours(out, [])
    seconds = time.perf_counter() - start
    held = data.data_bytes.nbytes + data.data_address.nbytes
    return {
        'instances': sum(
            len(data.get_data_info(i)['gt_labels']) for i in range(len(data))
        ),
        'seconds': seconds,
        'file, MB': (out / TRAIN).stat().st_size / MB,
        'peak memory above the start, MB': peak[0] / MB - before,
        'memory held, MB': held / MB,
        'private memory of a worker, MB': worker_memory(data, workers),
    }


def worker_memory(data: BaseDataset, workers: int) -> float:
    """Memory that a worker shares with nobody, having read all items."""
    loader = DataLoader(_Infos(data), 256, num_workers=workers)
    iterator = iter(loader)
    found = 0.0
    while next(iterator, None) is not None:
        pids = [w.pid for w in iterator._workers if w.is_alive()]
        found = max([found, *(_private(pid) for pid in pids)])
    return found


class _Infos:
    """Annotations alone, as a map-style data set."""

    def __init__(self, data: BaseDataset) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> int:
        return len(self.data.get_data_info(index)['gt_labels'])


def _private(pid: int) -> float:
    try:
        memory = memory_of(pid)
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return 0.0
    return memory['Private_Dirty']


def memory_of(pid: int | str) -> dict[str, float]:
    """Memory of a process in MB, as Linux sums it up."""
    text = Path(f'/proc/{pid}/smaps_rollup').read_text()
    found = re.findall(r'(\w+):\s+(\d+) kB', text)
    return {name: int(size) / 1024 for name, size in found}


TRAIN = 'annotations/unikpt_train.json'


def open_ours(out: Path, pipeline: list[dict]) -> PromptCocoDataset:
    """The training part of a set that was built."""
    return PromptCocoDataset(
        TRAIN, str(out), {'img': 'images'}, pipeline=pipeline
    )


def measure_load(
    folder: Path, pictures: int, repeat: int, workers: int
) -> dict[str, float]:
    """Load the same COCO pictures with our data set and with mmpose's.

    They take turns, so that what else the machine does hits both.
    """
    sources = write_sources(folder / f'sources_load_{pictures}', 4 * pictures)
    out = folder / f'unikpt_load_{pictures}'
    only = {'coco': sources['coco']}
    build(out, only, load_vocabulary(), BuildOptions())
    ours = open_ours(out, OURS)
    # mmpose's evaluates nothing here; it reads the same file.
    theirs = CocoDataset(
        ann_file=TRAIN,
        data_root=str(out),
        data_prefix={'img': 'images/'},
        data_mode='bottomup',
        pipeline=THEIRS,
    )
    rates = [
        [pictures_per_second(data, workers) for data in (ours, theirs)]
        for _ in range(repeat + 1)
    ][1:]  # the first one warms up
    return {
        'ours, pictures per second': statistics.median(r[0] for r in rates),
        "mmpose's, pictures per second": statistics.median(
            r[1] for r in rates
        ),
        'ratio, median of the pairs': statistics.median(
            a / b for a, b in rates
        ),
    }


def pictures_per_second(data: BaseDataset, workers: int) -> float:
    """One pass in batches of 16; starting the workers does not count."""
    loader = DataLoader(
        data, 16, num_workers=workers, collate_fn=pseudo_collate
    )
    iterator = iter(loader)
    count = len(next(iterator)['inputs'])
    start = time.perf_counter()
    count = sum(len(batch['inputs']) for batch in iterator)
    return count / (time.perf_counter() - start)


def run(args: argparse.Namespace, folder: Path) -> dict[str, dict]:
    """All measurements that are asked for, by what they show."""
    found: dict[str, dict[str, Any]] = {}
    tasks: dict[str, tuple[int, Callable[[], dict]]] = {
        'UniKPT built from synthetic sources': (
            args.build,
            lambda: measure_build(folder, args.build, args.workers),
        ),
        'An annotation file of UniKPT opened': (
            args.open,
            lambda: measure_open(folder, args.open, args.workers),
        ),
        "Loading beside mmpose's plain COCO data set": (
            args.load,
            lambda: measure_load(folder, args.load, args.repeat, args.workers),
        ),
    }
    for claim, (size, task) in tasks.items():
        if size:
            found[claim] = task()
            print(claim)
            for name, value in found[claim].items():
                print(f'    {name:42s}{value:12.4g}')
    return found


def main(argv: Sequence[str] | None = None) -> dict[str, dict]:
    """Measure, print and record what the command line says."""
    args = parse_args(argv)
    register_all_modules(init_default_scope=True)
    with sentences_only(), tempfile.TemporaryDirectory() as temporary:
        found = run(args, args.folder or Path(temporary))
    if args.record is not None:
        command = ['python', 'tools/analysis_tools/benchmark_unikpt.py']
        for claim, metrics in found.items():
            record(
                args.record,
                claim=claim,
                metrics={k: round(v, 4) for k, v in metrics.items()},
                config=CONFIG,
                protocol=f'{args.workers} workers; objects of 17 keypoints, '
                'two a picture of 640 x 480; COCO and AP-10K half and half '
                '(loading: COCO alone, resized to 256 x 256, '
                f'{args.repeat} pairs)',
                command=shlex.join([*command, *(argv or sys.argv[1:])]),
            )
    return found


if __name__ == '__main__':
    main()
