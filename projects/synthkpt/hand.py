# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Hands whose fingers bend in space, mittens and prints of feet.

The palm lies in the plane of the picture with the fingers up (-y) and the
thumb towards +x; either side of it may face the viewer, either hand may be
meant, and any rotation in the plane occurs.
"""

import math
from dataclasses import dataclass
from functools import partial

import numpy as np

from projects.synthkpt import limbs
from projects.synthkpt.base import Pose, Shape
from projects.synthkpt.figure import Figure, category, palette
from projects.synthkpt.human_schema import SKIN
from projects.synthkpt.prints import SHAPES as PRINT_SHAPES
from projects.synthkpt.prints import SUPERCATEGORY

# Degrees a joint bends towards the palm, from the root to the tip.
LIMITS = {'root': (-12.0, 85.0), 'middle': (0.0, 95.0), 'end': (0.0, 60.0)}
THUMB_LIMITS = {
    'root': (-5.0, 30.0),
    'middle': (0.0, 45.0),
    'end': (0.0, 60.0),
}
SPREAD = (-5.0, 9.0)


@dataclass(frozen=True)
class Finger:
    """One finger: root, direction, bones.

    Attributes:
        name: Name of the finger.
        root: (x, y) of its root; the wrist is the origin.
        angle: Degrees from upright, positive towards the thumb.
        bones: Lengths from the root to the tip.
        radius: Half width at the root.
        joints: Keypoint suffix of each joint from the root to the tip.
    """

    name: str
    root: tuple[float, float]
    angle: float
    bones: tuple[float, ...]
    radius: float
    joints: tuple[str, ...]


FOUR = ('base', 'middle', 'upper', 'tip')
THREE = ('base', 'middle', 'tip')
FIVE_FINGERS = (
    Finger('thumb', (0.16, -0.16), 48, (0.24, 0.19, 0.15), 0.085, FOUR),
    Finger('index finger', (0.2, -0.56), 9, (0.24, 0.16, 0.12), 0.066, FOUR),
    Finger('middle finger', (0.06, -0.6), 1, (0.27, 0.18, 0.13), 0.068, FOUR),
    Finger('ring finger', (-0.08, -0.57), -6, (0.25, 0.17, 0.12), 0.064, FOUR),
    Finger('little finger', (-0.2, -0.5), -14, (0.19, 0.12, 0.1), 0.054, FOUR),
)
CARTOON_FINGERS = (
    Finger('thumb', (0.2, -0.2), 58.0, (0.2, 0.17), 0.12, THREE),
    Finger('index finger', (0.2, -0.52), 16.0, (0.22, 0.2), 0.12, THREE),
    Finger('middle finger', (0.0, -0.58), 0.0, (0.24, 0.21), 0.12, THREE),
    Finger('little finger', (-0.2, -0.5), -18.0, (0.2, 0.17), 0.11, THREE),
)
ROBOT_FINGERS = (
    Finger('thumb', (0.3, -0.18), 62.0, (0.28, 0.26), 0.06, THREE),
    Finger('index finger', (0.18, -0.5), 12.0, (0.32, 0.3), 0.055, THREE),
    Finger('little finger', (-0.18, -0.5), -12.0, (0.32, 0.3), 0.055, THREE),
)
KINDS = {
    'hand': FIVE_FINGERS,
    'glove': FIVE_FINGERS,
    'cartoon hand': CARTOON_FINGERS,
    'robot hand': ROBOT_FINGERS,
}
HAND_SIGMAS = [
    *[0.029, 0.022, 0.035, 0.037, 0.047, 0.026, 0.025, 0.024, 0.035],
    *[0.018, 0.024, 0.022, 0.026, 0.017, 0.021, 0.021, 0.032, 0.02],
    *[0.019, 0.022, 0.031],
]
COLOURS = {
    'hand': dict(main=SKIN, second=(350, 372, 0.15, 0.35, 0.85, 1.0)),
    'glove': dict(
        main=[(80, 330, 0.5, 0.95, 0.3, 0.8), (355, 362, 0.8, 0.95, 0.5, 0.8)],
        second=(0, 360, 0.3, 0.9, 0.3, 0.95),
    ),
    'cartoon hand': dict(
        main=[(40, 60, 0.0, 0.06, 0.93, 1), (50, 56, 0.6, 0.8, 0.95, 1)],
        second=(0, 360, 0.6, 1.0, 0.5, 0.95),
    ),
    'robot hand': dict(
        main=(200, 240, 0.03, 0.2, 0.5, 0.8),
        second=[(20, 45, 0.8, 1, 0.8, 1), (0, 360, 0.5, 0.9, 0.5, 0.9)],
    ),
}


def _schema(name: str) -> dict:
    fingers = KINDS[name]
    parts = dict(wrist=['wrist'])
    bones = []
    for finger in fingers:
        names = [f'{finger.name} {joint}' for joint in finger.joints]
        parts[finger.name] = names
        bones += zip(['wrist', *names[:-1]], names, strict=True)
    sigmas = HAND_SIGMAS if fingers is FIVE_FINGERS else 0.04
    return category(name, SUPERCATEGORY, parts, bones, sigmas)


CATEGORIES = {name: _schema(name) for name in KINDS}


def joints_of(
    rng: np.random.Generator, fingers: tuple[Finger, ...]
) -> dict[str, np.ndarray]:
    """Bend the fingers inside the limits.

    Args:
        rng: Source of randomness.
        fingers: The fingers at rest.

    Returns:
        Finger name to (J, 3) joints from the root to the tip; the palm's
        normal is -z.
    """
    grip = rng.uniform(0.0, 1.0) ** 1.5
    joints = {}
    for finger in fingers:
        thumb = finger.name == 'thumb'
        limits = THUMB_LIMITS if thumb else LIMITS
        curl = min(1.0, grip * rng.uniform(0.3, 1.3) + rng.uniform(0, 0.15))
        if rng.uniform() < 0.25:
            # A finger that points while others are bent, or the reverse.
            curl = rng.uniform(0.0, 1.0)
        heading = math.radians(finger.angle + rng.uniform(*SPREAD))
        ahead = np.array([math.sin(heading), -math.cos(heading), 0.0])
        normal = np.array([0.0, 0.0, -1.0])
        if thumb:
            # The thumb closes across the palm.
            normal = limbs.unit(np.array([-0.75, -0.35, -0.6]))
            normal = limbs.unit(normal - ahead * float(normal @ ahead))
        points = [np.array([*finger.root, 0.0])]
        angle = 0.0
        keys = ('root', 'middle', 'end')
        for key, length in zip(keys, finger.bones, strict=False):
            angle += limbs.within(rng, limits[key], curl)
            points.append(
                points[-1]
                + length * (math.cos(angle) * ahead + math.sin(angle) * normal)
            )
        joints[finger.name] = np.array(points)
    return joints


def draw_hand(name: str, rng: np.random.Generator) -> Pose:
    """One hand.

    Args:
        name: Key of ``KINDS``.
        rng: Source of randomness.
    """
    fingers = KINDS[name]
    joints = joints_of(rng, fingers)
    scale = rng.uniform(0.88, 1.12)
    # Turned by half a circle, the back of the hand faces the viewer.
    yaw = rng.normal(0.0, 0.3) + (math.pi if rng.uniform() < 0.45 else 0.0)
    roll = rng.normal(0.0, 0.7) + (math.pi if rng.uniform() < 0.15 else 0.0)
    mirror = np.array([float(rng.choice((-1.0, 1.0))), 1.0, 1.0])
    # Widened and mirrored first, turned after.
    camera = limbs.turn(yaw, rng.normal(0.0, 0.2), roll)
    camera = camera * (mirror * (scale, 1.0, 1.0))
    figure = Figure()
    palm = _add_palm(figure, name, camera)
    figure.mark('wrist', (0.0, 0.0), palm)
    for finger in fingers:
        points = joints[finger.name] @ camera.T
        _add_finger(figure, name, finger, points, palm, camera)
    colours = palette(
        rng,
        {
            'dark': (0, 360, 0.1, 0.4, 0.1, 0.25),
            'light': (0, 360, 0.0, 0.1, 0.9, 1.0),
            **COLOURS[name],
        },
    )
    return figure.pose(CATEGORIES[name]['keypoints'], colours)


def _add_palm(figure: Figure, name: str, camera: np.ndarray) -> int:
    """Add palm and cuff; returns the palm's handle."""
    if name == 'robot hand':
        balls = ((0.2, -0.46), (-0.2, -0.46), (0.2, -0.08), (-0.2, -0.08))
        radii = [0.07] * 4
    else:
        balls = (
            (0.18, -0.5),
            (-0.16, -0.46),
            (0.1, -0.06),
            (-0.1, -0.06),
            (0.19, -0.2),
        )
        radii = [0.085, 0.085, 0.1, 0.1, 0.085]
        if name in ('cartoon hand', 'glove'):
            radii = [radius * 1.2 for radius in radii]
    centres = [camera @ np.array([x, y, 0.0]) for x, y in balls]
    low = camera @ np.array([0.0, 0.26, 0.0])
    origin = np.zeros(3)
    arm = 'second' if name in ('glove', 'cartoon hand') else 'main'
    width = 0.07 if name == 'robot hand' else 0.125
    figure.add(limbs.capsule(origin, low, width, width, 6), arm, 0.002, 0.92)
    palm = figure.add(limbs.hull_of_balls(centres, radii, 12), 'main', 0.0)
    if name in ('glove', 'cartoon hand'):
        edge = [camera @ np.array([x, 0.06, 0.0]) for x in (-0.13, 0.13)]
        roll = limbs.capsule(*edge, 0.07, 0.07, 6)
        cuff = figure.paint(roll, 'second', palm, 0.85)
        figure.paint(limbs.capsule(*edge, 0.02, 0.02, 4), 'light', cuff)
    if name == 'robot hand':
        middle = camera @ np.array([0.0, -0.28, 0.0])
        figure.paint(limbs.ellipse(middle, 0.11, 0.11), 'second', palm)
        figure.paint(limbs.ellipse(middle, 0.05, 0.05), 'dark', palm)
    elif camera[2, 2] < 0:
        # Knuckles on the back of the hand.
        for x in (-0.19, -0.08, 0.06, 0.19):
            knuckle = camera @ np.array([x, -0.52, 0.0])
            figure.paint(
                limbs.ellipse(knuckle, 0.04, 0.025, 0.0, 8), 'main', palm, 0.8
            )
    else:
        line = camera @ np.array(
            [[-0.17, -0.1, 0.2], [-0.36, -0.3, -0.38], [0.0, 0.0, 0.0]]
        )
        crease = limbs.ribbon(line.T, [0.006, 0.012, 0.006])
        figure.paint(crease, 'main', palm, 0.75)
    return palm


def _add_finger(
    figure: Figure,
    name: str,
    finger: Finger,
    points: np.ndarray,
    palm: int,
    camera: np.ndarray,
) -> None:
    """Add the bones of a finger and mark its joints."""
    count = len(points) - 1
    taper = np.linspace(1.0, 0.72, count + 1) * finger.radius
    if name == 'glove':
        taper = taper * 1.25
    if name == 'cartoon hand':
        taper = np.full(count + 1, finger.radius)
    # Just in front of the palm, or behind it where the back is seen.
    bias = -0.03 if camera[2, 2] > 0 else 0.001
    parts = []
    for i in range(count):
        depth = (points[i, 2] + points[i + 1, 2]) / 2 + bias
        bone = limbs.capsule(
            points[i], points[i + 1], taper[i], taper[i + 1], 8
        )
        parts.append(figure.add(bone, 'main', depth, 1.0 - 0.05 * (i % 2)))
        if name == 'robot hand':
            ball = limbs.ellipse(
                points[i], taper[i] * 1.35, taper[i] * 1.35, 0.0, 12
            )
            figure.paint(ball, 'dark', parts[-1])
            if i + 1 == count:
                tip = limbs.ellipse(points[-1], 0.06, 0.06, 0.0, 12)
                figure.paint(tip, 'second', parts[-1])
    if name == 'hand' and camera[2, 2] < 0:
        nail = 0.8 * points[-1] + 0.2 * points[-2]
        outward = points[-1] - points[-2]
        angle = math.atan2(outward[1], outward[0])
        outline = limbs.ellipse(
            nail, 0.75 * taper[-1], 0.6 * taper[-1], angle, 12
        )
        figure.paint(outline, 'second', parts[-1])
    for i, joint in enumerate(finger.joints):
        on = parts[max(0, i - 1) : i + 1]
        on += [palm] if i == 0 else []
        figure.mark(f'{finger.name} {joint}', points[i], *on)


SHAPES = (
    *(Shape(CATEGORIES[name], partial(draw_hand, name)) for name in KINDS),
    *PRINT_SHAPES,
)
