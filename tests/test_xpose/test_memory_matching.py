# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from projects.common.structures import KeypointPrompt, SupportShot
from projects.common.utils.checkpoints import check_compatible
from tests.conftest import REPO_ROOT
from tests.test_xpose.conftest import category, perturb, shrink

CONFIG = Config.fromfile(
    REPO_ROOT / 'configs/category_agnostic_2d_keypoint/xpose'
    '/memory_matching_synthkpt-split1_1shot.py'
)
MOUSE = category('mouse', 3)


@pytest.fixture
def model():
    torch.manual_seed(0)
    config = CONFIG.model.copy()
    config.detector = shrink(config.detector)
    model = MODELS.build(config)
    perturb(model.backbone.detector)
    return model.eval()


def picture(size=64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randint(0, 256, (1, 3, 16, 16), generator=generator)
    large = torch.nn.functional.interpolate(noise.float(), (size, size))
    return large[0].byte()


def test_the_memory_is_what_the_decoder_reads(model):
    memory, detector = model.backbone, model.backbone.detector
    images = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        levels = memory(images)
        sample = PoseDataSample(
            metainfo={'img_shape': (64, 96), 'batch_input_shape': (64, 96)}
        )
        inputs, _ = detector.pre_transformer(
            detector.extract_feat(images), [sample] * 2
        )
        tokens = detector.forward_encoder(
            **inputs, prompts=memory._neutral_prompts(images)
        )['memory']
        alone = memory(images[1:])
    shapes = inputs['spatial_shapes'].tolist()
    assert [list(level.shape[-2:]) for level in levels] == shapes
    # Row by row, one level after the other.
    flat = [level.permute(0, 2, 3, 1).flatten(1, 2) for level in levels]
    assert torch.equal(torch.cat(flat, 1), tokens)
    for level, single in zip(levels, alone):
        torch.testing.assert_close(level[1:], single, atol=1e-5, rtol=0)


def test_a_picture_is_found_in_itself(model):
    places = torch.tensor([[10.0, 12], [50, 20], [33, 51]])
    shot = SupportShot(picture(), places, torch.tensor([2.0, 2, 2]))
    sample = PoseDataSample(
        metainfo={'img_shape': (64, 64), 'scale_factor': (1.0, 1.0)}
    )
    sample.prompts = KeypointPrompt.from_categories([MOUSE], supports=[[shot]])
    sample.gt_instances = InstanceData(bboxes=torch.tensor([[0.0, 0, 64, 64]]))
    data = {'inputs': [picture()], 'data_samples': [sample]}
    (found,) = model.test_step(data)
    found = found.pred_instances
    # Cells are four pixels wide.
    assert (found.keypoints[0] - places).abs().max() <= 4
    assert found.keypoint_scores.min() > 0.9
    other = {'inputs': [picture(seed=1)], 'data_samples': [sample]}
    (elsewhere,) = model.test_step(other)
    scores = elsewhere.pred_instances.keypoint_scores
    assert scores.max() < found.keypoint_scores.min()


def test_takes_the_checkpoint_of_the_detector(model, tmp_path):
    detector = model.backbone.detector
    state = {
        name: torch.full_like(value, 0.25)
        if value.dtype.is_floating_point
        else value
        for name, value in detector.state_dict().items()
    }
    path = str(tmp_path / 'detector.pth')
    torch.save({'state_dict': state}, path)
    check_compatible(model, path)
    assert (detector.level_embed == 0.25).all()
    assert not any(p.requires_grad for p in model.parameters())
    torch.save({'state_dict': {**state, 'left.over': torch.ones(1)}}, path)
    with pytest.raises(ValueError, match='left.over: not in the model'):
        check_compatible(model, path)
