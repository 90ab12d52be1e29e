# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Names of the face's landmarks and the sets of the face categories.

The 68 names follow the order of the iBUG markup; 'left' is the person's own
left. Eyebrows count from the outer end, jaw points from the ear.
"""

from projects.synthkpt.figure import category

SUPERCATEGORY = 'human face'

JAW = [
    *(f'right jaw {i}' for i in range(1, 9)),
    'chin',
    *(f'left jaw {i}' for i in range(8, 0, -1)),
]
BROWS = [
    *(f'right eyebrow {i}' for i in range(1, 6)),
    *(f'left eyebrow {i}' for i in range(5, 0, -1)),
]
NOSE = [
    *(f'nose bridge {i}' for i in range(1, 4)),
    'nose',
    *('right nostril 2', 'right nostril 1', 'nose base'),
    *('left nostril 1', 'left nostril 2'),
]
RIGHT_EYE = [
    'right eye outer corner',
    'right eye upper 1',
    'right eye upper 2',
    'right eye inner corner',
    'right eye lower 2',
    'right eye lower 1',
]
LEFT_EYE = [
    'left eye inner corner',
    'left eye upper 2',
    'left eye upper 1',
    'left eye outer corner',
    'left eye lower 1',
    'left eye lower 2',
]
OUTER_LIPS = [
    'mouth right corner',
    'upper lip right 2',
    'upper lip right 1',
    'upper lip center',
    'upper lip left 1',
    'upper lip left 2',
    'mouth left corner',
    'lower lip left 2',
    'lower lip left 1',
    'lower lip center',
    'lower lip right 1',
    'lower lip right 2',
]
INNER_LIPS = [
    'inner mouth right corner',
    'inner upper lip right',
    'inner upper lip center',
    'inner upper lip left',
    'inner mouth left corner',
    'inner lower lip left',
    'inner lower lip center',
    'inner lower lip right',
]


def _both(*names: str) -> list[str]:
    return [f'{side} {name}' for name in names for side in ('left', 'right')]


_CORNERS = _both('eye outer corner', 'eye inner corner')
_MOUTH = ['mouth left corner', 'mouth right corner']
_BROW3 = _both('eyebrow 1', 'eyebrow 3', 'eyebrow 5')
_SETS: dict[str, dict[str, list[str]]] = {
    'man face': dict(
        jaw=JAW,
        eyebrow=BROWS,
        nose=NOSE,
        eye=[*RIGHT_EYE, *LEFT_EYE],
        mouth=[*OUTER_LIPS, *INNER_LIPS],
    ),
    'woman face': dict(
        eyebrow=_BROW3,
        eye=[*_both('eye'), *_CORNERS, *_both('eye upper 1', 'eye lower 1')],
        nose=['nose', 'nose base', *_both('nostril 2')],
        mouth=[
            *_MOUTH,
            'upper lip center',
            'inner upper lip center',
            'inner lower lip center',
            'lower lip center',
        ],
        jaw=['chin'],
        ear=_both('ear'),
    ),
    'child face': dict(
        eyebrow=_BROW3,
        eye=[*_both('eye'), *_CORNERS],
        nose=['nose', *_both('nostril 2')],
        mouth=[*_MOUTH, 'lower lip center'],
        ear=_both('ear'),
        jaw=['chin'],
    ),
    'clown face': dict(
        eyebrow=_both('eyebrow 3'),
        eye=_both('eye'),
        nose=['nose'],
        mouth=[*_MOUTH, 'upper lip center', 'lower lip center'],
        jaw=['chin'],
        hair=['hat tip', *_both('hair bush')],
    ),
    'statue face': dict(
        eye=_CORNERS, nose=['nose'], mouth=_MOUTH, jaw=['chin', 'head top']
    ),
    'carnival mask': dict(eye=_both('eye'), nose=['nose'], mouth=_MOUTH),
}
_SKELETON = [
    *zip(JAW[:-1], JAW[1:], strict=True),
    *zip(BROWS[:4], BROWS[1:5], strict=True),
    *zip(BROWS[5:-1], BROWS[6:], strict=True),
    *zip(NOSE[:3], NOSE[1:4], strict=True),
    *zip(NOSE[4:-1], NOSE[5:], strict=True),
    *(
        (ring[i - 1], ring[i])
        for ring in (RIGHT_EYE, LEFT_EYE, OUTER_LIPS, INNER_LIPS)
        for i in range(len(ring))
    ),
]
_SPARSE = [
    ('nose', 'mouth left corner'),
    ('nose', 'mouth right corner'),
    ('mouth left corner', 'mouth right corner'),
    ('lower lip center', 'chin'),
]
for _side in ('left', 'right'):
    _SPARSE += [
        (f'{_side} {a}', b if b == 'nose' else f'{_side} {b}')
        for a, b in (
            ('eye', 'nose'),
            ('eyebrow 1', 'eyebrow 3'),
            ('eyebrow 3', 'eyebrow 5'),
            ('eyebrow 3', 'eye'),
            ('eye outer corner', 'eye inner corner'),
            ('eye inner corner', 'nose'),
        )
    ]

CATEGORIES = {
    name: category(
        name,
        SUPERCATEGORY,
        parts,
        _SKELETON if name == 'man face' else _SPARSE,
        0.03 if name in ('man face', 'woman face') else 0.04,
    )
    for name, parts in _SETS.items()
}
