# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest
import torch
from safetensors.torch import save_file

from projects.common.models.prompt_encoders import (
    PromptTemplate,
    Vocabulary,
    load_vocabulary,
    save_vocabulary,
)
from projects.common.models.prompt_encoders.text.vocabulary import (
    decode_strings,
    encode_strings,
)


def vocabulary(*texts, tower='Fake:1', dims=2):
    rows = torch.arange(len(texts) * dims, dtype=torch.float32)
    return Vocabulary(texts, rows.reshape(-1, dims), tower)


@pytest.mark.parametrize('strings', [(), ('a',), ('a b', 'Fuß / 左目', 'c')])
def test_strings_survive_as_a_tensor(strings):
    tensor = encode_strings(strings)
    assert tensor.dtype == torch.uint8
    assert decode_strings(tensor) == strings


def test_a_file_gives_back_what_was_written(tmp_path):
    path = tmp_path / 'new' / 'vocabulary.safetensors'
    template = PromptTemplate.from_config('flat')
    save_vocabulary(path, vocabulary('old'), PromptTemplate())
    save_vocabulary(path, vocabulary('cat', 'dög'), template)
    loaded, loaded_template = load_vocabulary(path)
    assert loaded.texts == ('cat', 'dög')
    assert loaded.tower == 'Fake:1'
    assert loaded.embeddings.tolist() == [[0, 1], [2, 3]]
    assert loaded_template == template
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / 'vocabulary.safetensors'
    save_vocabulary(path, vocabulary('cat'), PromptTemplate())

    def fail(*args):
        raise OSError('disk full')

    monkeypatch.setattr('os.replace', fail)
    with pytest.raises(OSError, match='disk full'):
        save_vocabulary(path, vocabulary('dog'), PromptTemplate())
    assert load_vocabulary(path)[0].texts == ('cat',)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_files_that_are_none_are_refused(tmp_path):
    path = tmp_path / 'vocabulary.safetensors'
    with pytest.raises(FileNotFoundError, match='encode_vocabulary.py'):
        load_vocabulary(path)
    path.write_bytes(b'nothing')
    with pytest.raises(ValueError, match='is no safetensors file'):
        load_vocabulary(path)
    save_file({'texts': torch.zeros(1)}, path)
    with pytest.raises(ValueError, match='is no vocabulary .its format is No'):
        load_vocabulary(path)


def test_extending_keeps_the_own_rows_and_adds_the_new():
    first = vocabulary('cat', 'dog')
    second = vocabulary('dog', 'cow')
    both = first.extended(second)
    assert both.texts == ('cat', 'dog', 'cow')
    assert both.embeddings.tolist() == [[0, 1], [2, 3], [2, 3]]
    assert vocabulary(tower='').extended(second).tower == 'Fake:1'
    assert second.extended(vocabulary(tower='')).texts == second.texts


def test_embeddings_that_do_not_belong_together_are_not_mixed():
    with pytest.raises(ValueError, match='Fake:1 and of Fake:2'):
        vocabulary('cat').extended(vocabulary('dog', tower='Fake:2'))
    with pytest.raises(ValueError, match='of 2 and 3 dimensions'):
        vocabulary('cat').extended(vocabulary('dog', dims=3))


def test_a_vocabulary_checks_itself():
    with pytest.raises(ValueError, match=r'1 texts has embeddings of .*2, 2'):
        Vocabulary(('cat',), torch.zeros(2, 2), 'Fake:1')
    with pytest.raises(ValueError, match='more than once'):
        vocabulary('cat', 'cat')
    with pytest.raises(ValueError, match='does not say which text tower'):
        vocabulary('cat', tower='')
