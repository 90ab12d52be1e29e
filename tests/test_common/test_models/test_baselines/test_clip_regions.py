# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

import projects.common.models.prompt_encoders  # noqa: F401  registers the towers
from projects.common.models.baselines.clip_regions import (
    cut_squares,
    keypoint_squares,
    object_squares,
)
from projects.common.structures import KeypointCategory, KeypointPrompt
from tests.support_shots import TINY_CLIP

CATEGORIES = [
    KeypointCategory('cat', ('nose', 'tail')),
    KeypointCategory('chair', ('seat',)),
]


def test_squares_by_hand():
    boxes = torch.tensor([[10.0, 20.0, 30.0, 60.0]])
    assert object_squares(boxes).tolist() == [[0.0, 20.0, 40.0, 60.0]]
    keypoints = torch.tensor([[[15.0, 25.0], [0.0, 0.0]]])
    # A quarter of 40 px, around the middle of the keypoint's pixel.
    assert keypoint_squares(boxes, keypoints, 0.25).tolist() == [
        [[10.5, 20.5, 20.5, 30.5], [-4.5, -4.5, 5.5, 5.5]]
    ]


def test_cuts_are_the_pixels():
    image = torch.arange(3 * 6 * 8.0).view(3, 6, 8)
    (cut,) = cut_squares(image, torch.tensor([[2.0, 1.0, 6.0, 5.0]]), 4)
    torch.testing.assert_close(cut, image[:, 1:5, 2:6])
    # Half of it lies left of the picture: zero, the mean colour.
    (cut,) = cut_squares(image, torch.tensor([[-2.0, 0.0, 2.0, 4.0]]), 4)
    torch.testing.assert_close(cut[:, :, 2:], image[:, :4, :2])
    assert not cut[:, :, 0].any()


@pytest.fixture(scope='module')
def model():
    text = dict(context_length=16, vocab_size=49408, width=64)
    torch.manual_seed(0)
    return MODELS.build(
        {
            'type': 'CLIPRegions',
            'text': {
                'type': 'TextPromptEncoder',
                'embed_dims': TINY_CLIP['embed_dim'],
                'tower': {
                    'type': 'OpenCLIPTextTower',
                    'model_name': {
                        'embed_dim': TINY_CLIP['embed_dim'],
                        'text_cfg': {**text, 'heads': 1, 'layers': 1},
                    },
                },
            },
            'image': {'type': 'OpenCLIPImageTower', 'model_name': TINY_CLIP},
            'batch_size': 2,
        }
    ).eval()


def sample(count, shape=(40, 48)):
    boxes = torch.tensor([[4.0, 4.0, 24.0, 34.0], [20.0, 8.0, 44.0, 30.0]])
    keypoints = torch.tensor(
        [[[6.0, 9.0], [20.0, 30.0]], [[30.0, 20.0], [0.0, 0.0]]]
    )
    result = PoseDataSample(metainfo={'img_shape': shape})
    result.prompts = KeypointPrompt.from_categories(CATEGORIES)
    result.gt_instances = InstanceData(
        bboxes=boxes[:count],
        labels=torch.tensor([0, 1])[:count],
        keypoints=keypoints[:count],
        keypoints_visible=torch.tensor([[2.0, 0.0], [1.0, 0.0]])[:count],
        keypoint_mask=torch.tensor([[True, True], [True, False]])[:count],
    )
    return result


def test_embeddings_are_clip_of_the_cuts(model):
    inputs = torch.randn(1, 3, 64, 64)
    (result,) = model(inputs, [sample(2)])
    pred, truth = result.pred_instances, result.gt_instances
    assert pred.found.tolist() == [True, True]
    # Padding beyond 40 x 48 must not be seen.
    image = inputs[0, :, :40, :48]

    def embed(squares):
        cuts = cut_squares(image, squares, 32)
        nothing = torch.zeros(len(cuts), 0)
        with torch.no_grad():
            return model.image(
                cuts, nothing[..., None].expand(-1, -1, 2), nothing.bool()
            )[0]

    torch.testing.assert_close(
        pred.embeddings, embed(object_squares(truth.bboxes))
    )
    squares = keypoint_squares(truth.bboxes, truth.keypoints, 0.25)
    torch.testing.assert_close(
        pred.keypoint_embeddings[:, 0], embed(squares[:, 0])
    )
    # Not labelled.
    assert not pred.keypoint_embeddings[:, 1].any()
    # Every row has its own category's texts.
    text = model.text([result.prompts])
    torch.testing.assert_close(pred.prompts, text.object_embeddings[0])
    torch.testing.assert_close(
        pred.keypoint_prompts, text.keypoint_embeddings[0]
    )
    changed = inputs.clone()
    changed[:, :, 40:] += 5
    (other,) = model(changed, [sample(2)])
    torch.testing.assert_close(
        other.pred_instances.embeddings, pred.embeddings
    )


def test_without_objects_and_without_training(model):
    inputs = torch.randn(1, 3, 40, 48)
    (result,) = model(inputs, [sample(0)])
    assert len(result.pred_instances) == 0
    assert result.pred_instances.keypoint_embeddings.shape == (0, 2, 24)
    with pytest.raises(ValueError, match="knows no mode 'loss'"):
        model(inputs, [sample(0)], mode='loss')
