# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""One batch asks in words, by example and by both."""

import torch
from mmpose.registry import MODELS

from projects.common.structures import KeypointPrompt
from tests.support_shots import random_shot
from tests.test_xpose.conftest import category, make_sample, perturb
from tests.test_xpose.test_config_models import (
    TINY,
    load,
    shrink_with_encoder,
)

CATEGORIES = [category('cat', 4), category('car', 9), category('fly', 2)]
#: Modality and number of shots of each category, picture by picture.
PROMPTS = [
    [('text', 0), ('text', 0), ('text', 0)],
    [('visual', 1), ('combined', 3)],
    [('combined', 2)],
    [('visual', 2), ('text', 0), ('visual', 1)],
]


def samples():
    found = []
    for i, asked in enumerate(PROMPTS):
        categories = CATEGORIES[: len(asked)]
        sample = make_sample(1, categories, seed=i)
        supports = [
            [random_shot(10 * i + s, c.num_keypoints) for s in range(count)]
            for c, (_, count) in zip(categories, asked, strict=True)
        ]
        sample.prompts = KeypointPrompt.from_categories(
            categories, None, supports, [modality for modality, _ in asked]
        )
        found.append(sample)
    return found


@torch.no_grad()
def test_a_mixed_batch_equals_one_by_one():
    torch.manual_seed(0)
    model = MODELS.build(shrink_with_encoder(load(TINY).model))
    perturb(model)
    model.eval().bbox_head.test_cfg.score_thr = 0.0
    images = torch.randn(len(PROMPTS), 3, 96, 128)
    together = model.predict(images, samples())
    for i, batched in enumerate(together):
        [alone] = model.predict(images[i : i + 1], samples()[i : i + 1])
        one, other = alone.pred_instances, batched.pred_instances
        assert len(one) == len(other) > 0
        assert torch.equal(one.labels, other.labels)
        for name in ('scores', 'keypoint_scores', 'keypoints_visible'):
            torch.testing.assert_close(
                one[name], other[name], atol=1e-4, rtol=0
            )
        # In pixels of a picture of 128, so 1e-4 of its width.
        for name in ('bboxes', 'keypoints'):
            torch.testing.assert_close(
                one[name], other[name], atol=1e-2, rtol=0
            )
