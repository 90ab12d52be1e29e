# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What was found in a picture, in plain values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from mmpose.structures import PoseDataSample

from projects.common.apis.base_backend import PreparedPrompt
from projects.common.apis.coco import results_to_coco
from projects.common.apis.drawing import (
    drawn_examples,
    drawn_instances,
    map_mosaic,
    overlaid,
)
from projects.common.apis.inputs import Frame
from projects.common.prompt_files import PromptDescription
from projects.common.structures import (
    KeypointCategory,
    best_of_each_object,
)
from projects.common.utils.pictures import read_picture
from projects.common.visualization import draw_instances, prepend_examples

FORMAT = 'anykeypoint.result.v1'


class FoundKeypoint(NamedTuple):
    """One keypoint.

    Attributes:
        name: Its name.
        xy: Its place, pixels of the picture.
        score: That it is here and placed well, given the object; 0 to 1.
        visibility: That it is not covered, given that it is here; 0 to 1,
            None where the model does not say.
    """

    name: str
    xy: tuple[float, float]
    score: float
    visibility: float | None = None


class AttentionMaps(NamedTuple):
    """Where a model looked for the keypoints of one object.

    Attributes:
        values: (K, h, w), one map for each of the object's keypoints.
        box: What they cover, xyxy in pixels of the picture; it may reach
            beyond it. The pixel (0, 0) of a map is at its corner.
    """

    values: np.ndarray
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class FoundInstance:
    """One object.

    Attributes:
        category: Name of its category.
        score: That it is here, 0 to 1.
        bbox: Box xyxy, pixels of the picture.
        keypoints: Those that were looked for, in the category's order.
        track_id: Number of the object in a video, where it is tracked.
        maps: Where the model looked, if that was asked for.
    """

    category: str
    score: float
    bbox: tuple[float, float, float, float]
    keypoints: tuple[FoundKeypoint, ...]
    track_id: int | None = None
    maps: AttentionMaps | None = field(default=None, repr=False, compare=False)

    def xy(self) -> np.ndarray:
        """(K, 2) places of its keypoints, pixels of the picture."""
        return np.array([k.xy for k in self.keypoints]).reshape(-1, 2)


@dataclass(frozen=True)
class KeypointResult:
    """All that was found in one picture or frame.

    Attributes:
        picture: Path of the picture or video, or None.
        frame: Number of the frame, from 0; None for a picture.
        size: (w, h) of the picture, pixels.
        categories: What was asked for.
        instances: Objects, the best first.
        not_shown: Keypoints that were not looked for because no example
            shows them, by category.
        image: (h, w, 3) uint8 BGR, or None where it was not kept.
        data_sample: The same as mmpose has it; None in a result that was
            read from a file or changed.
        description: The prompt; None if it was encoded, and in a result
            that was read from a file.
    """

    picture: str | None
    frame: int | None
    size: tuple[int, int]
    categories: tuple[KeypointCategory, ...]
    instances: tuple[FoundInstance, ...]
    not_shown: Mapping[str, Sequence[str]] = field(default_factory=dict)
    image: np.ndarray | None = field(default=None, repr=False, compare=False)
    data_sample: PoseDataSample | None = field(
        default=None, repr=False, compare=False
    )
    description: PromptDescription | None = field(
        default=None, repr=False, compare=False
    )

    @classmethod
    def of_sample(
        cls,
        sample: PoseDataSample,
        frame: Frame,
        prompt: PreparedPrompt,
        score_thr: float,
        nms_thr: float = 1.0,
        maps: bool = False,
    ) -> KeypointResult:
        """Read a prediction.

        Args:
            sample: With ``pred_instances`` in pixels of the picture, see
                :meth:`InferenceBackend.predict`; loses its maps.
            frame: The picture.
            prompt: What was asked.
            score_thr: Objects with a lower score are left out.
            nms_thr: See :meth:`AnyKeypointInferencer.__call__`.
            maps: Whether to keep the maps.
        """
        pairs = [
            sample.pred_instances.pop(name, None)
            for name in ('maps', 'map_boxes')
        ]
        found = sample.pred_instances.cpu()
        order = best_of_each_object(
            found.bboxes,
            found.scores,
            found.labels,
            nms_thr,
            keypoints=found.keypoints,
            keypoint_mask=found.keypoint_mask,
        )
        found = found.numpy()
        height, width = frame.image.shape[:2]
        return cls(
            frame.source,
            frame.index,
            (width, height),
            prompt.categories,
            tuple(
                _instance(
                    found,
                    i,
                    prompt.categories[found.labels[i]],
                    _maps(*pairs, found, i) if maps else None,
                )
                for i in order
                if found.scores[i] >= score_thr
            ),
            prompt.not_shown,
            frame.image,
            sample,
            prompt.description,
        )

    @property
    def map_names(self) -> tuple[str, ...]:
        """Names of the keypoints that there are attention maps of."""
        names = (
            keypoint.name
            for one in self.instances
            if one.maps is not None
            for keypoint in one.keypoints
        )
        return tuple(dict.fromkeys(names))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for json, as ``result.schema.json`` says."""
        width, height = self.size
        return {
            'format': FORMAT,
            'picture': self.picture,
            'frame': self.frame,
            'width': width,
            'height': height,
            'categories': [
                {
                    'name': category.name,
                    'keypoints': list(category.keypoints),
                    'skeleton': [list(pair) for pair in category.skeleton],
                }
                for category in self.categories
            ],
            'instances': [_instance_dict(one) for one in self.instances],
            'not_shown': {k: list(v) for k, v in self.not_shown.items()},
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> KeypointResult:
        """Read what :meth:`to_dict` gave.

        Raises:
            ValueError: If it is something else.
        """
        if content.get('format') != FORMAT:
            raise ValueError(
                f'This is no result: it lacks "format": "{FORMAT}".'
            )
        return cls(
            content['picture'],
            content['frame'],
            (content['width'], content['height']),
            tuple(KeypointCategory(**c) for c in content['categories']),
            tuple(_read_instance(one) for one in content['instances']),
            content['not_shown'],
        )

    def to_json(self) -> str:
        """:meth:`to_dict` in one line."""
        return json.dumps(self.to_dict(), ensure_ascii=False)

    def to_coco(self, kpt_thr: float = 0.3) -> dict[str, Any]:
        """A COCO-style file of this picture; see :func:`results_to_coco`."""
        return results_to_coco([self], kpt_thr)

    def draw(
        self,
        image: np.ndarray | None = None,
        kpt_thr: float = 0.3,
        show_names: bool = False,
        boxes: bool = True,
        min_side: int = 768,
        panel: bool = False,
        attention: str | None = None,
        unit: float | None = None,
    ) -> np.ndarray:
        """Draw what was found.

        Args:
            image: (h, w, 3) uint8 BGR; by default the picture itself, which
                is read again if it was not kept.
            kpt_thr: Keypoints with a lower score become small crosses;
                those that are covered become rings.
            show_names: Whether to write names beside keypoints.
            boxes: Whether to draw boxes and categories.
            min_side: A smaller picture is enlarged to this, pixels.
            panel: Whether to put the examples of the prompt, with their
                keypoints' names, to the left of the picture.
            attention: Name of a keypoint (one of ``map_names``): lay its map
                over the picture and draw no other keypoint.
            unit: Width of a thin line in pixels, to which marks and letters
                are in proportion; by default what suits the picture.

        Returns:
            np.ndarray: (H, W, 3) uint8 RGB.

        Raises:
            OSError: If the picture cannot be read again.
            ValueError: If there is no picture, no example for the panel, or
                no map of that keypoint.
        """
        image = self._image() if image is None else image
        image = np.ascontiguousarray(image[..., ::-1])
        if attention is not None:
            image = overlaid(self, image, attention)
        drawn = draw_instances(
            image,
            drawn_instances(self, kpt_thr, attention),
            boxes=boxes,
            names=show_names,
            min_side=min_side,
            unit=unit,
        )
        if not panel:
            return drawn
        examples = drawn_examples(self.description)
        return prepend_examples(drawn, examples, unit)

    def draw_maps(self, image: np.ndarray | None = None) -> np.ndarray:
        """Draw the attention maps of all keypoints, one beside the other.

        Args:
            image: As in :meth:`draw`.

        Returns:
            np.ndarray: (H, W, 3) uint8 RGB.

        Raises:
            OSError: If the picture cannot be read again.
            ValueError: If there is no picture, or no map.
        """
        return map_mosaic(self, self._image() if image is None else image)

    def _image(self) -> np.ndarray:
        if self.image is not None:
            return self.image
        if self.picture is None or self.frame is not None:
            raise ValueError(
                'This result does not keep its picture; give it to draw(), '
                'or draw while you iterate over stream().'
            )
        return read_picture(self.picture)


def _maps(
    maps: torch.Tensor, boxes: torch.Tensor, found: Any, number: int
) -> AttentionMaps:
    real = found.keypoint_mask[number]
    return AttentionMaps(
        maps[number].cpu().numpy()[: len(real)][real],
        tuple(boxes[number].tolist()),
    )


def _instance(
    found: Any,
    number: int,
    category: KeypointCategory,
    maps: AttentionMaps | None,
) -> FoundInstance:
    visible = found.get('keypoints_visible')
    keypoints = tuple(
        FoundKeypoint(
            name,
            tuple(map(float, found.keypoints[number, k])),
            float(found.keypoint_scores[number, k]),
            None if visible is None else float(visible[number, k]),
        )
        for k, name in enumerate(category.keypoints)
        if found.keypoint_mask[number, k]
    )
    return FoundInstance(
        category.name,
        float(found.scores[number]),
        tuple(map(float, found.bboxes[number])),
        keypoints,
        maps=maps,
    )


def _instance_dict(one: FoundInstance) -> dict[str, Any]:
    record = {
        'category': one.category,
        'score': round(one.score, 4),
        'bbox': [round(value, 2) for value in one.bbox],
        'keypoints': [
            {
                'name': keypoint.name,
                'x': round(keypoint.xy[0], 2),
                'y': round(keypoint.xy[1], 2),
                'score': round(keypoint.score, 4),
                'visibility': None
                if keypoint.visibility is None
                else round(keypoint.visibility, 4),
            }
            for keypoint in one.keypoints
        ],
    }
    if one.track_id is not None:
        record['track_id'] = one.track_id
    return record


def _read_instance(record: Mapping[str, Any]) -> FoundInstance:
    return FoundInstance(
        record['category'],
        record['score'],
        tuple(record['bbox']),
        tuple(
            FoundKeypoint(
                k['name'], (k['x'], k['y']), k['score'], k['visibility']
            )
            for k in record['keypoints']
        ),
        record.get('track_id'),
    )
