# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Paints a composed scene in one of the six styles.

Every style starts from the map of layer numbers, so what it shows agrees
with the visibility flags to half a pixel. H, W: picture rows and columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from projects.synthkpt.background import (
    background,
    pixel_noise,
    ramp,
    random_color,
    smooth_noise,
)
from projects.synthkpt.canvas import SUPERSAMPLING
from projects.synthkpt.scene import Scene

# Facets of one curved surface differ a little in shade; two layers of equal
# shade are different parts and keep the line between them.
_FACET_STEP = 0.08


@dataclass(frozen=True)
class _Tables:
    """What each layer number (row) stands for; row 0 is the background.

    Attributes:
        color: ``(L, 3)`` float32 BGR of the shaded layer.
        group: ``(L,)`` int32, equal for facets of one curved surface.
        owner: ``(L,)`` int32, object of the canvas + 1.
        flat: ``(L, 3)`` float32 BGR before shading.
    """

    color: np.ndarray
    group: np.ndarray
    owner: np.ndarray
    flat: np.ndarray


def _tables(scene: Scene) -> _Tables:
    """Reads the layers of a scene into look-up tables."""
    count = scene.canvas.next_number
    flat = np.zeros((count, 3), np.float32)
    shade = np.ones((count, 1), np.float32)
    group = np.zeros(count, np.int32)
    owner = np.zeros(count, np.int32)
    for index, patch in enumerate(scene.canvas.patches):
        previous = None
        for offset, layer in enumerate(patch.pose.layers):
            number = scene.canvas.starts[index] + offset
            flat[number] = patch.pose.palette[layer.material]
            shade[number] = layer.shade
            owner[number] = index + 1
            facet = (
                previous is not None
                and previous.material == layer.material
                and 0 < abs(previous.shade - layer.shade) < _FACET_STEP
            )
            group[number] = group[number - 1] if facet else number
            previous = layer
    color = np.clip(flat * shade, 0, 255)
    return _Tables(color, group, owner, flat)


def _paint(scene: Scene, colors: np.ndarray) -> np.ndarray:
    """Colours by layer number, anti-aliased.

    Args:
        scene: The scene.
        colors: ``(L, 3)`` BGR by layer number.

    Returns:
        ``(H, W, 4)`` float32: BGR multiplied by alpha, alpha in 0..1.
    """
    table = np.zeros((len(colors), 4), np.uint8)
    table[:, :3] = np.clip(colors, 0, 255)
    table[1:, 3] = 255
    table[0] = 0
    packed = table.view(np.uint32)[:, 0]
    large = packed[scene.canvas.numbers]
    large = large.view(np.uint8).reshape(*large.shape, 4)
    small = cv2.resize(
        large, (scene.width, scene.height), interpolation=cv2.INTER_AREA
    ).astype(np.float32)
    small[..., 3] /= 255
    return small


def _over(paint: np.ndarray, behind: np.ndarray) -> np.ndarray:
    """Puts premultiplied paint over a ``(H, W, 3)`` background."""
    return paint[..., :3] + behind * (1 - paint[..., 3:])


def _lines(scene: Scene, table: np.ndarray, width: int) -> np.ndarray:
    """Lines where a look-up of the layer numbers changes.

    Args:
        scene: The scene.
        table: ``(L,)`` int32 by layer number.
        width: Line width in map pixels, 1 or more.

    Returns:
        ``(H, W)`` float32, 1 = on the line.
    """
    values = table[scene.canvas.numbers]
    lines = np.zeros(values.shape, np.uint8)
    lines[:, 1:] = (values[:, 1:] != values[:, :-1]) * np.uint8(255)
    lines[1:] |= (values[1:] != values[:-1]) * np.uint8(255)
    if width > 1:
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
        lines = cv2.dilate(lines, kernel)
    small = cv2.resize(
        lines, (scene.width, scene.height), interpolation=cv2.INTER_AREA
    )
    return small.astype(np.float32) / 255


def _relief(scene: Scene, tables: _Tables, angle: float) -> np.ndarray:
    """Light on parts as if they bulged, ``(H, W)`` float32 about -1..1."""
    step = SUPERSAMPLING
    values = tables.group[scene.canvas.numbers[::step, ::step]]
    inner = np.ones(values.shape, np.uint8)
    inner[:, 1:] = values[:, 1:] == values[:, :-1]
    inner[1:] &= values[1:] == values[:-1]
    reach = max(scene.width, scene.height) * 0.045
    distance = cv2.distanceTransform(inner, cv2.DIST_L2, 3)
    bulge = np.sqrt(np.minimum(distance / reach, 1))
    bulge = cv2.GaussianBlur(bulge, (0, 0), 1.6)
    dx = cv2.Sobel(bulge, cv2.CV_32F, 1, 0)
    dy = cv2.Sobel(bulge, cv2.CV_32F, 0, 1)
    light = -(dx * np.cos(angle) + dy * np.sin(angle))
    return np.clip(light * 1.6, -1, 1) * (values > 0)


def _shadow(
    scene: Scene, alpha: np.ndarray, angle: float, strength: float
) -> np.ndarray:
    """Soft shadow on the background, ``(H, W, 1)`` factor."""
    step = max(scene.width, scene.height) * 0.025
    move = np.float32(
        [[1, 0, step * np.cos(angle)], [0, 1, step * abs(np.sin(angle))]]
    )
    moved = cv2.warpAffine(alpha, move, (scene.width, scene.height))
    soft = cv2.GaussianBlur(moved, (0, 0), step * 0.6)
    return 1 - strength * soft[..., None]


def _lit(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """Textured, lit picture, ``(H, W, 3)`` float32 before the camera."""
    height, width = scene.height, scene.width
    tables = _tables(scene)
    angle = rng.uniform(0, 2 * np.pi)
    # Each object has its own tint; each layer its own slight unevenness.
    tint = rng.normal(1, 0.05, (len(scene.labels) + 1, 3))
    uneven = rng.normal(1, 0.025, (len(tables.owner), 1))
    paint = _paint(scene, tables.color * tint[tables.owner] * uneven)
    relief = _relief(scene, tables, angle)
    grain = smooth_noise(rng, height, width, rng.uniform(4, 14), 2)
    grain += 0.5 * pixel_noise(rng, height, width)[..., 0]
    shading = (
        1 + rng.uniform(0.3, 0.6) * relief + rng.uniform(0.01, 0.06) * grain
    )
    paint[..., :3] *= shading[..., None]
    behind = background(rng, height, width)
    behind *= (
        1
        + rng.uniform(0.01, 0.08)
        * smooth_noise(rng, height, width, rng.uniform(3, 20), 2)[..., None]
    )
    behind *= _shadow(scene, paint[..., 3], angle, rng.uniform(0.1, 0.55))
    image = _over(paint, behind)
    light = ramp(height, width, angle)
    return image * (1 + rng.uniform(0, 0.35) * (light - 0.5))[..., None]


def _photo(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    image = _lit(scene, rng)
    if rng.random() < 0.4:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 0.9))
    contrast, middle = rng.uniform(0.8, 1.2), 118.0
    image = (image - middle) * contrast + middle + rng.uniform(-18, 18)
    noise = pixel_noise(rng, scene.height, scene.width)
    return image + rng.uniform(0.5, 5) * noise


def _sketch(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    height, width = scene.height, scene.width
    tables = _tables(scene)
    paper = random_color(rng, 205, 240) * 0.3 + rng.uniform(150, 175)
    paper = paper + 4 * smooth_noise(rng, height, width, 30, 2)[..., None]
    paper = paper + 3 * pixel_noise(rng, height, width)
    outline = _lines(scene, tables.owner, int(rng.integers(2, 5)))
    inner = _lines(scene, tables.group, int(rng.integers(1, 3)))
    paint = _paint(scene, tables.color)
    tone = paint[..., :3].mean(2)  # 0 outside the objects
    darkness = np.clip(1 - tone / 190, 0, 1) * paint[..., 3]
    period = rng.uniform(3.5, 6)
    angle = rng.uniform(0, np.pi)
    phase = (
        np.arange(width)[None] * np.cos(angle)
        + np.arange(height)[:, None] * np.sin(angle)
    ) / period
    hatch = np.clip(np.sin(2 * np.pi * phase) + 1.6 * darkness - 0.6, 0, 1)
    grain = np.clip(
        0.8 + 0.35 * smooth_noise(rng, height, width, 3, 1), 0.25, 1
    )
    # An object hides the paper's hatching of what lies behind it.
    ink = np.maximum(np.maximum(outline, 0.8 * inner), 0.5 * hatch * darkness)
    ink = np.clip(ink * grain, 0, 1)[..., None]
    pencil = rng.uniform(20, 80) + rng.uniform(-12, 12, 3)
    return paper * (1 - ink) + pencil * ink


def _cartoon(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    tables = _tables(scene)
    step = rng.uniform(20, 45)
    vivid = tables.color - 0.35 * tables.color.mean(1, keepdims=True)
    vivid = np.round(vivid * 1.4 / step) * step + 12
    paint = _paint(scene, vivid)
    behind = background(rng, scene.height, scene.width)
    behind = behind * 0.55 + random_color(rng, 120, 240) * 0.45
    image = _over(paint, np.round(behind / 16) * 16)
    outline = _lines(scene, tables.owner, int(rng.integers(3, 6)))
    inner = _lines(scene, tables.group, int(rng.integers(1, 4)))
    ink = np.maximum(outline, inner)[..., None]
    return image * (1 - ink) + rng.uniform(0, 40) * ink


def _painting(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    height, width = scene.height, scene.width
    image = _lit(scene, rng)
    brush = smooth_noise(rng, height, width, rng.uniform(3, 7), 2)
    image = image * (1 + 0.1 * brush[..., None])
    image = np.clip(image, 0, 255).astype(np.uint8)
    image = cv2.medianBlur(image, 5)
    image = cv2.bilateralFilter(image, 5, 45, 3)
    step = rng.uniform(14, 30)
    image = np.round(image.astype(np.float32) / step) * step
    image = cv2.medianBlur(np.clip(image, 0, 255).astype(np.uint8), 5)
    weave = smooth_noise(rng, height, width, 2, 1)
    return image + rng.uniform(3, 9) * weave[..., None]


def _silhouette(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    tables = _tables(scene)
    dark = rng.uniform(12, 40, (len(scene.labels) + 1, 3))
    for index, label in enumerate(scene.labels):
        if label < 0:  # the meaningless things stay in the haze
            dark[index + 1] = rng.uniform(110, 150)
    tone = tables.color.mean(1, keepdims=True) / 255
    paint = _paint(scene, dark[tables.owner] + 22 * tone)
    first, second = random_color(rng, 170), random_color(rng, 190, 250)
    weight = ramp(scene.height, scene.width, rng.uniform(0, 2 * np.pi))
    behind = first + (second - first) * weight[..., None]
    image = _over(paint, behind)
    inner = _lines(scene, tables.group, 1)[..., None] * paint[..., 3:]
    image = image + rng.uniform(20, 45) * inner
    return image + pixel_noise(rng, scene.height, scene.width)


def _night(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    height, width = scene.height, scene.width
    image = _lit(scene, rng)
    glow = np.zeros((height, width), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        x, y = rng.uniform(0, 1, 2) * (width, height)
        radius = rng.uniform(0.25, 0.7) * max(width, height)
        dx = (np.arange(width, dtype=np.float32) - x) / radius
        dy = (np.arange(height, dtype=np.float32) - y) / radius
        glow += np.exp(-(dx**2)[None] - (dy**2)[:, None])
    blue = np.array([1.15, 0.95, 0.8], np.float32) * rng.uniform(0.8, 1.2)
    image = image * blue * (0.22 + 0.45 * np.clip(glow, 0, 1))[..., None]
    if rng.random() < 0.4:
        image = _motion_blur(image, rng)
    else:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.6, 1.8))
    noise = pixel_noise(rng, height, width, 3)
    return image + 6 + rng.uniform(3, 10) * noise


def _motion_blur(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blurs symmetrically, so that keypoints stay where they are."""
    length = 2 * int(rng.integers(1, 4)) + 1
    kernel = np.zeros((length, length), np.float32)
    dx, dy = np.rint(
        np.array([np.cos(a := rng.uniform(0, np.pi)), np.sin(a)])
        * (length // 2)
    ).astype(int)
    middle = length // 2
    cv2.line(
        kernel,
        (middle - int(dx), middle - int(dy)),
        (middle + int(dx), middle + int(dy)),
        1.0,
    )
    return cv2.filter2D(image, -1, kernel / kernel.sum())


_PAINTERS: dict[str, Callable[[Scene, np.random.Generator], np.ndarray]] = {
    'photo': _photo,
    'sketch': _sketch,
    'cartoon': _cartoon,
    'painting': _painting,
    'silhouette': _silhouette,
    'night': _night,
}


def render(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """Paints a scene in its style.

    Args:
        scene: The composed scene.
        rng: Source of the painting's randomness; it moves no keypoint.

    Returns:
        ``(H, W, 3)`` uint8 BGR picture.
    """
    image = _PAINTERS[scene.style](scene, rng)
    return np.clip(image, 0, 255).astype(np.uint8)
