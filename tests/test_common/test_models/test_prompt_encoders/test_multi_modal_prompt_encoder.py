# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest
import torch
from mmengine.runner import load_checkpoint, save_checkpoint
from mmpose.registry import MODELS
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from projects.common.models.prompt_encoders import (
    MultiModalPromptEncoder,
    TextPromptEncoder,
    TextTower,
    VisualPromptEncoder,
)
from projects.common.structures import KeypointCategory, KeypointPrompt
from tests.support_shots import TINY_TOWER, random_shot

CAT = KeypointCategory('cat', ('left eye', 'tail'))
DOG = KeypointCategory('dog', ('left eye', 'nose', 'tail'))
FLY = KeypointCategory('fly', tuple('abcdefghi'))


class HashTower(TextTower):
    """A random vector for each text, the same in every instance."""

    asked = 0

    def _load(self):
        torch.manual_seed(0)
        return nn.Linear(2, 2)

    def _embed_dims(self, model):
        return 24

    def _encode(self, model, texts):
        self.asked += len(texts)
        return torch.stack([
            torch.randn(24, generator=torch.Generator().manual_seed(
                sum(ord(c) * 31**i for i, c in enumerate(text)) % 2**31
            )) for text in texts
        ])  # fmt: skip


TEXT = {'type': 'TextPromptEncoder', 'embed_dims': 24, 'tower': HashTower()}
VISUAL = {'type': 'VisualPromptEncoder', 'tower': TINY_TOWER}
SHOTS = [random_shot(s, 3, hidden=[s]) for s in range(2)]


def build(mode='mean', **text):
    torch.manual_seed(1)
    text = {**TEXT, 'tower': HashTower(), **text}
    return MultiModalPromptEncoder(
        text, VISUAL, {'type': 'PromptFusion', 'mode': mode}
    )


def prompt(*entries, style=None):
    """Entries are (category, shots, modality)."""
    categories, supports, modalities = zip(*entries)
    return KeypointPrompt.from_categories(
        categories, style, supports, modalities
    )


def mixed_prompts():
    fly = [random_shot(s, 9, hidden=[1, s]) for s in (5, 6, 7)]
    return [
        prompt((DOG, SHOTS, 'visual'), (CAT, [], 'text')),
        prompt((CAT, [], 'text'), style='ink'),
        prompt(
            (CAT, [random_shot(3, 2, hidden=[1])], 'combined'),
            (FLY, fly, 'visual'),
            (DOG, SHOTS[:1], 'combined'),
        ),
        prompt((FLY, fly[:1], 'combined'), (DOG, SHOTS, 'text')),
    ]


@pytest.fixture
def no_tower(monkeypatch):
    def fail(*args):
        raise AssertionError('the image tower was used')

    monkeypatch.setattr(VisualPromptEncoder, '_encode', fail)


def same(first, second, atol=0.0):
    return all(
        torch.allclose(a.float(), b.float(), atol=atol, rtol=0)
        for a, b in zip(vars(first).values(), vars(second).values())
    )


@pytest.mark.parametrize('mode', ['mean', 'gate'])
@torch.no_grad()
def test_a_mixed_batch_equals_one_by_one(mode):
    model = build(mode).eval()
    if mode == 'gate':
        nn.init.normal_(model.keypoint_fusion.gate.weight)
    prompts = mixed_prompts()
    batch = model(prompts)
    assert batch.keypoint_mask.shape == (4, 3, 9)
    for row, one in enumerate(prompts):
        model.eval()  # forget
        alone = model([one])
        c, k = alone.keypoint_mask.shape[1:]
        assert not batch.category_mask[row, c:].any()
        assert not batch.keypoint_mask[row, :, k:].any()
        for name, value in vars(alone).items():
            together = getattr(batch, name)[row, :c]
            if name.startswith('keypoint'):
                together = together[:, :k]
            assert torch.allclose(
                together.float(), value[0].float(), atol=1e-5
            ), name


@torch.no_grad()
def test_each_category_is_encoded_as_it_is_asked_for():
    model = build().eval()
    one = random_shot(3, 3, hidden=[1])
    encoded = model(
        [
            prompt((CAT, [], 'text'), (DOG, [one], 'visual')),
            prompt((DOG, [one], 'combined')),
        ]
    )
    text = model.text([prompt((CAT, [], 'text'), (DOG, [], 'text'))])
    visual = model.visual([prompt((DOG, [one], 'visual'))])
    objects, keypoints = encoded.object_embeddings, encoded.keypoint_embeddings
    assert torch.equal(objects[0, 0], text.object_embeddings[0, 0])
    assert torch.equal(keypoints[0, 0], text.keypoint_embeddings[0, 0])
    assert torch.equal(objects[0, 1], visual.object_embeddings[0, 0])
    assert torch.equal(keypoints[0, 1], visual.keypoint_embeddings[0, 0])
    words = text.keypoint_embeddings[0, 1]
    looks = visual.keypoint_embeddings[0, 0]
    assert torch.equal(keypoints[1, 0, 1], words[1])
    middle = words[2] / words[2].norm() + looks[2] / looks[2].norm()
    assert torch.allclose(
        keypoints[1, 0, 2], middle / 2 * words[2].norm(), atol=1e-5
    )
    assert encoded.keypoint_mask.tolist() == [
        [[True, True, False], [True, False, True]],
        [[True, True, True], [False, False, False]],
    ]
    assert keypoints[0, 1, 1].tolist() == [0] * 24


@torch.no_grad()
def test_text_prompts_never_run_the_image_tower(no_tower):
    model = build().eval()
    prompts = [
        prompt((CAT, [], 'text'), (DOG, SHOTS, 'text')),
        prompt((CAT, [], 'text'), style='ink'),
    ]
    assert same(model(prompts), model.text(prompts))
    model.train()
    assert same(model(prompts), model.text(prompts))


@torch.no_grad()
def test_visual_prompts_never_need_the_text_tower():
    missing = {'type': 'SentenceTextTower', 'path': 'no/such/folder'}
    model = build(tower=missing).eval()
    prompts = [prompt((DOG, SHOTS, 'visual'))]
    assert same(model(prompts), model.visual(prompts))
    with pytest.raises(RuntimeError, match='no/such/folder'):
        model([prompt((DOG, SHOTS, 'combined'))])


def test_every_trained_parameter_has_a_gradient_whatever_is_asked():
    model = build('gate').train()
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    assert len(trained) == 7
    for one in (
        prompt((CAT, [], 'text')),
        prompt((DOG, SHOTS, 'visual')),
        prompt((DOG, SHOTS, 'combined')),
    ):
        model.zero_grad()
        encoded = model([one])
        encoded.object_embeddings.pow(2).sum().backward()
        for name, parameter in trained.items():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
    assert model.object_fusion.gate.weight.grad.abs().sum() > 0
    with torch.no_grad():
        assert not model([one]).object_embeddings.requires_grad


class Loss(nn.Module):
    """As a detector: both kinds of embeddings reach the loss."""

    def __init__(self):
        super().__init__()
        self.encoder = build('gate')

    def forward(self, prompts):
        encoded = self.encoder(prompts)
        objects, keypoints = (
            encoded.object_embeddings, encoded.keypoint_embeddings
        )  # fmt: skip
        return objects.pow(2).sum() + keypoints.pow(2).sum()


def test_distributed_training_does_not_miss_parameters(tmp_path):
    distributed.init_process_group(
        'gloo', init_method=f'file://{tmp_path}/store', rank=0, world_size=1
    )
    try:
        model = DistributedDataParallel(Loss().train())
        for one in (*mixed_prompts(), prompt((CAT, [], 'text'))):
            # Would raise if the iteration before had left one out.
            model([one]).backward()
    finally:
        distributed.destroy_process_group()


def test_the_zero_adds_nothing():
    model = build('gate').train()
    prompts = [prompt((CAT, [], 'text'))]
    assert same(model(prompts), model.text(prompts))
    model.zero_grad()
    model(prompts).object_embeddings.sum().backward()
    for parameter in model.parameters():
        if parameter.requires_grad:
            assert parameter.grad.abs().sum() == 0


def test_it_answers_for_the_text_encoder():
    model = build()
    assert model.embed_dims == 24
    assert model.add_vocabulary([CAT], styles=['ink']) == 6
    assert len(model.vocabulary.texts) == 6
    assert model.template is model.text.template
    other = HashTower()
    model.tower = other
    assert model.tower is model.text.tower is other
    assert 'tower' not in dict(model.named_children())


def test_a_checkpoint_of_a_text_model_can_be_loaded(tmp_path):
    old = nn.ModuleDict({'prompt_encoder': MODELS.build(TEXT)})
    old['prompt_encoder'].add_vocabulary([CAT, DOG])
    assert 'prompt_encoder.vocabulary_texts' in old.state_dict()
    path = str(tmp_path / 'old.pth')
    save_checkpoint({'state_dict': old.state_dict()}, path)
    missing = {'type': 'SentenceTextTower', 'path': 'no/such/folder'}
    prompts = [prompt((DOG, [], 'text'))]
    for way in ('mmengine', 'torch'):
        new = nn.ModuleDict({'prompt_encoder': build(tower=missing)})
        if way == 'mmengine':
            load_checkpoint(new, path)
        else:
            state = old.state_dict()
            keys = new.load_state_dict(state, strict=False)
            assert not keys.unexpected_keys
            assert all('.visual.' in key for key in keys.missing_keys)
            assert 'prompt_encoder.vocabulary_texts' in state
        encoder = new['prompt_encoder'].eval()
        assert same(encoder(prompts), old['prompt_encoder'](prompts))


def test_a_text_model_takes_the_words_of_its_checkpoint():
    source = nn.ModuleDict({'prompt_encoder': build()})
    source['prompt_encoder'].add_vocabulary([CAT, DOG])
    target = nn.ModuleDict({'prompt_encoder': MODELS.build(TEXT)})
    state = source.state_dict()
    target.load_state_dict(state)  # strict: nothing is left over
    assert 'prompt_encoder.text.vocabulary_texts' in state
    encoder = target['prompt_encoder']
    texts = source['prompt_encoder'].vocabulary.texts
    assert encoder.vocabulary.texts == texts
    prompts = [prompt((DOG, [], 'text'))]
    assert same(encoder(prompts), source['prompt_encoder'].eval()(prompts))


def test_its_own_checkpoint_holds_everything():
    source, target = build('gate'), build('gate')
    source.add_vocabulary([CAT])
    nn.init.normal_(source.visual.tower.mask_token)
    target.load_state_dict(source.state_dict())
    assert target.vocabulary.texts == source.vocabulary.texts
    prompts = mixed_prompts()
    assert same(target.eval()(prompts), source.eval()(prompts))


def test_towers_of_different_length_are_refused():
    with pytest.raises(ValueError, match='have 32 dimensions and .* ones 24;'):
        build(embed_dims=32)


def test_no_prompt_is_refused():
    with pytest.raises(ValueError, match='at least one category'):
        build()([])


def test_the_text_encoder_alone_refuses_shots():
    model: TextPromptEncoder = MODELS.build(TEXT)
    with pytest.raises(ValueError, match="'dog' has the modality 'combined'"):
        model([prompt((CAT, [], 'text'), (DOG, SHOTS, 'combined'))])
