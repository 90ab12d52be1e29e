# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Heads of two-legged bodies: features on a ball, hair and hats."""

from collections.abc import Callable

import numpy as np

from projects.synthkpt import limbs
from projects.synthkpt.figure import Figure
from projects.synthkpt.human_body import SIDES, Outfit

# From a direction in the head frame to a point in the picture.
Place = Callable[[np.ndarray], np.ndarray]
# Places on the unit ball in the head frame: +x own left, y down, -z ahead.
EYE = np.array([0.40, -0.12, -0.90])
NOSE = np.array([0.0, 0.18, -1.15])
MOUTH = np.array([0.0, 0.55, -0.83])
EAR = np.array([1.0, 0.08, 0.06])


def add_head(
    figure: Figure,
    centre: np.ndarray,
    radius: float,
    rotation: np.ndarray,
    outfit: Outfit,
) -> None:
    """Add a head and mark 'nose', eyes, ears, 'mouth' and 'head top'.

    Features on the far side of the skull get a larger depth than the skull
    and are hidden by it.

    Args:
        figure: Receives the parts.
        centre: (3,) centre of the skull after the camera's rotation.
        radius: Radius of the skull.
        rotation: (3, 3) from the head frame to the camera's.
        outfit: Materials, hair and hat.
    """

    def place(direction: np.ndarray) -> np.ndarray:
        return centre + radius * (rotation @ direction)

    _add_hair(figure, place, radius, outfit)
    skull = figure.add(
        limbs.ellipse(
            place(np.array([0.0, 0.08, 0.0])), radius * 0.92, radius * 1.08
        ),
        outfit.head,
        centre[2],
    )
    # The camera looks along +z: facing -z, features appear at full width.
    ahead = radius * max(0.25, abs(float(rotation[2, 2])))
    for side, sign in SIDES:
        eye, ear = place(EYE * (sign, 1, 1)), place(EAR * (sign, 1, 1))
        white = limbs.ellipse(eye, ahead * 0.2, radius * 0.15, 0.0, 12)
        pupil = limbs.ellipse(eye, ahead * 0.1, radius * 0.12, 0.0, 8)
        ball = figure.add(white, 'light', eye[2])
        figure.paint(pupil, 'dark', ball)
        lobe = limbs.ellipse(ear, radius * 0.16, radius * 0.26, 0.0, 12)
        figure.mark(f'{side} eye', eye, ball)
        lobe_part = figure.add(lobe, outfit.head, ear[2], 0.85)
        figure.mark(f'{side} ear', ear, lobe_part)
    _add_nose_and_mouth(figure, place, radius, ahead, outfit)
    # The crown is a place of the outline; nothing of the head covers it.
    parts = [skull, *_add_hat(figure, place, radius, centre[2], outfit)]
    figure.mark('head top', place(np.array([0.0, -0.97, 0.0])), *parts)


def _add_nose_and_mouth(
    figure: Figure, place: Place, radius: float, ahead: float, outfit: Outfit
) -> None:
    nose, mouth = place(NOSE), place(MOUTH)
    bridge = place(NOSE * (1, -0.3, 0.9))
    ridge = limbs.capsule(bridge, nose, radius * 0.07, radius * 0.13, 6)
    figure.mark('nose', nose, figure.add(ridge, outfit.head, nose[2], 0.8))
    lips = limbs.ellipse(mouth, ahead * 0.3, radius * 0.08, 0.0, 12)
    figure.mark('mouth', mouth, figure.add(lips, 'lips', mouth[2]))


def _add_hair(
    figure: Figure, place: Place, radius: float, outfit: Outfit
) -> None:
    if outfit.hair in ('short', 'long', 'bun'):
        back = place(np.array([0.0, -0.2, 0.3]))
        figure.add(
            limbs.ellipse(back, radius * 1.05, radius * 1.08),
            'hair',
            back[2] - 0.002,
        )
    if outfit.hair == 'long':
        back = place(np.array([0.0, 0.0, 0.42]))
        low = place(np.array([0.0, 1.5, 0.5]))
        figure.add(
            limbs.capsule(back, low, radius * 0.95, radius * 0.75, 8),
            'hair',
            back[2],
            0.92,
        )
    if outfit.hair == 'bun':
        bun = place(np.array([0.0, -1.15, 0.55]))
        figure.add(
            limbs.ellipse(bun, radius * 0.42, radius * 0.42, 0.0, 12),
            'hair',
            bun[2],
            0.85,
        )


def _add_hat(
    figure: Figure,
    place: Place,
    radius: float,
    depth: float,
    outfit: Outfit,
) -> list[int]:
    """Add the hat, nearer than the skull; returns its handles."""
    nearer = depth - radius * 1.2
    if outfit.hat == 'cap':
        dome = limbs.hull_of_balls(
            [
                place(np.array([0.0, -0.55, 0.05])),
                place(np.array([0.62, -0.5, 0.1])),
                place(np.array([-0.62, -0.5, 0.1])),
            ],
            [radius * 0.6, radius * 0.3, radius * 0.3],
            12,
        )
        peak = place(np.array([0.0, -0.48, -1.35]))
        brow = place(np.array([0.0, -0.5, -0.7]))
        visor = limbs.capsule(brow, peak, radius * 0.28, radius * 0.24, 8)
        below = nearer if peak[2] < depth else depth
        figure.add(visor, 'hat', below, 0.8)
        return [figure.add(dome, 'hat', nearer + 0.001)]
    if outfit.hat == 'straw':
        # Fixed points of the outline, so brim and crown turn with the head.
        rim = np.array(
            [
                place(np.array([1.9 * np.cos(a), -0.5, 1.9 * np.sin(a)]))
                for a in np.arange(16) * np.pi / 8
            ]
        )
        top = [
            place(np.array([sx, sy, sz]))
            for sx, sy in ((0.85, -0.55), (0.5, -1.6))
            for sz in (-0.5, 0.5)
        ]
        top += [p + 2 * (place(np.zeros(3)) - p) * (1, 0, 0) for p in top]
        brim = limbs.hull_of_balls(list(rim), [radius * 0.05] * 16, 8)
        crown = limbs.hull_of_balls(top, [radius * 0.15] * len(top), 8)
        return [
            figure.add(brim, 'hat', nearer, 0.9),
            figure.add(crown, 'hat', nearer - 0.001),
        ]
    return []
