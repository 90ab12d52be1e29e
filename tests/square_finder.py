# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""A "model" that finds plain squares by colour: its results are known."""

import json
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.structures import InstanceData
from mmpose.registry import INFERENCERS
from mmpose.structures import PoseDataSample
from torch import nn

from projects.common.apis import InferenceBackend, PreparedPrompt
from projects.common.structures import KeypointCategory, KeypointPrompt

#: BGR, on black.
COLORS = {'red': (0, 0, 255), 'green': (0, 255, 0), 'blue': (255, 0, 0)}
CORNERS = ('top left', 'top right', 'bottom right')
CONFIG = """
default_scope = 'mmpose'
custom_imports = dict(imports=['tests.square_finder'])
model = dict(type='SquareFinder')
"""


def square(name, x, y, side=10, size=(60, 40)):
    """A picture (w, h) with a square whose top left pixel is (x, y)."""
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    picture[y : y + side, x : x + side] = COLORS[name]
    return picture


def corners(x, y, side=10):
    """Places of the keypoints of such a square."""
    far = side - 1
    return [(x, y), (x + far, y), (x + far, y + far)]


def write_video(path, places, code='mp4v', fps=10, size=(64, 48)):
    """A red square at each of the places, one a frame."""
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter_fourcc(*code), fps, size
    )
    for x, y in places:
        writer.write(square('red', x, y, 16, size))
    writer.release()


def places(result):
    """Where the keypoints of the best object are."""
    return [keypoint.xy for keypoint in result.instances[0].keypoints]


class Camera:
    """Shows three pictures."""

    def __init__(self, source):
        assert source == 1
        self.left = 3

    def isOpened(self):
        return True

    def get(self, prop):
        return 30.0 if prop == cv2.CAP_PROP_FPS else -1.0

    def read(self):
        self.left -= 1
        return self.left >= 0, square('red', 5, 5)

    def release(self):
        self.left = 0


@INFERENCERS.register_module()
class SquareFinderBackend(InferenceBackend):
    """Objects score 0.9, their keypoints 0.8, 0.6 (hidden) and 0.2."""

    def build(self, weights):
        self.batches = []
        return nn.Identity()

    @property
    def shot_size(self):
        return 16

    def category(self, name, like):
        if (like or name) not in COLORS:
            raise ValueError(f'No keypoints are known for {like or name!r}.')
        return KeypointCategory(name, CORNERS, skeleton=((0, 1), (1, 2)))

    def encode(self, prompt):
        return prompt

    def load(self, path):
        names = json.loads(Path(path).read_text())
        categories = tuple(self.category(name, None) for name in names)
        prompt = KeypointPrompt.from_categories(categories)
        return PreparedPrompt(categories, prompt)

    def save(self, path, prompt):
        Path(path).write_text(json.dumps([c.name for c in prompt.categories]))

    def pack(self, picture, prompt, bboxes):
        if max(picture.shape) > 30000:
            raise ValueError('This picture is too large.')
        return picture, bboxes

    def predict(self, packed, prompt):
        self.batches.append(len(packed))
        return [self._predict(*one, prompt.state) for one in packed]

    def _predict(self, picture, bboxes, prompt):
        rows = []
        for label, name in enumerate(prompt.names):
            color = COLORS.get(name, COLORS['red'])
            near = np.abs(picture.astype(int) - color).max(-1) < 90
            if near.any():
                y, x = np.nonzero(near)
                rows.append((label, x.min(), y.min(), x.max(), y.max()))
        if bboxes is not None:
            rows = [(0, *box) for box in bboxes]
        rows = torch.tensor(rows, dtype=torch.float32).reshape(-1, 5)
        count, longest = (
            len(rows),
            max(c.num_keypoints for c in prompt.categories),
        )
        labels, boxes = rows[:, 0].long(), rows[:, 1:]
        points = torch.zeros(count, longest, 2)
        for k, (i, j) in enumerate([(0, 1), (2, 1), (2, 3)][:longest]):
            points[:, k, 0], points[:, k, 1] = boxes[:, i], boxes[:, j]
        scores = torch.tensor([0.8, 0.6, 0.2])[:longest]
        visible = torch.tensor([0.9, 0.1, 0.9])[:longest]
        mask = torch.ones(count, longest, dtype=torch.bool)
        sample = PoseDataSample()
        sample.pred_instances = InstanceData(
            bboxes=boxes,
            labels=labels,
            scores=torch.full((count,), 0.9) - 0.3 * labels,
            keypoints=points,
            keypoint_scores=scores.expand(count, longest),
            keypoints_visible=visible.expand(count, longest),
            keypoint_mask=mask,
        )
        return sample
