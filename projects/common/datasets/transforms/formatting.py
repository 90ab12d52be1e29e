# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Packing a transformed picture into what the model takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import InstanceData
from mmpose.registry import TRANSFORMS
from mmpose.structures import PoseDataSample

_NO_VALUE = {
    'img_id': None,
    'img_path': None,
    'style': None,
    'flip': False,
    'scale_factor': (1.0, 1.0),
}


def as_uint8(image: np.ndarray) -> np.ndarray:
    """Bring a picture into bytes; colour transforms return other floats."""
    if image.dtype == np.uint8:
        return image
    return image.round().clip(0, 255).astype(np.uint8)


@TRANSFORMS.register_module()
class PackPromptInputs(BaseTransform):
    """Turn numpy results into tensors, once, for model and losses.

    Required keys: ``img``, ``ori_shape``, ``prompts``; with ground truth
    also ``gt_bboxes``, ``gt_labels`` (index into the prompt's categories),
    ``gt_keypoints`` and ``gt_areas``.

    Returns a dict of

    - ``inputs``: (3, H, W) uint8 picture, channel order as loaded (BGR);
    - ``data_samples``: ``PoseDataSample`` with ``prompts``, metainfo
      ``img_id, img_path, ori_shape`` (h, w), ``img_shape`` (h, w),
      ``scale_factor`` (w, h), ``flip, style`` and, with ground truth,
      ``gt_instances`` in input pixels: ``bboxes`` (N, 4) xyxy, ``labels``
      (N,) long, ``keypoints`` (N, Kmax, 2), ``keypoints_visible`` (N, Kmax)
      0/1/2, ``keypoint_mask`` (N, Kmax) bool, True = the category has this
      keypoint, ``areas`` (N,) square pixels.

    Raises:
        ValueError: On use, if the picture has another size than its
            annotation says, or the ground truth fewer keypoint slots than a
            category of the prompt that is in the picture.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack one picture."""
        _check_size(results)
        image = as_uint8(results['img']).transpose(2, 0, 1)
        image = np.ascontiguousarray(image)
        metainfo = {k: results.get(k, v) for k, v in _NO_VALUE.items()}
        metainfo['ori_shape'] = tuple(results['ori_shape'])
        metainfo['img_shape'] = image.shape[1:]
        sample = PoseDataSample(metainfo=metainfo)
        sample.prompts = results['prompts']
        if 'gt_labels' in results:
            sample.gt_instances = _pack_instances(results)
        return {'inputs': torch.from_numpy(image), 'data_samples': sample}


def _check_size(results: dict[str, Any]) -> None:
    if 'height' not in results:  # a picture that belongs to no data set
        return
    said = (results['height'], results['width'])
    if tuple(results['ori_shape']) != said:
        height, width = results['ori_shape']
        raise ValueError(
            f'The picture {results["img_path"]} is {width} x {height} (w x h) '
            f'but its annotation says {said[1]} x {said[0]}; correct width '
            'and height in the annotation file, or the file itself.'
        )


def _pack_instances(results: dict[str, Any]) -> InstanceData:
    categories = results['prompts'].categories
    labels = results['gt_labels']
    keypoints = results['gt_keypoints']
    slots = keypoints.shape[1]
    counts = np.array([categories[i].num_keypoints for i in labels], int)
    for label, count in zip(labels, counts):
        if count > slots:
            raise ValueError(
                f'Category {categories[label].name!r} of the prompt has '
                f'{count} keypoint names but gt_keypoints of image '
                f'{results.get("img_path")} holds {slots}; make names and '
                'arrays agree.'
            )
    return InstanceData(
        bboxes=_float(results['gt_bboxes']),
        labels=torch.from_numpy(labels.astype(np.int64)),
        keypoints=_float(keypoints[..., :2]),
        keypoints_visible=_float(keypoints[..., 2]),
        keypoint_mask=torch.from_numpy(np.arange(slots) < counts[:, None]),
        areas=_float(results['gt_areas']),
    )


def _float(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
