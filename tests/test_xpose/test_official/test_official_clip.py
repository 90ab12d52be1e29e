# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""CLIP's text tower beside transformers' implementation of it."""

import projects.xpose  # noqa: F401, I001  before transformers

import gzip
from pathlib import Path

import official_instances as instances
import open_clip
import pytest
import torch
from transformers import CLIPTokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode

from projects.common.models.prompt_encoders import (
    OpenCLIPTextTower,
    PromptTemplate,
)
from projects.xpose.official.clip import tower_config, write_tower
from projects.xpose.prompts import predefined_categories

TEXTS = [
    'a photo of short sleeved shirt',
    "a photo of thumb's first knuckle",
    'a photo of Left Eye  1',
    'a photo of a zebra, naïve café',
]


@pytest.fixture(scope='module')
def theirs():
    """transformers' CLIP with random weights."""
    return instances.small_clip(layers=3, width=128, features=48)


@pytest.fixture(scope='module')
def tokenizer():
    """transformers' tokenizer with CLIP's vocabulary."""
    file = Path(open_clip.__file__).parent / 'bpe_simple_vocab_16e6.txt.gz'
    lines = gzip.decompress(file.read_bytes()).decode().split('\n')
    merges = [line.split() for line in lines[1 : 49152 - 256 - 2 + 1]]
    letters = list(bytes_to_unicode().values())
    words = [*letters, *(letter + '</w>' for letter in letters)]
    words += [''.join(pair) for pair in merges]
    words += ['<|startoftext|>', '<|endoftext|>']
    return CLIPTokenizer(
        {word: index for index, word in enumerate(words)},
        [tuple(pair) for pair in merges],
    )


@torch.no_grad()
def test_features_are_those_of_transformers(tmp_path, theirs, tokenizer):
    tower = write_tower(
        tmp_path / 'a' / 't.safetensors', instances.openai_layout(theirs), {}
    )
    tokens = tokenizer(
        TEXTS, padding='max_length', max_length=77, return_tensors='pt'
    )
    outputs = theirs.text_model(**tokens)
    expected = theirs.text_projection(outputs.pooler_output)
    features = tower.encode_text(TEXTS)
    assert features.shape == expected.shape == (4, 48)
    assert expected.abs().max() > 0.5
    assert torch.allclose(features, expected, atol=1e-4)
    # The same from the file, with the sizes that the writer found.
    again = OpenCLIPTextTower(
        tower.model_name, str(tmp_path / 'a' / 't.safetensors')
    )
    assert torch.equal(again.encode_text(TEXTS), features)
    assert again.identity == tower.identity


def test_tokens_are_those_of_transformers(tokenizer):
    template = PromptTemplate.from_config('flat')
    texts = list(TEXTS)
    for category in predefined_categories():
        name, names = template.texts(category)
        texts += [name, *names]
    texts = sorted(set(texts))
    assert len(texts) > 350
    assert 'a photo of none' in texts
    tokens = open_clip.tokenize(texts)
    for text, row in zip(texts, tokens):
        theirs = tokenizer(text)['input_ids']
        assert row[: len(theirs)].tolist() == theirs, text
        assert not row[len(theirs) :].any()


def test_sizes_are_read_off(theirs):
    assert tower_config(instances.openai_layout(theirs)) == dict(
        embed_dim=48,
        quick_gelu=True,
        text_cfg=dict(
            context_length=77,
            vocab_size=49408,
            width=128,
            heads=2,
            layers=3,
        ),
    )


@pytest.mark.parametrize(
    ('lost', 'message'),
    [
        ('text_projection', 'lacks "text_projection"'),
        ('ln_final.bias', r"missing are \['ln_final.bias'\]"),
        ('transformer.resblocks.1.ln_1.bias', 'missing are'),
    ],
)
def test_incomplete_weights_leave_no_file(tmp_path, theirs, lost, message):
    weights = instances.openai_layout(theirs)
    del weights[lost]
    with pytest.raises(ValueError, match=message):
        write_tower(tmp_path / 't.safetensors', weights, {})
    assert list(tmp_path.iterdir()) == []
