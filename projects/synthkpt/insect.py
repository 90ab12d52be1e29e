# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Insects seen from above, in any direction, with articulated legs."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from projects.synthkpt import limbs
from projects.synthkpt.base import Pose, Shape
from projects.synthkpt.figure import palette
from projects.synthkpt.insect_schema import (
    CATEGORIES,
    INSECTS,
    SIDES,
    Insect,
    Leg,
)
from projects.synthkpt.insect_view import (
    LEGS,
    LIMITS,
    TRUNK,
    WINGS,
    View,
)
from projects.synthkpt.insect_wings import WINGS_OF

# From the abdomen's unit frame to the insect's.
Back = Callable[[np.ndarray], np.ndarray]


def leg_joints(rng: np.random.Generator, leg: Leg, sign: float) -> np.ndarray:
    """Articulate one leg inside :data:`LIMITS`.

    Args:
        rng: Source of randomness.
        leg: The pair of legs.
        sign: -1 for the left one, 1 for the right one.

    Returns:
        (J, 2) joints from the root, in the insect's frame.
    """
    angle = math.radians(leg.angle) + limbs.within(rng, LIMITS['leg'])
    points = [np.array([sign * leg.root[0], leg.root[1]])]
    bends = (0.0, *leg.bends)
    for i, (length, back) in enumerate(zip(leg.bones, bends, strict=True)):
        angle -= math.radians(back)
        if i:
            angle += limbs.within(rng, LIMITS['joint'])
        step = np.array([sign * math.cos(angle), -math.sin(angle)])
        points.append(points[-1] + length * step)
    return np.array(points)


def draw_insect(name: str, rng: np.random.Generator) -> Pose:
    """One insect.

    Args:
        name: Key of ``INSECTS``.
        rng: Source of randomness.
    """
    insect = INSECTS[name]
    view = View(rng)
    thorax = _add_trunk(view, insect)
    for leg in insect.legs:
        for side, sign in SIDES:
            _add_leg(view, insect, leg, side, sign, thorax)
    WINGS_OF[insect.wings](view, insect)
    colours = palette(
        rng, {'light': (0, 60, 0.0, 0.1, 0.9, 1.0), **insect.colours}
    )
    return view.figure.pose(CATEGORIES[name]['keypoints'], colours)


def _add_trunk(view: View, insect: Insect) -> int:
    """Add abdomen, thorax and head; returns the thorax."""
    ty, tx, tl = insect.thorax
    ay, ax, al = insect.abdomen
    joint = (0.0, ty + 0.8 * tl)
    swing = limbs.within(view.rng, LIMITS['abdomen'])
    egg = np.array(
        [
            (0.0, -1.0),
            (0.75, -0.72),
            (1.0, -0.1),
            (0.72, 0.6),
            (0.0, 1.0),
            (-0.72, 0.6),
            (-1.0, -0.1),
            (-0.75, -0.72),
        ]
    )

    def back(points: np.ndarray) -> np.ndarray:
        shifted = np.asarray(points) * (ax, al) + (0.0, ay)
        return limbs.rotate(shifted, swing, joint)

    outline = back(limbs.smooth_curve(egg, True, 4))
    abdomen = view.add(outline, 'main', TRUNK + 0.002, 0.95)
    _add_bands(view, insect, back, abdomen)
    view.mark('abdomen tip', back(np.array([0.0, 0.97])), abdomen)
    thorax_outline = limbs.ellipse((0.0, ty), tx, tl, 0.0, 20)
    material = 'second' if insect.wings == 'cases' else 'main'
    if 'fur' in insect.features:
        material = 'fur'
        thorax_outline = limbs.scallop(thorax_outline, 12, 0.035)
    thorax = view.add(thorax_outline, material, TRUNK)
    view.mark('thorax', (0.0, ty), thorax)
    if 'waist' in insect.features:
        middle = (0.0, ty + tl + 0.02)
        waist = view.add(
            limbs.ellipse(middle, 0.08, 0.1, 0.0, 12), 'main', TRUNK - 0.001
        )
        view.mark('waist', middle, waist)
    _add_head(view, insect, thorax)
    return thorax


def _add_bands(view: View, insect: Insect, back: Back, abdomen: int) -> None:
    if 'bands' in insect.features or 'segments' in insect.features:
        thin = 0.1 if 'bands' in insect.features else 0.035
        for y in (-0.55, -0.15, 0.25, 0.62):
            half = 0.97 * math.sqrt(1 - y * y) * (0.95 if y < 0 else 0.88)
            band = [(-half, y), (0.0, y + 0.06), (half, y)]
            line = limbs.smooth_curve(np.array(band), False, 3)
            strip = limbs.ribbon(line, [thin] * len(line))
            view.paint(back(strip), 'second', abdomen)
    if 'cross' in insect.features:
        for x, y, size in (
            (0, -0.5, 0.2),
            (0, -0.05, 0.25),
            (0, 0.4, 0.18),
            (0.4, -0.05, 0.15),
            (-0.4, -0.05, 0.15),
        ):
            spot = back(limbs.ellipse((x, y), size, size * 0.8, 0.0, 12))
            view.paint(spot, 'second', abdomen)


def _add_head(view: View, insect: Insect, thorax: int) -> None:
    """Add head, eyes, jaws and antennae; mark them and the neck."""
    rng = view.rng
    hy, hx, hl = insect.head
    neck = np.array([0.0, hy + 0.85 * hl])
    swing = limbs.within(rng, LIMITS['head'])

    def turned(points: np.ndarray) -> np.ndarray:
        return limbs.rotate(points, swing, neck)

    head = view.add(
        turned(limbs.ellipse((0.0, hy), hx, hl)), 'main', TRUNK - 0.001, 1.04
    )
    view.mark('head', turned(np.array([0.0, hy])), head)
    view.mark('neck', neck, head, thorax)
    for side, sign in SIDES:
        if 'jaws' in insect.features:
            jaw = [(0.12, -0.9), (0.55, -1.35), (0.1, -1.5)]
            curve = np.array([(sign * x * hx, hy + y * hl) for x, y in jaw])
            curve = limbs.smooth_curve(turned(curve), False, 3)
            widths = np.linspace(0.04, 0.01, len(curve))
            view.add(limbs.ribbon(curve, widths), 'second', TRUNK + 0.001)
        _add_antenna(view, insect, side, sign, (neck, swing), head)
        if insect.eyes:
            centre = turned(np.array([sign * 0.72 * hx, hy - 0.15 * hl]))
            eye = limbs.ellipse(
                centre, insect.eyes * 0.8, insect.eyes, swing, 16
            )
            handle = view.add(eye, 'eye', TRUNK - 0.002)
            view.mark(f'{side} eye', centre, handle)
    if 'horn' in insect.features:
        horn = turned(np.array([(0.0, hy), (0.0, hy - 1.9 * hl)]))
        view.paint(limbs.capsule(*horn, 0.07, 0.025, 6), 'second', head)


def _add_antenna(
    view: View,
    insect: Insect,
    side: str,
    sign: float,
    turn: tuple[np.ndarray, float],
    head: int,
) -> None:
    hy, hx, hl = insect.head
    neck, swing = turn
    length, angle, elbowed = insect.antenna
    root = np.array([sign * 0.5 * hx, hy - 0.78 * hl])
    feeler = math.radians(angle) + limbs.within(view.rng, LIMITS['antenna'])
    # An elbowed antenna goes outwards first, the others curve outwards.
    share, first, last = (0.45, 0.5, -0.2) if elbowed else (0.6, 0.0, 0.25)
    points = [root]
    for bone, off in ((share * length, first), ((1 - share) * length, last)):
        where = feeler + off
        step = np.array([sign * math.sin(where), -math.cos(where)])
        points.append(points[-1] + bone * step)
    root, elbow, tip = limbs.rotate(np.array(points), swing, neck)
    thin = insect.leg_radius * 0.75
    lower, upper = (
        view.add(outline, 'second', TRUNK + 0.001)
        for outline in (
            limbs.capsule(root, elbow, thin, thin, 4),
            limbs.capsule(elbow, tip, thin, thin * 1.3, 4),
        )
    )
    view.mark(f'{side} antenna base', root, lower, head)
    view.mark(f'{side} antenna elbow', elbow, lower, upper)
    view.mark(f'{side} antenna tip', tip, upper)


def _add_leg(
    view: View,
    insect: Insect,
    leg: Leg,
    side: str,
    sign: float,
    thorax: int,
) -> None:
    points = leg_joints(view.rng, leg, sign)
    radius = insect.leg_radius
    count = len(points) - 1
    widths = np.linspace(1.25, 0.6, count + 1) * radius
    jumper = 'jumper' in insect.features and leg.name == 'hind'
    parts = []
    for i in range(count):
        first, last = widths[i], widths[i + 1]
        if jumper and i == 0:
            first, last = 0.085, 0.03
        outline = limbs.capsule(points[i], points[i + 1], first, last, 4)
        # A jumping leg lies beside the wings, above the trunk.
        depth = WINGS - 0.01 if jumper else LEGS
        material = 'main' if jumper and i == 0 else 'second'
        parts.append(view.add(outline, material, depth))
    for i, joint in enumerate(leg.joints):
        on = parts[max(0, i - 1) : i + 1] + ([thorax] if i == 0 else [])
        view.mark(f'{side} {leg.name} leg {joint}', points[i], *on)


SHAPES = tuple(
    Shape(CATEGORIES[name], partial(draw_insect, name)) for name in INSECTS
)
