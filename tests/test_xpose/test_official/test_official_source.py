# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import argparse
import hashlib
import os
import pickle

import pytest
import torch

from projects.xpose.official.source import (
    UnsafeFileError,
    load_foreign,
    read_official,
)


class Malicious:
    """Runs a command when it is unpickled."""

    def __init__(self, witness):
        self.witness = witness

    def __reduce__(self):
        return os.mkdir, (str(self.witness),)


def save_new(content, path):
    torch.save(content, path)


def save_old(content, path):
    torch.save(content, path, _use_new_zipfile_serialization=False)


def save_pickle(content, path):
    path.write_bytes(pickle.dumps(content))


def test_names_lose_their_prefixes(tmp_path):
    path = tmp_path / 'a.pth'
    state = {
        'module.a.module.b': torch.ones(2),
        'c': torch.zeros(1),
        'module.clip_model.ln_final.bias': torch.ones(3),
    }
    torch.save({'model': state, 'epoch': 3}, path)
    file = read_official(path)
    assert set(file.weights) == {'a.module.b', 'c'}
    assert set(file.clip) == {'ln_final.bias'}
    assert file.others == {'epoch': 3}
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize('save', [save_new, save_old, save_pickle])
def test_a_malicious_file_is_named_and_not_run(tmp_path, save):
    path, witness = tmp_path / 'evil.pth', tmp_path / 'witness'
    save({'model': {}, 'x': Malicious(witness)}, path)
    with pytest.raises(UnsafeFileError, match=r'posix\.mkdir.*--allow-pickle'):
        read_official(path)
    assert not witness.exists()


@pytest.mark.parametrize('save', [save_new, save_old])
def test_pickles_are_read_when_allowed(tmp_path, save):
    path = tmp_path / 'args.pth'
    content = {
        'model': {'a': torch.ones(2)},
        'args': argparse.Namespace(lr=1e-4),
    }
    save(content, path)
    with pytest.raises(UnsafeFileError, match=r'argparse\.Namespace') as error:
        read_official(path)
    assert 'torch' not in str(error.value).split('refers to')[1]
    file = read_official(path, allow_pickle=True)
    assert torch.equal(file.weights['a'], torch.ones(2))
    assert file.others['args'].lr == 1e-4


@pytest.mark.parametrize('size', [0, 10, 3000])
def test_damaged_files_are_refused(tmp_path, size):
    path = tmp_path / 'a.pth'
    torch.save({'model': {'a': torch.ones(1000)}}, path)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match='is damaged or no file of torch'):
        load_foreign(path)


def test_a_file_that_does_not_exist(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'no\.pth" does not exist'):
        read_official(tmp_path / 'no.pth')


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ({'state_dict': {}}, 'no state dict under "model"'),
        ({'model': {}}, 'no state dict under "model"'),
        ([1, 2], 'no state dict under "model"'),
        ({'model': {'a': 1}}, 'holds 1 entries that are no tensors.*"a"'),
    ],
)
def test_files_without_weights_are_refused(tmp_path, content, message):
    torch.save(content, tmp_path / 'a.pth')
    with pytest.raises(ValueError, match=message):
        read_official(tmp_path / 'a.pth')
