# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Ground truth as predictions, to see what a metric says of them."""

import torch

from projects.common.structures import KeypointPrompt


def prediction(info, categories=None, move=None):
    """A prediction that is a picture's ground truth.

    Args:
        info: Of ``PromptCocoDataset.get_data_info``.
        categories: What was asked for, by default the data set's vocabulary.
        move: Changes the keypoints (N, K, 2) in place.
    """
    vocabulary = info['categories']
    categories = categories or vocabulary
    position = {c.name: i for i, c in enumerate(categories)}
    labels = [position[vocabulary[i].name] for i in info['gt_labels']]
    keypoints = torch.from_numpy(info['gt_keypoints'][..., :2]).clone()
    counts = torch.tensor([categories[i].num_keypoints for i in labels])
    count = len(labels)
    mask = torch.arange(keypoints.shape[1]) < counts.view(count, 1)
    if move is not None:
        move(keypoints, mask)
    return {
        'img_id': info['img_id'],
        'prompts': KeypointPrompt.from_categories(categories).to_dict(),
        'pred_instances': {
            'bboxes': torch.from_numpy(info['gt_bboxes']),
            'scores': torch.linspace(0.9, 0.5, count),
            'labels': torch.tensor(labels, dtype=torch.long),
            'keypoints': keypoints,
            'keypoint_scores': torch.ones(keypoints.shape[:2]),
            'keypoint_mask': mask,
        },
    }


def shuffle(keypoints, mask):
    """Exchange the keypoints of every object, far ones with each other."""
    for points, real in zip(keypoints, mask):
        points[real] = points[real].roll((int(real.sum()) + 1) // 2, 0)


def fed_back(sample, move=None):
    """A packed sample whose ground truth is what was predicted.

    Args:
        sample: Of a data set whose pipeline ends with ``PackPromptInputs``.
        move: Changes the keypoints (N, K, 2) in place.
    """
    truth = sample.gt_instances
    scale = torch.tensor(sample.scale_factor)  # to input pixels, w and h
    keypoints = truth.keypoints / scale
    if move is not None:
        move(keypoints, truth.keypoint_mask)
    return {
        'img_id': sample.img_id,
        'prompts': sample.prompts.to_dict(),
        'pred_instances': {
            'bboxes': truth.bboxes / scale.repeat(2),
            'scores': torch.linspace(0.9, 0.5, len(truth)),
            'labels': truth.labels,
            'keypoints': keypoints,
            'keypoint_scores': torch.ones(keypoints.shape[:2]),
            'keypoint_mask': truth.keypoint_mask,
        },
    }
