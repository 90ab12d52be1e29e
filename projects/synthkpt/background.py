# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Procedural backgrounds and the meaningless things that stand in them."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from projects.synthkpt.base import Layer, Pose


def random_color(
    rng: np.random.Generator, low: float = 40.0, high: float = 230.0
) -> np.ndarray:
    """A random colour, ``(3,)`` float32 BGR, of moderate saturation."""
    base = rng.uniform(low, high)
    spread = rng.uniform(5, 70)
    color = base + rng.uniform(-spread, spread, 3)
    return np.clip(color, 5, 250).astype(np.float32)


def smooth_noise(
    rng: np.random.Generator,
    height: int,
    width: int,
    cell: float,
    octaves: int = 1,
) -> np.ndarray:
    """Band-limited noise.

    Args:
        rng: Source of randomness.
        height: Rows.
        width: Columns.
        cell: Size of the largest blobs in px.
        octaves: Number of bands, each half as large and half as strong.

    Returns:
        ``(height, width)`` float32, mostly within -1..1.
    """
    total = np.zeros((height, width), np.float32)
    strength = 1.0
    for _ in range(octaves):
        rows = max(int(np.ceil(height / cell)), 1) + 1
        columns = max(int(np.ceil(width / cell)), 1) + 1
        grid = rng.uniform(-1, 1, (rows, columns)).astype(np.float32)
        total += strength * cv2.resize(
            grid, (width, height), interpolation=cv2.INTER_CUBIC
        )
        strength /= 2
        cell = max(cell / 2, 1.0)
    return total


def pixel_noise(
    rng: np.random.Generator, height: int, width: int, channels: int = 1
) -> np.ndarray:
    """White noise of unit variance, ``(height, width, channels)`` float32."""
    return rng.standard_normal((height, width, channels), np.float32)


def ramp(height: int, width: int, angle: float) -> np.ndarray:
    """Linear ramp 0..1 over the picture along an angle in radians."""
    dx, dy = np.cos(angle), np.sin(angle)
    field = (
        np.arange(width, dtype=np.float32)[None] * dx
        + np.arange(height, dtype=np.float32)[:, None] * dy
    )
    low, high = float(field.min()), float(field.max())
    return (field - low) / max(high - low, 1e-6)


def _mix(
    weight: np.ndarray, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """Colour field between two colours, ``(H, W, 3)`` float32."""
    weight = weight[..., None].astype(np.float32)
    return first * (1 - weight) + second * weight


def _gradient(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    weight = ramp(height, width, rng.uniform(0, 2 * np.pi))
    return _mix(weight, random_color(rng), random_color(rng))


def _cloudy(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    noise = smooth_noise(rng, height, width, rng.uniform(40, 150), 4)
    return _mix(
        np.clip(noise / 2 + 0.5, 0, 1), random_color(rng), random_color(rng)
    )


def _stripes(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    angle = rng.uniform(0, np.pi)
    period = rng.uniform(14, 60)
    phase = (
        np.arange(width)[None] * np.cos(angle)
        + np.arange(height)[:, None] * np.sin(angle)
    ) / period
    wave = np.clip(np.sin(2 * np.pi * phase) * 6 + 0.5, 0, 1)
    first = random_color(rng)
    second = np.clip(first + rng.uniform(-60, 60, 3), 5, 250)
    return _mix(wave, first, second.astype(np.float32))


def _tiles(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    cell_h, cell_w = rng.uniform(18, 70, 2)
    rows = (np.arange(height) / cell_h).astype(int)
    columns = (np.arange(width) / cell_w).astype(int)
    base, spread = random_color(rng), rng.uniform(4, 18)
    shades = rng.normal(0, spread, (rows[-1] + 1, columns[-1] + 1))
    image = base + shades[rows][:, columns][..., None]
    image[np.flatnonzero(np.diff(rows))] *= 0.7
    image[:, np.flatnonzero(np.diff(columns))] *= 0.7
    return image


def _horizon(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    line = rng.uniform(0.3, 0.7) * height
    hills = smooth_noise(rng, 1, width, rng.uniform(40, 160), 2)[0]
    edge = line + hills * height * rng.uniform(0, 0.08)
    sky = _mix(
        ramp(height, width, np.pi / 2),
        random_color(rng, 120),
        random_color(rng, 150),
    )
    ground = _mix(
        ramp(height, width, np.pi / 2),
        random_color(rng, 60, 140),
        random_color(rng, 60, 180),
    )
    ground = ground + 14 * smooth_noise(rng, height, width, 24, 3)[..., None]
    below = np.arange(height)[:, None] - edge[None]
    return np.where(np.clip(below, 0, 1)[..., None] > 0.5, ground, sky)


def _room(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    line = int(rng.uniform(0.5, 0.8) * height)
    image = np.empty((height, width, 3), np.float32)
    wall, floor = random_color(rng, 110), random_color(rng, 60, 180)
    image[:line] = wall
    depth = np.maximum(np.arange(height - line), 1)[:, None] + 10.0
    planks = (np.arange(width)[None] - rng.uniform(0, width)) / depth
    tint = np.floor(planks * rng.uniform(0.7, 2)).astype(int)
    image[line:] = floor + rng.normal(0, 9, 31)[tint % 31][..., None]
    image[max(line - int(rng.integers(2, 8)), 0) : line] = wall * 0.75
    light = ramp(height, width, rng.uniform(0, 2 * np.pi))
    return image * (0.8 + 0.35 * light[..., None])


def _bokeh(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    image = _gradient(rng, height, width)
    for _ in range(int(rng.integers(6, 22))):
        center = rng.uniform(0, 1, 2) * (width, height)
        radius = int(rng.uniform(0.03, 0.14) * min(width, height))
        spot = image.copy()
        cv2.circle(
            spot,
            (int(center[0]), int(center[1])),
            radius,
            random_color(rng, 90).tolist(),
            -1,
        )
        image = cv2.addWeighted(spot, 0.45, image, 0.55, 0)
    return cv2.GaussianBlur(image, (0, 0), rng.uniform(1, 5))


BACKGROUNDS: tuple[
    Callable[[np.random.Generator, int, int], np.ndarray], ...
] = (_gradient, _cloudy, _stripes, _tiles, _horizon, _room, _bokeh)


def background(
    rng: np.random.Generator, height: int, width: int
) -> np.ndarray:
    """A random background, ``(height, width, 3)`` float32 BGR, 0..255."""
    kind = BACKGROUNDS[int(rng.integers(len(BACKGROUNDS)))]
    return np.clip(kind(rng, height, width), 0, 255).astype(np.float32)


def distractor(rng: np.random.Generator) -> Pose:
    """A meaningless thing without keypoints: blob, star, ring or ribbon."""
    kind = int(rng.integers(4))
    if kind == 0:
        polygons = [_blob(rng, int(rng.integers(3, 8)), 0.35)]
    elif kind == 1:
        polygons = [_star(rng)]
    elif kind == 2:
        outer = _blob(rng, 2, 0.06)
        polygons = [outer, outer * rng.uniform(0.4, 0.75)]
    else:
        polygons = [_ribbon(rng)]
    color = random_color(rng)
    other = random_color(rng)
    palette = {
        'main': tuple(int(c) for c in color),
        'second': tuple(int(c) for c in other),
    }
    layers = tuple(
        Layer(polygon.astype(np.float32), material)
        for polygon, material in zip(polygons, ('main', 'second'))
    )
    return Pose(
        layers, np.zeros((0, 2), np.float32), np.zeros(0, int), palette
    )


def _blob(rng: np.random.Generator, waves: int, depth: float) -> np.ndarray:
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    radius = np.ones_like(angles)
    for wave in range(2, waves + 1):
        radius += (
            rng.uniform(-depth, depth)
            / wave**0.5
            * np.cos(wave * angles + rng.uniform(0, 6.3))
        )
    radius = np.maximum(radius, 0.15)
    return np.stack([np.cos(angles), np.sin(angles)], 1) * radius[:, None]


def _star(rng: np.random.Generator) -> np.ndarray:
    corners = int(rng.integers(3, 8))
    angles = np.linspace(0, 2 * np.pi, 2 * corners, endpoint=False)
    radius = np.where(np.arange(2 * corners) % 2, rng.uniform(0.3, 0.9), 1.0)
    return np.stack([np.cos(angles), np.sin(angles)], 1) * radius[:, None]


def _ribbon(rng: np.random.Generator) -> np.ndarray:
    x = np.linspace(-1, 1, 24)
    y = rng.uniform(0.1, 0.5) * np.sin(
        x * rng.uniform(1, 6) + rng.uniform(0, 6.3)
    )
    thickness = rng.uniform(0.02, 0.1)
    upper = np.stack([x, y - thickness], 1)
    lower = np.stack([x, y + thickness], 1)[::-1]
    return np.concatenate([upper, lower])
