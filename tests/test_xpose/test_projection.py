# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import torch
from torch.nn.functional import cosine_similarity

from projects.xpose.models.layers.projection import (
    PromptWhitening,
    prompt_projection,
)

WIDTH = 32


def embeddings():
    """Names of two words: nearly one vector, as sentence encoders give."""
    torch.manual_seed(0)
    sides, parts = 0.02 * torch.randn(2, WIDTH), 0.2 * torch.randn(8, WIDTH)
    rows = torch.randn(WIDTH) + sides[:, None] + parts
    return rows.flatten(0, 1)  # (2 * 8, E), sides first


def test_whitening_tells_left_from_right():
    rows = embeddings()
    left, right = rows[:8], rows[8:]
    assert cosine_similarity(left, right).min() > 0.98
    whitening = PromptWhitening(WIDTH, floor=1e-4)
    assert torch.equal(whitening(rows), rows)  # not fitted yet
    whitening.fit(rows)
    white = whitening(rows)
    assert cosine_similarity(white[:8], white[8:]).max() < 0.9
    # Seven directions of parts and one of sides, each of variance 1.
    spread = white.var(0, correction=0).sum()
    torch.testing.assert_close(spread, torch.tensor(8.0), rtol=0.05, atol=0)
    torch.testing.assert_close(
        white.mean(0), torch.zeros(WIDTH), atol=1e-3, rtol=0
    )


def test_the_floor_bounds_what_noise_is_stretched_by():
    rows = embeddings()
    whitening = PromptWhitening(WIDTH, floor=0.02)
    whitening.fit(rows)
    variance = (rows - rows.mean(0)).square().mean(0).sum() / WIDTH
    largest = torch.linalg.eigvalsh(whitening.matrix).max()
    torch.testing.assert_close(largest, (0.02 * variance).rsqrt())


def test_statistics_travel_in_the_state_dict():
    trained = prompt_projection(WIDTH, 16, True, {'floor': 0.1})
    trained[0].fit(embeddings())
    other = prompt_projection(WIDTH, 16, True, {'floor': 0.1})
    other.load_state_dict(trained.state_dict())
    rows = embeddings()[None]
    torch.testing.assert_close(other(rows), trained(rows))
    assert other(rows).shape == (1, 16, 16)
    # Without whitening the weights have the same names.
    plain = prompt_projection(WIDTH, 16, True)
    missing = set(trained.state_dict()) - set(plain.state_dict())
    assert missing == {'whitening.mean', 'whitening.matrix'}


def test_half_precision_is_whitened_in_full():
    whitening = PromptWhitening(WIDTH)
    whitening.fit(embeddings())
    with torch.autocast('cpu', dtype=torch.bfloat16):
        white = whitening(embeddings())
    torch.testing.assert_close(
        white, whitening(embeddings()), rtol=0.01, atol=0.01
    )
