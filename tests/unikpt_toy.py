# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Two small sources of a form of their own, and their vocabulary."""

import json
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace

import cv2
import numpy as np

from projects.common.structures import KeypointCategory
from projects.unikpt import (
    SOURCES,
    Fault,
    Source,
    SourceInstance,
    SourcePicture,
)
from projects.unikpt.entries import Counts

WIDTH, HEIGHT = 40, 30
CATEGORIES = {
    'cat': ('nose', 'left ear', 'right ear'),
    'dog': ('nose', 'tail'),
    'car': ('front left wheel', 'bonnet'),
}


@dataclass
class ToyVocabulary:
    """What :class:`Vocabulary` offers to those who build."""

    version: str = '7'
    categories: dict = field(default_factory=lambda: dict(CATEGORIES))
    sources: dict = field(
        default_factory=lambda: {
            'pets': SimpleNamespace(categories=('cat', 'dog')),
            'cars': SimpleNamespace(categories=('car', 'dog')),
        }
    )

    def entry(self, name):
        if name not in self.categories:
            raise ValueError(f'The vocabulary has no category {name!r}.')
        return SimpleNamespace(
            keypoints=self.categories[name],
            object_name=f'the {name}',
            taxonomy={'family': 'Felidae'} if name == 'cat' else {},
        )

    def category(self, name):
        return KeypointCategory(name, self.entry(name).keypoints)

    def counts(self, sources, found=()):
        names = {'pets': {'cat', 'dog'}, 'cars': {'car'}}
        known = set(found).union(*(names[s] for s in sources))
        keypoints = {k for n in known for k in self.categories[n]}
        return Counts(len(keypoints), len(known), len(known))


class ToySource(Source):
    """Reads ``<split>.json``: [[file, [object, ...], extra], ...]."""

    licence = 'free'
    page = 'https://example.org/toy'
    bibtex = '@misc{toy}'
    tree = 'Draw it.\n\ntoy\n└── train.json'

    def read(self, root, report):
        for split, files in self.find(root).found.items():
            for number, entry in enumerate(json.loads(files[0].read_text())):
                file, objects, extra = entry
                if extra.get('twice'):
                    report(Fault('duplicated id', file, 'id 1'))
                if extra.get('broken'):
                    raise KeyError('no such key')
                extra = {k: v for k, v in extra.items() if k != 'twice'}
                yield SourcePicture(
                    file,
                    split,
                    tuple(
                        SourceInstance(
                            annotation_id=f'{number}-{i}',
                            **{**o, 'keypoints': np.array(o['keypoints'])},
                        )
                        for i, o in enumerate(objects)
                    ),
                    **extra,
                )

    def read_picture(self, root, picture):
        if picture.frame is None:
            return super().read_picture(root, picture)
        return np.load(root / picture.file)[picture.frame]


class Pets(ToySource):
    name, title = 'pets', 'Pets-2'
    annotations = {s: (f'pets_{s}.json',) for s in ('train', 'val', 'test')}
    paper = {
        'keypoints': 4,
        'categories': 2,
        'images': 4,
        'instances': 5,
        'unified_images': 4,
        'unified_instances': 5,
    }


class Cars(ToySource):
    name, title = 'cars', 'Cars'
    annotations = {'train': ('cars.json',)}
    paper = {'keypoints': 2, 'categories': 1, 'images': 20, 'instances': 20}


class Own(ToySource):
    name, title = 'own', 'Own'
    annotations = {'train': ('own.json',)}


@contextmanager
def only(*classes):
    """These are the only sources."""
    saved = dict(SOURCES)
    SOURCES.clear()
    SOURCES.update({c.name: c() for c in classes})
    yield
    # In the order that they had.
    SOURCES.clear()
    SOURCES.update(saved)


def thing(category='cat', x=10, bbox=(5, 5, 20, 20), **more):
    """An object whose keypoints are in a row from x, at y = 12, v = 2."""
    count = len(CATEGORIES.get(category, 'ab'))
    keypoints = [[x + i, 12, 2] for i in range(count)]
    return {'category': category, 'keypoints': keypoints, 'bbox': bbox} | more


def write_pictures(folder, names, seed=0):
    rng = np.random.default_rng(seed)
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image = rng.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        assert cv2.imwrite(str(path), image)


def write_entries(path, entries):
    path.write_text(json.dumps([(*e, {})[:3] for e in entries]))


def write_pets(folder):
    """Train: a (cat, dog), b (cat); val: c (dog, without box); test: d."""
    write_pictures(folder, [f'img/{n}.png' for n in 'abcd'])
    write_entries(
        folder / 'pets_train.json',
        [
            ('img/a.png', [thing(), thing('dog', area=50.0)]),
            ('img/b.png', [thing(x=3)]),
        ],
    )
    write_entries(
        folder / 'pets_val.json',
        [('img/c.png', [thing('dog', bbox=None)])],
    )
    write_entries(folder / 'pets_test.json', [('img/d.png', [thing()])])


def write_cars(folder, count=20):
    names = [f'{i:02d}.jpg' for i in range(count)]
    write_pictures(folder, names, seed=1)
    write_entries(folder / 'cars.json', [(n, [thing('car')]) for n in names])
