# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Visual prompts: example crops with keypoints become embeddings."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmpose.registry import MODELS
from torch import Tensor

from projects.common.models.prompt_encoders.base_prompt_encoder import (
    BasePromptEncoder,
    CategoryRows,
    EncodedPrompts,
    require_modality,
)
from projects.common.models.prompt_encoders.padding import pad_rows
from projects.common.models.prompt_encoders.visual.base_keypoint_tower import (
    KeypointTower,
)
from projects.common.structures import KeypointPrompt, SupportShot


@MODELS.register_module()
class VisualPromptEncoder(BasePromptEncoder):
    """Encodes categories by their shots (X-Pose, section 3.1).

    Each different shot is encoded once, all in as few passes as
    ``batch_size`` allows. A category's object embedding is the mean of its
    shots', a keypoint's the mean over the shots that show it (v > 0), in
    whatever order they come. Keypoints that no shot shows get zeros and are
    masked out.

    In eval mode without gradients the embeddings of shots are remembered,
    until the tower may have changed (see ``KeypointTower.generation``).

    Args:
        tower: Config of a :class:`KeypointTower`, or the tower; its
            embeddings' length is D.
        batch_size: Number of shots in one pass of the tower.
        cache_size: Number of shots remembered, those used last.
        init_cfg: See ``mmengine.model.BaseModule``.
    """

    def __init__(
        self,
        tower: dict[str, Any] | KeypointTower,
        batch_size: int = 128,
        cache_size: int = 4096,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        if not isinstance(tower, KeypointTower):
            tower = MODELS.build(tower)
        super().__init__(tower.embed_dims, init_cfg)
        self.tower = tower
        self.batch_size = batch_size
        self.cache_size = cache_size
        # key of a shot -> object (D,) and keypoints (K, D)
        self._cache: OrderedDict[str, tuple[Tensor, Tensor]] = OrderedDict()
        self._cached_tower: tuple | None = None

    def forward(self, prompts: list[KeypointPrompt]) -> EncodedPrompts:
        """Encode B prompts, on the device of the tower.

        Raises:
            ValueError: If there is no prompt, or a category is not asked for
                by example alone.
        """
        for prompt in prompts:
            require_modality(prompt, 'visual')
        rows = self.embed_supports(
            [shots for prompt in prompts for shots in prompt.supports]
        )
        return pad_rows(rows, [len(prompt.categories) for prompt in prompts])

    def embed_supports(
        self, supports: Sequence[Sequence[SupportShot]]
    ) -> CategoryRows:
        """Encode R categories, each by one shot or more of the same K."""
        shots = {shot.key: shot for row in supports for shot in row}
        if not shots:
            nothing = self.tower.mask_token.new_zeros(0, self.embed_dims)
            no_keypoint = torch.zeros(0, dtype=torch.bool)
            return CategoryRows(nothing, nothing, [], no_keypoint)
        embedded = self._embed(shots)
        object_row, first_keypoint, start = {}, {}, 0
        for row, (key, shot) in enumerate(shots.items()):
            object_row[key], first_keypoint[key] = row, start
            start += shot.num_keypoints
        seen = {key: (s.visible > 0).tolist() for key, s in shots.items()}
        objects = [[object_row[shot.key] for shot in row] for row in supports]
        counts = [row[0].num_keypoints for row in supports]
        keypoints = [
            [first_keypoint[s.key] + k for s in row if seen[s.key][k]]
            for row, count in zip(supports, counts)
            for k in range(count)
        ]
        return CategoryRows(
            _means(torch.stack([o for o, _ in embedded]), objects),
            _means(torch.cat([k for _, k in embedded]), keypoints),
            counts,
            torch.tensor([bool(rows) for rows in keypoints]),
        )

    def _embed(
        self, shots: dict[str, SupportShot]
    ) -> list[tuple[Tensor, Tensor]]:
        """Look up or encode shots: object (D,) and keypoints (K, D) each."""
        remember = not self.training and not torch.is_grad_enabled()
        tower = (id(self.tower), self.tower.generation, self._amp_dtype())
        if tower != self._cached_tower or not remember:
            self._cache.clear()
            self._cached_tower = tower
        known = {key: self._cache[key] for key in shots if key in self._cache}
        new = [key for key in shots if key not in known]
        for i in range(0, len(new), self.batch_size):
            keys = new[i : i + self.batch_size]
            known.update(zip(keys, self._encode([shots[k] for k in keys])))
        if remember:
            for key in new:
                # Copies: a view would keep the whole pass in memory.
                self._cache[key] = tuple(value.clone() for value in known[key])
            for key in shots:
                self._cache.move_to_end(key)
            while len(self._cache) > self.cache_size:
                self._cache.popitem(last=False)
        return [known[key] for key in shots]

    def _amp_dtype(self) -> torch.dtype | None:
        """The type that autocast computes in, None without autocast."""
        device = self.tower.mask_token.device.type
        if not torch.is_autocast_enabled(device):
            return None
        return torch.get_autocast_dtype(device)

    def _encode(
        self, shots: Sequence[SupportShot]
    ) -> Iterable[tuple[Tensor, Tensor]]:
        """One pass of the tower, with keypoints padded to the largest K."""
        counts = [shot.num_keypoints for shot in shots]
        mask = torch.arange(max(counts)) < torch.tensor(counts)[:, None]
        points = torch.zeros(*mask.shape, 2)
        # In 0..1 of the crop, whatever its size; pixel 0's centre is at 0.5.
        points[mask] = torch.cat(
            [
                (shot.keypoints.float() + 0.5) / shot.image.shape[-1]
                for shot in shots
            ]
        )
        visible = torch.zeros_like(mask)
        visible[mask] = torch.cat([shot.visible > 0 for shot in shots])
        crops = torch.stack([self._resized(shot.image) for shot in shots])
        device = self.tower.mask_token.device
        objects, keypoints = self.tower(
            self.tower.normalize(crops.to(device)),
            points.to(device),
            visible.to(device),
            mask.to(device),
        )
        return zip(objects, (rows[:k] for rows, k in zip(keypoints, counts)))

    def _resized(self, image: Tensor) -> Tensor:
        """(3, S', S') uint8 to the tower's size."""
        size = self.tower.image_size
        if image.shape[-1] == size:
            return image
        resized = F.interpolate(
            image[None].float(), (size, size), mode='bilinear', antialias=True
        )
        return resized[0].round().to(torch.uint8)


def _means(table: Tensor, members: Sequence[Sequence[int]]) -> Tensor:
    """Mean of the rows (M, D) listed for each of T: (T, D), zeros for none."""
    longest = max(map(len, members))
    padded = [[*rows, *[0] * (longest - len(rows))] for rows in members]
    index = torch.tensor(padded)  # (T, longest)
    counts = torch.tensor([len(rows) for rows in members])[:, None]
    weight = (torch.arange(longest) < counts) / counts.clamp(min=1)
    index, weight = index.to(table.device), weight.to(table)
    return (table[index] * weight[..., None]).sum(1)
