# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from projects.common.models.layers.row_sum import weighted_row_sum

ROWS = torch.tensor([[0, 2], [2, 2], [1, 0]])


def inputs():
    gen = torch.Generator().manual_seed(0)
    table = torch.rand(4, 3, generator=gen, dtype=torch.float64)
    weights = torch.rand(3, 2, generator=gen, dtype=torch.float64)
    return table, weights


def test_sums_by_hand():
    table = torch.tensor([[1.0], [10.0], [100.0], [1000.0]])
    weights = torch.tensor([[1.0, 2.0], [0.5, 0.5], [3.0, 1.0]])
    out = weighted_row_sum(ROWS, table, weights)
    assert out[:, 0].tolist() == [201, 100, 31]


@pytest.mark.parametrize(
    'trained', [(True, True), (True, False), (False, True)]
)
def test_gradients(trained):
    leaves = [
        tensor.requires_grad_(needed)
        for tensor, needed in zip(inputs(), trained, strict=True)
    ]
    assert torch.autograd.gradcheck(
        lambda *leaf: weighted_row_sum(ROWS, *leaf), leaves
    )
