# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import copy
import itertools

import pytest
import torch
from torch import nn

from projects.common.models.prompt_encoders import (
    KeypointTower,
    VisualPromptEncoder,
)
from projects.common.structures import (
    KeypointCategory,
    KeypointPrompt,
    SupportShot,
)
from tests.support_shots import TINY_TOWER, random_shot

CAT = KeypointCategory('cat', ('left eye', 'tail'))
DOG = KeypointCategory('dog', ('left eye', 'nose', 'tail'))


class PlainTower(KeypointTower):
    """Embeds a crop as its mean byte, a keypoint as (x, y, visible)."""

    def __init__(self, image_size=4):
        super().__init__(1, image_size, 3, [0, 0, 0], [1, 1, 1])
        self.passes = []

    def _image_tokens(self, images, keypoints):
        self.passes.append(len(images))
        self.images = images
        means = images.mean((1, 2, 3)).view(-1, 1, 1)
        return means * self.mask_token.new_ones(3), None

    def forward(self, images, keypoints, visible, keypoint_mask=None):
        tokens, _ = self._image_tokens(images, keypoints)
        self.mask = keypoint_mask
        return tokens[:, 0], torch.cat([keypoints, visible[..., None]], -1)

    def _start(self, tokens):
        return tokens

    _blocks = ()

    def _project(self, tokens):
        return tokens


def shot(value, keypoints, visible, size=4):
    return SupportShot(
        torch.full((3, size, size), value, dtype=torch.uint8),
        torch.tensor(keypoints, dtype=torch.float32),
        torch.tensor(visible, dtype=torch.float32),
    )


def prompt(*pairs, **kwargs):
    categories, supports = zip(*pairs)
    return KeypointPrompt.from_categories(categories, None, supports, **kwargs)


ONE = shot(10, [[1, 2], [4, 4]], [2, 0])
TWO = shot(30, [[3, 2], [2, 0]], [1, 2])
NOSE = shot(50, [[1, 1], [2, 2], [3, 3]], [0, 2, 0])


def same(first, second, atol=0.0):
    return all(
        torch.allclose(a.float(), b.float(), atol=atol, rtol=0)
        for a, b in zip(vars(first).values(), vars(second).values())
    )


def test_shots_are_averaged_where_they_show_the_keypoint():
    encoder = VisualPromptEncoder(PlainTower())
    encoded = encoder([prompt((DOG, [NOSE]), (CAT, [ONE, TWO]))])
    assert encoded.object_embeddings[0, :, 0].tolist() == [50, 20]
    assert encoded.keypoint_embeddings[0].tolist() == [
        # Nothing shows the dog's left eye and tail. The centre of pixel 2 of
        # four is at 2.5 / 4.
        [[0, 0, 0], [0.625, 0.625, 1], [0, 0, 0]],
        # Both show the cat's left eye, one its tail.
        [[0.625, 0.625, 1], [0.625, 0.125, 1], [0, 0, 0]],
    ]
    assert encoded.category_mask.all()
    assert encoded.keypoint_mask.tolist() == [
        [[False, True, False], [True, True, False]]
    ]
    assert encoded.object_embeddings.shape[-1] == encoder.embed_dims == 3


def test_each_different_shot_is_encoded_once_in_one_pass():
    encoder = VisualPromptEncoder(PlainTower()).train()
    again = shot(10, [[1, 2], [4, 4]], [2, 0])
    prompts = [prompt((CAT, [ONE, TWO, again]), (DOG, [NOSE]))] * 2
    encoder([*prompts, prompt((CAT, [TWO]))])
    assert encoder.tower.passes == [3]
    assert encoder.tower.mask.tolist() == [
        [True, True, False], [True, True, False], [True, True, True],
    ]  # fmt: skip
    small = VisualPromptEncoder(PlainTower(), batch_size=2)
    assert same(small(prompts), encoder(prompts))
    assert small.tower.passes == [2, 1]


def test_repeated_shots_count_twice():
    encoder = VisualPromptEncoder(PlainTower())
    encoded = encoder([prompt((CAT, [ONE, TWO, ONE]))])
    assert encoded.object_embeddings[0, 0, 0] == pytest.approx(50 / 3)


def test_shots_of_another_size_are_resized_with_their_keypoints():
    # The centre of pixel 3 of four is between pixels 6 and 7 of eight.
    large = shot(30, [[6.5, 4.5], [4.5, 0.5]], [1, 2], size=8)
    encoder = VisualPromptEncoder(PlainTower())
    expected = encoder([prompt((CAT, [TWO]))])
    assert same(encoder([prompt((CAT, [large]))]), expected)
    picture = random_shot(0, 2, size=8)
    encoder([prompt((CAT, [picture]))])
    # Halving with antialiasing keeps the mean, up to the border.
    resized = encoder.tower.images
    assert resized.shape == (1, 3, 4, 4)
    assert resized.mean() == pytest.approx(
        picture.image.float().mean().item(), abs=8
    )
    # BGR comes in, RGB goes to the tower.
    blue = resized[0, 2].mean() - picture.image[0].float().mean()
    assert abs(blue) < 12


@torch.no_grad()
def test_shots_in_any_order_give_the_same_embedding():
    torch.manual_seed(0)
    encoder = VisualPromptEncoder(TINY_TOWER)
    shots = [random_shot(s, 3, hidden=[s % 3]) for s in range(4)]
    expected = None
    for order in itertools.permutations(shots):
        encoder.train()
        encoded = encoder([prompt((DOG, order))])
        expected = expected or encoded
        assert same(encoded, expected, atol=1e-6)


@torch.no_grad()
def test_permuting_keypoints_and_categories_permutes_the_embeddings():
    torch.manual_seed(0)
    encoder = VisualPromptEncoder(TINY_TOWER).train()
    shots = [random_shot(s, 3, hidden=[s]) for s in range(2)]
    cat = (CAT, [random_shot(7, 2)])
    encoded = encoder([prompt((DOG, shots), cat)])
    order = [2, 0, 1]
    turned = KeypointCategory('dog', ('tail', 'left eye', 'nose'))
    turned_shots = [
        SupportShot(s.image, s.keypoints[order], s.visible[order])
        for s in shots
    ]
    other = encoder([prompt(cat, (turned, turned_shots))])
    assert torch.allclose(
        other.object_embeddings, encoded.object_embeddings.flip(1), atol=1e-6
    )
    first = encoded.keypoint_embeddings[0]
    second = other.keypoint_embeddings[0]
    assert torch.allclose(second[1], first[0, order], atol=1e-5)
    assert torch.allclose(second[0], first[1], atol=1e-5)
    assert (first[0, 0] - first[0, 1]).abs().max() > 1e-2


@torch.no_grad()
def test_a_batch_equals_one_by_one():
    torch.manual_seed(0)
    encoder = VisualPromptEncoder(TINY_TOWER).train()
    nine = KeypointCategory('fly', tuple('abcdefghi'))
    prompts = [
        prompt((CAT, [random_shot(1, 2)])),
        prompt(
            (nine, [random_shot(s, 9, hidden=[s]) for s in (2, 3)]),
            (DOG, [random_shot(4, 3, hidden=[1])]),
        ),
    ]
    batch = encoder(prompts)
    for row, one in enumerate(prompts):
        alone = encoder([one])
        c, k = alone.keypoint_mask.shape[1:]
        for name, value in vars(alone).items():
            together = getattr(batch, name)[row, :c]
            if name.startswith('keypoint'):
                together = together[:, :k]
            assert torch.allclose(
                together.float(), value[0].float(), atol=1e-5
            ), name


def test_evaluation_remembers_shots():
    encoder = VisualPromptEncoder(PlainTower()).eval()
    prompts = [prompt((CAT, [ONE, TWO]))]
    with torch.no_grad():
        first = encoder(prompts)
        assert same(encoder(prompts), first)
        encoder([prompt((CAT, [TWO]), (DOG, [NOSE]))])
    assert encoder.tower.passes == [2, 1]
    # With gradients nothing is remembered, nor taken from memory.
    encoder(prompts)
    assert encoder.tower.passes == [2, 1, 2]
    encoder.train()
    with torch.no_grad():
        encoder(prompts)
        encoder(prompts)
    assert encoder.tower.passes == [2, 1, 2, 2, 2]


@torch.no_grad()
def test_what_is_remembered_is_bounded_and_the_last_used():
    encoder = VisualPromptEncoder(PlainTower(), cache_size=2).eval()
    encoder([prompt((CAT, [ONE, TWO]))])
    encoder([prompt((CAT, [ONE]))])
    encoder([prompt((DOG, [NOSE]))])  # TWO is forgotten
    encoder([prompt((CAT, [ONE]))])
    assert encoder.tower.passes == [2, 1]
    encoded = encoder([prompt((CAT, [ONE, TWO]), (DOG, [NOSE]))])
    assert encoder.tower.passes == [2, 1, 1]
    assert encoded.object_embeddings[0, :, 0].tolist() == [20, 50]
    assert len(encoder._cache) == 2


@pytest.mark.parametrize(
    'change',
    [
        lambda e: e.train().eval(),
        lambda e: e.eval(),
        lambda e: e.load_state_dict(e.state_dict()),
        lambda e: e.tower.load_state_dict(e.tower.state_dict()),
        lambda e: nn.ModuleList([e]).load_state_dict(
            nn.ModuleList([e]).state_dict()
        ),
        lambda e: e.to(torch.float32),
        lambda e: setattr(e, 'tower', copy.deepcopy(e.tower)),
    ],
    ids=['train', 'eval', 'load', 'load tower', 'load all', 'to', 'replace'],
)
@torch.no_grad()
def test_shots_are_forgotten_when_the_weights_may_have_changed(change):
    encoder = VisualPromptEncoder(PlainTower()).eval()
    prompts = [prompt((CAT, [ONE, TWO]))]
    encoder(prompts)
    change(encoder)
    encoder(prompts)
    assert encoder.tower.passes == [2, 2]


def test_gradients_reach_the_tower():
    torch.manual_seed(0)
    encoder = VisualPromptEncoder(TINY_TOWER)
    shots = [random_shot(s, 3, hidden=[s]) for s in range(2)]
    encoded = encoder([prompt((DOG, shots))])
    encoded.keypoint_embeddings.pow(2).sum().backward()
    assert encoder.tower.fourier.projection.weight.grad.abs().sum() > 0
    # Hidden keypoints are seen by the others.
    assert encoder.tower.mask_token.grad.abs().sum() > 0


@pytest.mark.parametrize('modality', ['text', 'combined'])
def test_other_modalities_are_refused(modality):
    with pytest.raises(
        ValueError, match=f"'cat' has the modality '{modality}'.*'visual' pro"
    ):
        VisualPromptEncoder(PlainTower())(
            [prompt((CAT, [ONE]), modalities=[modality])]
        )


def test_no_prompt_is_refused():
    with pytest.raises(ValueError, match='at least one category'):
        VisualPromptEncoder(PlainTower())([])


@torch.no_grad()
def test_a_pass_in_half_precision_is_not_remembered_for_another():
    encoder = VisualPromptEncoder(PlainTower()).eval()
    asked = [prompt((CAT, [shot(7, [[1, 2], [3, 1]], [2, 2])]))]
    encoder(asked)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        encoder(asked)
    encoder(asked)
    encoder(asked)  # the same as the one before
    assert encoder.tower.passes == [1, 1, 1]
