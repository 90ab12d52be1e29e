# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest
import torch
from torch.nn.functional import cosine_similarity

from projects.common.models.prompt_encoders.base_prompt_encoder import (
    CategoryRows,
)
from projects.common.structures import KeypointCategory
from projects.xpose.models.layers.projection import NameSeparation
from tests.test_xpose.conftest import build_model

WIDTH, PARTS = 32, 4
PAIRS = [(part, part + PARTS) for part in range(PARTS)]


def vocabulary(categories=6):
    """(2 * 4, E) each, sides first: nearly one vector, as encoders give."""
    torch.manual_seed(0)
    sides = 0.1 * torch.randn(2, 1, WIDTH)
    parts = 0.3 * torch.randn(1, PARTS, WIDTH)
    objects = torch.randn(categories, 1, 1, WIDTH)
    noise = 0.02 * torch.randn(categories, 2, PARTS, WIDTH)
    return (3 + objects + sides + parts + noise).flatten(1, 2)


def between_sides(rows):
    return cosine_similarity(rows[:, :PARTS], rows[:, PARTS:], dim=-1)


def between_parts(rows):
    return cosine_similarity(rows[:, [0]], rows[:, 1:PARTS], dim=-1)


def fitted(**options):
    module = NameSeparation(WIDTH, **options)
    module.fit(vocabulary(), [PAIRS] * 6)
    return module


def test_left_and_right_and_the_parts_of_one_object_come_apart():
    rows = vocabulary()
    assert between_sides(rows).min() > 0.99
    assert between_parts(rows).min() > 0.95
    assert torch.equal(NameSeparation(WIDTH)(rows), rows)  # not fitted
    apart = fitted(object_gain=0.1, num_sides=1)(rows)
    assert between_sides(apart).mean() < 0.6
    assert between_parts(apart).mean() < 0.5


def test_what_is_stretched_and_what_is_shrunk():
    rows = vocabulary()
    plain = rows - rows.flatten(0, 1).mean(0)
    sides = fitted(object_gain=1.0, num_sides=1)(rows)
    difference = plain[:, :PARTS] - plain[:, PARTS:]
    stretched = sides[:, :PARTS] - sides[:, PARTS:]
    ratio = stretched.norm(dim=-1) / difference.norm(dim=-1)
    assert ((ratio > 3.5) & (ratio < 4.01)).all()
    objects = fitted(side_gain=1.0, object_gain=0.3)(rows)
    ratio = objects.mean(1).norm(dim=-1) / plain.mean(1).norm(dim=-1)
    torch.testing.assert_close(ratio, torch.full((6,), 0.3), rtol=1e-3, atol=0)


def test_a_vocabulary_without_sides():
    module = NameSeparation(WIDTH, object_gain=0.5)
    module.fit(vocabulary(1), [[]])
    rows = vocabulary(1)
    expected = rows - rows[0].mean(0)  # one category: nothing tells it apart
    torch.testing.assert_close(module(rows), expected)


@pytest.mark.parametrize('normalized', [True, False])
def test_statistics_travel_in_the_state_dict(normalized):
    def edit(config):
        config.normalized_prompts = normalized
        config.name_separation = {}

    trained, other = build_model(edit), build_model(edit, seed=1)
    plain = build_model(lambda c: c.update(normalized_prompts=normalized))
    rows = torch.randn(6, 8, 16)
    trained.name_separation.fit(rows, [PAIRS] * 6)
    other.load_state_dict(trained.state_dict())
    torch.testing.assert_close(
        other.name_separation(rows), trained.name_separation(rows)
    )
    # Without it the weights have the same names.
    missing = set(trained.state_dict()) - set(plain.state_dict())
    assert missing == {'name_separation.mean', 'name_separation.matrix'}


def test_half_precision_is_computed_in_full():
    module = fitted()
    expected = module(vocabulary())
    with torch.autocast('cpu', dtype=torch.bfloat16):
        torch.testing.assert_close(module(vocabulary()), expected)


@pytest.mark.parametrize('options, fits', [(None, False), ({}, True)])
def test_a_model_fits_its_names(options, fits):
    def edit(config):
        config.name_separation = options

    model = build_model(edit)
    category = KeypointCategory(
        'cat', ('left eye', 'right eye', 'tail'), swap_pairs=((0, 1),)
    )
    seen = []

    def embed_names(categories):
        seen.extend(categories)
        torch.manual_seed(0)
        return CategoryRows(
            torch.randn(1, 16), torch.randn(3, 16), [3], torch.ones(3).bool()
        )

    model.prompt_encoder.embed_names = embed_names
    assert model.fit_names([category]) is fits
    assert seen == [category] * fits
    if fits:
        matrix = model.name_separation.matrix
        torch.manual_seed(0)
        torch.randn(1, 16)
        left, right, _ = torch.randn(3, 16)
        torch.testing.assert_close(
            (left - right) @ matrix, 4 * (left - right), rtol=1e-4, atol=1e-3
        )
