# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Kinds of animal faces: proportions, colours and keypoint sets."""

from dataclasses import dataclass, field

from projects.synthkpt.figure import Spread, category

SUPERCATEGORY = 'animal face'
SIDES = (('left', 1.0), ('right', -1.0))


def _both(*names: str) -> list[str]:
    return [f'{side} {name}' for name in names for side in ('left', 'right')]


EYES = _both('eye')
CORNERS = _both('eye outer corner', 'eye inner corner')
MOUTH = ['mouth left corner', 'mouth right corner']
EARS = _both('ear base', 'ear tip')


@dataclass(frozen=True)
class Muzzled:
    """One kind of animal face.

    Attributes:
        keypoints: Part to keypoint names.
        width: Half width of the skull.
        height: Half height of the skull.
        jaw: Half width of the cheeks.
        eye: (x, y, size) of an eye.
        muzzle: (y, half width, half height, length) of the muzzle.
        nose: Half width of the nose.
        ear: (kind, x of the base, length, half width, degrees outwards).
        features: Any of 'whiskers', 'eye patches', 'blaze', 'mask',
            'tongue', 'teeth', 'snout', 'mane', 'stripes',
            'dark ears'.
        colours: Material to colour ranges.
    """

    keypoints: dict[str, list[str]]
    width: float = 1.0
    height: float = 0.95
    jaw: float = 0.75
    eye: tuple[float, float, float] = (0.42, -0.15, 0.16)
    muzzle: tuple[float, float, float, float] = (0.38, 0.42, 0.33, 0.35)
    nose: float = 0.15
    ear: tuple[str, float, float, float, float] = (
        *('pointed', 0.62, 0.75, 0.33, 18.0),
    )
    features: tuple[str, ...] = ()
    colours: dict[str, Spread | list[Spread]] = field(default_factory=dict)


WHITE = (30, 60, 0.0, 0.1, 0.88, 1.0)
BLACK = (0, 360, 0.0, 0.2, 0.08, 0.2)
BROWN = (18, 32, 0.45, 0.75, 0.3, 0.7)
GREY = (0, 360, 0.0, 0.1, 0.4, 0.7)
PINK = (345, 368, 0.25, 0.45, 0.85, 1.0)

KINDS = {
    'cat face': Muzzled(
        dict(
            eye=CORNERS,
            nose=['nose'],
            mouth=[*MOUTH, 'lower lip center'],
            ear=EARS,
            jaw=['chin'],
        ),
        features=('whiskers', 'stripes'),
        muzzle=(0.42, 0.36, 0.24, 0.25),
        nose=0.1,
        eye=(0.42, -0.1, 0.21),
        colours=dict(
            main=[(25, 34, 0.6, 0.8, 0.8, 0.95), GREY],
            second=[WHITE, (25, 34, 0.2, 0.4, 0.9, 1.0)],
            stripe=[BLACK, BROWN],
            inner=PINK,
            snout=PINK,
            iris=[(70, 130, 0.6, 0.9, 0.7, 0.9), (45, 55, 0.7, 1, 0.8, 1)],
        ),
    ),
    'dog face': Muzzled(
        dict(
            eye=CORNERS,
            nose=['nose'],
            mouth=[*MOUTH, 'upper lip center', 'lower lip center'],
            ear=EARS,
        ),
        jaw=0.68,
        height=1.0,
        muzzle=(0.48, 0.42, 0.42, 0.6),
        nose=0.2,
        eye=(0.4, -0.22, 0.14),
        ear=('floppy', 0.78, 1.15, 0.3, 155.0),
        features=('tongue', 'blaze'),
        colours=dict(
            main=[BROWN, (30, 40, 0.4, 0.6, 0.7, 0.9), BLACK],
            second=[WHITE, (28, 40, 0.3, 0.5, 0.75, 0.95)],
            inner=BROWN,
            snout=BLACK,
            iris=(15, 35, 0.6, 0.9, 0.2, 0.5),
        ),
    ),
    'fox face': Muzzled(
        dict(eye=EYES, nose=['nose'], ear=EARS, cheek=_both('cheek')),
        width=0.95,
        height=0.8,
        jaw=1.15,
        muzzle=(0.5, 0.28, 0.34, 0.85),
        nose=0.13,
        eye=(0.42, -0.12, 0.13),
        ear=('pointed', 0.6, 0.95, 0.34, 14.0),
        features=('mask',),
        colours=dict(
            main=(14, 26, 0.75, 0.95, 0.75, 0.95),
            second=WHITE,
            inner=BLACK,
            snout=BLACK,
            iris=(35, 50, 0.7, 0.9, 0.5, 0.8),
        ),
    ),
    'rabbit face': Muzzled(
        dict(
            eye=EYES,
            nose=['nose'],
            mouth=['lower lip center'],
            ear=_both('ear base', 'ear middle', 'ear tip'),
        ),
        width=0.8,
        height=0.85,
        jaw=0.7,
        muzzle=(0.4, 0.36, 0.26, 0.3),
        nose=0.09,
        eye=(0.52, -0.12, 0.17),
        ear=('long', 0.35, 1.75, 0.22, 10.0),
        features=('whiskers', 'teeth'),
        colours=dict(
            main=[WHITE, GREY, (28, 38, 0.3, 0.5, 0.6, 0.85)],
            second=WHITE,
            inner=PINK,
            snout=PINK,
            iris=[
                (355, 365, 0.6, 0.8, 0.6, 0.8),
                (20, 30, 0.6, 0.8, 0.2, 0.4),
            ],
        ),
    ),
    'bear face': Muzzled(
        dict(
            eye=EYES,
            nose=['nose'],
            mouth=[*MOUTH, 'lower lip center'],
            ear=_both('ear tip'),
            jaw=['chin'],
        ),
        width=1.1,
        height=0.95,
        jaw=0.9,
        muzzle=(0.4, 0.45, 0.38, 0.6),
        nose=0.2,
        eye=(0.36, -0.18, 0.1),
        ear=('round', 0.78, 0.52, 0.3, 40.0),
        colours=dict(
            main=[(18, 28, 0.5, 0.75, 0.25, 0.5)],
            second=(26, 38, 0.35, 0.55, 0.6, 0.85),
            inner=(18, 28, 0.4, 0.6, 0.5, 0.7),
            snout=BLACK,
            iris=BLACK,
        ),
    ),
    'panda face': Muzzled(
        dict(eye=EYES, nose=['nose'], mouth=MOUTH, ear=_both('ear tip')),
        width=1.15,
        height=0.98,
        jaw=0.98,
        muzzle=(0.38, 0.38, 0.28, 0.4),
        nose=0.15,
        eye=(0.44, -0.1, 0.11),
        ear=('round', 0.8, 0.52, 0.32, 42.0),
        features=('eye patches', 'dark ears'),
        colours=dict(
            main=WHITE,
            second=(40, 60, 0.02, 0.1, 0.85, 0.97),
            patch=BLACK,
            inner=BLACK,
            snout=BLACK,
            iris=(20, 30, 0.4, 0.8, 0.2, 0.4),
        ),
    ),
    'pig face': Muzzled(
        dict(
            eye=EYES,
            nose=['nose', *_both('nostril')],
            mouth=['lower lip center'],
            ear=EARS,
        ),
        width=1.0,
        height=0.95,
        jaw=0.92,
        muzzle=(0.32, 0.4, 0.3, 0.65),
        nose=0.36,
        eye=(0.46, -0.22, 0.11),
        ear=('flap', 0.68, 0.62, 0.34, 60.0),
        features=('snout',),
        colours=dict(
            main=(345, 365, 0.2, 0.4, 0.88, 1.0),
            second=(345, 365, 0.25, 0.45, 0.85, 0.98),
            inner=(345, 362, 0.4, 0.6, 0.75, 0.9),
            snout=(345, 362, 0.4, 0.6, 0.8, 0.95),
            iris=BLACK,
        ),
    ),
    'lion face': Muzzled(
        dict(
            eye=CORNERS,
            nose=['nose'],
            mouth=[*MOUTH, 'chin'],
            ear=_both('ear tip'),
            mane=['mane top', 'mane bottom', *_both('mane')],
        ),
        muzzle=(0.42, 0.42, 0.36, 0.5),
        nose=0.21,
        jaw=0.78,
        eye=(0.4, -0.16, 0.13),
        ear=('round', 0.78, 0.44, 0.25, 45.0),
        features=('mane', 'whiskers'),
        colours=dict(
            main=(30, 40, 0.5, 0.7, 0.78, 0.95),
            second=(36, 46, 0.2, 0.4, 0.88, 1.0),
            mane=(14, 28, 0.6, 0.85, 0.3, 0.6),
            inner=(25, 36, 0.4, 0.6, 0.5, 0.7),
            snout=(5, 20, 0.3, 0.5, 0.25, 0.45),
            iris=(36, 48, 0.7, 0.95, 0.6, 0.85),
        ),
    ),
}
_BONES = [('nose', 'lower lip center'), ('lower lip center', 'chin')]
for _side in ('left', 'right'):
    _BONES += [
        (f'{_side} eye', 'nose'),
        (f'{_side} eye inner corner', 'nose'),
        (f'{_side} eye inner corner', f'{_side} eye outer corner'),
        ('nose', f'mouth {_side} corner'),
        (f'{_side} ear base', f'{_side} ear middle'),
        (f'{_side} ear middle', f'{_side} ear tip'),
        (f'{_side} eye', f'{_side} ear base'),
        (f'{_side} ear base', f'{_side} ear tip'),
        ('nose', f'{_side} nostril'),
        ('nose', f'{_side} cheek'),
        ('mane top', f'{_side} mane'),
        ('mane bottom', f'{_side} mane'),
    ]
CATEGORIES = {
    name: category(name, SUPERCATEGORY, kind.keypoints, _BONES, 0.04)
    for name, kind in KINDS.items()
}
