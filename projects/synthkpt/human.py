# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Human bodies in clothes, and a scarecrow; see also human_other."""

import math
from dataclasses import replace

import numpy as np

from projects.synthkpt import limbs
from projects.synthkpt.base import Pose, Shape
from projects.synthkpt.figure import Figure, palette
from projects.synthkpt.human_body import (
    LIMITS,
    SIDES,
    Build,
    Outfit,
    add_body,
    body_yaw,
    joints_of,
    vary,
)
from projects.synthkpt.human_head import add_head
from projects.synthkpt.human_other import SHAPES as OTHER_SHAPES
from projects.synthkpt.human_schema import CATEGORIES, HUMAN, TABLE


def _camera(rng: np.random.Generator, yaw: float) -> np.ndarray:
    return limbs.turn(yaw, rng.uniform(-0.08, 0.22), rng.normal(0.0, 0.06))


def _head_turn(rng: np.random.Generator, camera: np.ndarray) -> np.ndarray:
    return camera @ limbs.turn(
        limbs.within(rng, LIMITS['head yaw']),
        limbs.within(rng, LIMITS['head pitch']),
    )


def _human(
    name: str,
    rng: np.random.Generator,
    outfit: Outfit,
    activity: float,
    **colours,
) -> tuple[Figure, dict[str, np.ndarray], np.ndarray, Build, dict, int]:
    """A body with a head; returns what a category still adds to."""
    build = vary(rng, TABLE[name][2], 0.08)
    joints = joints_of(rng, build, activity, name == 'scarecrow')
    camera = _camera(rng, body_yaw(rng))
    at = {joint: camera @ position for joint, position in joints.items()}
    figure = Figure()
    torso = add_body(figure, at, build, outfit)['torso']
    colours = palette(rng, {**HUMAN, **colours})
    return figure, at, camera, build, colours, torso


def _person_outfit(rng: np.random.Generator) -> Outfit:
    long_sleeves = rng.uniform() < 0.4
    legs = rng.choice(('trousers', 'shorts', 'skirt'), p=(0.6, 0.25, 0.15))
    bare = legs != 'trousers'
    return Outfit(
        upper_arm='main' if long_sleeves else 'skin',
        forearm='main' if long_sleeves else 'skin',
        thigh='skin' if bare else 'second',
        shin='skin' if bare else 'second',
        sleeve=0.0 if long_sleeves else rng.uniform(0.35, 0.7),
        trouser_leg=rng.uniform(0.6, 0.95) if legs == 'shorts' else 0.0,
        skirt=rng.uniform(0.5, 1.0) if legs == 'skirt' else 0.0,
        hair=str(rng.choice(('short', 'long', 'bun', 'none'))),
        hat='cap' if rng.uniform() < 0.15 else '',
    )


def draw_person(rng: np.random.Generator) -> Pose:
    """A grown person in everyday clothes, COCO's 17 keypoints."""
    outfit = _person_outfit(rng)
    figure, at, camera, build, colours, _ = _human(
        'person', rng, outfit, rng.uniform(0.15, 0.8)
    )
    head = _head_turn(rng, camera)
    add_head(figure, at['head'], build.head, head, outfit)
    return figure.pose(CATEGORIES['person']['keypoints'], colours)


def draw_child(rng: np.random.Generator) -> Pose:
    """A child: large head, short limbs, dungarees and a cap."""
    outfit = Outfit(
        sleeve=0.7,
        shoe='accent',
        hat='cap' if rng.uniform() < 0.6 else '',
        hair=str(rng.choice(('short', 'bun'))),
    )
    figure, at, camera, build, colours, torso = _human(
        'child', rng, outfit, rng.uniform(0.1, 0.6)
    )
    hips = (at['left hip'] + at['right hip']) / 2
    ahead = float(camera[2, 2]) > 0
    chest = hips + 0.55 * (at['neck'] - hips)
    bib = limbs.hull_of_balls(
        [chest, at['left hip'], at['right hip']], [0.07, 0.095, 0.095], 12
    )
    if ahead:
        figure.paint(bib, 'second', torso)
    add_head(figure, at['head'], build.head, _head_turn(rng, camera), outfit)
    return figure.pose(CATEGORIES['child']['keypoints'], colours)


def draw_dancer(rng: np.random.Generator) -> Pose:
    """A slender dancer in a tutu, with wide movements."""
    outfit = Outfit(thigh='accent', shin='accent', shoe='main', hair='bun')
    pastel = (270, 400, 0.25, 0.6, 0.8, 1.0)
    figure, at, camera, build, colours, _ = _human(
        'dancer',
        rng,
        outfit,
        rng.uniform(0.6, 1.0),
        main=pastel,
        second=pastel,
        accent=(330, 380, 0.05, 0.2, 0.85, 1.0),
    )
    ring = [
        camera @ np.array([0.3 * math.cos(a), 0.04, 0.3 * math.sin(a)])
        for a in np.arange(12) * math.pi / 6
    ]
    tutu = limbs.hull_of_balls(ring + [at['pelvis']], [0.03] * 12 + [0.08], 8)
    figure.add(
        limbs.scallop(tutu, 14, 0.025), 'second', at['pelvis'][2] + 0.02
    )
    add_head(figure, at['head'], build.head, _head_turn(rng, camera), outfit)
    return figure.pose(CATEGORIES['dancer']['keypoints'], colours)


def draw_astronaut(rng: np.random.Generator) -> Pose:
    """A white space suit: ball helmet with a visor, back pack."""
    suit = Outfit('main', *['main'] * 4, 'accent', 'second', 'main')
    figure, at, camera, build, colours, torso = _human(
        'astronaut',
        rng,
        suit,
        rng.uniform(0.2, 0.8),
        main=(0, 360, 0.0, 0.08, 0.85, 1.0),
        second=(0, 360, 0.0, 0.1, 0.45, 0.65),
        accent=[(15, 35, 0.8, 1, 0.8, 1), (210, 230, 0.6, 0.9, 0.5, 0.9)],
        visor=[(35, 48, 0.6, 0.9, 0.7, 0.95), (200, 220, 0.5, 0.9, 0.1, 0.4)],
    )
    back = camera @ np.array([0.0, 0.0, 0.2])
    high, low = at['neck'] + back, 0.45 * at['neck'] + back
    across = camera @ np.array([0.12, 0.0, 0.0])
    figure.add(
        limbs.hull_of_balls(
            [high + across, high - across, low + across, low - across],
            [0.06] * 4,
            12,
        ),
        'second',
        high[2],
    )
    radius = build.head * 1.55
    centre = at['head']
    helmet = figure.add(
        limbs.ellipse(centre, radius, radius, 0.0, 24), 'main', centre[2], 0.97
    )
    head = _head_turn(rng, camera)
    face = centre + radius * 0.8 * (head @ np.array([0.0, 0.05, -1.0]))
    ahead = max(0.35, abs(float(head[2, 2])))
    visor = figure.add(
        limbs.ellipse(face, radius * 0.72 * ahead, radius * 0.55),
        'visor',
        face[2],
    )
    figure.mark('visor', face, visor)
    figure.mark(
        'head top', centre + radius * (head @ (0.0, -0.95, 0.0)), helmet
    )
    chest = 0.65 * at['neck'] + camera @ np.array([0.0, 0.0, -0.15])
    badge = limbs.ellipse(chest, 0.05, 0.035, 0.0, 8)
    if chest[2] < 0.65 * at['neck'][2]:
        figure.mark('chest', chest, figure.paint(badge, 'accent', torso))
    else:
        figure.mark('chest', chest, figure.add(badge, 'accent', chest[2]))
    return figure.pose(CATEGORIES['astronaut']['keypoints'], colours)


def draw_scarecrow(rng: np.random.Generator) -> Pose:
    """Straw man on a pole: arms out, wide hat, patched coat."""
    outfit = Outfit(
        *('main', 'main', 'second', 'straw', 'straw', 'straw', 'straw'),
        head='sack',
        hair='none',
        hat='straw',
        sleeve=0.9,
    )
    build = vary(rng, TABLE['scarecrow'][2], 0.08)
    joints = joints_of(rng, build, 0.25, arms_out=True)
    camera = _camera(rng, rng.uniform(-0.8, 0.8))
    joints['pole base'] = np.array([0.0, 0.75, 0.0])
    at = {joint: camera @ position for joint, position in joints.items()}
    figure = Figure()
    pole = figure.add(
        limbs.capsule(at['neck'], at['pole base'], 0.028, 0.028, 6),
        'wood',
        at['pelvis'][2] + 0.05,
    )
    figure.mark('pole base', at['pole base'], pole)
    _add_straw_body(figure, at, build, outfit, rng)
    head = _head_turn(rng, camera)
    add_head(figure, at['head'], build.head, head, outfit)
    tip = at['head'] + build.head * 1.72 * (head @ (0.0, -1.0, 0.0))
    crown = limbs.ellipse(tip, 0.035, 0.02, 0.0, 8)
    # The tip is the highest point of the hat and lies in front of the skull.
    figure.mark(
        'hat tip',
        tip,
        figure.add(crown, 'hat', at['head'][2] - build.head * 1.3, 0.85),
    )
    colours = palette(
        rng,
        {
            **HUMAN,
            'main': [
                (15, 30, 0.5, 0.8, 0.3, 0.55),
                (0, 15, 0.6, 0.8, 0.4, 0.6),
            ],
            'second': (15, 40, 0.4, 0.7, 0.35, 0.6),
            'straw': (44, 54, 0.6, 0.8, 0.8, 0.95),
            'hat': (42, 54, 0.5, 0.8, 0.6, 0.85),
            'sack': (30, 42, 0.25, 0.45, 0.7, 0.88),
            'wood': (20, 30, 0.4, 0.6, 0.25, 0.4),
        },
    )
    return figure.pose(CATEGORIES['scarecrow']['keypoints'], colours)


def _add_straw_body(
    figure: Figure,
    at: dict[str, np.ndarray],
    build: Build,
    outfit: Outfit,
    rng: np.random.Generator,
) -> None:
    """Coat and arms, straw at the cuffs and the hem."""
    ends = [(at[f'{s} wrist'], at[f'{s} hand']) for s, _ in SIDES]
    ends += [(at[f'{s} hip'], at[f'{s} hip'] + (0, 0.2, 0)) for s, _ in SIDES]
    for start, end in ends:
        along = np.arctan2(end[1] - start[1], end[0] - start[0])
        for spread in rng.uniform(-0.9, 0.9, 4):
            tip = start[:2] + 0.14 * np.array(
                [math.cos(along + spread), math.sin(along + spread)]
            )
            figure.add(
                limbs.capsule(start, tip, 0.02, 0.006, 4), 'straw', start[2]
            )
    legless = dict(at)
    for side, _ in SIDES:
        # Short empty trouser legs: the knee pulled up to the hem.
        hip = at[f'{side} hip']
        for joint, drop in (('knee', 0.1), ('ankle', 0.16), ('toe', 0.17)):
            legless[f'{side} {joint}'] = hip + (0.0, drop, 0.0)
    slim = replace(build, leg_radii=(0.08, 0.05, 0.03))
    torso = add_body(figure, legless, slim, outfit)['torso']
    figure.mark('pelvis', at['pelvis'], torso)
    chest = 0.6 * at['neck']
    patch = limbs.ellipse(chest + (0.05, 0.05, 0.0), 0.05, 0.05, 0.7, 8)
    figure.paint(patch, 'accent', torso)


SHAPES = (
    Shape(CATEGORIES['person'], draw_person),
    Shape(CATEGORIES['child'], draw_child),
    Shape(CATEGORIES['dancer'], draw_dancer),
    Shape(CATEGORIES['astronaut'], draw_astronaut),
    Shape(CATEGORIES['scarecrow'], draw_scarecrow),
    *OTHER_SHAPES,
)
