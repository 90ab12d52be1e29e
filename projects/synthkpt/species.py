# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Proportions, features and colours of the four-legged species.

The unit is the length of the trunk (shoulder to hip) of a dog.
"""

from dataclasses import dataclass, field

from projects.synthkpt.figure import Spread


@dataclass(frozen=True)
class Species:
    """One kind of quadruped.

    Attributes:
        trunk: Distance from shoulder to hip.
        chest: Radius of the fore part of the trunk.
        belly: Radius of its middle.
        rump: Radius of its hind part.
        front_leg: Lengths of upper leg, lower leg and foot.
        hind_leg: Lengths of thigh, shin and foot.
        leg_radii: Radii at the root, the knee and the paw.
        neck: Length of the neck.
        neck_angle: Lowest and highest degrees above the horizon.
        neck_radii: Radii at the trunk and at the head.
        skull: Radius of the skull.
        muzzle: Length from the skull's centre to the tip of the nose.
        muzzle_radius: Radius at the nose.
        ears: 'pointed', 'floppy', 'round', 'leaf', 'fan' or 'none'.
        ear_size: Length of an ear.
        tail: Length of the tail.
        tail_radius: Radius at its root.
        tail_rise: Degrees between hanging (-90) and upright (90).
        crouch: Bend of the legs at rest in degrees.
        features: Any of 'mane', 'lion mane', 'trunk', 'tusks', 'antlers',
            'horns', 'ossicones', 'wool', 'spots', 'neck spots',
            'dapples', 'stripes', 'plates', 'udder', 'hooves', 'tuft',
            'snout', 'curl', 'collar'.
        colours: Material to colour ranges.
    """

    trunk: float = 1.0
    chest: float = 0.27
    belly: float = 0.23
    rump: float = 0.23
    front_leg: tuple[float, float, float] = (0.34, 0.34, 0.1)
    hind_leg: tuple[float, float, float] = (0.34, 0.34, 0.18)
    leg_radii: tuple[float, float, float] = (0.12, 0.065, 0.05)
    neck: float = 0.35
    neck_angle: tuple[float, float] = (20.0, 65.0)
    neck_radii: tuple[float, float] = (0.19, 0.14)
    skull: float = 0.17
    muzzle: float = 0.36
    muzzle_radius: float = 0.075
    ears: str = 'floppy'
    ear_size: float = 0.22
    tail: float = 0.55
    tail_radius: float = 0.05
    tail_rise: tuple[float, float] = (-40.0, 60.0)
    crouch: float = 22.0
    features: tuple[str, ...] = ()
    colours: dict[str, Spread | list[Spread]] = field(default_factory=dict)


BROWN = (18, 34, 0.4, 0.75, 0.3, 0.75)
BLACK = (0, 360, 0.0, 0.2, 0.08, 0.22)
WHITE = (30, 60, 0.0, 0.1, 0.85, 1.0)
GREY = (0, 360, 0.0, 0.1, 0.35, 0.7)

SPECIES: dict[str, Species] = {
    'dog': Species(
        features=('collar',),
        colours=dict(main=[BROWN, BLACK, WHITE, GREY], second=BROWN),
    ),
    'cat': Species(
        trunk=0.85,
        chest=0.19,
        belly=0.19,
        rump=0.19,
        front_leg=(0.25, 0.25, 0.07),
        hind_leg=(0.27, 0.25, 0.14),
        leg_radii=(0.09, 0.05, 0.042),
        neck=0.2,
        neck_radii=(0.14, 0.12),
        skull=0.175,
        muzzle=0.2,
        muzzle_radius=0.07,
        ears='pointed',
        ear_size=0.16,
        tail=0.85,
        tail_rise=(-30.0, 80.0),
        features=('stripes', 'curl'),
        colours=dict(
            main=[(25, 35, 0.6, 0.8, 0.8, 0.95), GREY],
            second=[BLACK, BROWN],
        ),
    ),
    'horse': Species(
        trunk=1.25,
        chest=0.34,
        belly=0.31,
        rump=0.31,
        front_leg=(0.46, 0.48, 0.14),
        hind_leg=(0.48, 0.46, 0.24),
        leg_radii=(0.15, 0.07, 0.05),
        neck=0.72,
        neck_angle=(25.0, 62.0),
        neck_radii=(0.25, 0.14),
        skull=0.16,
        muzzle=0.55,
        muzzle_radius=0.095,
        ears='leaf',
        ear_size=0.17,
        tail=0.8,
        tail_radius=0.085,
        tail_rise=(-85.0, -45.0),
        crouch=14.0,
        features=('mane', 'hooves'),
        colours=dict(main=[BROWN, BROWN, GREY], second=BLACK),
    ),
    'cow': Species(
        trunk=1.3,
        chest=0.36,
        belly=0.4,
        rump=0.36,
        front_leg=(0.36, 0.36, 0.1),
        hind_leg=(0.38, 0.36, 0.16),
        leg_radii=(0.14, 0.085, 0.07),
        neck=0.38,
        neck_angle=(-5.0, 30.0),
        neck_radii=(0.26, 0.19),
        skull=0.19,
        muzzle=0.46,
        muzzle_radius=0.125,
        ears='leaf',
        ear_size=0.2,
        tail=0.8,
        tail_radius=0.03,
        tail_rise=(-88.0, -65.0),
        crouch=12.0,
        features=('horns', 'spots', 'hooves', 'tuft', 'udder'),
        colours=dict(
            main=WHITE,
            second=[BLACK, BROWN],
            udder=(345, 365, 0.3, 0.4, 0.85, 0.95),
        ),
    ),
    'giraffe': Species(
        trunk=1.05,
        chest=0.32,
        belly=0.28,
        rump=0.26,
        front_leg=(0.66, 0.7, 0.16),
        hind_leg=(0.62, 0.62, 0.24),
        leg_radii=(0.14, 0.065, 0.05),
        neck=1.55,
        neck_angle=(48.0, 72.0),
        neck_radii=(0.22, 0.1),
        skull=0.13,
        muzzle=0.38,
        muzzle_radius=0.07,
        ears='leaf',
        ear_size=0.15,
        tail=0.6,
        tail_radius=0.03,
        tail_rise=(-85.0, -60.0),
        crouch=8.0,
        features=('ossicones', 'spots', 'neck spots', 'tuft', 'hooves'),
        colours=dict(
            main=(38, 46, 0.4, 0.6, 0.85, 0.98),
            second=(18, 28, 0.6, 0.8, 0.4, 0.6),
        ),
    ),
    'elephant': Species(
        trunk=1.15,
        chest=0.48,
        belly=0.48,
        rump=0.44,
        front_leg=(0.46, 0.42, 0.08),
        hind_leg=(0.44, 0.42, 0.1),
        leg_radii=(0.2, 0.16, 0.14),
        neck=0.34,
        neck_angle=(10.0, 35.0),
        neck_radii=(0.34, 0.3),
        skull=0.32,
        muzzle=0.42,
        muzzle_radius=0.16,
        ears='fan',
        ear_size=0.42,
        tail=0.55,
        tail_radius=0.03,
        tail_rise=(-85.0, -60.0),
        crouch=6.0,
        features=('trunk', 'tusks', 'tuft'),
        colours=dict(
            main=(200, 250, 0.03, 0.15, 0.42, 0.65),
            second=(0, 30, 0.1, 0.25, 0.4, 0.6),
        ),
    ),
    'deer': Species(
        trunk=1.0,
        chest=0.25,
        belly=0.21,
        rump=0.23,
        front_leg=(0.42, 0.44, 0.12),
        hind_leg=(0.44, 0.42, 0.22),
        leg_radii=(0.11, 0.045, 0.032),
        neck=0.55,
        neck_angle=(40.0, 72.0),
        neck_radii=(0.16, 0.1),
        skull=0.125,
        muzzle=0.33,
        muzzle_radius=0.055,
        ears='leaf',
        ear_size=0.2,
        tail=0.16,
        tail_radius=0.05,
        tail_rise=(-40.0, 40.0),
        crouch=14.0,
        features=('antlers', 'hooves', 'dapples'),
        colours=dict(main=(18, 28, 0.55, 0.75, 0.5, 0.75), second=WHITE),
    ),
    'sheep': Species(
        trunk=0.85,
        chest=0.33,
        belly=0.36,
        rump=0.34,
        front_leg=(0.26, 0.26, 0.07),
        hind_leg=(0.26, 0.26, 0.1),
        leg_radii=(0.075, 0.055, 0.05),
        neck=0.3,
        neck_angle=(10.0, 45.0),
        neck_radii=(0.2, 0.15),
        skull=0.14,
        muzzle=0.3,
        muzzle_radius=0.08,
        ears='floppy',
        ear_size=0.17,
        tail=0.16,
        tail_radius=0.07,
        tail_rise=(-80.0, -30.0),
        crouch=10.0,
        features=('wool', 'hooves'),
        colours=dict(
            main=[BLACK, (25, 40, 0.15, 0.3, 0.75, 0.9)],
            second=(35, 55, 0.02, 0.18, 0.85, 1.0),
        ),
    ),
    'pig': Species(
        trunk=1.0,
        chest=0.34,
        belly=0.38,
        rump=0.34,
        front_leg=(0.2, 0.2, 0.07),
        hind_leg=(0.22, 0.2, 0.1),
        leg_radii=(0.12, 0.08, 0.065),
        neck=0.2,
        neck_angle=(-5.0, 20.0),
        neck_radii=(0.28, 0.22),
        skull=0.22,
        muzzle=0.38,
        muzzle_radius=0.1,
        ears='pointed',
        ear_size=0.18,
        tail=0.4,
        tail_radius=0.025,
        tail_rise=(20.0, 60.0),
        crouch=12.0,
        features=('snout', 'curl', 'hooves'),
        colours=dict(
            main=(345, 365, 0.2, 0.4, 0.85, 1.0),
            second=(345, 365, 0.4, 0.55, 0.75, 0.9),
        ),
    ),
    'lion': Species(
        trunk=1.1,
        chest=0.27,
        belly=0.23,
        rump=0.24,
        front_leg=(0.34, 0.32, 0.1),
        hind_leg=(0.36, 0.32, 0.16),
        leg_radii=(0.13, 0.075, 0.07),
        neck=0.32,
        neck_angle=(10.0, 45.0),
        neck_radii=(0.22, 0.19),
        skull=0.2,
        muzzle=0.34,
        muzzle_radius=0.11,
        ears='round',
        ear_size=0.12,
        tail=0.85,
        tail_radius=0.04,
        tail_rise=(-60.0, 40.0),
        features=('lion mane', 'tuft'),
        colours=dict(
            main=(32, 42, 0.45, 0.65, 0.75, 0.92),
            second=(16, 26, 0.6, 0.8, 0.3, 0.5),
        ),
    ),
    'crocodile': Species(
        trunk=1.2,
        chest=0.2,
        belly=0.23,
        rump=0.2,
        front_leg=(0.17, 0.16, 0.1),
        hind_leg=(0.19, 0.16, 0.13),
        leg_radii=(0.09, 0.06, 0.05),
        neck=0.26,
        neck_angle=(-8.0, 12.0),
        neck_radii=(0.17, 0.15),
        skull=0.15,
        muzzle=0.68,
        muzzle_radius=0.07,
        ears='none',
        tail=1.5,
        tail_radius=0.17,
        tail_rise=(-14.0, -2.0),
        crouch=35.0,
        features=('plates',),
        colours=dict(
            main=(75, 130, 0.35, 0.6, 0.25, 0.5),
            second=(60, 100, 0.4, 0.6, 0.2, 0.35),
        ),
    ),
}
