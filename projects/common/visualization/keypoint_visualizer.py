# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The visualizer that mmengine's and mmpose's hooks call."""

from __future__ import annotations

import os
from collections.abc import Sequence

import cv2
import numpy as np
import torch
from mmengine.dist import master_only
from mmengine.structures import InstanceData
from mmpose.registry import VISUALIZERS
from mmpose.structures import PoseDataSample
from mmpose.visualization import PoseLocalVisualizer

from projects.common.structures import KeypointCategory
from projects.common.utils.files import write_bytes
from projects.common.visualization.drawing import (
    DrawnInstance,
    PointState,
    draw_instances,
)
from projects.common.visualization.legend import append_legend


@VISUALIZERS.register_module()
class PromptKeypointVisualizer(PoseLocalVisualizer):
    """Draws objects of any categories, ground truth and predictions.

    mmpose's own draws the one skeleton of a data set; here every object has
    its category's, and every keypoint the colour of its name.

    The categories are those of ``data_sample.prompts``. mmpose's
    visualization hook drops the prompts; ``pred_instances.categories``
    (metainfo of the prediction) is used then.

    Args:
        name: Name under which mmengine finds this instance.
        score_thr: Predicted objects with a lower score are not drawn.
        legend: Whether keypoints are numbered and a panel lists their names.
        min_side: Longer side of the drawn picture is at least this, pixels.
        **kwargs: Arguments of mmpose's visualizer; its colours and widths
            have no effect.
    """

    def __init__(
        self,
        name: str = 'visualizer',
        score_thr: float = 0.3,
        legend: bool = False,
        min_side: int = 768,
        **kwargs: object,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.score_thr = score_thr
        self.legend = legend
        self.min_side = min_side

    def set_dataset_meta(
        self, dataset_meta: dict, skeleton_style: str = 'mmpose'
    ) -> None:
        """Store the data set's meta information; mmpose calls it.

        Args:
            dataset_meta: Of the data set.
            skeleton_style: Of no effect; prompts say what is connected.
        """
        self.dataset_meta = dataset_meta

    @master_only
    def add_datasample(
        self,
        name: str,
        image: np.ndarray,
        data_sample: PoseDataSample,
        draw_gt: bool = True,
        draw_pred: bool = True,
        draw_bbox: bool = True,
        draw_heatmap: bool = False,
        kpt_thr: float = 0.3,
        show: bool = False,
        wait_time: float = 0.0,
        out_file: str | None = None,
        step: int = 0,
    ) -> np.ndarray:
        """Draw a sample, ground truth left of the prediction.

        Args:
            name: Title of the window or the stored picture.
            image: (H, W, 3) uint8 RGB, the original picture.
            data_sample: Its ``gt_instances`` are in input pixels and mapped
                back by ``scale_factor``, which is right for pictures that
                were resized only; its ``pred_instances`` are in pixels of
                ``image``.
            draw_gt: Whether to draw the ground truth, if there is any.
            draw_pred: Whether to draw the prediction, if there is any.
            draw_bbox: Whether to draw boxes and categories too.
            draw_heatmap: mmpose's hooks pass it; there are no heatmaps here.
            kpt_thr: Keypoints with a lower score become small crosses.
                Other marks: see :func:`predicted_instances`.
            show: Whether to open a window.
            wait_time: Seconds the window waits, 0 = until a key.
            out_file: Where to write the picture.
            step: Training step of the stored picture.

        Returns:
            np.ndarray: What was drawn, (H, W, 3) uint8 RGB.

        Raises:
            ValueError: If the sample does not say what its labels mean.
        """
        drawn = []
        if draw_gt and 'gt_instances' in data_sample:
            instances = ground_truth_instances(data_sample)
            drawn.append(self._draw(image, instances, draw_bbox))
        if draw_pred and 'pred_instances' in data_sample:
            instances = predicted_instances(
                data_sample, self.score_thr, kpt_thr
            )
            drawn.append(self._draw(image, instances, draw_bbox))
        canvas = _side_by_side(drawn) if drawn else image
        self.set_image(canvas)
        if show:
            self.show(canvas, win_name=name, wait_time=wait_time)
        if out_file is not None:
            write_image(out_file, canvas)
        else:
            self.add_image(name, canvas, step)
        return canvas

    def _draw(
        self,
        image: np.ndarray,
        instances: Sequence[DrawnInstance],
        draw_bbox: bool,
    ) -> np.ndarray:
        canvas = draw_instances(
            image, instances, draw_bbox, self.legend, self.min_side
        )
        if self.legend:
            found = {i.category.name: i.category for i in instances}
            states = {PointState(s) for i in instances for s in i.states}
            states -= {PointState.ABSENT}
            canvas = append_legend(canvas, found.values(), sorted(states))
        return canvas


def ground_truth_instances(data_sample: PoseDataSample) -> list[DrawnInstance]:
    """Objects of ``gt_instances``, in pixels of the original picture.

    Args:
        data_sample: From ``PackPromptInputs``, the picture resized only.

    Raises:
        ValueError: If the sample does not say what its labels mean.
    """
    truth = data_sample.gt_instances
    categories = _categories(data_sample, truth)
    scale = np.array(data_sample.metainfo.get('scale_factor', (1.0, 1.0)))
    boxes = _array(truth.bboxes) / np.tile(scale, 2)
    keypoints = _array(truth.keypoints) / scale
    visible = _array(truth.keypoints_visible).astype(int)
    return [
        DrawnInstance(
            category=categories[label],
            bbox=boxes[i],
            keypoints=keypoints[i, : categories[label].num_keypoints],
            states=visible[i, : categories[label].num_keypoints],
        )
        for i, label in enumerate(_array(truth.labels))
    ]


def predicted_instances(
    data_sample: PoseDataSample,
    score_thr: float = 0.3,
    kpt_thr: float = 0.3,
) -> list[DrawnInstance]:
    """Objects of ``pred_instances``, the best last so that it lies on top.

    Keypoints that the model was not asked for (``keypoint_mask`` False: no
    example shows them) are absent, and those that it thinks covered
    (``keypoints_visible`` below 0.5) hidden, as in ground truth.

    Args:
        data_sample: With predictions in pixels of the original picture.
        score_thr: Objects with a lower score are left out.
        kpt_thr: Keypoints with a lower score are marked as doubtful, be they
            visible or hidden.

    Raises:
        ValueError: If the sample does not say what its labels mean.
    """
    found = data_sample.pred_instances
    categories = _categories(data_sample, found)
    scores = _array(found.scores)
    labels = _array(found.labels)
    boxes, keypoints = _array(found.bboxes), _array(found.keypoints)
    states = _predicted_states(found, kpt_thr)
    instances = []
    for i in np.argsort(scores, kind='stable'):
        if scores[i] < score_thr:
            continue
        category = categories[labels[i]]
        count = category.num_keypoints
        instances.append(
            DrawnInstance(
                category=category,
                bbox=boxes[i],
                keypoints=keypoints[i, :count],
                states=states[i, :count],
                score=float(scores[i]),
            )
        )
    return instances


def _predicted_states(found: InstanceData, kpt_thr: float) -> np.ndarray:
    """:class:`PointState` of predicted keypoints (M, K)."""
    scores = _array(found.keypoint_scores)
    states = np.full(scores.shape, PointState.VISIBLE)
    if 'keypoints_visible' in found:
        hidden = _array(found.keypoints_visible) < 0.5
        states[hidden] = PointState.HIDDEN
    states[scores < kpt_thr] = PointState.DOUBTFUL
    if 'keypoint_mask' in found:
        states[~_array(found.keypoint_mask)] = PointState.ABSENT
    return states


def _categories(
    data_sample: PoseDataSample, instances: InstanceData
) -> tuple[KeypointCategory, ...]:
    if 'prompts' in data_sample:
        return data_sample.prompts.categories
    if 'categories' in instances:
        return instances.categories
    raise ValueError(
        f'The sample of {data_sample.get("img_path")} has neither "prompts" '
        'nor instances with the metainfo "categories", so its labels have '
        'no names; set data_sample.prompts.'
    )


def _array(values: torch.Tensor | np.ndarray) -> np.ndarray:
    return values.cpu().numpy() if torch.is_tensor(values) else values


def _side_by_side(images: Sequence[np.ndarray]) -> np.ndarray:
    height = max(image.shape[0] for image in images)
    padded = [
        np.pad(image, ((0, height - image.shape[0]), (0, 0), (0, 0)))
        for image in images
    ]
    return np.concatenate(padded, axis=1)


def write_image(path: str, image: np.ndarray) -> None:
    """Write an (H, W, 3) uint8 RGB picture, complete or not at all.

    Args:
        path: Target; the extension chooses the format, folders are made.
        image: The picture.

    Raises:
        ValueError: If the extension names no format of pictures.
    """
    extension = os.path.splitext(path)[1]
    if not extension or not cv2.haveImageWriter(path):
        raise ValueError(
            f'"{path}" names no format of pictures; let it end in .jpg or '
            '.png.'
        )
    _, data = cv2.imencode(extension, image[..., ::-1])
    write_bytes(path, data.tobytes())
