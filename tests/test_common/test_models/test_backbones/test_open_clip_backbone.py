# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest
import torch
from mmengine.config import Config
from mmpose.registry import MODELS

import projects.common.models.backbones  # noqa: F401  registers
from projects.common.models.prompt_encoders import OpenCLIPImageTower
from tests.conftest import REPO_ROOT
from tests.support_shots import TINY_CLIP


@pytest.fixture
def backbone():
    torch.manual_seed(0)
    config = {'type': 'OpenCLIPBackbone', 'model_name': TINY_CLIP}
    return MODELS.build(config).eval()


def test_patches_are_those_that_keypoints_look_at(backbone):
    images = torch.randn(2, 3, 32, 32)
    visual = backbone.tower.visual
    with torch.no_grad():
        (level,) = backbone(images)
        tokens, _ = backbone.tower._image_tokens(images, torch.zeros(2, 0, 2))
        for block in visual.transformer.resblocks:
            tokens = block(tokens)
        expected = visual.ln_post(tokens)[:, 1:]  # without the class token
    assert level.shape == (2, 64, 4, 4)  # 32 pixels in patches of 8
    found = level.flatten(2).transpose(1, 2)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_another_size(backbone):
    with pytest.raises(ValueError, match='64 x 32 .* input_size .* to 32'):
        backbone(torch.randn(1, 3, 32, 64))


def test_the_config_normalises_as_clip_wants_it():
    cfg = Config.fromfile(
        REPO_ROOT / 'configs/_base_/models/cape_clip_matching.py'
    ).model
    tower = OpenCLIPImageTower(TINY_CLIP)
    for name in ('mean', 'std'):
        wanted = getattr(tower, name).flatten().tolist()
        assert cfg.data_preprocessor[name] == pytest.approx(wanted, abs=1e-3)
    assert cfg.data_preprocessor.bgr_to_rgb
