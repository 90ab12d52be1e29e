# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Wings of the insects, one function for each kind of wing."""

import math

import numpy as np

from projects.synthkpt import limbs
from projects.synthkpt.insect_schema import SIDES, Insect
from projects.synthkpt.insect_view import LIMITS, TRUNK, WINGS, View

# Outlines of a butterfly's right wings and the corners that are marked.
BROAD = {
    'front': (
        np.array(
            [
                (0.0, -0.05),
                (0.45, -0.55),
                (1.0, -0.95),
                (1.12, -0.7),
                (0.98, -0.15),
                (0.85, 0.12),
                (0.35, 0.1),
            ]
        ),
        (('tip', 2), ('corner', 5)),
    ),
    'hind': (
        np.array(
            [
                (0.0, 0.0),
                (0.5, 0.02),
                (0.88, 0.25),
                (0.85, 0.6),
                (0.55, 0.92),
                (0.3, 0.85),
                (0.1, 0.35),
            ]
        ),
        (('tip', 2), ('end', 4)),
    ),
}
# A ladybird's spots on one wing case: place and size.
SPOTS = (
    (0.08, -0.6, 0.15),
    (0.55, -0.3, 0.16),
    (0.35, 0.15, 0.15),
    (0.55, 0.5, 0.13),
)


def _blade(
    root: np.ndarray, length: float, half: float, angle: float, sign: float
) -> tuple[np.ndarray, np.ndarray]:
    """A wing; angle 0 points sideways, positive forward.

    Returns:
        Outline and tip.
    """
    profile = np.array(
        [
            (0.0, 0.0),
            (0.3, -0.5),
            (0.7, -0.9),
            (0.95, -0.55),
            (1.0, 0.0),
            (0.9, 0.6),
            (0.55, 0.9),
            (0.2, 0.45),
        ]
    ) * (length, half)
    outline = limbs.smooth_curve(profile, True, 3)
    turned = limbs.rotate(outline, -angle) * (sign, 1.0) + root
    tip = limbs.rotate(np.array([length, 0.0]), -angle) * (sign, 1.0) + root
    return turned, tip


def _veins(view: View, root: np.ndarray, tip: np.ndarray, on: int) -> None:
    for share in (-0.12, 0.1):
        across = np.array([-(tip - root)[1], (tip - root)[0]]) * share
        end = root + 0.85 * (tip - root) + across
        vein = limbs.capsule(root, end, 0.008, 0.006, 3)
        view.paint(vein, 'wing', on, 0.7)


def _no_wings(view: View, insect: Insect) -> None:
    """Ants and spiders."""


def _folded_wings(view: View, insect: Insect) -> None:
    """Two wings laid back over the abdomen, sometimes spread."""
    spread = view.rng.uniform(0.0, 1.0)
    ty = insect.thorax[0]
    for side, sign in SIDES:
        root = np.array([sign * 0.16, ty - 0.05])
        angle = math.radians(-78 + 55 * spread * view.rng.uniform(0.4, 1.0))
        outline, tip = _blade(root, 1.15, 0.18, angle, sign)
        wing = view.add(outline, 'wing', WINGS)
        _veins(view, root, tip, wing)
        view.mark(f'{side} wing tip', tip, wing)


def _paired_wings(view: View, insect: Insect) -> None:
    """A bee's: a large front wing over a small hind wing."""
    ty = insect.thorax[0]
    for side, sign in SIDES:
        root = np.array([sign * 0.2, ty - 0.05])
        base = math.radians(4) + limbs.within(view.rng, LIMITS['wing'])
        hind, hind_tip = _blade(
            root + (0.0, 0.12), 0.62, 0.14, base - 0.55, sign
        )
        small = view.add(hind, 'wing', WINGS + 0.001, 0.9)
        front, tip = _blade(root, 0.98, 0.2, base, sign)
        large = view.add(front, 'wing', WINGS)
        _veins(view, root, tip, large)
        view.mark(f'{side} wing base', root, large)
        view.mark(f'{side} front wing tip', tip, large)
        view.mark(f'{side} hind wing tip', hind_tip, small)


def _double_wings(view: View, insect: Insect) -> None:
    """A dragonfly's four long, narrow wings."""
    ty = insect.thorax[0]
    for side, sign in SIDES:
        for which, shift, rest in (('front', -0.08, 12), ('hind', 0.12, -14)):
            root = np.array([sign * 0.08, ty + shift])
            angle = math.radians(rest) + limbs.within(
                view.rng, LIMITS['wing'], 0.8
            )
            outline, tip = _blade(root, 1.1, 0.13, angle, sign)
            wing = view.add(outline, 'wing', WINGS)
            _veins(view, root, tip, wing)
            dot = root + 0.92 * (tip - root)
            view.paint(limbs.ellipse(dot, 0.04, 0.03, 0.0, 8), 'second', wing)
            view.mark(f'{side} {which} wing tip', tip, wing)


def _long_wings(view: View, insect: Insect) -> None:
    """A grasshopper's narrow wings along the abdomen."""
    ty = insect.thorax[0]
    for side, sign in SIDES:
        root = np.array([sign * 0.1, ty + 0.08])
        angle = math.radians(-87 + view.rng.uniform(0.0, 14.0))
        outline, tip = _blade(root, 1.4, 0.11, angle, sign)
        wing = view.add(outline, 'wing', WINGS)
        _veins(view, root, tip, wing)
        view.mark(f'{side} wing tip', tip, wing)


def _wing_cases(view: View, insect: Insect) -> None:
    """Hard cases over the abdomen, closed or a little open."""
    y, half, length = insect.abdomen
    top = np.array([0.0, y - 0.93 * length])
    opening = max(0.0, view.rng.uniform(-0.25, 0.3))
    cases = []
    for side, sign in SIDES:
        shell = np.array(
            [
                (0.0, -0.93),
                (0.7, -0.78),
                (1.04, -0.2),
                (0.9, 0.45),
                (0.45, 0.9),
                (0.0, 1.02),
            ]
        ) * (half * sign, length) + (0.0, y)
        curve = limbs.smooth_curve(shell, False, 4)
        curve = limbs.rotate(curve, -sign * opening, top)
        case = view.add(curve, 'wing', WINGS, 0.94 if sign > 0 else 1.0)
        cases.append(case)
        middle = np.array([sign * 0.97 * half, y - 0.05 * length])
        middle = limbs.rotate(middle, -sign * opening, top)
        view.mark(f'{side} wing case', middle, case)
        _paint_case(view, insect, case, sign, -sign * opening, top)
    view.mark('wing case top', top, *cases)


def _paint_case(
    view: View,
    insect: Insect,
    case: int,
    sign: float,
    turned: float,
    top: np.ndarray,
) -> None:
    y, half, length = insect.abdomen
    if 'seven spots' in insect.features:
        for x, dy, size in SPOTS:
            middle = (sign * x * half, y + dy * length)
            radius = 1.2 * size * half
            spot = limbs.ellipse(middle, radius, radius, 0.0, 12)
            view.paint(limbs.rotate(spot, turned, top), 'second', case)
        return
    for x in (0.35, 0.65):
        groove = np.array(
            [
                (sign * x * half, y - 0.6 * length),
                (sign * x * half, y + 0.6 * length * (1.1 - x)),
            ]
        )
        groove = limbs.rotate(groove, turned, top)
        line = limbs.capsule(*groove, 0.012, 0.008, 3)
        view.paint(line, 'wing', case, 0.6)


def _broad_wings(view: View, insect: Insect) -> None:
    """A butterfly's: large front wings over rounded hind wings."""
    rng = view.rng
    stretch = rng.uniform(0.85, 1.15, 2)
    ring = rng.uniform(0.1, 0.17)
    for side, sign in SIDES:
        root = np.array([sign * 0.07, insect.thorax[0]])
        # Half closed wings look narrower.
        fold = (sign * stretch[0] * rng.uniform(0.7, 1.0), stretch[1])
        for which, depth in (('hind', TRUNK + 0.012), ('front', TRUNK + 0.01)):
            swing = limbs.within(rng, LIMITS['wing'], 0.7)
            matrix = limbs.rotate(np.eye(2), swing) * fold
            _add_broad_wing(view, side, which, (matrix, root), ring, depth)


def _add_broad_wing(
    view: View,
    side: str,
    which: str,
    frame: tuple[np.ndarray, np.ndarray],
    ring: float,
    depth: float,
) -> None:
    shape, ends = BROAD[which]
    matrix, root = frame
    middle = shape.mean(axis=0)
    outline = limbs.smooth_curve(shape, True, 4)
    wing = view.add(outline @ matrix + root, 'main', depth)
    inner = middle + 0.8 * (outline - middle)
    shade = 1.0 if which == 'front' else 0.88
    view.paint(inner @ matrix + root, 'wing', wing, shade)
    for radius, material in ((ring, 'second'), (ring / 2, 'main')):
        spot = limbs.ellipse(middle + (0.12, 0.0), radius, radius, 0.0, 12)
        view.paint(spot @ matrix + root, material, wing)
    for end, index in ends:
        point = shape[index] @ matrix + root
        view.mark(f'{side} {which} wing {end}', point, wing)


WINGS_OF = {
    'none': _no_wings,
    'folded': _folded_wings,
    'pair': _paired_wings,
    'double': _double_wings,
    'long': _long_wings,
    'cases': _wing_cases,
    'broad': _broad_wings,
}
