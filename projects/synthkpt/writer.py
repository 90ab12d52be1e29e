# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Writes SynthKPT to disk: pictures and COCO-style annotation files."""

from __future__ import annotations

import json
import multiprocessing
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from projects.common.utils.files import write_bytes
from projects.synthkpt.registry import all_shapes
from projects.synthkpt.scene import Scene, compose
from projects.synthkpt.splits import category_records, split_files
from projects.synthkpt.styles import render

# To be raised whenever the same seed gives other pictures than before.
GENERATOR_VERSION = 1
SIZES = {
    'full': {'train': 12000, 'val': 1500},
    'small': {'train': 600, 'val': 200},
}
_SPLIT_CODES = {'train': 0, 'val': 1}
_FIRST_IMAGE_ID = {'train': 1, 'val': 1_000_001}
_JPEG = [cv2.IMWRITE_JPEG_QUALITY, 92]
_MANIFEST = 'synthkpt.json'


@dataclass(frozen=True)
class Task:
    """One picture to make: a pure function of seed, split and index."""

    out: Path
    seed: int
    split: str
    index: int

    @property
    def file_name(self) -> str:
        """Path of the picture, relative to the data set's folder."""
        return f'{self.split}/{self.index:06d}.jpg'


@dataclass(frozen=True)
class Record:
    """What the annotation files say about one picture.

    Attributes:
        image: COCO image.
        annotations: COCO annotations of the picture.
    """

    image: dict[str, Any]
    annotations: list[dict[str, Any]]


def compose_picture(
    seed: int, split: str, index: int
) -> tuple[Scene, np.random.Generator]:
    """The scene of a picture and the generator that paints it.

    Each run of as many pictures as there are categories shows every
    category at least once, so that small sets cover all of them too.

    Args:
        seed: Seed of the data set.
        split: 'train' or 'val'.
        index: Number of the picture in its split.
    """
    shapes = all_shapes()
    code = _SPLIT_CODES[split]
    block, place = divmod(index, len(shapes))
    order = np.random.default_rng([seed, code, block, 1])
    main = int(order.permutation(len(shapes))[place])
    layout, paint = np.random.SeedSequence([seed, code, index]).spawn(2)
    scene = compose(np.random.default_rng(layout), shapes, main)
    return scene, np.random.default_rng(paint)


def make_picture(task: Task) -> Record:
    """Makes one picture; a picture that exists already is kept.

    Args:
        task: The picture.

    Returns:
        Its record, the same whether the picture existed or not.

    Raises:
        OSError: If the picture cannot be written.
    """
    scene, rng = compose_picture(task.seed, task.split, task.index)
    path = task.out / task.file_name
    if not path.exists():
        done, data = cv2.imencode('.jpg', render(scene, rng), _JPEG)
        if not done:
            raise OSError(
                f'OpenCV could not encode {path} as JPEG; check '
                'that its build has JPEG support.'
            )
        write_bytes(path, data.tobytes())
    return _record(task, scene)


def _record(task: Task, scene: Scene) -> Record:
    """Annotation of a scene; ids depend on split and index only."""
    image_id = _FIRST_IMAGE_ID[task.split] + task.index
    image = {
        'id': image_id,
        'file_name': task.file_name,
        'width': scene.width,
        'height': scene.height,
        'style': scene.style,
    }
    annotations = []
    for number, instance in enumerate(scene.instances()):
        flat: list[float] = []
        for x, y, v in instance.keypoints.tolist():
            flat += [round(x, 2), round(y, 2), int(v)]
        annotations.append(
            {
                'id': image_id * 10 + number,
                'image_id': image_id,
                'category_id': instance.label + 1,
                'bbox': instance.bbox,
                'area': instance.area,
                'iscrowd': 0,
                'keypoints': flat,
                'num_keypoints': int(
                    np.count_nonzero(instance.keypoints[:, 2])
                ),
            }
        )
    return Record(image, annotations)


def generate(
    out: str | os.PathLike,
    seed: int = 0,
    counts: dict[str, int] | None = None,
    workers: int = 1,
    progress: bool = True,
) -> None:
    """Makes the data set; continues where an earlier run stopped.

    The pictures do not depend on their number, so a small set can be grown
    to the full one in the same folder.

    Args:
        out: Folder of the data set.
        seed: Seed, 0 or more.
        counts: Number of pictures by split, ``SIZES['full']`` by default.
        workers: Number of processes; what is written does not depend on it.
        progress: Whether to show a progress bar.

    Raises:
        ValueError: If the seed or the number of workers is out of range.
        FileExistsError: If the folder holds a set of another seed or
            version.
        OSError: If something cannot be written.
    """
    if seed < 0:
        raise ValueError(f'The seed is {seed}; use 0 or more.')
    if workers < 1:
        raise ValueError(f'The number of workers is {workers}; use 1 or more.')
    out = Path(out)
    counts = SIZES['full'] if counts is None else counts
    if _claim(out, seed, counts):
        return
    tasks = [
        Task(out, seed, split, index)
        for split, count in counts.items()
        for index in range(count)
    ]
    for split in counts:
        (out / split).mkdir(exist_ok=True)
    with _pool(workers) as pool:
        bar = {'unit': 'picture', 'ncols': 79, 'disable': not progress}
        records = list(tqdm(pool(tasks), 'SynthKPT', len(tasks), **bar))
    _write_annotations(out, seed, counts, records)
    _write_manifest(out, seed, counts, complete=True)


def _claim(out: Path, seed: int, counts: dict[str, int]) -> bool:
    """Checks that the folder may be used; True if the set is complete."""
    if out.exists() and not out.is_dir():
        raise NotADirectoryError(
            f'{out} is a file; name a folder for the data set.'
        )
    manifest = out / _MANIFEST
    if manifest.exists():
        old = json.loads(manifest.read_text())
        new = _identity(seed)
        for key, value in new.items():
            if old.get(key) != value:
                raise FileExistsError(
                    f'{out} holds a SynthKPT whose {key} is {old.get(key)}, '
                    f'not {value}; remove the folder or choose another one '
                    'with --out.'
                )
        if (
            old['counts'] == counts
            and old['complete']
            and all(
                (out / Task(out, seed, split, index).file_name).exists()
                for split, count in counts.items()
                for index in range(count)
            )
        ):
            return True
    out.mkdir(parents=True, exist_ok=True)
    (out / 'annotations').mkdir(exist_ok=True)
    _write_manifest(out, seed, counts, complete=False)
    return False


def _identity(seed: int) -> dict[str, int | str]:
    """What must agree for two runs to give the same pictures."""
    names = _dump(category_records(all_shapes()))
    return {
        'seed': seed,
        'version': GENERATOR_VERSION,
        'vocabulary': f'{zlib.crc32(names.encode()):08x}',
    }


def _write_manifest(
    out: Path, seed: int, counts: dict[str, int], complete: bool
) -> None:
    """Notes what the folder holds."""
    content = {**_identity(seed), 'counts': counts, 'complete': complete}
    write_bytes(
        out / _MANIFEST, (json.dumps(content, indent=1) + '\n').encode()
    )


@contextmanager
def _pool(workers: int) -> Iterator[Any]:
    """Gives an ordered map over tasks, in one or several processes."""
    if workers == 1:
        yield lambda tasks: map(make_picture, tasks)
        return
    # A forked child would inherit OpenCV's locks, so start afresh.
    context = multiprocessing.get_context('spawn')
    with context.Pool(workers, cv2.setNumThreads, (1,)) as pool:
        yield lambda tasks: pool.imap(make_picture, tasks, chunksize=8)


def _write_annotations(
    out: Path, seed: int, counts: dict[str, int], records: Sequence[Record]
) -> None:
    """Writes the annotation files of both splits and of all category sets.

    Every part is turned to text once and joined where it is needed.
    """
    categories = category_records(all_shapes())
    texts = _Texts(
        {c['id']: _dump(c) for c in categories},
        {r.image['id']: _dump(r.image) for r in records},
        [
            [(a['category_id'], _dump(a)) for a in r.annotations]
            for r in records
        ],
        [r.image['id'] for r in records],
    )
    info = {
        'description': 'SynthKPT',
        'seed': seed,
        'version': GENERATOR_VERSION,
    }
    everything = [c['id'] for c in categories]
    start = 0
    for split, count in counts.items():
        _write_file(
            out,
            f'synthkpt_{split}',
            info,
            texts,
            everything,
            range(start, start + count),
            keep_empty=True,
        )
        start += count
    for name, ids in split_files(categories, seed).items():
        _write_file(
            out, name, info, texts, ids, range(len(records)), keep_empty=False
        )


@dataclass(frozen=True)
class _Texts:
    """JSON of categories, images (by id) and annotations (by picture)."""

    categories: dict[int, str]
    images: dict[int, str]
    annotations: list[list[tuple[int, str]]]
    image_ids: list[int]


def _dump(value: Any) -> str:
    return json.dumps(value, separators=(',', ':'))


def _write_file(
    out: Path,
    name: str,
    info: dict[str, Any],
    texts: _Texts,
    category_ids: Sequence[int],
    pictures: Iterable[int],
    keep_empty: bool,
) -> None:
    """Writes one annotation file.

    Args:
        out: Folder of the data set.
        name: File name without folder and ending.
        info: COCO info.
        texts: JSON of all parts.
        category_ids: Categories of the file; annotations of others are
            left out.
        pictures: Positions of the pictures that it draws from.
        keep_empty: Whether pictures without an annotation are listed.
    """
    wanted = set(category_ids)
    images, annotations = [], []
    for picture in pictures:
        own = [
            text
            for category, text in texts.annotations[picture]
            if category in wanted
        ]
        if own or keep_empty:
            images.append(texts.images[texts.image_ids[picture]])
            annotations += own
    categories = [texts.categories[i] for i in category_ids]
    fields = [f'"info":{_dump(info)}']
    for key, items in (
        ('categories', categories),
        ('images', images),
        ('annotations', annotations),
    ):
        fields.append(f'"{key}":[\n' + ',\n'.join(items) + '\n]')
    content = '{' + ',\n'.join(fields) + '}\n'
    write_bytes(out / 'annotations' / f'{name}.json', content.encode())
