# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The furniture categories."""

from __future__ import annotations

from functools import partial

from projects.synthkpt import furniture_models as models
from projects.synthkpt import furniture_storage as storage
from projects.synthkpt.base import Shape
from projects.synthkpt.figure import category
from projects.synthkpt.rigid import both, chains, rigid_shape

_record = partial(category, supercategory='furniture')

_WOOD = (15.0, 40.0, 0.25, 0.7, 0.35, 0.85)
_PAINT = (0.0, 360.0, 0.1, 0.75, 0.35, 0.95)
_PALE = (20.0, 60.0, 0.02, 0.15, 0.8, 1.0)
_METAL = (200.0, 240.0, 0.0, 0.15, 0.3, 0.75)
_DARK = (0.0, 360.0, 0.0, 0.3, 0.1, 0.25)
# Pieces that look alike from the front and the rear are seen from around
# the side that is called the front.
_FRONTAL = (-42.0, 42.0)

_LEGS = both('front * leg tip', 'rear * leg tip')
_SEAT = both('front * seat corner', 'rear * seat corner')
_BACK = both('back top * corner')
_LEG_PARTS = {'leg': _LEGS}

SHAPES: tuple[Shape, ...] = (
    rigid_shape(
        _record(
            name='chair',
            parts={'backrest': _BACK, 'seat': _SEAT, **_LEG_PARTS},
            skeleton=chains(
                'back top left corner > back top right corner',
                'back top * corner > rear * seat corner > '
                'front * seat corner > front * leg tip',
                'front left seat corner > front right seat corner',
                'rear left seat corner > rear right seat corner',
                'rear * seat corner > rear * leg tip',
            ),
        ),
        models.chair,
        {'main': (_WOOD, _PAINT), 'second': (_WOOD, _METAL, _PAINT)},
    ),
    rigid_shape(
        _record(
            name='stool',
            parts={'seat': ['seat center'], **_LEG_PARTS},
            skeleton=chains(
                'seat center > front * leg tip', 'seat center > rear * leg tip'
            ),
        ),
        models.stool,
        {'main': (_WOOD, _PAINT), 'second': (_WOOD, _METAL)},
        (-38.0, 38.0),
    ),
    rigid_shape(
        _record(
            name='table',
            parts={
                'top': both('front * top corner', 'rear * top corner'),
                **_LEG_PARTS,
            },
            skeleton=chains(
                'front left top corner > front right top corner > '
                'rear right top corner > rear left top corner > '
                'front left top corner',
                'front * top corner > front * leg tip',
                'rear * top corner > rear * leg tip',
            ),
        ),
        models.table,
        {'main': (_WOOD, _PAINT), 'second': (_WOOD, _METAL), 'accent': _METAL},
        _FRONTAL,
        (8.0, 38.0),
    ),
    rigid_shape(
        _record(
            name='sofa',
            parts={
                'backrest': _BACK,
                'armrest': both('armrest rear', 'armrest front'),
                'seat': both('front * seat corner'),
                **_LEG_PARTS,
            },
            skeleton=chains(
                'back top left corner > back top right corner',
                'back top * corner > * armrest rear > * armrest front > '
                'front * leg tip',
                'front left seat corner > front right seat corner',
            ),
        ),
        models.sofa,
        {'main': _PAINT, 'second': _PAINT, 'dark': _DARK},
        (-150.0, 150.0),
        (8.0, 35.0),
    ),
    rigid_shape(
        _record(
            name='bed',
            parts={
                'headboard': both('headboard top * corner'),
                'mattress': both(
                    'rear * mattress corner', 'front * mattress corner'
                ),
                **_LEG_PARTS,
            },
            skeleton=chains(
                'headboard top left corner > headboard top right corner',
                'headboard top * corner > rear * mattress corner > '
                'front * mattress corner > front * leg tip',
                'front left mattress corner > front right mattress corner',
            ),
        ),
        models.bed,
        {
            'main': _PAINT,
            'second': _WOOD,
            'light': _PALE,
            'accent': (_PALE, _PAINT),
        },
        (-150.0, 150.0),
        (10.0, 38.0),
    ),
    rigid_shape(
        _record(
            name='bookshelf',
            parts={
                'top': both('front * top corner', 'rear * top corner'),
                'bottom': both('front * bottom corner'),
            },
            skeleton=chains(
                'front left top corner > front right top corner',
                'rear left top corner > rear right top corner',
                'front left bottom corner > front right bottom corner',
                'rear * top corner > front * top corner > '
                'front * bottom corner',
            ),
        ),
        storage.bookshelf,
        {
            'main': (_WOOD, _PAINT),
            'second': _WOOD,
            'accent': _PAINT,
            'light': _PAINT,
            'dark': _PAINT,
        },
        (-65.0, 65.0),
        (5.0, 30.0),
    ),
    rigid_shape(
        _record(
            name='cabinet',
            parts={
                'top': both('front * top corner', 'rear * top corner'),
                'bottom': both('front * bottom corner'),
                'handle': both('handle'),
            },
            skeleton=chains(
                'front left top corner > front right top corner > '
                'rear right top corner > rear left top corner > '
                'front left top corner',
                'front * top corner > front * bottom corner',
                'front left bottom corner > front right bottom corner',
                'left handle > right handle',
            ),
        ),
        storage.cabinet,
        {'main': (_WOOD, _PAINT), 'second': (_WOOD, _PAINT), 'accent': _METAL},
        (-65.0, 65.0),
        (5.0, 35.0),
    ),
    rigid_shape(
        _record(
            name='floor lamp',
            parts={
                'base': ['base center'],
                'pole': ['pole middle'],
                'shade': ['shade bottom', 'shade top'],
            },
            skeleton=chains(
                'base center > pole middle > shade bottom > shade top'
            ),
        ),
        storage.floor_lamp,
        {'main': (_PALE, _PAINT), 'second': (_METAL, _DARK)},
    ),
    rigid_shape(
        _record(
            name='desk lamp',
            parts={
                'base': ['base center'],
                'arm': ['elbow'],
                'hood': ['hood top', 'hood rim'],
            },
            skeleton=chains('base center > elbow > hood top > hood rim'),
        ),
        storage.desk_lamp,
        {'main': _PAINT, 'second': _METAL, 'accent': _DARK},
        ((25.0, 155.0), (-155.0, -25.0)),
        (5.0, 30.0),
    ),
)
