# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import hashlib

import pytest
import torch
from torch import nn

from projects.common.checkpoints import (
    check_compatible,
    file_sha256,
    load_weights,
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
