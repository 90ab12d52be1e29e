# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import time

import pytest
import torch
from torch import nn

from projects.benchmarks.timing import (
    Workload,
    complexity,
    measure,
    peak_memory,
    raw_outputs,
    run,
    timed_stages,
)


class Preprocessor(nn.Module):
    def forward(self, data, training):
        assert training is False
        inputs = torch.stack(data['inputs']).float()
        return {'inputs': inputs, 'data_samples': data['data_samples']}


class Toy(nn.Module):
    """Two stages: one sleeps, one convolves."""

    def __init__(self):
        super().__init__()
        self.data_preprocessor = Preprocessor()
        self.conv = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.calls = 0

    def sleep(self):
        self.calls += 1
        time.sleep(0.02)

    def forward(self, inputs, data_samples, mode):
        if mode == 'predict':
            self.sleep()
            self.sleep()
        result = self.conv(inputs)
        return data_samples if mode == 'predict' else (result,)


STAGES = {'prepare': ['data_preprocessor.forward'], 'sleep': ['sleep']}
WORKLOAD = Workload((16, 24), categories=3, keypoints=5)


def test_a_workload_is_a_picture_and_a_prompt():
    data = WORKLOAD.data()
    assert data['inputs'][0].shape == (3, 16, 24)
    assert data['inputs'][0].dtype == torch.uint8
    assert torch.equal(WORKLOAD.data()['inputs'][0], data['inputs'][0])
    prompts = data['data_samples'][0].prompts
    assert [c.num_keypoints for c in prompts.categories] == [5, 5, 5]


def test_stages_are_measured_and_left_as_they_were():
    model = Toy()
    with timed_stages(model, STAGES) as seconds:
        run(model, WORKLOAD)
        first = dict(seconds)
    assert set(first) == {'prepare', 'sleep'}
    assert 0.04 <= first['sleep'] < 2
    run(model, WORKLOAD)
    assert seconds == first
    assert 'sleep' not in vars(model)
    assert 'forward' not in vars(model.data_preprocessor)


def test_an_unknown_stage_leaves_nothing_behind():
    model = Toy()
    stages = {**STAGES, 'wrong': ['no_such_method']}
    with pytest.raises(AttributeError), timed_stages(model, stages):
        pass
    assert 'sleep' not in vars(model)


def test_medians_of_repeated_runs():
    model = Toy()
    found = measure(model, WORKLOAD, STAGES, repeat=3, warm_up=2)
    assert model.calls == 2 * (3 + 2)
    assert list(found.seconds) == ['prepare', 'sleep', 'rest', 'total']
    parts = [found.seconds[s] for s in ('prepare', 'sleep', 'rest')]
    assert all(part >= 0 for part in parts)
    assert found.seconds['sleep'] >= 0.04
    low, high = found.spread
    assert low <= found.seconds['total'] <= high
    assert found.peak_memory > 10_000_000


@pytest.mark.parametrize(('repeat', 'warm_up'), [(0, 1), (1, 0)])
def test_too_few_runs_are_refused(repeat, warm_up):
    with pytest.raises(ValueError, match='must be 1 at least'):
        measure(Toy(), WORKLOAD, STAGES, repeat, warm_up)


def test_peak_memory_sees_what_is_gone_again():
    with peak_memory() as before:
        pass
    with peak_memory() as during:
        block = torch.ones(50_000_000)
        del block
    with peak_memory() as after:
        pass
    assert during[0] - before[0] > 150_000_000
    assert during[0] - after[0] > 150_000_000


def test_operations_are_counted():
    model = Toy()
    found = complexity(model, WORKLOAD)
    flops = 3 * 8 * 9 * 16 * 24
    assert found['flops'] == flops
    assert found['flops_by_part'] == {'conv': flops}
    assert found['parameters'] == found['trainable'] == 216


def test_raw_outputs_are_tensors():
    (result,) = raw_outputs(Toy(), WORKLOAD)
    assert result.shape == (1, 8, 16, 24)
