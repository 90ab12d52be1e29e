# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What an evaluation keeps of a prediction."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from projects.common.evaluation.supports import used_supports

#: What a model need not tell.
OPTIONAL_FIELDS = ('keypoints_visible', 'keypoint_mask')


def prediction_record(sample: Mapping[str, Any]) -> dict[str, Any]:
    """What is needed of a prediction, as numpy arrays.

    Args:
        sample: See :meth:`PromptKeypointMetric.process`.
    """
    pred = sample['pred_instances']
    result = {
        key: np.asarray(_to_numpy(pred[key]), dtype=dtype)
        for key, dtype in (
            ('bboxes', np.float32),
            ('scores', np.float32),
            ('labels', np.int64),
            ('keypoints', np.float32),
            ('keypoint_scores', np.float32),
            ('keypoints_visible', np.float32),
            ('keypoint_mask', bool),
        )
        if key in pred or key not in OPTIONAL_FIELDS
    }
    categories = sample['prompts']['categories']
    result['img_id'] = int(sample['img_id'])
    result['categories'] = [(c.name, c.num_keypoints) for c in categories]
    result['supports'] = used_supports(sample['prompts'])
    return result


def _to_numpy(value: Any) -> Any:
    return value.detach().cpu().numpy() if hasattr(value, 'detach') else value
