# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import torch
from mmcv.cnn import ConvModule

import projects.common.models.layers  # noqa: F401  registers the layer


def test_padding_does_not_reach_the_norm():
    conv = ConvModule(
        3, 8, 1, norm_cfg=dict(type='mmpose.LayerNorm2d'), act_cfg=None
    )
    maps = torch.randn(1, 3, 4, 5)
    padded = torch.nn.functional.pad(maps, (0, 3, 0, 2), value=9.0)
    out = conv(maps)
    torch.testing.assert_close(conv(padded)[..., :4, :5], out)
    torch.testing.assert_close(out.mean(1), torch.zeros(1, 4, 5))
