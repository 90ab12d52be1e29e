# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import hashlib
import importlib.util
from pathlib import Path

import pytest
import torch
from mmengine.logging import HistoryBuffer

TOOL = (
    Path(__file__).parents[2] / 'tools/model_converters/publish_checkpoint.py'
)
spec = importlib.util.spec_from_file_location('publish_checkpoint', TOOL)
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)


def test_keeps_weights_and_loads_safely(tmp_path):
    source, target = tmp_path / 'epoch_3.pth', tmp_path / 'out' / 'small.pth'
    torch.save(
        {
            'state_dict': {
                'weight': torch.tensor([0.5, -2.0]),
                'texts': torch.tensor([7], dtype=torch.uint8),
            },
            'optimizer': {'state': {0: torch.zeros(1000)}},
            'message_hub': {'loss': HistoryBuffer()},
            'meta': {'epoch': 3, 'iter': 30},
        },
        source,
    )
    digest = tool.publish(source, target)
    small = torch.load(target, weights_only=True)
    assert digest == hashlib.sha256(target.read_bytes()).hexdigest()
    assert set(small) == {'state_dict', 'meta'}
    assert small['meta']['epoch'] == 3
    assert small['state_dict']['weight'].dtype == torch.float16
    assert small['state_dict']['weight'].tolist() == [0.5, -2.0]
    assert small['state_dict']['texts'].dtype == torch.uint8
    assert [path.name for path in target.parent.iterdir()] == ['small.pth']


def test_refuses_other_files(tmp_path):
    source = tmp_path / 'other.pth'
    torch.save([1], source)
    with pytest.raises(ValueError, match='has no "state_dict"'):
        tool.publish(source, tmp_path / 'small.pth')
    assert not (tmp_path / 'small.pth').exists()
