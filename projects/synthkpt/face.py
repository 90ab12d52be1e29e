# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Human faces with up to 68 landmarks, turned in space, with expressions.

The head frame: own left is +x, y is down, the face looks along -z; the
face is about two units wide.
"""

import math
from dataclasses import dataclass
from functools import partial

import numpy as np

from projects.synthkpt import limbs
from projects.synthkpt.base import Pose, Shape
from projects.synthkpt.face_features import (
    SIDES,
    add_beard_or_glasses,
    add_brows,
    add_eyes,
    add_mouth,
    add_nose,
    camera_of,
)
from projects.synthkpt.face_hair import add_hair, add_hat
from projects.synthkpt.face_mask import draw_mask
from projects.synthkpt.face_schema import (
    CATEGORIES,
    INNER_LIPS,
    JAW,
    NOSE,
    OUTER_LIPS,
)
from projects.synthkpt.figure import Figure, palette
from projects.synthkpt.human_schema import HAIR, SKIN

# Points of the jaw this far behind the ears' plane are covered by the head.
BEHIND_HEAD = 0.4


@dataclass(frozen=True)
class FaceStyle:
    """Proportions and make-up of one kind of face.

    Attributes:
        jaw: Half width of the jaw.
        chin: Height of the chin below the eyes.
        eye: Size of the eyes.
        mouth: Half width of the mouth.
        lips: Thickness of the lips.
        brow: Thickness of the eyebrows.
        nose: Size of the nose.
        hair: 'short', 'long', 'curls', 'bushes', 'carved' or 'none'.
        colours: Material to colour ranges.
    """

    jaw: float
    chin: float
    eye: float
    mouth: float
    lips: float
    brow: float
    nose: float
    hair: str
    colours: dict


BASE = dict(
    skin=SKIN,
    hair=HAIR,
    lips=(350, 370, 0.4, 0.6, 0.5, 0.8),
    light=(0, 60, 0.0, 0.05, 0.93, 1.0),
    iris=[(200, 225, 0.4, 0.8, 0.4, 0.8), (15, 30, 0.6, 0.8, 0.2, 0.45)],
    dark=(0, 360, 0.2, 0.5, 0.05, 0.2),
    main=(0, 360, 0.3, 0.9, 0.3, 0.9),
    second=(0, 360, 0.5, 1.0, 0.4, 0.95),
)
STONE = [(30, 50, 0.02, 0.12, 0.7, 0.9), (200, 240, 0.02, 0.08, 0.5, 0.75)]
STYLES = {
    'man face': FaceStyle(
        0.95, 1.32, 1.0, 0.33, 0.8, 0.065, 1.1, 'short', BASE
    ),
    'woman face': FaceStyle(
        0.86,
        1.22,
        1.2,
        0.28,
        1.5,
        0.035,
        0.85,
        'long',
        {**BASE, 'lips': (345, 365, 0.7, 0.95, 0.6, 0.9)},
    ),
    'child face': FaceStyle(
        1.0, 1.02, 1.45, 0.24, 0.9, 0.03, 0.7, 'curls', BASE
    ),
    'clown face': FaceStyle(
        0.95,
        1.15,
        1.2,
        0.45,
        1.8,
        0.06,
        1.0,
        'bushes',
        {
            **BASE,
            'skin': (0, 60, 0.0, 0.08, 0.92, 1.0),
            'hair': [(0, 30, 0.8, 1, 0.8, 1), (100, 300, 0.7, 1, 0.6, 0.95)],
            'lips': (352, 366, 0.85, 1.0, 0.75, 0.95),
            'accent': (352, 366, 0.85, 1.0, 0.8, 1.0),
        },
    ),
    'statue face': FaceStyle(
        0.9,
        1.28,
        1.0,
        0.29,
        1.1,
        0.04,
        1.1,
        'carved',
        {**BASE, 'stone': STONE},
    ),
}


def landmarks_of(
    rng: np.random.Generator, style: FaceStyle
) -> dict[str, np.ndarray]:
    """The 68 landmarks with an expression, and a few more, in space.

    Args:
        rng: Source of randomness.
        style: Proportions.

    Returns:
        Landmark name to (3,) point in the head frame: the 68, 'left eye'
        and 'right eye' (centres), ears and 'head top'.
    """
    points: dict[str, np.ndarray] = {}
    for i, name in enumerate(JAW):
        angle = math.pi * i / 16
        side = -math.cos(angle)
        low = math.sin(angle) ** 0.85
        x = style.jaw * side * (1 - 0.12 * low * abs(side))
        points[name] = np.array(
            [x, -0.1 + style.chin * low, 0.2 - 0.85 * math.sin(angle)]
        )
    _place_brows(rng, points)
    _place_nose(points, style)
    _place_eyes(rng, points, style)
    _place_mouth(rng, points, style)
    for side, sign in SIDES:
        points[f'{side} ear'] = np.array([sign * 1.02, 0.05, 0.25])
    points['head top'] = np.array([0.0, -1.3, -0.1])
    return points


def _surface(x: float, y: float) -> np.ndarray:
    """Point of the front of the head above (x, y)."""
    inside = 1 - (x / 1.1) ** 2 - (y / 1.7) ** 2
    return np.array([x, y, -0.9 * math.sqrt(max(0.05, inside))])


def _place_brows(
    rng: np.random.Generator, points: dict[str, np.ndarray]
) -> None:
    lift = rng.uniform(-0.06, 0.12)
    # Positive: the inner ends come down (anger).
    frown = rng.uniform(-0.1, 0.1)
    xs = (0.76, 0.64, 0.49, 0.34, 0.2)
    ys = (-0.38, -0.47, -0.5, -0.47, -0.41)
    for i, (x, y) in enumerate(zip(xs, ys, strict=True), 1):
        height = y - lift + frown * (i - 3) / 2
        for side, sign in SIDES:
            points[f'{side} eyebrow {i}'] = _surface(sign * x, height)


def _place_nose(points: dict[str, np.ndarray], style: FaceStyle) -> None:
    for i, y in enumerate((-0.12, 0.04, 0.19, 0.34)):
        points[NOSE[i]] = np.array([0.0, y, -0.88 - 0.11 * i * style.nose])
    for name, x in zip(NOSE[4:], (-0.2, -0.1, 0.0, 0.1, 0.2), strict=True):
        depth = -1.08 + 0.7 * abs(x)
        points[name] = np.array([x * style.nose, 0.46 - 0.25 * abs(x), depth])


def _place_eyes(
    rng: np.random.Generator,
    points: dict[str, np.ndarray],
    style: FaceStyle,
) -> None:
    opened = rng.uniform(0.35, 1.15) if rng.uniform() > 0.08 else 0.1
    height = 0.085 * opened * style.eye
    width = 0.165 * (0.6 + 0.4 * style.eye)
    for side, sign in SIDES:
        x, y = 0.43, -0.13
        for name, dx, dy in (
            ('eye outer corner', width, -0.01),
            ('eye upper 1', 0.35 * width, -height),
            ('eye upper 2', -0.35 * width, -height),
            ('eye inner corner', -width, 0.02),
            ('eye lower 2', -0.35 * width, 0.75 * height),
            ('eye lower 1', 0.35 * width, 0.75 * height),
            ('eye', 0.0, 0.0),
        ):
            points[f'{side} {name}'] = _surface(sign * (x + dx), y + dy)


def _place_mouth(
    rng: np.random.Generator,
    points: dict[str, np.ndarray],
    style: FaceStyle,
) -> None:
    smile = rng.uniform(-0.6, 1.0)
    gap = max(0.0, rng.uniform(-0.15, 0.22))
    half = style.mouth * (1 + 0.15 * smile - 0.6 * gap)
    middle = 0.3 + 0.38 * style.chin
    thick = 0.06 * style.lips

    def at(share: float, dy: float) -> np.ndarray:
        # The corners rise with the square of the distance when smiling.
        curve = -0.1 * smile * share * share
        point = _surface(half * share, middle + curve + dy)
        point[2] -= 0.1 * (1 - share * share)
        return point

    outer = (-1, -0.6, -0.2, 0, 0.2, 0.6, 1, 0.6, 0.25, 0, -0.25, -0.6)
    rise = (0, -0.75, -1.1, -0.95, -1.1, -0.75)
    for i, (name, share) in enumerate(zip(OUTER_LIPS, outer, strict=True)):
        if i < 6:
            dy = rise[i] * thick - gap / 2 * (1 - share * share)
        else:
            dy = (1.2 * thick + gap / 2) * (1 - share * share)
        points[name] = at(share, dy)
    inner = (-0.85, -0.35, 0, 0.35, 0.85, 0.35, 0, -0.35)
    for i, (name, share) in enumerate(zip(INNER_LIPS, inner, strict=True)):
        side = 0 if i in (0, 4) else -1 if i < 4 else 1
        lip = gap / 2 * (1 - share * share) * side
        points[name] = at(share, lip + 0.006 * side)


def draw_face(name: str, rng: np.random.Generator) -> Pose:
    """One face.

    Args:
        name: Key of ``STYLES``.
        rng: Source of randomness.
    """
    style = STYLES[name]
    stretch = np.array([rng.uniform(0.92, 1.06), rng.uniform(0.94, 1.08), 1])
    camera = camera_of(rng)
    at = {
        mark: camera @ (point * stretch)
        for mark, point in landmarks_of(rng, style).items()
    }
    colours = palette(rng, style.colours)
    if 'stone' in colours:
        colours = dict.fromkeys(colours, colours['stone'])
    figure = Figure()
    behind, head = _add_head(figure, at, camera)
    _mark_jaw(figure, at, behind, head)
    crown = add_hair(figure, rng, style.hair, camera)
    figure.mark('head top', at['head top'], head, *crown)
    carved = name == 'statue face'
    add_eyes(figure, at, carved, name == 'clown face')
    add_brows(figure, at, style.brow)
    add_nose(figure, at, camera, name == 'clown face')
    add_mouth(figure, at, carved)
    if name == 'clown face':
        add_hat(figure, camera)
    if name == 'man face':
        add_beard_or_glasses(figure, rng, at, head)
    return figure.pose(CATEGORIES[name]['keypoints'], colours)


def _add_head(
    figure: Figure,
    at: dict[str, np.ndarray],
    camera: np.ndarray,
) -> tuple[int, int]:
    """Add neck, ears and skull.

    Returns:
        Handles of the neck, which is behind everything, and of the skull.
    """
    low = camera @ np.array([0.0, 1.5, 0.5])
    top = camera @ np.array([0.0, 0.6, 0.4])
    behind = figure.add(
        limbs.capsule(top, low, 0.5, 0.58, 10), 'skin', 3.0, 0.78
    )
    crown = camera @ np.array([0.0, -0.42, 0.18])
    corners = np.array([at[name][:2] for name in JAW])
    outline = limbs.smooth_curve(corners, False, 2)
    skull = limbs.ellipse(crown, 0.97, 0.97, 0.0, 24)
    head = figure.add(
        limbs.convex_hull(np.concatenate([outline, skull])), 'skin', 0.0
    )
    for side, _ in SIDES:
        ear = at[f'{side} ear']
        # An ear behind the plane of the ears is on the far side.
        depth = 0.01 if ear[2] > -0.15 else -0.001
        lobe = figure.add(limbs.ellipse(ear, 0.16, 0.27), 'skin', depth, 0.88)
        figure.paint(limbs.ellipse(ear, 0.08, 0.16), 'skin', lobe, 0.7)
        on = (lobe,) if ear[2] > BEHIND_HEAD + 0.2 else (lobe, head)
        figure.mark(f'{side} ear', ear, *on)
    return behind, head


def _mark_jaw(
    figure: Figure, at: dict[str, np.ndarray], behind: int, head: int
) -> None:
    for name in JAW:
        far = at[name][2] > BEHIND_HEAD
        figure.mark(name, at[name], behind if far else head)


SHAPES = (
    *(Shape(CATEGORIES[name], partial(draw_face, name)) for name in STYLES),
    Shape(CATEGORIES['carnival mask'], draw_mask),
)
