# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Weighted sums of table rows with a gradient that is fast on CPUs.

Dims: N sums, J rows in each, R rows of the table, D columns.
"""

from typing import Any

import torch
from scipy.sparse import csr_matrix
from torch import Tensor
from torch.nn.functional import embedding_bag


def weighted_row_sum(rows: Tensor, table: Tensor, weights: Tensor) -> Tensor:
    """Add up J weighted rows of a table, N times.

    Args:
        rows (Tensor): (N, J) int or long, indices into the table.
        table (Tensor): (R, D) float.
        weights (Tensor): (N, J) of the table's type.

    Returns:
        Tensor: (N, D); gradients flow to ``table`` and ``weights``.
    """
    if table.device.type == 'cpu':
        return _CPUWeightedRowSum.apply(rows, table, weights)
    return embedding_bag(rows, table, mode='sum', per_sample_weights=weights)


class _CPUWeightedRowSum(torch.autograd.Function):
    """embedding_bag whose gradient of the table is a sparse product.

    PyTorch's own sorts all N * J indices for it, which takes several times
    as long.
    """

    @staticmethod
    def forward(
        ctx: Any, rows: Tensor, table: Tensor, weights: Tensor
    ) -> Tensor:
        ctx.save_for_backward(rows, table, weights)
        return embedding_bag(
            rows, table, mode='sum', per_sample_weights=weights
        )

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(
        ctx: Any, grad: Tensor
    ) -> tuple[None, Tensor | None, Tensor | None]:
        rows, table, weights = ctx.saved_tensors
        grad_table = grad_weights = None
        if ctx.needs_input_grad[1]:
            grad_table = _transposed_sum(rows, weights, grad, len(table))
        if ctx.needs_input_grad[2]:
            with torch.enable_grad():
                leaf = weights.detach().requires_grad_()
                output = embedding_bag(
                    rows, table.detach(), mode='sum', per_sample_weights=leaf
                )
            (grad_weights,) = torch.autograd.grad(output, leaf, grad)
        return None, grad_table, grad_weights


def _transposed_sum(
    rows: Tensor, weights: Tensor, grad: Tensor, num_rows: int
) -> Tensor:
    """Bring (N, D) back to the rows that were added up: (R, D)."""
    num_sums, per_sum = rows.shape
    starts = torch.arange(0, rows.numel() + 1, per_sum, dtype=torch.int32)
    matrix = csr_matrix(
        (weights.flatten().numpy(), rows.flatten().int().numpy(), starts),
        shape=(num_sums, num_rows),
    )
    return torch.from_numpy(matrix.T @ grad.contiguous().numpy())
