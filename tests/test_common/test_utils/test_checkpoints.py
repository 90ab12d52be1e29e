# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import hashlib
import os

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from torch import nn

from projects.common.utils.checkpoints import (
    check_compatible,
    file_sha256,
    load_weights,
    read_checkpoint,
    require_checkpoint,
)


def model(width=3, depth=1):
    return nn.Sequential(*(nn.Linear(width, width) for _ in range(depth)))


def saved(path, module, **kwargs):
    torch.save({'state_dict': module.state_dict(), **kwargs}, path)
    return str(path)


def test_sha256(tmp_path):
    data = bytes(range(256)) * 5000  # more than one block
    (tmp_path / 'a').write_bytes(data)
    assert file_sha256(tmp_path / 'a') == hashlib.sha256(data).hexdigest()


def test_fitting_checkpoint_is_loaded(tmp_path):
    first, second = model(), model()
    check_compatible(second, saved(tmp_path / 'a.pth', first))
    assert torch.equal(first[0].weight, second[0].weight)
    # A bare state dict of a DDP model fits as well.
    weights = {f'module.{k}': v + 1 for k, v in first.state_dict().items()}
    torch.save(weights, tmp_path / 'b.pth')
    check_compatible(second, str(tmp_path / 'b.pth'))
    assert torch.equal(first[0].weight + 1, second[0].weight)


def test_differences_are_listed(tmp_path):
    path = saved(tmp_path / 'a.pth', model(3, 2))
    with pytest.raises(ValueError, match='does not fit') as error:
        check_compatible(model(4, 1), path)
    lines = str(error.value).split('\n')
    assert '4 weights differ' in lines[0]
    assert lines[1] == (
        '  0.weight: torch.Size([3, 3]) in the checkpoint, '
        'torch.Size([4, 4]) in the model'
    )
    assert lines[3:5] == [
        '  1.weight: not in the model',
        '  1.bias: not in the model',
    ]
    assert '--allow-partial-load' in lines[-1]
    path = saved(tmp_path / 'b.pth', model(3, 1))
    with pytest.raises(ValueError, match='1.bias: not in the checkpoint'):
        check_compatible(model(3, 2), path)
    path = saved(tmp_path / 'c.pth', model(3, 6))
    with pytest.raises(ValueError, match='... and 4 more'):
        check_compatible(model(4, 6), path)


def test_files_without_weights(tmp_path):
    torch.save({'state_dict': {'epoch': 3}}, tmp_path / 'a.pth')
    with pytest.raises(ValueError, match='holds no model weights'):
        load_weights(str(tmp_path / 'a.pth'))
    with pytest.raises(FileNotFoundError, match='"no.pth" does not exist'):
        require_checkpoint('no.pth')
    require_checkpoint('https://example.org/a.pth')
    torch.save([1], tmp_path / 'b.pth')
    with pytest.raises(ValueError, match='holds no model weights'):
        load_weights(str(tmp_path / 'b.pth'))
    content = (tmp_path / 'a.pth').read_bytes()
    for size in (0, len(content) // 2):
        (tmp_path / 'a.pth').write_bytes(content[:size])
        with pytest.raises(ValueError, match='cannot be read: it is cut sho'):
            read_checkpoint(tmp_path / 'a.pth')
    (tmp_path / 'a.pth').write_text('epoch 1\n' * 9)  # a text file
    with pytest.raises(ValueError, match='no file of torch.save'):
        read_checkpoint(tmp_path / 'a.pth')


class Malicious:
    """Runs a shell command where it is unpickled."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def test_code_in_a_checkpoint_does_not_run(tmp_path):
    trace = tmp_path / 'trace'
    code = Malicious(f'touch {trace}')
    path = saved(tmp_path / 'a.pth', model(), meta=code)
    with pytest.raises(ValueError, match='which could run code') as error:
        check_compatible(model(), path)
    assert f'"{path}" was not read' in str(error.value)
    assert f'the object {os.name}.system' in str(error.value)
    assert '--trust-checkpoint' in str(error.value)
    assert not trace.exists()
    assert set(load_weights(path, trusted=True)) == {'0.weight', '0.bias'}
    assert trace.exists()


def test_allowed_names_cannot_be_abused(tmp_path):
    class Getattr:
        def __reduce__(self):
            return getattr, (torch.Tensor, 'data_ptr')

    path = saved(tmp_path / 'a.pth', model(), meta=Getattr())
    read = read_checkpoint(path)['meta']
    assert type(read).__name__ == '_NotRead'


def test_training_checkpoints_need_no_trust(tmp_path):
    history = HistoryBuffer([0.5], [1])
    logged = {
        'loss': history,
        'empty': HistoryBuffer(),
        'time': np.float64(0.1),
        'sizes': np.arange(3),
    }
    path = saved(
        tmp_path / 'epoch_1.pth',
        model(),
        message_hub=logged,
        meta={'epoch': 1, 'cfg': 'a = 1'},
    )
    assert set(load_weights(path)) == {'0.weight', '0.bias'}
    assert read_checkpoint(path)['meta'] == {'epoch': 1, 'cfg': 'a = 1'}
    trusted = read_checkpoint(path, trusted=True)
    assert trusted['message_hub']['loss'].current() == 0.5
