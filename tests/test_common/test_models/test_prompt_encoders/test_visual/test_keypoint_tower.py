# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What holds for every tower that takes keypoints."""

import math

import pytest
import torch
from mmpose.registry import MODELS

import projects.common.models.backbones
import projects.common.models.prompt_encoders  # noqa: F401
from projects.common.models.prompt_encoders.visual.base_keypoint_tower import (
    FourierEmbedding,
)
from tests.support_shots import TINY_CONV_TOWER, TINY_TOWER

PLACE_ONLY = {**TINY_CONV_TOWER, 'sampled_content': False}
TOWERS = pytest.mark.parametrize(
    'config',
    [TINY_TOWER, TINY_CONV_TOWER, PLACE_ONLY],
    ids=['clip', 'conv', 'place only'],
)


@pytest.fixture
def tower(config):
    torch.manual_seed(1)
    return MODELS.build(config).eval()


@pytest.fixture
def inputs():
    """Two crops with five keypoints, of which one each is not visible."""
    generator = torch.Generator().manual_seed(2)
    images = torch.randn(2, 3, 32, 32, generator=generator)
    keypoints = torch.rand(2, 5, 2, generator=generator)
    visible = torch.ones(2, 5, dtype=torch.bool)
    visible[0, 1] = visible[1, 4] = False
    return images, keypoints, visible


def test_fourier_embedding_is_that_of_nerf():
    embedding = FourierEmbedding(12, num_frequencies=3)
    embedding.projection = torch.nn.Identity()
    x, y = 0.3, 0.9
    waves = [
        wave(math.pi * 2**octave * value)
        for value in (x, y)
        for wave in (math.sin, math.cos)
        for octave in range(3)
    ]
    result = embedding(torch.tensor([x, y]))
    assert torch.allclose(result, torch.tensor(waves), atol=1e-6)


@TOWERS
@torch.no_grad()
def test_permuting_keypoints_permutes_them_and_nothing_else(tower, inputs):
    images, keypoints, visible = inputs
    order = torch.tensor([3, 0, 4, 1, 2])
    objects, embeddings = tower(images, keypoints, visible)
    permuted_objects, permuted = tower(
        images, keypoints[:, order], visible[:, order]
    )
    assert torch.equal(permuted_objects, objects)
    assert torch.allclose(permuted, embeddings[:, order], atol=1e-5)
    # It is no trivial result: places make keypoints differ.
    assert (embeddings[0, 0] - embeddings[0, 2]).abs().max() > 1e-2


@TOWERS
@torch.no_grad()
def test_coordinates_of_invisible_keypoints_do_not_matter(tower, inputs):
    images, keypoints, visible = inputs
    expected = tower(images, keypoints, visible)
    elsewhere = torch.where(visible[..., None], keypoints, 7.0)
    result = tower(images, elsewhere, visible)
    for one, other in zip(result, expected):
        assert torch.equal(one, other)
    # They share one token, so two of them are the same.
    hidden = visible.clone()
    hidden[:, 2:4] = False
    _, embeddings = tower(images, keypoints, hidden)
    assert torch.allclose(embeddings[:, 2], embeddings[:, 3], atol=1e-6)
    tower.mask_token.add_(torch.randn(tower.mask_token.shape))
    _, changed = tower(images, keypoints, hidden)
    assert (changed - embeddings).abs()[:, 2].max() > 1e-3


@TOWERS
@torch.no_grad()
def test_objects_do_not_depend_on_keypoints(tower, inputs):
    images, keypoints, visible = inputs
    objects, embeddings = tower(images, keypoints, visible)
    other, moved = tower(images, keypoints.flip(1) * 0.5, ~visible)
    assert torch.equal(objects, other)
    assert not torch.allclose(embeddings, moved, atol=1e-3)


@TOWERS
@torch.no_grad()
def test_keypoints_see_each_other_and_the_crop(tower, inputs):
    images, keypoints, visible = inputs
    _, embeddings = tower(images, keypoints, visible)
    moved = keypoints.clone()
    moved[:, 0] = 1 - moved[:, 0]
    _, changed = tower(images, moved, visible)
    assert (changed - embeddings)[:, 1:].abs().amax(-1).min() > 1e-5
    _, changed = tower(images.flip(0), keypoints, visible)
    assert (changed - embeddings).abs().amax(-1).min() > 1e-4


@TOWERS
@torch.no_grad()
def test_padded_keypoints_influence_nothing(tower, inputs):
    images, keypoints, visible = inputs
    mask = torch.ones(2, 5, dtype=torch.bool)
    mask[0, 3:] = False
    objects, embeddings = tower(images, keypoints, visible, mask)
    alone_objects, alone = tower(
        images[:1], keypoints[:1, :3], visible[:1, :3]
    )
    assert torch.allclose(objects[:1], alone_objects, atol=1e-5)
    assert torch.allclose(embeddings[:1, :3], alone, atol=1e-5)
    _, unmasked = tower(images, keypoints, visible)
    assert (unmasked[0, :3] - alone[0]).abs().max() > 1e-4
    assert torch.allclose(embeddings[1], unmasked[1], atol=1e-5)


@TOWERS
def test_crops_of_another_size_are_refused(tower, inputs):
    _, keypoints, visible = inputs
    with pytest.raises(ValueError, match=r'\(3, 32, 32\), but .*3, 40, 40'):
        tower(torch.zeros(2, 3, 40, 40), keypoints, visible)


@TOWERS
def test_generation_counts_what_may_change_the_weights(tower):
    seen = {tower.generation}
    for change in (
        tower.train,
        tower.eval,
        lambda: tower.to(torch.float64),
        lambda: tower.load_state_dict(tower.state_dict()),
        tower.init_weights,
    ):
        change()
        assert tower.generation not in seen
        seen.add(tower.generation)


@TOWERS
def test_every_trained_parameter_gets_a_gradient(tower, inputs):
    tower.train()
    objects, embeddings = tower(*inputs)
    (objects.pow(2).sum() + embeddings.pow(2).sum()).backward()
    for name, parameter in tower.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad.isfinite().all(), name
            assert parameter.grad.abs().sum() > 0, name
        else:
            assert parameter.grad is None, name


@pytest.mark.parametrize('config', [TINY_TOWER])
def test_bgr_bytes_become_normalised_rgb(tower):
    image = torch.tensor([0, 100, 255], dtype=torch.uint8).view(1, 3, 1, 1)
    red = (255 / 255 - 0.48145466) / 0.26862954
    green = (100 / 255 - 0.4578275) / 0.26130258
    blue = (0 - 0.40821073) / 0.27577711
    result = tower.normalize(image).flatten()
    assert torch.allclose(result, torch.tensor([red, green, blue]), atol=1e-6)
