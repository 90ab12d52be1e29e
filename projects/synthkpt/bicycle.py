# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Model of a bicycle. Metres; front +y, own left -x."""

from __future__ import annotations

import numpy as np

from projects.synthkpt.primitives import annulus, beam, box, cylinder
from projects.synthkpt.solids import Model
from projects.synthkpt.vehicle_parts import SIDES


def bicycle(rng: np.random.Generator) -> Model:
    """A bicycle with spoked wheels, its cranks in some turn."""
    model = Model()
    radius, base = rng.uniform(0.3, 0.36), rng.uniform(0.48, 0.56)
    tube = rng.uniform(0.025, 0.045)
    hubs = {'rear': [0, -base, radius], 'front': [0, base, radius]}
    crank = np.array([0, -0.08, radius * 0.9])
    saddle = np.array([0, -0.22, radius + rng.uniform(0.42, 0.58)])
    stem = np.array([0, base - 0.17, radius + rng.uniform(0.4, 0.6)])
    neck = stem - [0, -0.05, 0.18]
    joint = crank + (saddle - crank) * 0.75
    axle = {
        end: _spoked_wheel(model, rng, np.array(hub), radius)
        for end, hub in hubs.items()
    }
    rods = [
        model.add(beam(start, end, tube, 'main'))
        for start, end in (
            (crank, joint),
            (joint, neck),
            (crank, neck),
            (hubs['rear'], crank),
            (hubs['rear'], joint),
        )
    ]
    fork = model.add(beam(hubs['front'], stem, tube * 0.8, 'main'))
    model.mark('front wheel center', hubs['front'], fork, axle['front'])
    model.mark('rear wheel center', hubs['rear'], *rods[3:], axle['rear'])
    model.add(beam(joint, saddle, tube * 0.7, 'metal'))
    seat = model.add(
        box(
            saddle + [-0.06, -0.13, 0],
            saddle + [0.06, 0.13, 0.05],
            'dark',
            thin=True,
        )
    )
    model.mark('saddle', saddle + [0, 0, 0.05], seat)
    _handlebar(model, rng, stem, fork)
    _pedals(model, rng, crank, rods)
    return model


def _spoked_wheel(
    model: Model, rng: np.random.Generator, hub: np.ndarray, radius: float
) -> int:
    """Adds a tyre with spokes and returns the index of its axle."""
    model.add(annulus(hub, 0, radius, radius * 0.86, 'dark'))
    for turn in np.linspace(0, np.pi, 5)[:-1] + rng.uniform(0, 1):
        reach = radius * 0.88 * np.array([0, np.cos(turn), np.sin(turn)])
        model.add(beam(hub - reach, hub + reach, 0.007, 'metal'))
    return model.add(
        cylinder(hub, 0, 0.035, 0.03, 'metal', sides=8, thin=True)
    )


def _handlebar(
    model: Model, rng: np.random.Generator, stem: np.ndarray, fork: int
) -> None:
    """Bar with two grips on the stem."""
    half, back = rng.uniform(0.2, 0.3), rng.uniform(0.02, 0.2)
    rise = rng.uniform(-0.06, 0.08)
    bars = []
    for side, sign in SIDES:
        bend = stem + [sign * half * 0.7, 0, rise]
        end = stem + [sign * half, -back, rise]
        bars.append(model.add(beam(stem, bend, 0.022, 'metal')))
        grip = model.add(beam(bend, end, 0.04, 'dark'))
        model.mark(f'{side} handlebar grip', end, grip)
    model.mark('handlebar center', stem, fork, *bars)


def _pedals(
    model: Model,
    rng: np.random.Generator,
    crank: np.ndarray,
    rods: list[int],
) -> None:
    """Chain ring, cranks and pedals in some turn."""
    ring = model.add(
        cylinder(crank, 0, 0.07, 0.012, 'metal', sides=12, thin=True)
    )
    turn, arms = rng.uniform(0, 2 * np.pi), []
    for side, sign in SIDES:
        reach = sign * 0.16 * np.array([0, np.cos(turn), np.sin(turn)])
        root = crank + [sign * 0.05, 0, 0]
        arms.append(model.add(beam(root, root + reach, 0.02, 'metal')))
        at = root + reach + [sign * 0.06, 0, 0]
        pedal = model.add(
            box(
                at - [0.045, 0.045, 0.012],
                at + [0.045, 0.045, 0.012],
                'dark',
                thin=True,
            )
        )
        model.mark(f'{side} pedal', at, pedal)
    model.mark('crank center', crank, ring, *rods, *arms)
