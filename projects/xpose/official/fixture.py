# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Recorded runs of the released model, as files.

A file holds ``model`` (released layout), ``config`` (its sizes) and
``cases``: pictures, prompt features and what the released model computed
from them, stage by stage.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmpose.structures import PoseDataSample
from torch import Tensor

from projects.common.models.prompt_encoders import EncodedPrompts, pad_prompts
from projects.common.structures import KeypointCategory, KeypointPrompt

from .sizes import is_sizes
from .source import OfficialFile, read_official

_INPUTS = ('images', 'object_text_embeddings', 'keypoint_text_embeddings')
_OUTPUTS = ('pred_logits', 'pred_boxes', 'pred_keypoints')


@dataclass(frozen=True)
class Case:
    """One recorded forward pass; B pictures, C categories, K keypoints.

    Attributes:
        images (list[Tensor]): B normalised pictures (3, H, W).
        objects (list[Tensor]): B features (C, E) of object prompts.
        keypoints (list[Tensor]): B features (K, E) of keypoint prompts,
            which all categories of the picture share.
        expected (dict): What was recorded.
    """

    images: list[Tensor]
    objects: list[Tensor]
    keypoints: list[Tensor]
    expected: dict[str, Any]

    @property
    def input_shape(self) -> tuple[int, int]:
        """(h, w) of the padded batch."""
        return tuple(max(i.shape[a] for i in self.images) for a in (1, 2))

    def batch(self) -> tuple[Tensor, EncodedPrompts, list[PoseDataSample]]:
        """Padded pictures (B, 3, H, W), encoded prompts and data samples."""
        inputs = self.images[0].new_zeros(
            len(self.images), 3, *self.input_shape
        )
        for slot, image in zip(inputs, self.images):
            slot[:, : image.shape[1], : image.shape[2]] = image
        prompts = pad_prompts(
            self.objects,
            [
                keypoints.repeat(len(objects), 1)
                for objects, keypoints in zip(self.objects, self.keypoints)
            ],
            [
                [len(keypoints)] * len(objects)
                for objects, keypoints in zip(self.objects, self.keypoints)
            ],
        )
        return inputs, prompts, [self._sample(i) for i in range(len(inputs))]

    def _sample(self, index: int) -> PoseDataSample:
        shape = tuple(self.images[index].shape[1:])
        sample = PoseDataSample(
            metainfo={
                'img_shape': shape,
                'ori_shape': shape,
                'batch_input_shape': self.input_shape,
                'scale_factor': (1.0, 1.0),
            }
        )
        names = [f'keypoint {k}' for k in range(len(self.keypoints[index]))]
        sample.prompts = KeypointPrompt.from_categories(
            KeypointCategory(f'object {c}', tuple(names))
            for c in range(len(self.objects[index]))
        )
        return sample


def read_fixture(path: str) -> tuple[OfficialFile, list[Case]]:
    """Read a file of recorded runs.

    Args:
        path (str): The file; it must hold tensors and plain values only.

    Returns:
        tuple[OfficialFile, list[Case]]: The model and its runs.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not of this format.
    """
    file = read_official(path)
    cases = file.others.get('cases')
    if not is_sizes(file.others.get('config')) or not cases:
        raise ValueError(
            f'"{path}" holds no recorded runs: it needs "config" with the '
            'sizes and a list "cases" beside "model".'
        )
    return file, [_case(path, i, case) for i, case in enumerate(cases)]


def _case(path: str, index: int, case: Mapping[str, Any]) -> Case:
    expected = case.get('expected', {})
    lacking = [name for name in _INPUTS if name not in case]
    lacking += [name for name in _OUTPUTS if name not in expected]
    if lacking:
        raise ValueError(
            f'Case {index} of "{path}" lacks {", ".join(lacking)}.'
        )
    lists = [[tensor.float() for tensor in case[name]] for name in _INPUTS]
    if len(set(map(len, lists))) != 1 or not lists[0]:
        raise ValueError(
            f'Case {index} of "{path}" has {len(lists[0])} images, but '
            f'prompts for {len(lists[1])} and {len(lists[2])}.'
        )
    plain = {
        name: value.float()
        if isinstance(value, Tensor)
        else [tensor.float() for tensor in value]
        for name, value in expected.items()
    }
    return Case(*lists, plain)
