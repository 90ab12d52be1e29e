# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import math

import pytest
import torch
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

import projects.common.models.backbones  # noqa: F401
from projects.common.models.pretraining import PromptContrast
from projects.common.models.pretraining.prompt_contrast import contrast
from projects.common.models.prompt_encoders import Vocabulary
from projects.common.structures import KeypointCategory, KeypointPrompt
from tests.support_shots import TINY_CONV_TOWER, random_shot

CAT = KeypointCategory('cat', ('left eye', 'tail'))
DOG = KeypointCategory('dog', ('left eye', 'nose', 'tail'))
WIDTH = TINY_CONV_TOWER['embed_dims']
EYES = torch.eye(4)[:2]


def test_the_right_text_costs_least():
    # Two texts less their mean are opposite: cosines 1 and -1.
    loss, accuracy = contrast(EYES, EYES, temperature=0.5)
    assert loss.item() == pytest.approx(math.log(1 + math.exp(-4)), abs=1e-5)
    assert accuracy == 1
    wrong, accuracy = contrast(EYES.flip(0), EYES, temperature=0.5)
    expected = math.log(1 + math.exp(4)) + 2
    assert wrong.item() == pytest.approx(expected, abs=1e-4)
    assert accuracy == 0


def test_a_text_that_repeats_is_no_negative_of_itself():
    text = EYES[[0, 1, 0]]
    loss, accuracy = contrast(text, text, temperature=0.5)
    assert loss.item() == pytest.approx(math.log(1 + math.exp(-4)), abs=1e-5)
    assert accuracy == 1


@pytest.fixture(scope='module')
def model():
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='PromptContrast',
            prompt_encoder=dict(
                type='MultiModalPromptEncoder',
                text=dict(
                    type='TextPromptEncoder',
                    embed_dims=WIDTH,
                    tower=dict(
                        type='SentenceTextTower', path='no/such/folder'
                    ),
                ),
                visual=dict(type='VisualPromptEncoder', tower=TINY_CONV_TOWER),
                fusion=dict(type='PromptFusion', mode='mean'),
            ),
            data_preprocessor=dict(type='BaseDataPreprocessor'),
        )
    )
    text = model.prompt_encoder.text
    texts = [
        line
        for name, names in (text.template.texts(c, None) for c in (CAT, DOG))
        for line in (name, *names)
    ]
    assert len(set(texts)) == 7  # the two left eyes differ
    text._set_vocabulary(
        Vocabulary(tuple(texts), torch.eye(7, WIDTH), 'one-hot')
    )
    return model


def sample(modality, *pairs):
    categories, supports = zip(*pairs)
    sample = PoseDataSample()
    sample.prompts = KeypointPrompt.from_categories(
        categories, None, supports, modalities=[modality] * len(pairs)
    )
    return sample


def test_it_learns_to_name_what_it_sees(model):
    samples = [
        sample('visual', (CAT, [random_shot(0, 2)])),
        sample('visual', (DOG, [random_shot(1, 3)])),
    ]
    model.train()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(trained, lr=3e-3)
    for _ in range(60):
        losses = model(None, samples)
        optimizer.zero_grad()
        (losses['loss_object'] + losses['loss_keypoint']).backward()
        optimizer.step()
    assert losses['acc_object'] == losses['acc_keypoint'] == 1
    assert losses['loss_keypoint'] < 0.1
    # Text is what is learnt from; it does not move.
    assert not model.prompt_encoder.text.vocabulary_embeddings.requires_grad


def test_only_shown_keypoints_count(model):
    shot = random_shot(0, 2)
    hidden = type(shot)(shot.image, shot.keypoints, torch.tensor([2.0, 0.0]))
    pair = (DOG, [random_shot(1, 3)])
    model.eval()
    seen = model(None, [sample('visual', (CAT, [hidden]), pair)])
    text = model.prompt_encoder.text.embed_categories(
        [(CAT, None), (DOG, None)]
    )
    visual = model.prompt_encoder.visual.embed_supports([[hidden], pair[1]])
    shown = torch.tensor([True, False, True, True, True])
    expected, _ = contrast(visual.keypoints[shown], text.keypoints[shown], 0.1)
    assert torch.allclose(seen['loss_keypoint'], expected)


def test_what_it_cannot_do_is_said(model):
    words = PoseDataSample()
    words.prompts = KeypointPrompt.from_categories([CAT])
    with pytest.raises(ValueError, match='visual=1.0'):
        model(None, [words])
    with pytest.raises(ValueError, match="no mode 'predict'"):
        model(None, [words], mode='predict')
    with pytest.raises(ValueError, match='temperature is 0'):
        PromptContrast({}, temperature=0)
