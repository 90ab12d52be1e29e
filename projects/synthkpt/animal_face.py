# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Faces of animals: a skull, a muzzle and ears turned in space.

The head frame is that of the human faces: own left is +x, y is down, the
face looks along -z; the skull has about radius one.
"""

import math
from functools import partial

import numpy as np

from projects.synthkpt import limbs
from projects.synthkpt.animal_face_schema import (
    CATEGORIES,
    KINDS,
    SIDES,
    Muzzled,
)
from projects.synthkpt.base import Pose, Shape
from projects.synthkpt.figure import Figure, palette


class _Head:
    """Places points of one kind of head in the picture."""

    def __init__(self, rng: np.random.Generator, kind: Muzzled) -> None:
        self.kind = kind
        self.figure = Figure()
        yaw = float(np.clip(rng.normal(0.0, 0.3), -0.65, 0.65))
        self.camera = limbs.turn(
            yaw, rng.uniform(-0.2, 0.25), float(rng.normal(0.0, 0.2))
        )
        self.stretch = np.array(
            [rng.uniform(0.9, 1.1), rng.uniform(0.92, 1.08), 1.0]
        )
        y, _, _, length = kind.muzzle
        self.tip = self.place(0.0, y, -0.75 - length)

    def place(self, x: float, y: float, z: float) -> np.ndarray:
        return self.camera @ (np.array([x, y, z]) * self.stretch)

    def surface(self, x: float, y: float) -> np.ndarray:
        """Point of the front of the skull above (x, y)."""
        inside = 1 - (x / self.kind.width) ** 2 - (y / 1.2) ** 2
        return self.place(x, y, -0.95 * math.sqrt(max(0.04, inside)))


def draw_face(name: str, rng: np.random.Generator) -> Pose:
    """One animal face.

    Args:
        name: Key of ``KINDS``.
        rng: Source of randomness.
    """
    kind = KINDS[name]
    head = _Head(rng, kind)
    figure = head.figure
    if 'mane' in kind.features:
        _add_mane(head)
    skull = _add_skull(head)
    for side, sign in SIDES:
        _add_ear(head, rng, side, sign, skull)
        _add_eye(head, rng, side, sign, skull)
    muzzle = _add_muzzle(head)
    _add_mouth(head, rng, muzzle, skull)
    if 'whiskers' in kind.features:
        _add_whiskers(head, muzzle)
    colours = palette(
        rng,
        {
            'dark': (0, 360, 0.1, 0.3, 0.04, 0.15),
            'light': (0, 60, 0.0, 0.05, 0.94, 1.0),
            'tongue': (345, 362, 0.4, 0.6, 0.85, 0.95),
            **kind.colours,
        },
    )
    return figure.pose(CATEGORIES[name]['keypoints'], colours)


def _add_skull(head: _Head) -> int:
    """Add skull with cheeks and its markings; returns its handle."""
    kind, figure = head.kind, head.figure
    centre = head.place(0.0, 0.0, 0.0)
    top = limbs.ellipse(centre, kind.width, kind.height, 0.0, 24)
    cheeks = [
        head.place(kind.jaw * sign * x, y, -0.2)[:2]
        for sign in (1.0, -1.0)
        for x, y in ((1.0, 0.35), (0.8, 0.7), (0.35, 0.95))
    ]
    outline = limbs.convex_hull(np.concatenate([top, cheeks]))
    skull = figure.add(outline, 'main', 0.0)
    for side, sign in SIDES:
        cheek = head.place(kind.jaw * sign * 0.97, 0.36, -0.2)
        figure.mark(f'{side} cheek', cheek, skull)
    _paint_skull(head, skull)
    return skull


def _paint_skull(head: _Head, skull: int) -> None:
    kind, figure = head.kind, head.figure
    if 'blaze' in kind.features:
        blaze = [
            head.surface(x, y)[:2]
            for x, y in (
                (0.1, -0.85),
                (0.13, -0.2),
                (0.25, 0.3),
                (-0.25, 0.3),
                (-0.13, -0.2),
                (-0.1, -0.85),
            )
        ]
        figure.paint(
            limbs.smooth_curve(np.array(blaze), True, 3), 'second', skull
        )
    if 'mask' in kind.features:
        for sign in (1.0, -1.0):
            cheek = [
                head.surface(sign * 0.1, 0.15),
                head.surface(sign * 0.62, 0.12),
                head.place(sign * kind.jaw * 0.9, 0.38, -0.25),
                head.place(sign * kind.jaw * 0.7, 0.66, -0.25),
                head.place(sign * 0.15, 0.85, -0.4),
            ]
            patch = np.array(cheek)[:, :2]
            figure.paint(limbs.densify(patch, 3), 'second', skull)
    if 'stripes' in kind.features:
        for x in (-0.22, 0.0, 0.22):
            stripe = [head.surface(x, -0.85), head.surface(x * 0.7, -0.5)]
            figure.paint(
                limbs.capsule(*stripe, 0.06, 0.02, 5), 'stripe', skull
            )
        for sign in (1.0, -1.0):
            for y in (0.15, 0.32):
                stripe = [
                    head.surface(sign * 0.9, y - 0.08),
                    head.surface(sign * 0.68, y),
                ]
                figure.paint(
                    limbs.capsule(*stripe, 0.05, 0.02, 5), 'stripe', skull
                )


# Widths of an ear along its length, for each kind of ear.
EARS = {
    'pointed': ((1.1, 0.85, 0.45, 0.04), (-0.25, 0.2, 0.6, 1.0)),
    'floppy': ((0.5, 0.95, 1.1, 0.5), (-0.05, 0.3, 0.7, 1.0)),
    'round': ((0.9, 1.15, 0.95, 0.35), (-0.2, 0.35, 0.75, 1.0)),
    'long': ((0.95, 1.0, 0.72, 0.12), (-0.12, 0.3, 0.65, 1.0)),
    'flap': ((0.95, 1.0, 0.72, 0.12), (-0.12, 0.3, 0.65, 1.0)),
}


def _add_ear(
    head: _Head,
    rng: np.random.Generator,
    side: str,
    sign: float,
    skull: int,
) -> None:
    shape, x, length, half, angle = head.kind.ear
    figure = head.figure
    heading = math.radians(angle + rng.uniform(-14.0, 14.0))
    inside = max(0.1, 1 - (x / head.kind.width / 1.05) ** 2)
    y = -0.9 * head.kind.height * math.sqrt(inside)
    root = np.array([sign * x, y, -0.05])
    along = np.array([sign * math.sin(heading), -math.cos(heading), 0.0])
    across = np.array([-along[1], along[0], 0.0])
    bend = rng.uniform(-0.12, 0.25) * (shape not in ('pointed', 'round'))
    widths, shares = EARS[shape]
    line = [
        root + length * a * along + bend * a * a * across * sign
        for a in shares
    ]
    wide = [half * w * across for w in widths]
    outline = [p + w for p, w in zip(line, wide, strict=True)]
    outline += [p - w for p, w in zip(line[::-1], wide[::-1], strict=True)]
    middle = np.mean(outline, axis=0)
    flat, inner = (
        np.array([head.place(*(middle + k * (p - middle))) for p in outline])
        for k in (1.0, 0.6)
    )
    behind = shape in ('round', 'long')
    ear = figure.add(
        limbs.smooth_curve(flat[:, :2], True, 3),
        'patch' if 'dark ears' in head.kind.features else 'main',
        0.05 if behind else -0.05,
    )
    if shape != 'floppy':
        inner = limbs.smooth_curve(inner[:, :2], True, 2)
        figure.paint(inner, 'inner', ear)
    halfway = line[0] + 0.55 * (line[-1] - line[0])
    parts = [ear, skull] if behind else [ear]
    figure.mark(f'{side} ear base', head.place(*root), *parts)
    figure.mark(f'{side} ear middle', head.place(*halfway), ear)
    figure.mark(f'{side} ear tip', head.place(*line[-1]), ear)


def _add_eye(
    head: _Head,
    rng: np.random.Generator,
    side: str,
    sign: float,
    skull: int,
) -> None:
    x, y, size = head.kind.eye
    figure = head.figure
    centre = head.surface(sign * x, y)
    outer = head.surface(sign * (x + size), y - 0.05)
    inner = head.surface(sign * (x - size), y + 0.04)
    # The width follows the turn of the head through the two corners.
    half = max(0.03, abs(float(outer[0] - inner[0])) / 2)
    angle = math.atan2(outer[1] - inner[1], outer[0] - inner[0])
    high = size * rng.uniform(0.7, 0.95)
    if 'eye patches' in head.kind.features:
        low = head.surface(sign * (x + 0.1), y + 0.22)
        patch = limbs.capsule(centre, low, 0.2 + 0.3 * half, 0.28, 10)
        figure.paint(patch, 'patch', skull)
    # In front of the skull, behind a long muzzle that turns before it.
    lid = figure.add(
        limbs.ellipse(centre, half * 1.1, high * 1.1, angle), 'dark', -0.1
    )
    figure.paint(limbs.ellipse(centre, half, high * 0.95, angle), 'iris', lid)
    wide = 0.3 if 'stripes' in head.kind.features else 0.6
    figure.paint(
        limbs.ellipse(centre, wide * half, high * 0.75, 0.0, 12), 'dark', lid
    )
    glint = centre - (0.25 * half, 0.35 * high, 0.0)
    figure.paint(
        limbs.ellipse(glint, 0.22 * half, 0.2 * high, 0.0, 8), 'light', lid
    )
    figure.mark(f'{side} eye', centre, lid)
    figure.mark(f'{side} eye outer corner', outer, lid)
    figure.mark(f'{side} eye inner corner', inner, lid)


def _add_muzzle(head: _Head) -> int:
    """Add muzzle and nose and mark the nose; returns the muzzle."""
    y, wide, high, length = head.kind.muzzle
    figure = head.figure
    root = head.place(0.0, y, -0.7)
    tip = head.place(0.0, y, -0.7 - 0.7 * length)
    shape = limbs.convex_hull(
        np.concatenate(
            [
                limbs.ellipse(root, wide, high),
                limbs.ellipse(tip, 0.8 * wide, 0.85 * high),
            ]
        )
    )
    muzzle = figure.add(shape, 'second', -0.2)
    nose, half = head.tip, head.kind.nose
    if 'snout' in head.kind.features:
        disc = figure.paint(
            limbs.ellipse(nose, half, 0.72 * half), 'snout', muzzle
        )
        for side, sign in SIDES:
            hole = nose + head.camera @ np.array([sign * 0.42 * half, 0, 0])
            dot = limbs.ellipse(hole, 0.16 * half, 0.28 * half, 0.0, 12)
            figure.paint(dot, 'dark', disc)
            figure.mark(f'{side} nostril', hole, muzzle)
        figure.mark('nose', nose, muzzle)
        return muzzle
    nose = nose - head.camera @ np.array([0.0, 0.55 * high, 0.0])
    pad = np.array(
        [
            (-1.0, -0.45),
            (0.0, -0.65),
            (1.0, -0.45),
            (0.45, 0.45),
            (0.0, 0.7),
            (-0.45, 0.45),
        ]
    )
    figure.paint(
        limbs.smooth_curve(pad * half + nose[:2], True, 3), 'snout', muzzle
    )
    figure.mark('nose', nose, muzzle)
    return muzzle


def _add_mouth(
    head: _Head, rng: np.random.Generator, muzzle: int, skull: int
) -> None:
    y, wide, high, length = head.kind.muzzle
    figure = head.figure
    ahead = -0.72 - 0.6 * length
    if 'snout' in head.kind.features:
        # The disc covers the muzzle: the mouth lies below it.
        y, ahead = y + 0.75 * head.kind.nose, -0.8
    gap = max(0.0, rng.uniform(-0.12, 0.22))
    lift = rng.uniform(-0.05, 0.1)
    upper = head.place(0.0, y + 0.22 * high, ahead - 0.05)
    corners = {
        side: head.place(sign * 0.62 * wide, y + 0.35 * high - lift, ahead)
        for side, sign in SIDES
    }
    low = head.place(0.0, y + 0.55 * high + gap, ahead)
    opened = np.array([corners['right'], upper, corners['left'], low], float)[
        :, :2
    ]
    figure.paint(limbs.smooth_curve(opened, True, 4), 'dark', muzzle)
    if 'tongue' in head.kind.features and gap > 0.05:
        end = low + head.camera @ np.array([0.0, 0.3, 0.0])
        figure.paint(
            limbs.capsule(low - (0, 0.05, 0), end, 0.12, 0.11, 8),
            'tongue',
            muzzle,
        )
    if 'teeth' in head.kind.features:
        base = upper + head.camera @ np.array([0.0, 0.04, 0.0])
        tooth = base + head.camera @ np.array([0.0, 0.1, 0.0])
        figure.paint(
            limbs.capsule(base, tooth, 0.06, 0.05, 5), 'light', muzzle
        )
    figure.mark('upper lip center', upper, muzzle)
    figure.mark('lower lip center', low, muzzle, skull)
    for side, _ in SIDES:
        figure.mark(f'mouth {side} corner', corners[side], muzzle)
    chin = head.place(0.0, 0.93, -0.25)
    figure.mark('chin', chin, skull, muzzle)


def _add_whiskers(head: _Head, muzzle: int) -> None:
    y, wide, _, length = head.kind.muzzle
    for sign in (1.0, -1.0):
        for slope in (-0.2, 0.0, 0.2):
            root = head.place(sign * wide * 0.6, y + 0.25 * slope, -0.8)
            tip = head.place(sign * (wide + 0.75), y + slope, -0.75)
            hair = limbs.capsule(root, tip, 0.014, 0.006, 3)
            head.figure.paint(hair, 'light', muzzle)


def _add_mane(head: _Head) -> None:
    """A ring of hair behind the head, with four marks on it."""
    figure = head.figure
    centre = head.place(0.0, 0.08, 0.35)
    for radius, shade, depth in ((1.65, 0.85, 0.3), (1.42, 1.0, 0.2)):
        ring = limbs.ellipse(centre, radius, radius * 1.02, 0.0, 24)
        mane = figure.add(limbs.scallop(ring, 18, 0.12), 'mane', depth, shade)
    for name, x, y in (
        ('mane top', 0.0, -1.0),
        ('mane bottom', 0.0, 1.0),
        ('left mane', 1.0, 0.0),
        ('right mane', -1.0, 0.0),
    ):
        point = centre + 1.55 * (head.camera[:, 0] * x + head.camera[:, 1] * y)
        # Foreshortened by the turn, so it stays inside the round mane.
        figure.mark(name, point, mane)


SHAPES = tuple(
    Shape(CATEGORIES[name], partial(draw_face, name)) for name in KINDS
)
