# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Rigid 3-D models out of convex solids, drawn in perspective.

Object frame: x to the object's own right, y to its front, z up. So "left"
in a keypoint's name is the object's own left, the side of negative x.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from projects.synthkpt.base import Layer, Pose

_EPS = 1e-3  # models are a few units long
_AMBIENT, _DIFFUSE = 0.62, 0.48


@dataclass(frozen=True)
class Face:
    """One planar polygon of a solid.

    Attributes:
        points: ``(P, 3)`` float64.
        material: Colour role.
        decal: Lies on another face (a window, a lamp), painted after it.
        two_sided: Seen from both sides (a sheet), not only from outside.
    """

    points: np.ndarray
    material: str
    decal: bool = False
    two_sided: bool = False


@dataclass(frozen=True)
class Solid:
    """A convex solid.

    Attributes:
        faces: Its faces and what is painted on them.
        thin: Too thin to hide its own keypoints: a leg's tip counts as
            seen unless something else covers it.
    """

    faces: tuple[Face, ...]
    thin: bool = False

    @property
    def center(self) -> np.ndarray:
        """``(3,)`` mean of the corners of its outside."""
        return np.concatenate(
            [face.points for face in self.faces if not face.decal]
        ).mean(0)


class Model:
    """Solids and the named points on them."""

    def __init__(self) -> None:
        self.solids: list[Solid] = []
        self.points: dict[str, tuple[np.ndarray, tuple[int, ...]]] = {}

    def add(self, solid: Solid) -> int:
        """Adds a solid and returns its index."""
        self.solids.append(solid)
        return len(self.solids) - 1

    def mark(self, name: str, point: Sequence[float], *solids: int) -> None:
        """Names a point ``(3,)`` that lies on one or several solids."""
        self.points[name] = (np.asarray(point, float), solids)


@dataclass(frozen=True)
class Camera:
    """A pinhole camera that looks at a model.

    Attributes:
        position: ``(3,)`` in the object frame.
        axes: ``(3, 3)`` rows: right, down, forward in the object frame.
        target: ``(3,)`` the point in the middle of the view.
        light: ``(3,)`` unit vector towards the light, object frame.
    """

    position: np.ndarray
    axes: np.ndarray
    target: np.ndarray
    light: np.ndarray

    def project(self, points: np.ndarray) -> np.ndarray:
        """Projects ``(N, 3)`` points to ``(N, 2)``, y down, focal 1."""
        local = (points - self.position) @ self.axes.T
        return local[:, :2] / local[:, 2:]


def random_camera(
    rng: np.random.Generator,
    model: Model,
    yaw: tuple[float, float] = (-180.0, 180.0),
    pitch: tuple[float, float] = (5.0, 35.0),
) -> Camera:
    """A random viewpoint around a model.

    Args:
        rng: Source of randomness.
        model: The model to look at.
        yaw: Range in degrees; 0 sees the front, 90 the object's own left.
        pitch: Range of the camera's height in degrees above the horizon.

    Returns:
        The camera, 1.9 to 5 model diameters away.
    """
    corners = np.concatenate(
        [face.points for solid in model.solids for face in solid.faces]
    )
    low, high = corners.min(0), corners.max(0)
    target = (low + high) / 2
    distance = rng.uniform(1.9, 5) * float(np.linalg.norm(high - low))
    turn = np.deg2rad(rng.uniform(*yaw))
    lift = np.deg2rad(rng.uniform(*pitch))
    toward = np.array(
        [
            -np.sin(turn) * np.cos(lift),
            np.cos(turn) * np.cos(lift),
            np.sin(lift),
        ]
    )
    forward = -toward
    right = np.cross(forward, (0.0, 0.0, 1.0))
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    light = (
        toward * rng.uniform(0.1, 0.8)
        + right * rng.uniform(-1, 1)
        + np.array([0, 0, rng.uniform(0.5, 1.2)])
    )
    return Camera(
        target + distance * toward,
        np.stack([right, down, forward]),
        target,
        light / np.linalg.norm(light),
    )


def view(
    model: Model,
    camera: Camera,
    names: Sequence[str],
    palette: dict[str, tuple[int, int, int]],
) -> Pose:
    """Draws a model as layers, back to front.

    Args:
        model: The model.
        camera: The viewpoint.
        names: Names of the keypoints, in the category's order.
        palette: Base colours of the materials.

    Returns:
        The pose in focal units.
    """
    planes = _planes(model.solids)
    facing = ((camera.position - planes.anchors) * planes.normals).sum(1)
    lambert = planes.normals @ camera.light * np.sign(facing)
    shades = _AMBIENT + _DIFFUSE * np.maximum(lambert, 0)
    layers: list[Layer] = []
    shown: dict[int, list[tuple[int, int]]] = {}  # solid: (layer, face)
    first: dict[int, int] = {}
    for index in _paint_order(planes, camera):
        first[index], shown[index] = len(layers), []
        own = range(planes.starts[index], planes.starts[index + 1])
        for i in sorted(own, key=lambda i: planes.faces[i].decal):
            face = planes.faces[i]
            if facing[i] > 0 or face.two_sided:
                shown[index].append((len(layers), i))
                polygon = camera.project(face.points).astype(np.float32)
                layers.append(Layer(polygon, face.material, float(shades[i])))
    keypoints, owners = [], []
    for name in names:
        point, indices = model.points[name]
        keypoints.append(camera.project(point[None])[0])
        candidates = [
            _keypoint_layer(
                point, model.solids[i].thin, planes, shown[i], first[i]
            )
            for i in indices
        ]
        owners.append(max(candidates))
    points = np.array(keypoints, np.float32)
    return Pose(tuple(layers), points, np.array(owners, int), palette)


def _keypoint_layer(
    point: np.ndarray,
    thin: bool,
    planes: _Planes,
    shown: list[tuple[int, int]],
    first: int,
) -> int:
    """Last shown layer of the keypoint's solid that contains the point.

    A point that lies on no shown face is behind all of its solid.
    """
    on = [
        layer
        for layer, face in shown
        if thin or _contains(planes, face, point)
    ]
    return max(on, default=first - 1)


def _contains(planes: _Planes, face: int, point: np.ndarray) -> bool:
    """Whether a face contains a ``(3,)`` point."""
    normal = planes.normals[face]
    if abs(normal @ (point - planes.anchors[face])) > _EPS:
        return False
    keep = np.argsort(np.abs(normal))[:2]  # drop the dominant axis
    flat = planes.faces[face].points[:, keep].astype(np.float32)
    x, y = point[keep]
    inside = cv2.pointPolygonTest(
        flat.reshape(-1, 1, 2), (float(x), float(y)), True
    )
    return inside > -_EPS


@dataclass(frozen=True)
class _Planes:
    """The planes of all faces of a model, F faces of S solids.

    Attributes:
        faces: The F faces, solid by solid.
        starts: ``(S + 1,)`` first face of every solid.
        owners: ``(F,)`` solid of every face.
        anchors: ``(F, 3)`` a point of every face.
        normals: ``(F, 3)`` unit normals that point out of the solid.
        centers: ``(S, 3)`` means of the corners of each solid's outside.
    """

    faces: list[Face]
    starts: np.ndarray
    owners: np.ndarray
    anchors: np.ndarray
    normals: np.ndarray
    centers: np.ndarray


def _planes(solids: Sequence[Solid]) -> _Planes:
    """Computes the planes of a model's faces."""
    faces = [face for solid in solids for face in solid.faces]
    counts = [len(solid.faces) for solid in solids]
    starts = np.concatenate([[0], np.cumsum(counts)])
    owners = np.repeat(np.arange(len(solids)), counts)
    centers = np.array([solid.center for solid in solids])
    # Three corners, spread over the outline, fix the plane of a face.
    triples = np.array(
        [
            face.points[[0, len(face.points) // 3, 2 * len(face.points) // 3]]
            for face in faces
        ]
    )
    anchors = triples[:, 0]
    normals = np.cross(triples[:, 1] - anchors, triples[:, 2] - anchors)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    inward = ((anchors - centers[owners]) * normals).sum(1) < 0
    normals[inward] *= -1
    return _Planes(faces, starts, owners, anchors, normals, centers)


def _paint_order(planes: _Planes, camera: Camera) -> list[int]:
    """Back-to-front order of convex solids.

    Of two solids that a face plane of one of them separates, the one on the
    camera's side can cover the other. Where no plane separates them, the
    one that is farther away is painted first.

    Args:
        planes: The planes of the model.
        camera: The viewpoint.

    Returns:
        Indices of the solids.
    """
    count = len(planes.centers)
    depth = (planes.centers - camera.position) @ camera.axes[2]
    harmless = _cannot_cover(planes, camera)
    # after[a, b]: a may cover b but not the other way round.
    after = ~harmless & harmless.T
    unknown = ~harmless & ~harmless.T
    after |= unknown & (depth[:, None] < depth[None])
    np.fill_diagonal(after, False)
    left, order = np.ones(count, bool), []
    while left.any():
        free = left & ~(after & left[None]).any(1)
        choice = free if free.any() else left  # a cycle: the farthest first
        pick = int(np.argmax(np.where(choice, depth, -np.inf)))
        order.append(pick)
        left[pick] = False
    return order


def _cannot_cover(planes: _Planes, camera: Camera) -> np.ndarray:
    """``(S, S)`` bool: [a, b] where solid a can never cover solid b."""
    outside = [i for i, face in enumerate(planes.faces) if not face.decal]
    corners = np.concatenate([planes.faces[i].points for i in outside])
    sizes = [len(planes.faces[i].points) for i in outside]
    owners = planes.owners[outside]
    solid_sizes = np.bincount(owners, sizes).astype(int)
    starts = np.cumsum(solid_sizes) - solid_sizes  # of the corners
    normals, anchors = planes.normals[outside], planes.anchors[outside]
    sheets = np.array([planes.faces[i].two_sided for i in outside])
    normals = np.concatenate([normals, -normals[sheets]])
    anchors = np.concatenate([anchors, anchors[sheets]])
    owners = np.concatenate([owners, owners[sheets]])
    offsets = (normals * anchors).sum(1)
    distance = normals @ corners.T - offsets[:, None]
    beyond = np.minimum.reduceat(distance, starts, axis=1) > -_EPS
    seen = normals @ camera.position > offsets
    count = len(planes.centers)
    harmless = np.zeros((count, count), bool)
    for face, owner in enumerate(owners):
        if seen[face]:  # what lies beyond is on the camera's side
            harmless[owner] |= beyond[face]
        else:
            harmless[:, owner] |= beyond[face]
    return harmless
