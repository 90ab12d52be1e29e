# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import torch

from projects.common.models.baselines import ClosedVocabularyPromptEncoder
from projects.common.models.prompt_encoders import TextPromptEncoder
from projects.common.structures import KeypointCategory, KeypointPrompt
from tests.test_common.test_models.test_prompt_encoders.test_text.test_text_prompt_encoder import (  # noqa: E501
    PLAIN,
    CountingTower,
)

CAT = KeypointCategory('cat', ('left eye', 'tail'))


def embed(encoder, *categories):
    prompt = KeypointPrompt.from_categories(categories)
    found = encoder([prompt])
    return found.object_embeddings[0], found.keypoint_embeddings[0]


def test_other_words_take_the_spelling_s_nearest():
    known = TextPromptEncoder(CountingTower(), 4, template=PLAIN)
    dog = KeypointCategory('dog', ('nose', 'left eye'))
    known.add_vocabulary([CAT, dog])
    tower = CountingTower()
    closed = ClosedVocabularyPromptEncoder(tower, 4, template=PLAIN)
    closed.load_state_dict(known.state_dict())
    cats = KeypointCategory('cats', ('left eye', 'tails'))
    # A long text, spelt like 'dog left eye' for the most part.
    pup = KeypointCategory('dogo', ('left eyes', 'nose'))
    objects, keypoints = embed(closed, cats, pup)
    expected, parts = embed(known, CAT, dog)
    assert torch.equal(objects, expected)
    assert torch.equal(keypoints[0], parts[0])
    assert torch.equal(keypoints[1], parts[1].flip(0))
    assert tower.asked == []
    # A text model would have told them apart: by length, here.
    assert not torch.equal(embed(known, cats, pup)[0], expected)
