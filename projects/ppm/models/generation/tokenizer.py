# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""CLIP's kind of tokenizer for a small vocabulary."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

START, END = '<|startoftext|>', '<|endoftext|>'


def build_tokenizer(words: Sequence[str], length: int) -> Any:
    """A ``CLIPTokenizer`` that knows each word as one token.

    Other words are spelled in pieces, down to single bytes, so that every
    text has tokens.

    Args:
        words: The vocabulary, in lower case.
        length: Tokens in a text, with start and end.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import CLIPTokenizer

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    learned = Tokenizer(models.BPE(end_of_word_suffix='</w>'))
    learned.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    learned.train_from_iterator(
        sorted(words),
        trainers.BpeTrainer(
            vocab_size=2**16,
            min_frequency=1,
            initial_alphabet=letters,
            end_of_word_suffix='</w>',
            show_progress=False,
        ),
    )
    merges = json.loads(learned.to_str())['model']['merges']
    tokens = letters + [f'{letter}</w>' for letter in letters]
    tokens += list(dict.fromkeys(''.join(pair) for pair in merges))
    tokens += [START, END]
    vocabulary = {t: n for n, t in enumerate(dict.fromkeys(tokens))}
    with tempfile.TemporaryDirectory() as folder:
        vocab, rules = Path(folder) / 'vocab.json', Path(folder) / 'merges.txt'
        vocab.write_text(json.dumps(vocabulary), 'utf-8')
        lines = ['#version: 0.2', *(' '.join(pair) for pair in merges), '']
        rules.write_text('\n'.join(lines), 'utf-8')
        return CLIPTokenizer(
            vocab=str(vocab), merges=str(rules), model_max_length=length
        )
