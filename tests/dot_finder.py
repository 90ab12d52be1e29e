# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""A "model" that finds dots by the colour that an example shows, or words say.

Its results are known: the middle of each dot.
"""

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

#: BGR, on grey.
COLORS = {
    'red': (0, 0, 255),
    'green': (0, 255, 0),
    'blue': (255, 0, 0),
    'yellow': (0, 255, 255),
    'pink': (255, 0, 255),
}
#: Places of the dots in an example and in another picture.
EXAMPLE = ((60, 50), (200, 40), (250, 120), (150, 190), (40, 150))
OTHER = ((150, 100), (300, 60), (340, 220), (90, 240), (210, 170))
CONFIG = """
default_scope = 'mmpose'
custom_imports = dict(imports=['tests.dot_finder'])
model = dict(type='DotFinder')
"""

CONFIG_WITH_MAPS = CONFIG.replace('DotFinder', 'MapDotFinder')


def dots(places, size=(300, 220)):
    """A picture (w, h) with a dot of each colour."""
    picture = np.full((size[1], size[0], 3), 90, np.uint8)
    for color, place in zip(COLORS.values(), places):
        cv2.circle(picture, place, 9, color, cv2.FILLED)
    return picture


@INFERENCERS.register_module()
class DotFinderBackend(InferenceBackend):
    """One object; its keypoints are looked for by their colours (K, 3)."""

    def build(self, weights):
        return nn.Identity()

    @property
    def shot_size(self):
        return 128

    def category(self, name, like):
        raise ValueError(f'No keypoints are known for {like or name!r}.')

    def encode(self, prompt):
        category, shots = prompt.categories[0], prompt.supports[0]
        if not shots:
            rows = [COLORS.get(name, (0, 0, 0)) for name in category.keypoints]
            return torch.tensor(rows)
        x, y = shots[0].keypoints.round().long().T
        return shots[0].image[:, y, x].T

    def load(self, path):
        record = json.loads(Path(path).read_text())
        category = KeypointCategory(record['name'], record['keypoints'])
        return PreparedPrompt((category,), torch.tensor(record['colors']))

    def save(self, path, prompt):
        [category] = prompt.categories
        record = {
            'name': category.name,
            'keypoints': category.keypoints,
            'colors': prompt.state.tolist(),
        }
        Path(path).write_text(json.dumps(record))

    def pack(self, picture, prompt, bboxes):
        return picture

    def predict(self, packed, prompt):
        return [self._predict(picture, prompt) for picture in packed]

    def _predict(self, picture, prompt):
        points, scores = [], []
        for color in prompt.state.numpy():
            near = np.abs(picture.astype(int) - color).max(-1) < 60
            y, x = np.nonzero(near)
            points.append((x.mean(), y.mean()) if near.any() else (0, 0))
            scores.append(0.9 if near.any() else 0.1)
        points = torch.tensor(points, dtype=torch.float32)[None]
        sample = PoseDataSample()
        sample.prompts = KeypointPrompt.from_categories(prompt.categories)
        sample.pred_instances = InstanceData(
            bboxes=torch.cat([points.amin(1), points.amax(1)], 1),
            labels=torch.zeros(1, dtype=torch.long),
            scores=torch.tensor([0.8]),
            keypoints=points,
            keypoint_scores=torch.tensor(scores)[None],
            keypoint_mask=torch.ones(1, len(scores), dtype=torch.bool),
        )
        return sample


@INFERENCERS.register_module()
class MapDotFinderBackend(DotFinderBackend):
    """The same, with maps that are high where a dot is."""

    gives_maps = True

    def _predict(self, picture, prompt):
        sample = super()._predict(picture, prompt)
        found = sample.pred_instances
        side = max(picture.shape[:2])
        grid = torch.arange(256) * side / 256
        x, y = found.keypoints[0].T[..., None]
        near = (grid - x).abs()[:, None] + (grid - y).abs()[..., None]
        found.maps = torch.exp(-near / 35)[None]
        found.map_boxes = torch.tensor([[0.0, 0, side, side]])
        return sample
