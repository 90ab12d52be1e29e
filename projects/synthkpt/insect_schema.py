# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Bodies, legs, wings and keypoint sets of the insects (and a spider).

Seen from above with the head up (-y), the trunk about two units long; the
animal's left is at smaller x.
"""

from dataclasses import dataclass, field

from projects.synthkpt.figure import Spread, category

SUPERCATEGORY = 'insect'
SIDES = (('left', -1.0), ('right', 1.0))


@dataclass(frozen=True)
class Leg:
    """One pair of legs.

    Attributes:
        name: 'front', 'middle', ...
        root: (x, y) of the right one's root.
        angle: Degrees forward of sideways.
        bones: Lengths from the root.
        bends: Degrees each further bone turns backward.
        joints: Keypoint suffix of each joint, '' for none.
    """

    name: str
    root: tuple[float, float]
    angle: float
    bones: tuple[float, ...]
    bends: tuple[float, ...]
    joints: tuple[str, ...]


@dataclass(frozen=True)
class Insect:
    """One kind of insect.

    Attributes:
        head: (y, half width, half length).
        thorax: The same of the thorax.
        abdomen: The same of the abdomen.
        legs: Pairs of legs.
        leg_radius: Half width of the legs.
        antenna: (length, degrees from straight ahead, elbowed).
        eyes: Size of the eyes, 0 for none.
        wings: 'none', 'folded', 'pair', 'double', 'long', 'cases',
            'broad'.
        features: Any of 'bands', 'segments', 'seven spots', 'cross',
            'fur', 'jaws', 'waist', 'horn', 'jumper'.
        keypoints: Part to names beside the legs'.
        colours: Material to colour ranges.
    """

    head: tuple[float, float, float]
    thorax: tuple[float, float, float]
    abdomen: tuple[float, float, float]
    legs: tuple[Leg, ...]
    leg_radius: float
    antenna: tuple[float, float, bool]
    eyes: float
    wings: str
    features: tuple[str, ...]
    keypoints: dict[str, list[str]]
    colours: dict[str, Spread | list[Spread]] = field(default_factory=dict)


def _both(*names: str) -> list[str]:
    return [f'{side} {name}' for name in names for side in ('left', 'right')]


JOINTS4 = ('base', 'knee', 'ankle', 'tip')
JOINTS3 = ('base', 'knee', 'tip')
ENDS = ('base', '', '', 'tip')
TIP = ('', '', '', 'tip')
BLACK = (0, 360, 0.0, 0.3, 0.06, 0.2)
BROWN = (14, 30, 0.5, 0.8, 0.2, 0.5)
AXIS = ['head', 'neck', 'thorax', 'abdomen tip']
FLY_LEGS = (
    Leg('front', (0.2, -0.36), 42, (0.24, 0.34, 0.34), (-12, 28), JOINTS4),
    Leg('middle', (0.27, -0.2), -2, (0.26, 0.42, 0.4), (-14, 38), JOINTS4),
    Leg('hind', (0.25, -0.02), -34, (0.26, 0.46, 0.46), (-16, 42), JOINTS4),
)

INSECTS: dict[str, Insect] = {
    'fly': Insect(
        (-0.62, 0.24, 0.17),
        (-0.2, 0.27, 0.32),
        (0.48, 0.27, 0.45),
        FLY_LEGS,
        0.026,
        (0.14, 25, False),
        0.16,
        'folded',
        ('bands',),
        dict(
            head=['head', *_both('eye')],
            body=['neck', 'thorax', 'abdomen tip'],
            wing=_both('wing tip'),
        ),
        dict(
            main=[
                (28, 42, 0.3, 0.6, 0.4, 0.65),
                (190, 220, 0.2, 0.5, 0.2, 0.4),
            ],
            second=BLACK,
            eye=(355, 372, 0.7, 0.95, 0.5, 0.8),
            wing=(190, 230, 0.02, 0.12, 0.75, 0.95),
        ),
    ),
    'ant': Insect(
        (-0.78, 0.25, 0.26),
        (-0.2, 0.14, 0.36),
        (0.6, 0.29, 0.42),
        (
            Leg(
                'front',
                (0.1, -0.36),
                40,
                (0.3, 0.36, 0.22),
                (-30, 60),
                ('base', 'knee', '', 'tip'),
            ),
            Leg(
                'middle',
                (0.12, -0.2),
                0,
                (0.32, 0.4, 0.24),
                (-25, 60),
                ('base', 'knee', '', 'tip'),
            ),
            Leg(
                'hind',
                (0.1, -0.04),
                -35,
                (0.36, 0.48, 0.28),
                (-25, 55),
                ('base', 'knee', '', 'tip'),
            ),
        ),
        0.024,
        (0.62, 32, True),
        0.05,
        'none',
        ('jaws', 'waist'),
        dict(
            head=[
                'head',
                *_both('antenna base', 'antenna elbow', 'antenna tip'),
            ],
            body=['thorax', 'waist', 'abdomen tip'],
        ),
        dict(
            main=[BLACK, (8, 22, 0.7, 0.9, 0.3, 0.55)],
            second=[BLACK, (8, 22, 0.7, 0.9, 0.2, 0.35)],
            eye=BLACK,
        ),
    ),
    'beetle': Insect(
        (-0.8, 0.22, 0.17),
        (-0.47, 0.38, 0.23),
        (0.32, 0.5, 0.68),
        (
            Leg('front', (0.3, -0.45), 40, (0.26, 0.3, 0.14), (10, 40), ENDS),
            Leg(
                'middle', (0.54, -0.05), -5, (0.28, 0.32, 0.16), (15, 40), ENDS
            ),
            Leg('hind', (0.55, 0.25), -35, (0.32, 0.34, 0.18), (15, 30), ENDS),
        ),
        0.04,
        (0.34, 45, True),
        0.06,
        'cases',
        ('horn',),
        dict(
            head=['head', *_both('antenna tip')],
            body=['thorax', 'wing case top', 'abdomen tip'],
            wing=_both('wing case'),
        ),
        dict(
            main=[
                (110, 170, 0.6, 0.9, 0.2, 0.5),
                BROWN,
                (220, 280, 0.5, 0.8, 0.2, 0.45),
            ],
            second=[BLACK, BROWN],
            eye=BLACK,
            wing=[
                (110, 170, 0.6, 0.9, 0.3, 0.6),
                BROWN,
                (220, 280, 0.5, 0.8, 0.3, 0.5),
            ],
        ),
    ),
    'bee': Insect(
        (-0.66, 0.22, 0.17),
        (-0.25, 0.32, 0.3),
        (0.48, 0.34, 0.52),
        (
            Leg('front', (0.2, -0.4), 40, (0.18, 0.2, 0.16), (10, 40), TIP),
            Leg('middle', (0.24, -0.22), -22, (0.22, 0.26, 0.2), (5, 40), TIP),
            Leg('hind', (0.2, -0.06), -48, (0.24, 0.3, 0.26), (0, 25), TIP),
        ),
        0.034,
        (0.3, 35, True),
        0.1,
        'pair',
        ('bands', 'fur'),
        dict(
            head=['head', *_both('eye', 'antenna tip')],
            body=['thorax', 'abdomen tip'],
            wing=_both('wing base', 'front wing tip', 'hind wing tip'),
        ),
        dict(
            main=(40, 50, 0.75, 0.95, 0.85, 1.0),
            second=BLACK,
            fur=(32, 44, 0.6, 0.85, 0.6, 0.85),
            eye=BLACK,
            wing=(190, 230, 0.02, 0.15, 0.8, 1.0),
        ),
    ),
    'spider': Insect(
        (-0.62, 0.17, 0.14),
        (-0.33, 0.28, 0.28),
        (0.36, 0.42, 0.48),
        (
            Leg('front', (0.2, -0.47), 62, (0.5, 0.6), (-20,), JOINTS3),
            Leg('second', (0.24, -0.38), 24, (0.46, 0.55), (-5,), JOINTS3),
            Leg('third', (0.24, -0.24), -12, (0.42, 0.5), (18,), JOINTS3),
            Leg('hind', (0.17, -0.12), -46, (0.52, 0.62), (14,), JOINTS3),
        ),
        0.036,
        (0.22, 20, False),
        0.045,
        'none',
        ('cross',),
        dict(head=['head'], body=['thorax', 'abdomen tip']),
        dict(
            main=[BROWN, BLACK, (0, 360, 0.02, 0.15, 0.3, 0.55)],
            second=[(30, 50, 0.2, 0.6, 0.7, 0.95), (0, 12, 0.8, 1, 0.6, 0.9)],
            eye=BLACK,
        ),
    ),
    'butterfly': Insect(
        (-0.46, 0.08, 0.08),
        (-0.22, 0.1, 0.2),
        (0.28, 0.08, 0.38),
        (),
        0.02,
        (0.55, 25, False),
        0.0,
        'broad',
        (),
        dict(
            head=['head', *_both('antenna tip')],
            body=['thorax', 'abdomen tip'],
            wing=_both(
                'front wing tip',
                'front wing corner',
                'hind wing tip',
                'hind wing end',
            ),
        ),
        dict(
            main=BLACK,
            second=[(20, 50, 0.8, 1, 0.9, 1), (0, 360, 0.1, 0.3, 0.9, 1)],
            wing=[(0, 360, 0.6, 1.0, 0.6, 1.0), (15, 45, 0.8, 1.0, 0.8, 1)],
            eye=BLACK,
        ),
    ),
    'grasshopper': Insect(
        (-0.86, 0.16, 0.17),
        (-0.5, 0.2, 0.26),
        (0.4, 0.19, 0.75),
        (
            Leg('front', (0.14, -0.6), 50, (0.2, 0.24), (25,), JOINTS3),
            Leg('middle', (0.16, -0.42), 8, (0.22, 0.26), (35,), JOINTS3),
            Leg('hind', (0.15, -0.22), -52, (0.78, 0.8), (-150,), JOINTS3),
        ),
        0.034,
        (0.55, 28, False),
        0.09,
        'long',
        ('segments', 'jumper'),
        dict(
            head=['head', *_both('eye', 'antenna base', 'antenna tip')],
            body=['neck', 'thorax', 'abdomen tip'],
            wing=_both('wing tip'),
        ),
        dict(
            main=[
                (70, 110, 0.5, 0.8, 0.45, 0.75),
                (30, 44, 0.4, 0.6, 0.5, 0.7),
            ],
            second=(50, 90, 0.4, 0.7, 0.3, 0.5),
            eye=[BLACK, BROWN],
            wing=(50, 90, 0.3, 0.55, 0.55, 0.85),
        ),
    ),
    'ladybird': Insect(
        (-0.72, 0.2, 0.14),
        (-0.52, 0.36, 0.2),
        (0.14, 0.62, 0.66),
        (
            Leg(
                'front', (0.36, -0.4), 36, (0.2, 0.14), (25,), ('', '', 'tip')
            ),
            Leg(
                'middle', (0.52, 0.0), -4, (0.2, 0.14), (30,), ('', '', 'tip')
            ),
            Leg(
                'hind', (0.44, 0.34), -36, (0.2, 0.16), (20,), ('', '', 'tip')
            ),
        ),
        0.035,
        (0.18, 40, False),
        0.05,
        'cases',
        ('seven spots',),
        dict(
            head=['head'],
            body=['wing case top', 'abdomen tip'],
            wing=_both('wing case'),
        ),
        dict(
            main=BLACK,
            second=BLACK,
            wing=[(352, 368, 0.85, 1.0, 0.7, 0.95), (25, 45, 0.9, 1, 0.9, 1)],
            eye=(30, 60, 0.0, 0.2, 0.9, 1.0),
        ),
    ),
    'dragonfly': Insect(
        (-0.8, 0.17, 0.12),
        (-0.5, 0.15, 0.24),
        (0.45, 0.065, 0.75),
        (),
        0.02,
        (0.1, 30, False),
        0.13,
        'double',
        ('segments',),
        dict(
            head=['head', *_both('eye')],
            body=['thorax', 'abdomen tip'],
            wing=_both('front wing tip', 'hind wing tip'),
        ),
        dict(
            main=[
                (180, 230, 0.6, 0.95, 0.5, 0.9),
                (350, 370, 0.7, 1, 0.6, 0.9),
                (90, 150, 0.6, 0.9, 0.4, 0.7),
            ],
            second=BLACK,
            eye=(0, 360, 0.4, 0.8, 0.3, 0.6),
            wing=(180, 220, 0.02, 0.15, 0.82, 1.0),
        ),
    ),
}

_BONES = [
    ('head', 'neck'),
    ('neck', 'thorax'),
    ('head', 'thorax'),
    ('thorax', 'waist'),
    ('waist', 'abdomen tip'),
    ('thorax', 'abdomen tip'),
    ('wing case top', 'abdomen tip'),
]
for _side in ('left', 'right'):
    _BONES += [
        ('head', f'{_side} eye'),
        ('head', f'{_side} antenna base'),
        (f'{_side} antenna base', f'{_side} antenna elbow'),
        (f'{_side} antenna elbow', f'{_side} antenna tip'),
        (f'{_side} wing base', f'{_side} front wing tip'),
        (f'{_side} wing base', f'{_side} hind wing tip'),
        ('thorax', f'{_side} wing tip'),
        ('thorax', f'{_side} front wing tip'),
        ('thorax', f'{_side} hind wing tip'),
        (f'{_side} front wing tip', f'{_side} front wing corner'),
        (f'{_side} hind wing tip', f'{_side} hind wing end'),
        ('wing case top', f'{_side} wing case'),
    ]


def _schema(name: str) -> dict:
    insect = INSECTS[name]
    parts = {part: list(names) for part, names in insect.keypoints.items()}
    bones = list(_BONES)
    for leg in insect.legs:
        for side, _ in SIDES:
            names = [f'{side} {leg.name} leg {j}' for j in leg.joints if j]
            parts.setdefault('leg', []).extend(names)
            bones += zip(names[:-1], names[1:], strict=True)
    return category(name, SUPERCATEGORY, parts, bones, 0.04)


CATEGORIES = {name: _schema(name) for name in INSECTS}
