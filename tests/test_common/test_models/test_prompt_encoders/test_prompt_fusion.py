# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest
import torch

from projects.common.models.prompt_encoders import PromptFusion

TEXT = torch.tensor([[3.0, 4.0, 0.0], [0.0, 0.0, 2.0]])
VISUAL = torch.tensor([[0.0, 0.0, 70.0], [5.0, 0.0, 0.0]])
ALL = torch.tensor([True, True])


def test_the_mean_is_of_directions_at_the_texts_length():
    fused = PromptFusion(3)(TEXT, VISUAL, ALL)
    expected = torch.tensor([[1.5, 2.0, 2.5], [1.0, 0.0, 1.0]])
    assert torch.allclose(fused, expected)


def test_what_no_shot_shows_is_the_text():
    shown = torch.tensor([True, False])
    visual = VISUAL.clone()
    visual[1] = 0
    text = TEXT.clone().requires_grad_()
    for mode in ('mean', 'gate'):
        fused = PromptFusion(3, mode)(text, visual.requires_grad_(), shown)
        assert torch.equal(fused[1], TEXT[1])
        fused.sum().backward()
        assert visual.grad[1].tolist() == [0, 0, 0]
        assert text.grad.isfinite().all()


def test_the_gate_starts_as_the_mean_and_learns():
    gate = PromptFusion(3, 'gate')
    start = gate(TEXT, VISUAL, ALL)
    assert torch.allclose(start, PromptFusion(3)(TEXT, VISUAL, ALL))
    optimizer = torch.optim.SGD(gate.parameters(), lr=0.3)
    for _ in range(200):
        loss = (gate(TEXT, VISUAL, ALL) - TEXT).pow(2).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.05 * (start - TEXT).pow(2).sum()
    # Channel by channel, and depending on what it is given.
    assert gate.gate.bias.unique().numel() == 3
    assert gate.gate.weight.abs().sum() > 0


def test_no_rows_stay_no_rows():
    for mode in ('mean', 'gate'):
        fused = PromptFusion(3, mode)(TEXT[:0], VISUAL[:0], ALL[:0])
        assert fused.shape == (0, 3)


def test_unknown_modes_are_refused():
    with pytest.raises(ValueError, match="'sum'; choose one of 'mean', 'gat"):
        PromptFusion(3, 'sum')
