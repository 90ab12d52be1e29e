# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""A model with one weight and a data set of five pictures, for the tools."""

import torch
from mmengine.dataset import BaseDataset
from mmengine.model import BaseModel
from mmengine.structures import InstanceData
from mmpose.registry import DATASETS, MODELS
from mmpose.structures import PoseDataSample
from torch import nn

import projects.common.evaluation  # noqa: F401
from projects.common.structures import KeypointCategory, KeypointPrompt

NUM_PICTURES = 5
CATEGORY = {'id': 1, 'name': 'thing', 'keypoints': ['a', 'b']}


def truth(index):
    """One instance per picture; the box grows with the picture's number."""
    size = 40.0 + 20 * index
    return {
        'id': index + 1,
        'image_id': index,
        'category_id': 1,
        'bbox': [10.0, 10.0, size, size],
        'area': size * size,
        'iscrowd': 0,
        'num_keypoints': 2,
        'keypoints': [10.0, 10.0, 2, 10.0 + size, 10.0 + size, 2],
    }


def annotation_json():
    return {
        'images': [
            {'id': i, 'file_name': f'{i}.png', 'width': 4, 'height': 4}
            for i in range(NUM_PICTURES)
        ],
        'categories': [CATEGORY],
        'annotations': [truth(i) for i in range(NUM_PICTURES)],
    }


@DATASETS.register_module()
class ToyDataset(BaseDataset):
    def load_data_list(self):
        return [{'index': i} for i in range(NUM_PICTURES)]

    def prepare_data(self, idx):
        record = truth(idx)
        sample = PoseDataSample(metainfo={'img_id': idx})
        sample.prompts = KeypointPrompt.from_categories(
            [KeypointCategory.from_coco(CATEGORY)]
        )
        x, y, w, h = record['bbox']
        points = torch.tensor(record['keypoints']).view(1, 2, 3)[..., :2]
        sample.gt_instances = InstanceData(
            bboxes=torch.tensor([[x, y, x + w, y + h]]), keypoints=points
        )
        return {'inputs': torch.full((3, 4, 4), 0.1), 'data_samples': sample}


@MODELS.register_module()
class ToyModel(BaseModel):
    """Predicts the truth, shifted by 10 times its weight in x."""

    def __init__(self, num_queries=1, scale=10.0, width=1, test_cfg=None):
        super().__init__()
        self.num_queries = num_queries
        self.scale = scale
        self.test_cfg = test_cfg
        self.shift = nn.Parameter(torch.ones(width))
        self.seen_dtype = None

    def forward(self, inputs, data_samples=None, mode='tensor'):
        if mode == 'loss':
            # A matmul, so that autocast shows.
            product = (
                torch.stack(list(inputs)).flatten(1)[:, :1]
                @ (self.shift[None, :1])
            )
            self.seen_dtype = product.dtype
            return {'loss': (product.float() ** 2).mean()}
        for sample in data_samples:
            keypoints = sample.gt_instances.keypoints.clone()
            keypoints[..., 0] += self.scale * self.shift[0].detach()
            sample.pred_instances = InstanceData(
                bboxes=sample.gt_instances.bboxes,
                scores=torch.ones(1),
                labels=torch.zeros(1, dtype=torch.long),
                keypoints=keypoints,
                keypoint_scores=torch.ones(1, 2),
                keypoint_mask=torch.ones(1, 2, dtype=torch.bool),
            )
        return data_samples
