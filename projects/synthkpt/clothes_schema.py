# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Keypoint sets of the garments."""

from projects.synthkpt.figure import category

SUPERCATEGORY = 'clothes'
SIDES = ('left', 'right')


def _both(*names: str) -> list[str]:
    return [f'{side} {name}' for name in names for side in SIDES]


_COLLAR = ['collar back', 'collar center', *_both('collar', 'shoulder')]
_TRUNK = _both('armpit', 'waist')
_HEM = [*_both('hem'), 'hem center']
_CUFF = _both('cuff outside', 'cuff inside')
_BAND = [*_both('waistband'), 'waistband center']
_EDGES = [
    ('left collar', 'collar back'),
    ('collar back', 'right collar'),
    ('left collar', 'collar center'),
    ('collar center', 'right collar'),
    ('left hem', 'hem center'),
    ('hem center', 'right hem'),
    ('left waistband', 'waistband center'),
    ('waistband center', 'right waistband'),
]
for _side in SIDES:
    _EDGES += [
        (f'{_side} {a}', f'{_side} {b}')
        for a, b in (
            ('collar', 'shoulder'),
            ('shoulder', 'armpit'),
            ('armpit', 'waist'),
            ('waist', 'hem'),
            ('cuff outside', 'cuff inside'),
            ('collar', 'lapel'),
            ('lapel', 'front edge'),
            ('waistband', 'hip'),
            ('waistband', 'seam'),
            ('seam', 'hem'),
            ('hip', 'knee outside'),
            ('knee outside', 'cuff outside'),
            ('knee inside', 'cuff inside'),
        )
    ]
    _EDGES.append((f'{_side} knee inside', 'crotch'))
_SLEEVE = [
    edge
    for side in SIDES
    for edge in (
        (f'{side} shoulder', f'{side} elbow'),
        (f'{side} armpit', f'{side} elbow'),
        (f'{side} elbow', f'{side} cuff outside'),
        (f'{side} elbow', f'{side} cuff inside'),
    )
]
_SHORT_SLEEVE = [
    edge
    for side in SIDES
    for edge in (
        (f'{side} shoulder', f'{side} cuff outside'),
        (f'{side} armpit', f'{side} cuff inside'),
    )
]
_SHORT_LEG = [
    edge
    for side in SIDES
    for edge in (
        (f'{side} hip', f'{side} cuff outside'),
        ('crotch', f'{side} cuff inside'),
    )
]

_SETS = {
    't-shirt': (
        dict(collar=_COLLAR, body=_TRUNK, sleeve=_CUFF, hem=_HEM),
        _SHORT_SLEEVE,
    ),
    'long sleeved shirt': (
        dict(
            collar=_COLLAR,
            body=_TRUNK,
            sleeve=[*_both('elbow'), *_CUFF],
            hem=_HEM,
        ),
        _SLEEVE,
    ),
    'vest': (dict(collar=_COLLAR, body=_TRUNK, hem=_HEM), []),
    'jacket': (
        dict(
            collar=['collar back', *_both('collar', 'lapel', 'shoulder')],
            body=_TRUNK,
            sleeve=[*_both('elbow'), *_CUFF],
            hem=_both('hem', 'front edge'),
        ),
        [
            *_SLEEVE,
            ('left hem', 'left front edge'),
            ('right hem', 'right front edge'),
        ],
    ),
    'dress': (
        dict(collar=_COLLAR, body=_TRUNK, sleeve=_CUFF, hem=_HEM),
        _SHORT_SLEEVE,
    ),
    'skirt': (dict(waist=_BAND, body=_both('seam'), hem=_HEM), []),
    'trousers': (
        dict(
            waist=_BAND,
            body=[*_both('hip'), 'crotch'],
            leg=[*_both('knee outside', 'knee inside'), *_CUFF],
        ),
        [],
    ),
    'shorts': (
        dict(waist=_BAND, body=[*_both('hip'), 'crotch'], leg=_CUFF),
        _SHORT_LEG,
    ),
}

CATEGORIES = {
    name: category(name, SUPERCATEGORY, parts, [*_EDGES, *extra])
    for name, (parts, extra) in _SETS.items()
}
