# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Human-like bodies that are not built from clothed limbs."""

import itertools
from collections.abc import Callable

import numpy as np

from projects.synthkpt import limbs
from projects.synthkpt.base import Pose, Shape
from projects.synthkpt.figure import Figure, category, palette
from projects.synthkpt.human_body import (
    BEHIND_TRUNK,
    LIMITS,
    SIDES,
    Build,
    body_yaw,
    joints_of,
    vary,
)
from projects.synthkpt.human_schema import SUPERCATEGORY

CORNERS = np.array(list(itertools.product((-1.0, 1.0), repeat=3)))
# The chains drawn as rods: side joint, next joint, radius.
RODS = (
    ('shoulder', 'elbow', 0.035),
    ('elbow', 'wrist', 0.032),
    ('hip', 'knee', 0.042),
    ('knee', 'ankle', 0.038),
)


def _both(*names: str) -> list[str]:
    return [f'{side} {name}' for name in names for side in ('left', 'right')]


ROBOT = category(
    'robot',
    SUPERCATEGORY,
    dict(
        head=['antenna tip', *_both('eye'), 'mouth', 'neck'],
        arm=_both('shoulder', 'elbow', 'wrist', 'hand'),
        leg=_both('hip', 'knee', 'ankle', 'toe'),
    ),
    [
        *(
            (f'{s} {a}', f'{s} {b}')
            for s in ('left', 'right')
            for a, b in (
                ('shoulder', 'elbow'),
                ('elbow', 'wrist'),
                ('wrist', 'hand'),
                ('shoulder', 'hip'),
                ('hip', 'knee'),
                ('knee', 'ankle'),
                ('ankle', 'toe'),
            )
        ),
        ('left shoulder', 'right shoulder'),
        ('left hip', 'right hip'),
        ('antenna tip', 'neck'),
        ('mouth', 'left eye'),
        ('mouth', 'right eye'),
    ],
    0.06,
)
SNOWMAN = category(
    'snowman',
    SUPERCATEGORY,
    dict(
        head=['hat top', *_both('eye'), 'nose', 'mouth'],
        body=['top button', 'bottom button', 'base'],
        arm=_both('shoulder', 'hand'),
    ),
    [
        ('hat top', 'nose'),
        ('nose', 'left eye'),
        ('nose', 'right eye'),
        ('nose', 'mouth'),
        ('top button', 'bottom button'),
        ('bottom button', 'base'),
        ('left shoulder', 'left hand'),
        ('right shoulder', 'right hand'),
        ('left shoulder', 'right shoulder'),
    ],
    0.05,
)


def _box(
    figure: Figure,
    centre: np.ndarray,
    half: tuple[float, float, float],
    rotation: np.ndarray,
    material: str,
    depth: float,
    shade: float = 1.0,
) -> int:
    """Add a box as its outline plus a lighter face towards the viewer."""
    corners = (CORNERS * half) @ rotation.T + centre
    handle = figure.add(
        limbs.convex_hull(corners[:, :2]), material, depth, 0.75 * shade
    )
    # The face whose normal points most towards the viewer (-z).
    axis = int(np.argmax(np.abs(rotation[2] * (1, 0, 1))))
    sign = -np.sign(rotation[2, axis])
    face = corners[CORNERS[:, axis] == sign]
    figure.add(limbs.convex_hull(face[:, :2]), material, depth, shade)
    return handle + 1


def draw_robot(rng: np.random.Generator) -> Pose:
    """A toy robot: box trunk and head, rods with ball joints."""
    build = vary(
        rng,
        Build(head=0.15, neck=0.06, torso=0.42, shoulder=0.23, hip=0.1),
        0.12,
    )
    joints = joints_of(rng, build, rng.uniform(0.2, 0.8))
    camera = limbs.turn(body_yaw(rng), rng.uniform(-0.05, 0.2))
    at = {joint: camera @ position for joint, position in joints.items()}
    figure = Figure()
    half = (0.85 * build.shoulder, 0.5 * build.torso, 0.11)
    middle = at['neck'] / 2
    torso = _box(figure, middle, half, camera, 'main', middle[2])
    panel = middle + camera @ np.array([0.0, -0.02, -0.115])
    _box(figure, panel, (0.09, 0.07, 0.005), camera, 'accent', panel[2])
    throat = figure.add(
        limbs.capsule(at['neck'], at['head'], 0.05, 0.05, 6),
        'dark',
        at['neck'][2] + 0.02,
    )
    figure.mark('neck', at['neck'], torso, throat)
    for side, _ in SIDES:
        _add_rods(figure, at, side, torso, middle[2])
    head = camera @ limbs.turn(
        limbs.within(rng, LIMITS['head yaw']),
        limbs.within(rng, LIMITS['head pitch']),
    )
    _add_robot_head(figure, at['head'], build.head, head)
    metal = [(200, 230, 0.05, 0.25, 0.55, 0.85), (0, 360, 0.5, 0.8, 0.5, 0.8)]
    colours = palette(
        rng,
        dict(
            main=metal,
            second=(200, 240, 0.0, 0.15, 0.6, 0.8),
            accent=(0, 360, 0.6, 1.0, 0.6, 1.0),
            dark=(200, 240, 0.1, 0.3, 0.15, 0.3),
            light=[(50, 70, 0.5, 0.9, 0.9, 1), (0, 15, 0.7, 1, 0.8, 1)],
        ),
    )
    return figure.pose(ROBOT['keypoints'], colours)


def _add_rods(
    figure: Figure,
    at: dict[str, np.ndarray],
    side: str,
    torso: int,
    middle: float,
) -> None:
    balls: dict[str, list[int]] = {}
    for start, end, radius in RODS:
        a, b = at[f'{side} {start}'], at[f'{side} {end}']
        bias = 0.04 if start in ('hip', 'knee') else -0.02
        depth = (a[2] + b[2]) / 2 + bias
        figure.add(limbs.capsule(a, b, radius, radius, 5), 'second', depth)
        for joint, where in ((start, a), (end, b)):
            ball = limbs.ellipse(where, radius * 1.5, radius * 1.5, 0.0, 12)
            handle = figure.add(ball, 'dark', depth - 0.001)
            balls.setdefault(joint, []).append(handle)
    wrist, hand = at[f'{side} wrist'], at[f'{side} hand']
    along = float(np.arctan2(hand[1] - wrist[1], hand[0] - wrist[0]))
    centre = wrist[:2] + (0.06 * np.cos(along), 0.06 * np.sin(along))
    claw = limbs.ellipse((0, 0), 0.065, 0.065, 0.0, 16)[2:-1]
    claw = np.concatenate([claw, claw[::-1] * 0.5])
    gripper = figure.add(
        limbs.rotate(claw, along) + centre, 'accent', hand[2] - 0.03
    )
    figure.mark(f'{side} hand', centre, gripper)
    balls['wrist'].append(gripper)
    ankle, toe = at[f'{side} ankle'], at[f'{side} toe']
    foot = figure.add(
        limbs.capsule(ankle, toe, 0.06, 0.05, 6),
        'main',
        (ankle[2] + toe[2]) / 2 + 0.02,
        0.9,
    )
    figure.mark(f'{side} toe', toe, foot)
    balls['ankle'].append(foot)
    for joint, parts in balls.items():
        where = at[f'{side} {joint}']
        root = joint in ('shoulder', 'hip')
        if root and where[2] - middle <= BEHIND_TRUNK:
            parts.append(torso)
        figure.mark(f'{side} {joint}', where, *parts)


def _add_robot_head(
    figure: Figure, centre: np.ndarray, size: float, head: np.ndarray
) -> None:
    _box(
        figure,
        centre,
        (size, size * 0.8, size * 0.8),
        head,
        'second',
        centre[2],
    )
    ahead = max(0.3, abs(float(head[2, 2])))
    for side, sign in SIDES:
        eye = centre + size * (head @ (0.45 * sign, -0.2, -0.85))
        lamp = figure.add(
            limbs.ellipse(eye, size * 0.24 * ahead, size * 0.24, 0.0, 12),
            'light',
            eye[2],
        )
        figure.add(
            limbs.ellipse(eye, size * 0.1 * ahead, size * 0.1, 0.0, 8),
            'dark',
            eye[2],
        )
        figure.mark(f'{side} eye', eye, lamp, lamp + 1)
    mouth = centre + size * (head @ (0.0, 0.4, -0.85))
    grille = (CORNERS[:4, 1:] * (0.45 * ahead, 0.12) * size) + mouth[:2]
    figure.mark(
        'mouth',
        mouth,
        figure.add(limbs.convex_hull(grille), 'dark', mouth[2]),
    )
    top = centre + size * (head @ (0.0, -0.8, 0.0))
    tip = centre + size * (head @ (0.0, -1.5, 0.0))
    figure.add(limbs.capsule(top, tip, 0.012, 0.012, 4), 'dark', centre[2])
    bulb = limbs.ellipse(tip, 0.03, 0.03, 0.0, 12)
    figure.mark(
        'antenna tip', tip, figure.add(bulb, 'accent', centre[2] - 0.01)
    )


def draw_snowman(rng: np.random.Generator) -> Pose:
    """Three balls of snow, carrot nose, twigs and a hat."""
    camera = limbs.turn(rng.uniform(-0.9, 0.9), rng.uniform(-0.1, 0.15))
    figure = Figure()
    radii = np.array([0.42, 0.31, 0.22]) * rng.uniform(0.88, 1.12, 3)
    heights = -np.array([0.0, radii[0] + 0.6 * radii[1], 0.0])
    heights[2] = heights[1] - radii[1] - 0.65 * radii[2]
    lean = rng.normal(0.0, 0.04, 3).cumsum()
    balls = [
        camera @ np.array([x, y, 0.0])
        for x, y in zip(lean, heights, strict=True)
    ]
    snow = [
        figure.add(limbs.ellipse(c, r * 1.05, r * 0.97, 0, 24), 'main', 0.0, s)
        for c, r, s in zip(balls, radii, (0.92, 0.96, 1.0), strict=True)
    ]

    def on_ball(ball: int, x: float, y: float, out: float = 1.0) -> np.ndarray:
        z = -np.sqrt(max(0.0, 1 - x * x - y * y))
        return balls[ball] + out * radii[ball] * (camera @ (x, y, z))

    _add_snow_face(figure, on_ball, radii[2])
    _add_twigs(figure, rng, camera, balls[1], radii[1], snow[1])
    _add_top_hat(figure, camera, balls[2], radii[2])
    figure.mark('base', balls[0] + (0.0, radii[0] * 0.9, 0.0), snow[0])
    colours = palette(
        rng,
        dict(
            main=(190, 230, 0.0, 0.1, 0.9, 1.0),
            accent=(18, 30, 0.8, 1.0, 0.85, 1.0),
            dark=(0, 360, 0.1, 0.4, 0.05, 0.2),
            wood=(20, 32, 0.4, 0.6, 0.25, 0.4),
            hat=[(0, 360, 0.1, 0.3, 0.1, 0.25), (0, 360, 0.6, 0.9, 0.3, 0.6)],
            band=(0, 360, 0.7, 1.0, 0.6, 0.95),
        ),
    )
    return figure.pose(SNOWMAN['keypoints'], colours)


def _add_snow_face(
    figure: Figure, on_ball: Callable[..., np.ndarray], head: float
) -> None:
    for name, ball, x, y, size in (
        ('left eye', 2, 0.35, -0.25, 0.11),
        ('right eye', 2, -0.35, -0.25, 0.11),
        ('top button', 1, 0.0, -0.25, 0.11),
        ('bottom button', 1, 0.0, 0.4, 0.11),
    ):
        spot = on_ball(ball, x, y, 0.97)
        coal = limbs.ellipse(spot, head * size, head * size, 0.0, 8)
        figure.mark(name, spot, figure.add(coal, 'dark', spot[2]))
    smile = [on_ball(2, x, 0.5 - x * x, 0.97) for x in (-0.35, 0, 0.35)]
    lips = figure.add(
        limbs.ribbon(limbs.smooth_curve(np.array(smile), False), [0.014] * 11),
        'dark',
        smile[1][2],
    )
    figure.mark('mouth', smile[1], lips)
    nose = on_ball(2, 0.0, 0.1, 1.75)
    carrot = figure.add(
        limbs.capsule(on_ball(2, 0.0, 0.1), nose, 0.045, 0.008, 8),
        'accent',
        nose[2],
    )
    figure.mark('nose', nose, carrot)


def _add_twigs(
    figure: Figure,
    rng: np.random.Generator,
    camera: np.ndarray,
    centre: np.ndarray,
    radius: float,
    ball: int,
) -> None:
    for side, sign in SIDES:
        root = centre + radius * (camera @ (0.9 * sign, -0.3, -0.1))
        raised = rng.uniform(-0.3, 0.9)
        along = np.array([sign * np.cos(raised), -np.sin(raised), 0.0])
        hand = root + rng.uniform(0.35, 0.5) * (camera @ along)
        twig = figure.add(
            limbs.capsule(root, hand, 0.022, 0.014, 5), 'wood', root[2]
        )
        for fork in (-0.7, 0.7):
            tip = limbs.rotate(hand[:2] - root[:2], fork) * 0.22 + hand[:2]
            figure.add(
                limbs.capsule(hand, tip, 0.012, 0.007, 4), 'wood', root[2]
            )
        figure.mark(f'{side} hand', hand, twig + 2)
        near = (ball,) if root[2] - centre[2] <= 0.0 else ()
        figure.mark(f'{side} shoulder', root, twig, *near)


def _add_top_hat(
    figure: Figure, camera: np.ndarray, centre: np.ndarray, head: float
) -> None:
    top = None
    for material, low, high, half, nearer in (
        ('hat', 0.72, 0.8, 1.05, 2.0),
        ('hat', 0.8, 1.75, 0.62, 2.01),
        ('band', 0.82, 1.02, 0.63, 2.02),
    ):
        ring = np.array(
            [
                centre + head * (camera @ (half * x, -height, half * y))
                for height in (low, high)
                for x, y in limbs.ellipse((0, 0), 1, 1, 0.0, 12)
            ]
        )
        part = figure.add(
            limbs.convex_hull(ring[:, :2]), material, centre[2] - nearer * head
        )
        top = part if nearer == 2.01 else top
    figure.mark('hat top', centre + head * (camera @ (0, -1.73, 0)), top)


SHAPES = (Shape(ROBOT, draw_robot), Shape(SNOWMAN, draw_snowman))
