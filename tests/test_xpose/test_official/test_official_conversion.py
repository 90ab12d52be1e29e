# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import official_instances as instances
import pytest
import torch

from projects.xpose.official.conversion import to_ours
from projects.xpose.official.report import ConversionError, ConversionReport
from projects.xpose.official.sizes import layout_of

LAYOUT = layout_of(instances.tiny_config().model)


@pytest.fixture(scope='module')
def model():
    return instances.build()


@pytest.fixture
def weights(model):
    return instances.official_weights(model)


def test_export_and_conversion_are_inverse(model, weights):
    halved = {name: tensor.double() for name, tensor in weights.items()}
    state, report = to_ours(halved, model, LAYOUT)
    own = {
        name: tensor
        for name, tensor in model.state_dict().items()
        if not name.startswith('prompt_encoder.')
    }
    assert state.keys() == own.keys() == report.mapped.keys()
    for name, tensor in own.items():
        assert torch.equal(state[name], tensor), name
        assert state[name].dtype == tensor.dtype
    assert report.problems == []
    assert set(report.ignored) == {
        'label_enc.weight',
        'padding.weight',
        'pos_proj.bias',
        'pos_proj.weight',
    }
    used = [name for names in report.mapped.values() for name in names]
    assert sorted([*used, *report.ignored]) == sorted(weights)


def test_exported_tensors_share_no_memory(weights):
    addresses = [tensor.data_ptr() for tensor in weights.values()]
    assert len(set(addresses)) == len(addresses)


def problems(weights, model):
    _, report = to_ours(weights, model, LAYOUT)
    return report.problems


def test_a_missing_key_is_named(model, weights):
    del weights['transformer.enc_output_norm.weight']
    assert problems(weights, model) == [
        'transformer.enc_output_norm.weight: missing, shape (64,) needed'
    ]


def test_a_missing_copy_is_named(model, weights):
    del weights['pose_embed.2.layers.2.bias']
    assert problems(weights, model) == [
        'pose_embed.2.layers.2.bias: missing, shape (2,) needed'
    ]


def test_an_extra_key_is_named(model, weights):
    weights['transformer.surprise'] = torch.ones(2, 3)
    assert problems(weights, model) == [
        'transformer.surprise: not known, shape (2, 3)'
    ]


def test_a_wrong_shape_is_named(model, weights):
    weights['input_proj.0.1.bias'] = torch.ones(7)
    assert problems(weights, model) == [
        'input_proj.0.1.bias: has shape (7,), this architecture (64,)'
    ]


def test_copies_that_differ_are_named(model, weights):
    weights['bbox_embed.1.layers.0.bias'] += 1
    assert problems(weights, model) == [
        'bbox_embed.0.layers.0.bias (and more): its copies differ, but this '
        'architecture has one tensor for all of them'
    ]


def test_many_problems_are_counted():
    report = ConversionReport(problems=[f'key {i}' for i in range(30)])
    with pytest.raises(ConversionError, match=r'30 of its') as error:
        report.check('a.pth')
    assert 'key 11\n' in str(error.value)
    assert '... and 18 more' in str(error.value)
    assert 'key 12' not in str(error.value)


def test_the_report_says_what_became_of_what(model, weights):
    _, report = to_ours(weights, model, LAYOUT)
    report.missing['clip_model.*'] = 'not in the file'
    text = str(report)
    total = sum(map(len, report.mapped.values()))
    assert f'mapped   {total} tensors to {len(report.mapped)} of' in text
    assert 'pos_proj.bias: positions of visual prompts' in text
    assert 'missing  1\n           clip_model.*: not in the file' in text
