# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from projects.common.models.prompt_encoders import pad_prompts
from projects.common.models.prompt_encoders.base_prompt_encoder import (
    CategoryRows,
)
from projects.common.models.prompt_encoders.padding import pad_rows


def test_padding_keeps_order_and_fills_with_zeros():
    encoded = pad_prompts(
        [torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0]])],
        [torch.tensor([[4.0], [5.0], [6.0]]), torch.tensor([[7.0], [8.0]])],
        [[1, 2], [2]],
    )
    assert encoded.object_embeddings[..., 0].tolist() == [[1, 2], [3, 0]]
    assert encoded.keypoint_embeddings[..., 0].tolist() == [
        [[4, 0], [5, 6]],
        [[7, 8], [0, 0]],
    ]
    assert encoded.category_mask.tolist() == [[True, True], [True, False]]
    assert encoded.keypoint_mask.tolist() == [
        [[True, False], [True, True]],
        [[True, True], [False, False]],
    ]


def test_type_is_kept_and_gradients_reach_the_rows():
    objects = torch.ones(1, 3, dtype=torch.float64, requires_grad=True)
    keypoints = torch.ones(2, 3, dtype=torch.float64, requires_grad=True)
    other = torch.zeros(5, 3, dtype=torch.float64)
    encoded = pad_prompts([objects, other[:1]], [keypoints, other], [[2], [5]])
    (
        3 * encoded.keypoint_embeddings + encoded.object_embeddings[:, None]
    ).sum().backward()
    assert encoded.keypoint_embeddings.dtype == torch.float64
    assert keypoints.grad.tolist() == [[3.0] * 3] * 2
    assert objects.grad.tolist() == [[5.0] * 3]


@pytest.mark.parametrize('counts', [[], [[1], []]])
def test_missing_prompts_are_refused(counts):
    rows = [torch.zeros(len(c), 2) for c in counts]
    with pytest.raises(ValueError, match='at least one category'):
        pad_prompts(rows, rows, counts)


def test_counts_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r'\[\(1, 3\)\].*\[\(1, 2\)\]'):
        pad_prompts([torch.zeros(1, 2)], [torch.zeros(3, 2)], [[2]])


def test_keypoints_that_are_not_shown_are_masked_in_the_middle():
    encoded = pad_prompts(
        [torch.ones(2, 1), torch.ones(1, 1)],
        [torch.tensor([[1.0], [0], [3]]), torch.tensor([[0.0], [5]])],
        [[1, 2], [2]],
        torch.tensor([True, False, True, False, True]),
    )
    assert encoded.keypoint_mask.tolist() == [
        [[True, False], [False, True]],
        [[False, True], [False, False]],
    ]
    assert encoded.keypoint_embeddings[..., 0].tolist() == [
        [[1, 0], [0, 3]],
        [[0, 5], [0, 0]],
    ]
    assert encoded.category_mask.tolist() == [[True, True], [True, False]]


def test_rows_of_several_parts_are_put_in_order_and_split():
    one = CategoryRows(
        torch.tensor([[1.0], [2.0]]),
        torch.tensor([[10.0], [20.0], [21.0]]),
        [1, 2],
        torch.tensor([True, True, False]),
    )
    two = CategoryRows(
        torch.tensor([[3.0]]),
        torch.tensor([[30.0], [31.0], [32.0]]),
        [3],
        torch.tensor([False, True, True]),
    )
    rows = CategoryRows.gather([one, two], [1, 2, 0])
    assert rows.objects[:, 0].tolist() == [2, 3, 1]
    assert rows.keypoints[:, 0].tolist() == [20, 21, 30, 31, 32, 10]
    assert rows.counts == [2, 3, 1]
    assert rows.shown.tolist() == [True, False, False, True, True, True]
    first, rest = rows.split(1)
    assert (first.counts, rest.counts) == ([2], [3, 1])
    assert first.keypoints[:, 0].tolist() == [20, 21]
    assert rest.objects[:, 0].tolist() == [3, 1]
    assert rest.shown.tolist() == [False, True, True, True]
    encoded = pad_rows(rows, [2, 1])
    assert encoded.keypoint_embeddings[..., 0].tolist() == [
        [[20, 21, 0], [30, 31, 32]],
        [[10, 0, 0], [0, 0, 0]],
    ]
    assert encoded.keypoint_mask[0].tolist() == [
        [True, False, False], [False, True, True],
    ]  # fmt: skip
