# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Spots, stripes and plates painted on animals."""

import math

import numpy as np

from projects.synthkpt import limbs
from projects.synthkpt.figure import Figure
from projects.synthkpt.species import Species


def add_markings(
    figure: Figure,
    rng: np.random.Generator,
    at: dict[str, np.ndarray],
    species: Species,
    trunk: int,
    neck: int,
) -> None:
    """Paint spots, stripes, an udder or back plates on trunk and neck."""
    _paint_trunk(figure, rng, at, species, trunk)
    if 'neck spots' in species.features:
        base, skull = at['neck base'][:2], at['skull'][:2]
        for i in range(8):
            along = (i + 0.6) / 8.5
            width = species.neck_radii[0] * (1 - along) + 0.1 * along
            spot = base + along * (skull - base)
            spot = spot + rng.uniform(-0.4, 0.4, 2) * width
            patch = limbs.ellipse(spot, 0.4 * width, 0.4 * width, 0.0, 8)
            figure.paint(patch, 'second', neck)
    if 'udder' in species.features:
        udder = at['rump'] + 0.25 * (at['chest'] - at['rump'])
        udder = udder + (0.0, species.belly * 0.9, 0.0)
        depth = figure.depth(trunk) + 0.001
        figure.add(limbs.ellipse(udder, 0.13, 0.11), 'udder', depth)


def _paint_trunk(
    figure: Figure,
    rng: np.random.Generator,
    at: dict[str, np.ndarray],
    species: Species,
    trunk: int,
) -> None:
    chest, rump = at['chest'][:2], at['rump'][:2]
    radius = min(species.chest, species.belly, species.rump)
    squash = float(np.hypot(*(chest - rump))) / species.trunk
    angle = math.atan2(chest[1] - rump[1], chest[0] - rump[0])
    normal = np.array([-math.sin(angle), math.cos(angle)])
    kinds = {'spots': (9, 0.32), 'dapples': (12, 0.1), 'stripes': (6, 0.0)}
    for kind, (count, size) in kinds.items():
        if kind not in species.features:
            continue
        for i in range(count):
            along = (i + rng.uniform(0.2, 0.8)) / count
            middle = rump + along * (chest - rump)
            if kind == 'stripes':
                patch = limbs.ellipse(
                    middle - 0.45 * radius * normal * np.sign(normal[1]),
                    0.02 + 0.02 * squash,
                    0.4 * radius,
                    angle,
                    12,
                )
            else:
                middle = middle + rng.uniform(-0.6, 0.6) * radius * normal
                reach = size * radius * rng.uniform(0.7, 1.15)
                patch = limbs.ellipse(
                    middle, reach * max(0.5, squash), reach, angle, 8
                )
            figure.paint(patch, 'second', trunk)
    if 'plates' in species.features:
        for i in range(9):
            ridge = rump + (i / 8) * (chest - rump)
            ridge = ridge - radius * 0.85 * normal * np.sign(normal[1])
            plate = limbs.ellipse(ridge, 0.07, 0.07, angle, 8)
            figure.paint(plate, 'second', trunk)
