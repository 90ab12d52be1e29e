# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Heads, tails and markings of four-legged animals."""

import math

import numpy as np

from projects.synthkpt import limbs
from projects.synthkpt.figure import Figure
from projects.synthkpt.species import Species

SIDES = (('left', 1.0), ('right', -1.0))


class _Head:
    """The head's own frame: own left, up and ahead in camera space."""

    def __init__(
        self, at: dict[str, np.ndarray], camera: np.ndarray, species: Species
    ) -> None:
        self.centre = at['skull']
        self.radius = species.skull
        self.ahead = limbs.unit(at['nose direction'])
        upright = camera @ (0.0, -1.0, 0.0)
        self.left = limbs.unit(np.cross(upright, self.ahead))
        if float(np.dot(self.left, camera[:, 0])) < 0:
            self.left = -self.left
        self.up = limbs.unit(
            upright - self.ahead * float(np.dot(upright, self.ahead))
        )
        self.tip = self.centre + species.muzzle * self.ahead

    def place(self, left: float, up: float, ahead: float) -> np.ndarray:
        """Point given in skull radii along the head's axes."""
        return self.centre + self.radius * (
            left * self.left + up * self.up + ahead * self.ahead
        )


def add_head(
    figure: Figure,
    rng: np.random.Generator,
    at: dict[str, np.ndarray],
    camera: np.ndarray,
    species: Species,
) -> None:
    """Add the head with its ears and horns; mark the eyes and the nose.

    Args:
        figure: Receives the parts.
        rng: Source of randomness.
        at: Joints after the camera's rotation.
        camera: (3, 3) rotation from the body frame.
        species: Proportions and features.
    """
    head = _Head(at, camera, species)
    # Never behind the neck: the head is painted over its end.
    body = (at['chest'][2] + at['rump'][2]) / 2
    depth = min(head.centre[2], at['neck base'][2], body) - 0.02
    shift = depth - head.centre[2]
    if 'lion mane' in species.features:
        _add_lion_mane(figure, head, depth)
    if 'mane' in species.features:
        _add_mane(figure, at, camera, species, depth)
    skull = figure.add(
        limbs.ellipse(head.centre, head.radius, head.radius), 'main', depth
    )
    muzzle = figure.add(
        limbs.capsule(
            head.centre,
            head.tip - species.muzzle_radius * head.ahead,
            head.radius * 0.92,
            species.muzzle_radius,
            10,
        ),
        'main',
        depth,
        1.03,
    )
    for side, sign in SIDES:
        _add_ear(figure, head, sign, species, shift)
        _add_eye(figure, head, side, sign, shift)
    _add_nose(figure, head, species, depth, (skull, muzzle))
    _add_horns(figure, head, species, shift)
    if 'trunk' in species.features:
        _add_trunk(figure, rng, head, species, depth)
    if 'collar' in species.features:
        _add_collar(figure, at, species, depth)


def _add_eye(
    figure: Figure, head: _Head, side: str, sign: float, shift: float
) -> None:
    eye = head.place(0.78 * sign, 0.38, 0.5)
    size = 0.17 * head.radius + 0.012
    white = limbs.ellipse(eye, size * 1.25, size * 1.1, 0.0, 12)
    pupil = limbs.ellipse(eye, size * 0.8, size * 0.9, 0.0, 8)
    ball = figure.add(white, 'light', eye[2] + shift)
    figure.paint(pupil, 'dark', ball)
    figure.mark(f'{side} eye', eye, ball)


def _add_nose(
    figure: Figure,
    head: _Head,
    species: Species,
    depth: float,
    carriers: tuple[int, ...],
) -> None:
    nose = head.tip - 0.35 * species.muzzle_radius * head.ahead
    if 'trunk' in species.features:
        figure.mark('nose', nose, *carriers)
        return
    size = species.muzzle_radius
    nearer = depth - 0.004
    if 'snout' in species.features:
        disc = figure.add(
            limbs.capsule(nose, head.tip, size * 1.05, size * 1.0, 8),
            'second',
            nearer,
        )
        figure.mark('nose', head.tip, disc)
        return
    pad = figure.add(
        limbs.ellipse(nose, size * 0.6, size * 0.5, 0.0, 12), 'dark', nearer
    )
    # Seen from behind, the skull covers the nose.
    if head.ahead[2] > 0.6:
        figure.mark('nose', nose, carriers[1])
        return
    figure.mark('nose', nose, pad)


def _add_ear(
    figure: Figure, head: _Head, sign: float, species: Species, shift: float
) -> None:
    size = species.ear_size / head.radius
    if species.ears == 'none':
        return
    if species.ears == 'pointed':
        corners = [
            head.place(0.35 * sign, 0.85, -0.15),
            head.place(0.95 * sign, 0.45, -0.2),
            head.place(0.85 * sign, 0.75 + size, -0.1),
        ]
        outline = np.array([corner[:2] for corner in corners])
        depth = corners[2][2]
    elif species.ears == 'fan':
        root = head.place(0.75 * sign, 0.2, -0.2)
        outer = head.place((0.5 + size) * sign, 0.0, -0.9)
        low = head.place((0.6 + 0.5 * size) * sign, -1.1, -0.9)
        radius = species.ear_size
        outline = limbs.hull_of_balls(
            [root, outer, low], [0.5 * radius, 0.55 * radius, 0.3 * radius], 12
        )
        depth = outer[2]
    elif species.ears == 'round':
        root = head.place(0.75 * sign, 0.7, -0.2)
        outline = limbs.ellipse(root, species.ear_size, species.ear_size)
        depth = root[2]
    else:
        hangs = species.ears == 'floppy'
        root = head.place(0.8 * sign, 0.6, -0.2)
        tip = head.place(
            (0.95 + (0.1 if hangs else 0.7 * size)) * sign,
            0.5 - size if hangs else 0.65 + 0.4 * size,
            -0.35,
        )
        outline = limbs.ribbon(
            np.array(
                [root, 0.7 * root + 0.3 * tip, 0.3 * root + 0.7 * tip, tip]
            ),
            np.array([0.16, 0.36, 0.36, 0.08]) * species.ear_size,
        )
        depth = (root[2] + tip[2]) / 2
    figure.add(outline, 'main', depth + shift, 0.82)


def _add_horns(
    figure: Figure, head: _Head, species: Species, shift: float
) -> None:
    radius = head.radius
    for _, sign in SIDES:
        root = head.place(0.45 * sign, 0.85, -0.05)
        depth = root[2] + shift
        if 'ossicones' in species.features:
            tip = head.place(0.5 * sign, 1.9, -0.3)
            figure.add(limbs.capsule(root, tip, 0.03, 0.03, 6), 'main', depth)
            knob = limbs.ellipse(tip, 0.05, 0.05, 0.0, 12)
            figure.add(knob, 'dark', depth - 0.001)
        if 'horns' in species.features:
            line = np.array(
                [
                    root,
                    head.place(1.1 * sign, 1.0, 0.0),
                    head.place(1.3 * sign, 1.7, 0.2),
                ]
            )
            line = limbs.smooth_curve(line, False, 4)
            widths = np.linspace(0.3, 0.05, len(line)) * radius
            figure.add(limbs.ribbon(line, widths), 'horn', depth)
        if 'antlers' in species.features:
            _add_antler(figure, head, sign, root, depth)
        if 'tusks' in species.features:
            root = head.place(0.45 * sign, -0.35, 0.9)
            tip = root + radius * (1.1 * head.ahead - 0.5 * head.up)
            figure.add(
                limbs.capsule(root, tip, 0.055, 0.02, 6),
                'light',
                root[2] + shift - 0.01,
            )


def _add_antler(
    figure: Figure, head: _Head, sign: float, root: np.ndarray, depth: float
) -> None:
    stem = np.array(
        [
            root,
            head.place(1.0 * sign, 1.8, -0.8),
            head.place(1.6 * sign, 2.9, -0.7),
            head.place(1.4 * sign, 4.0, -0.2),
        ]
    )
    curve = limbs.smooth_curve(stem, False, 3)
    widths = np.linspace(0.2, 0.08, len(curve)) * head.radius
    figure.add(limbs.ribbon(curve, widths), 'horn', depth)
    for joint, up in ((1, 2.3), (2, 3.6)):
        tip = head.place(1.1 * sign, up, 0.7)
        tine = limbs.capsule(stem[joint], tip, 0.018, 0.008, 4)
        figure.add(tine, 'horn', depth)


def _add_trunk(
    figure: Figure,
    rng: np.random.Generator,
    head: _Head,
    species: Species,
    depth: float,
) -> None:
    """The elephant's trunk hangs from the muzzle and curls at its tip."""
    curl = rng.uniform(-0.2, 0.9)
    line = np.array(
        [
            head.tip - 0.3 * species.muzzle_radius * head.ahead,
            head.tip + (0.0, 0.3, 0.0) + 0.08 * head.ahead,
            head.tip + (0.0, 0.62, 0.0) + 0.1 * head.ahead,
            head.tip + (0.0, 0.85 - 0.3 * curl, 0.0) + curl * 0.4 * head.ahead,
        ]
    )
    line = limbs.smooth_curve(line, False, 4)
    widths = np.linspace(0.15, 0.06, len(line))
    # Behind the muzzle, so that the nose stays on the head.
    figure.add(limbs.ribbon(line, widths), 'main', depth + 0.001, 0.93)


def _add_collar(
    figure: Figure, at: dict[str, np.ndarray], species: Species, depth: float
) -> None:
    base, skull = at['neck base'], at['skull']
    middle = base + 0.62 * (skull - base)
    angle = math.atan2(skull[1] - base[1], skull[0] - base[0])
    width = 1.08 * (0.4 * species.neck_radii[0] + 0.6 * species.neck_radii[1])
    figure.add(
        limbs.ellipse(middle, 0.03, width, angle, 12), 'accent', depth + 0.003
    )


def _add_lion_mane(figure: Figure, head: _Head, depth: float) -> None:
    centre = head.place(0.0, -0.1, -0.35)
    ring = limbs.ellipse(centre, 1.6 * head.radius, 1.7 * head.radius)
    figure.add(limbs.scallop(ring, 16, 0.05), 'second', depth + 0.001)


def _add_mane(
    figure: Figure,
    at: dict[str, np.ndarray],
    camera: np.ndarray,
    species: Species,
    depth: float,
) -> None:
    """A crest along the back of the neck, from the poll to the withers."""
    base, skull = at['neck base'], at['skull']
    along = limbs.unit(skull - base)
    back = camera @ (0.0, -0.3, 1.0)
    back = limbs.unit(back - along * float(np.dot(back, along)))
    thick, thin = species.neck_radii
    start = base + back * thick * 0.85
    end = skull + back * thin * 0.6 + along * 0.1
    line = np.array(
        [start, (start + end) / 2 + 0.02 * back, end + 0.06 * along]
    )
    line = limbs.smooth_curve(line, False, 4)
    widths = np.linspace(0.05, 0.085, len(line))
    figure.add(limbs.ribbon(line, widths), 'second', depth + 0.004)


def add_tail(
    figure: Figure,
    rng: np.random.Generator,
    at: dict[str, np.ndarray],
    camera: np.ndarray,
    species: Species,
    trunk: int,
) -> None:
    """Add the tail and mark 'root of tail'.

    Args:
        figure: Receives the parts.
        rng: Source of randomness.
        at: Joints after the camera's rotation.
        camera: (3, 3) rotation from the body frame.
        species: Proportions and features.
        trunk: Handle of the trunk.
    """
    root = at['root of tail']
    rise = math.radians(rng.uniform(*species.tail_rise))
    curl = rng.uniform(0.3, 1.2) * (2.5 if 'curl' in species.features else 1)
    if 'plates' in species.features:
        curl = 0.1
        root = at['rump'] + 0.3 * (at['root of tail'] - at['rump'])
    aside = rng.uniform(-0.5, 0.5)
    line, angle = [root - camera @ (0.0, 0.0, 0.08)], rise
    for _ in range(5):
        step = np.array(
            [
                math.cos(angle) * math.sin(aside),
                -math.sin(angle),
                math.cos(angle) * math.cos(aside),
            ]
        )
        line.append(line[-1] + camera @ step * species.tail / 5)
        angle += curl / 5
    curve = limbs.smooth_curve(np.array(line), False, 3)
    end = 0.15 if 'plates' in species.features else 0.5
    widths = np.linspace(1.0, end, len(curve)) * species.tail_radius
    ahead_of_trunk = line[-1][2] < root[2]
    depth = (at['chest'][2] + at['rump'][2]) / 2
    depth += -0.005 if ahead_of_trunk else 0.02
    hairy = 'mane' in species.features
    tail = figure.add(
        limbs.ribbon(curve, widths), 'second' if hairy else 'main', depth, 0.9
    )
    if 'tuft' in species.features:
        tuft = limbs.ellipse(line[-1], 0.07, 0.07, 0.0, 12)
        figure.add(tuft, 'second', depth - 0.001)
    figure.mark('root of tail', at['root of tail'], tail, trunk)
