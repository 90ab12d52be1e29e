# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Keypoint sets, proportions and colours of the clothed bodies."""

from projects.synthkpt.figure import category
from projects.synthkpt.human_body import Build

SUPERCATEGORY = 'human body'
SKIN = [
    (12, 28, 0.25, 0.5, 0.8, 0.98),
    (14, 26, 0.45, 0.62, 0.5, 0.75),
    (14, 24, 0.45, 0.65, 0.25, 0.42),
]
HAIR = [
    (20, 40, 0.4, 0.8, 0.08, 0.3),
    (36, 48, 0.4, 0.7, 0.6, 0.85),
    (0, 360, 0.0, 0.1, 0.55, 0.85),
]
CLOTH = [
    (0, 360, 0.35, 0.9, 0.35, 0.95),
    (0, 360, 0.0, 0.15, 0.15, 0.95),
]
HUMAN = dict(
    skin=SKIN,
    hair=HAIR,
    main=CLOTH,
    second=CLOTH,
    hat=CLOTH,
    accent=CLOTH,
    light=(0, 60, 0.0, 0.06, 0.92, 1.0),
    dark=(0, 360, 0.1, 0.5, 0.05, 0.25),
    lips=(350, 372, 0.5, 0.75, 0.45, 0.8),
)
COCO_SIGMAS = [
    *[0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072],
    *[0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089],
]


def _both(*names: str) -> list[str]:
    return [f'{side} {name}' for name in names for side in ('left', 'right')]


FACE = ['nose', *_both('eye', 'ear')]
ARMS = _both('shoulder', 'elbow', 'wrist')
LEGS = _both('hip', 'knee', 'ankle')
BONES = [
    (f'{side} {a}', f'{side} {b}')
    for side in ('left', 'right')
    for a, b in (
        ('shoulder', 'elbow'),
        ('elbow', 'wrist'),
        ('wrist', 'hand'),
        ('shoulder', 'hip'),
        ('hip', 'knee'),
        ('knee', 'ankle'),
        ('ankle', 'toe'),
        ('eye', 'ear'),
    )
]
BONES += [
    ('left shoulder', 'right shoulder'),
    ('left hip', 'right hip'),
    ('head top', 'neck'),
    ('nose', 'left eye'),
    ('nose', 'right eye'),
]

TABLE = {
    'person': (
        dict(head=FACE, arm=ARMS, leg=LEGS),
        COCO_SIGMAS,
        Build(),
    ),
    'dancer': (
        dict(head=['head top', 'neck'], arm=ARMS, leg=LEGS),
        0.07,
        Build(
            arm=(0.29, 0.27),
            leg=(0.46, 0.46),
            arm_radii=(0.038, 0.032, 0.026),
            leg_radii=(0.07, 0.048, 0.033),
            torso_radii=(0.055, 0.07),
            shoulder=0.145,
            head=0.1,
        ),
    ),
    'child': (
        dict(head=[*FACE, 'head top'], arm=ARMS, leg=[*LEGS, *_both('toe')]),
        0.07,
        Build(
            head=0.165,
            neck=0.05,
            torso=0.36,
            shoulder=0.13,
            arm=(0.17, 0.16),
            leg=(0.22, 0.2),
            foot=0.13,
        ),
    ),
    'astronaut': (
        dict(
            head=['head top', 'visor'],
            body=['chest'],
            arm=_both('shoulder', 'elbow', 'hand'),
            leg=_both('hip', 'knee', 'toe'),
        ),
        0.07,
        Build(
            head=0.12,
            neck=0.05,
            shoulder=0.19,
            arm_radii=(0.085, 0.08, 0.07),
            leg_radii=(0.12, 0.105, 0.095),
            torso_radii=(0.1, 0.14),
            hand=0.07,
            foot=0.16,
            hip=0.11,
        ),
    ),
    'scarecrow': (
        dict(
            head=['hat tip', *_both('eye'), 'nose', 'mouth'],
            arm=ARMS,
            pole=['pelvis', 'pole base'],
        ),
        0.06,
        Build(head=0.14, hip=0.07, arm=(0.3, 0.28), hand=0.03),
    ),
}

CATEGORIES = {
    name: category(name, SUPERCATEGORY, parts, BONES, sigmas)
    for name, (parts, sigmas, _) in TABLE.items()
}
