# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest
import torch
from mmengine.structures import InstanceData

from projects.ppm.models import DiffusionFeatures
from projects.ppm.models.prompts.prompt_maps import make_generator
from tests.conftest import REPO_ROOT
from tests.test_ppm.conftest import make_prompt, make_shot


def build(folder, **changes):
    config = dict(type='LatentDiffusion', path=str(folder))
    return DiffusionFeatures(config, **changes)


def test_outputs_of_the_blocks(model_folder):
    features = build(
        model_folder, blocks=['down_blocks.1', 'mid_block', 'up_blocks.2']
    )
    images = torch.rand(2, 3, 32, 32) * 2 - 1
    down, middle, up = features(images)
    assert [tuple(x.shape) for x in (down, middle, up)] == [
        (2, 16, 4, 4),
        (2, 32, 4, 4),
        (2, 8, 16, 16),
    ]
    # The last block's output is what the UNet's end makes the noise of.
    diffusion = features.diffusion
    unet = diffusion.unet
    noisy, _ = diffusion.add_noise(
        diffusion.encode(images[1:]), 10, make_generator(0)
    )
    with torch.no_grad():
        found = unet.conv_out(unet.conv_act(unet.conv_norm_out(up[1:])))
        expected = diffusion(noisy, 10, torch.zeros(1, 1, 12))
    torch.testing.assert_close(found, expected)
    # A picture's features do not depend on its batch.
    torch.testing.assert_close(features(images[1:])[2], up[1:])
    assert not unet._forward_hooks and not unet.mid_block._forward_hooks


def test_unknown_blocks(model_folder):
    with pytest.raises(ValueError, match="no block 'up_blocks.9'; take"):
        build(model_folder, blocks=['up_blocks.9'])


def test_matching_finds_the_shots_own_keypoints(model_folder):
    """The query is the shot itself: every keypoint is most like itself."""
    from mmengine.config import Config
    from mmengine.registry import init_default_scope
    from mmpose.registry import MODELS
    from mmpose.structures import PoseDataSample

    import projects.common.models.baselines  # noqa: F401

    init_default_scope('mmpose')
    path = 'configs/_base_/models/diffusion_matching_tiny.py'
    config = Config.fromfile(REPO_ROOT / path).model
    config.backbone.diffusion.path = str(model_folder)
    model = MODELS.build(config)
    shot = make_shot(0)
    sample = PoseDataSample(metainfo={'scale_factor': (1.0, 1.0)})
    sample.set_metainfo({'img_shape': (32, 32)})
    sample.prompts = make_prompt(shot)
    sample.gt_instances = InstanceData(bboxes=torch.tensor([[0.0, 0, 32, 32]]))
    data = {'inputs': [shot.image], 'data_samples': [sample]}
    found = model.test_step(data)[0].pred_instances
    distances = (found.keypoints[0] - shot.keypoints).norm(dim=1)
    assert distances.max() <= 2
    assert (found.keypoint_scores > 0.9).all()
