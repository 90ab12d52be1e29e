# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Four-legged animals with AP-10K's 17 keypoints.

The body frame has its origin half way between shoulders and hips, the
animal's left is +x, y is down, and the animal looks along -z.
"""

import math
from functools import partial

import numpy as np

from projects.synthkpt import limbs
from projects.synthkpt.animal_markings import add_markings
from projects.synthkpt.animal_parts import (
    SIDES,
    add_head,
    add_tail,
)
from projects.synthkpt.base import Pose, Shape
from projects.synthkpt.figure import Figure, category, palette
from projects.synthkpt.species import SPECIES, Species

SUPERCATEGORY = 'animal body'
# Degrees; the swing of a leg forward (+) or backward (-) from standing.
LIMITS = {
    'front swing': (-38.0, 42.0),
    'front knee': (0.0, 75.0),
    'hind swing': (-38.0, 36.0),
    'hind knee': (0.0, 60.0),
    'head pitch': (0.0, 45.0),
    'head yaw': (-35.0, 35.0),
}
# Skull radii; shorter necks are covered by the head from most sides.
SHORT_NECK = 2.0
PARTS = [
    *(('left eye', 'head'), ('right eye', 'head'), ('nose', 'head')),
    *(('neck', 'body'), ('root of tail', 'tail')),
    *(('left shoulder', 'leg'), ('left elbow', 'leg')),
    *(('left front paw', 'leg'), ('right shoulder', 'leg')),
    *(('right elbow', 'leg'), ('right front paw', 'leg')),
    *(('left hip', 'leg'), ('left knee', 'leg'), ('left back paw', 'leg')),
    *(('right hip', 'leg'), ('right knee', 'leg'), ('right back paw', 'leg')),
]
SKELETON = [
    ('left eye', 'right eye'),
    ('left eye', 'nose'),
    ('right eye', 'nose'),
    ('nose', 'neck'),
    ('neck', 'root of tail'),
]
for _side in ('left', 'right'):
    SKELETON += [
        ('neck', f'{_side} shoulder'),
        (f'{_side} shoulder', f'{_side} elbow'),
        (f'{_side} elbow', f'{_side} front paw'),
        ('root of tail', f'{_side} hip'),
        (f'{_side} hip', f'{_side} knee'),
        (f'{_side} knee', f'{_side} back paw'),
    ]
AP10K_SIGMAS = [
    *[0.025, 0.025, 0.026, 0.035, 0.035, 0.079, 0.072, 0.062, 0.079],
    *[0.072, 0.062, 0.107, 0.087, 0.089, 0.107, 0.087, 0.089],
]
CATEGORIES = {
    name: category(name, SUPERCATEGORY, PARTS, SKELETON, AP10K_SIGMAS)
    for name in SPECIES
}


def joints_of(
    rng: np.random.Generator, species: Species, activity: float
) -> dict[str, np.ndarray]:
    """Articulate an animal inside :data:`LIMITS`.

    Args:
        rng: Source of randomness.
        species: Proportions.
        activity: 0 stands, 1 uses the whole range of each joint.

    Returns:
        Joint name to (3,) position in the body frame: per side shoulder,
        elbow, wrist, front paw, hip, knee, hock, back paw; 'chest',
        'rump', 'neck', 'neck base', 'skull', 'nose direction' (a unit
        vector) and 'root of tail'.
    """
    half = species.trunk / 2
    slope = math.radians(rng.uniform(-5, 5))
    along = np.array([0.0, -math.sin(slope), -math.cos(slope)])
    joints = {
        'chest': along * half,
        'rump': -along * half,
        'root of tail': -along * (half + 0.55 * species.rump)
        + (0.0, -0.7 * species.rump, 0.0),
        'neck base': along * (half + 0.3 * species.chest)
        + (0.0, -0.35 * species.chest, 0.0),
    }
    _neck_and_head(rng, joints, species, along)
    for side, sign in SIDES:
        _front_leg(rng, joints, species, side, sign, activity)
        _hind_leg(rng, joints, species, side, sign, activity)
    return joints


def _neck_and_head(
    rng: np.random.Generator,
    joints: dict[str, np.ndarray],
    species: Species,
    along: np.ndarray,
) -> None:
    rise = math.radians(rng.uniform(*species.neck_angle))
    aside = rng.uniform(-0.3, 0.3)
    neck = np.array(
        [
            math.cos(rise) * math.sin(aside),
            -math.sin(rise),
            -math.cos(rise) * math.cos(aside),
        ]
    )
    joints['skull'] = joints['neck base'] + neck * species.neck
    joints['neck'] = joints['neck base'] + 0.2 * neck * species.neck
    if species.neck < SHORT_NECK * species.skull:
        # The head covers a short neck: the withers behind it are marked.
        joints['neck'] = joints['chest'] - 0.15 * species.trunk * along
        joints['neck'] += (0.0, -0.75 * species.chest, 0.0)
    pitch = limbs.within(rng, LIMITS['head pitch'])
    yaw = aside + limbs.within(rng, LIMITS['head yaw'], 0.8)
    joints['nose direction'] = np.array(
        [
            math.cos(pitch) * math.sin(yaw),
            math.sin(pitch),
            -math.cos(pitch) * math.cos(yaw),
        ]
    )


def _front_leg(
    rng: np.random.Generator,
    joints: dict[str, np.ndarray],
    species: Species,
    side: str,
    sign: float,
    activity: float,
) -> None:
    splay = sign * rng.uniform(0.0, 0.08)
    move = limbs.within(rng, LIMITS['front swing'], activity)
    bend = limbs.within(rng, LIMITS['front knee'], activity * 0.7)
    rest = math.radians(species.crouch)
    upper, lower, foot = species.front_leg
    shoulder = joints['chest'] + (
        sign * 0.62 * species.chest,
        0.25 * species.chest,
        0.0,
    )
    elbow = shoulder + upper * limbs.swing(move - rest, splay)
    # The wrist folds backwards only when the leg is lifted.
    heading = move + rest - bend
    wrist = elbow + lower * limbs.swing(heading, splay)
    paw = wrist + foot * limbs.swing(heading + 0.4, splay)
    joints[f'{side} shoulder'], joints[f'{side} elbow'] = shoulder, elbow
    joints[f'{side} wrist'], joints[f'{side} front paw'] = wrist, paw


def _hind_leg(
    rng: np.random.Generator,
    joints: dict[str, np.ndarray],
    species: Species,
    side: str,
    sign: float,
    activity: float,
) -> None:
    splay = sign * rng.uniform(0.0, 0.08)
    move = limbs.within(rng, LIMITS['hind swing'], activity)
    bend = limbs.within(rng, LIMITS['hind knee'], activity * 0.6)
    rest = math.radians(species.crouch)
    thigh, shin, foot = species.hind_leg
    hip = joints['rump'] + (
        sign * 0.62 * species.rump,
        0.1 * species.rump,
        0.0,
    )
    knee = hip + thigh * limbs.swing(move + rest, splay)
    heading = move - 1.3 * rest - bend
    hock = knee + shin * limbs.swing(heading, splay)
    paw = hock + foot * limbs.swing(move + 0.6 * rest, splay)
    joints[f'{side} hip'], joints[f'{side} knee'] = hip, knee
    joints[f'{side} hock'], joints[f'{side} back paw'] = hock, paw


def camera_of(rng: np.random.Generator) -> np.ndarray:
    """Side to three-quarter views in both facings, from slightly above."""
    facing = float(rng.choice((-1.0, 1.0)))
    yaw = facing * (math.pi / 2 + rng.uniform(-0.75, 0.45))
    return limbs.turn(yaw, rng.uniform(-0.05, 0.3), rng.normal(0.0, 0.05))


def draw_animal(name: str, rng: np.random.Generator) -> Pose:
    """One animal of a species.

    Args:
        name: Key of ``SPECIES``.
        rng: Source of randomness.
    """
    species = SPECIES[name]
    joints = joints_of(rng, species, rng.uniform(0.2, 1.0))
    camera = camera_of(rng)
    at = {joint: camera @ position for joint, position in joints.items()}
    figure = Figure()
    trunk, neck = _add_trunk(figure, at, species)
    for side, _ in SIDES:
        _add_legs(figure, at, side, species, trunk)
    add_markings(figure, rng, at, species, trunk, neck)
    add_tail(figure, rng, at, camera, species, trunk)
    add_head(figure, rng, at, camera, species)
    colours = palette(
        rng,
        {
            'light': (30, 60, 0.0, 0.1, 0.9, 1.0),
            'dark': (0, 360, 0.1, 0.4, 0.04, 0.15),
            'horn': (36, 46, 0.2, 0.4, 0.6, 0.9),
            'accent': (0, 360, 0.7, 1.0, 0.5, 0.95),
            **species.colours,
        },
    )
    return figure.pose(CATEGORIES[name]['keypoints'], colours)


def _add_trunk(
    figure: Figure, at: dict[str, np.ndarray], species: Species
) -> tuple[int, int]:
    """Add trunk and neck and mark 'neck'; returns their handles."""
    chest, rump = at['chest'], at['rump']
    sag = np.array([0.0, 0.25 * (species.belly - 0.2), 0.0])
    outline = limbs.hull_of_balls(
        [chest, (chest + rump) / 2 + sag, rump],
        [species.chest, species.belly, species.rump],
        24,
    )
    wool = 'wool' in species.features
    if wool:
        outline = limbs.scallop(outline, 16, 0.06)
    material = 'second' if wool else 'main'
    trunk = figure.add(outline, material, (chest[2] + rump[2]) / 2)
    base, skull = at['neck base'], at['skull']
    thick, thin = species.neck_radii
    start = base + 0.25 * (chest - base)
    neck = figure.add(
        limbs.capsule(start, skull, thick, thin, 10),
        material,
        min((base[2] + skull[2]) / 2, trunk_depth(at)) - 0.001,
        0.97,
    )
    figure.mark('neck', at['neck'], trunk, neck)
    return trunk, neck


def trunk_depth(at: dict[str, np.ndarray]) -> float:
    """Depth at which the trunk is painted."""
    return float(at['chest'][2] + at['rump'][2]) / 2


def _add_legs(
    figure: Figure,
    at: dict[str, np.ndarray],
    side: str,
    species: Species,
    trunk: int,
) -> None:
    root, knee_radius, paw_radius = species.leg_radii
    hooves = 'hooves' in species.features
    middle = trunk_depth(at)
    for chain in (
        ('shoulder', 'elbow', 'wrist', 'front paw'),
        ('hip', 'knee', 'hock', 'back paw'),
    ):
        points = [at[f'{side} {joint}'] for joint in chain]
        body = at['chest' if chain[0] == 'shoulder' else 'rump']
        near = points[0][2] < body[2]
        # One depth for the whole leg: in front of the trunk or behind it.
        reach = abs(points[0][2] - body[2]) + 0.02
        depth = middle - reach if near else middle + reach
        shade = 0.95 if near else 0.72
        girth = root * (1.1 if chain[0] == 'hip' else 1.0)
        upper = figure.add(
            limbs.capsule(points[0], points[1], girth, knee_radius, 8),
            'main',
            depth,
            shade,
        )
        lower = figure.add(
            limbs.capsule(
                points[1], points[2], knee_radius * 0.95, paw_radius, 6
            ),
            'main',
            depth - 0.001,
            shade,
        )
        paw = figure.add(
            limbs.capsule(
                points[2], points[3], paw_radius, paw_radius * 1.1, 6
            ),
            'dark' if hooves else 'main',
            depth - 0.002,
            1.0 if hooves else shade * 0.94,
        )
        parts = (upper, trunk) if near else (upper,)
        figure.mark(f'{side} {chain[0]}', points[0], *parts)
        figure.mark(f'{side} {chain[1]}', points[1], upper, lower)
        figure.mark(f'{side} {chain[3]}', points[3], paw)


SHAPES = tuple(
    Shape(CATEGORIES[name], partial(draw_animal, name)) for name in SPECIES
)
