# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""tools/analysis_tools/calibrate_matching.py."""

import json
import re

import cv2
import numpy as np
import pytest
import torch

from tests import episode_files
from tests.conftest import REPO_ROOT

LEAF = (
    REPO_ROOT / 'configs/category_agnostic_2d_keypoint/baselines/'
    'layout_matching_synthkpt-split1_1shot.py'
)


@pytest.fixture
def tool(load_tool):
    return load_tool('analysis_tools/calibrate_matching.py')


def test_a_known_slope_and_offset_are_found(tool):
    torch.manual_seed(0)
    scores = torch.rand(200_000)
    wanted = (0.6 * scores.logit() - 0.9).sigmoid()
    found = torch.rand(len(scores)) < wanted
    slope, offset = tool.fit(scores, found)
    assert slope == pytest.approx(0.6, abs=0.02)
    assert offset == pytest.approx(-0.9, abs=0.02)
    assert tool.calibration_error(wanted, found) < 0.005


def test_calibration_error(tool):
    scores = torch.tensor([0.25, 0.25, 0.95, 0.95])
    found = torch.tensor([True, False, True, True])
    # |.5 - 1| over two keypoints and |1.9 - 2| over two more, of four.
    assert tool.calibration_error(scores, found) == pytest.approx(0.15)


def test_through_the_command_line(tool, tmp_path, monkeypatch, capsys):
    """Cats of noise, drawn episodes of 1 and 2 shots."""
    (tmp_path / 'annotations').mkdir()
    data = episode_files.content(6)
    rng = np.random.default_rng(0)
    for image in data['images']:
        size = (image['height'], image['width'], 3)
        picture = rng.integers(0, 255, size, np.uint8)
        cv2.imwrite(str(tmp_path / image['file_name']), picture)
    (tmp_path / 'annotations/val.json').write_text(json.dumps(data))
    monkeypatch.setattr(tool, '_QUERIES', 3)
    config = tmp_path / 'config.py'
    config.write_text(
        f'_base_ = {str(LEAF)!r}\n'
        f"data = dict(dataset=dict(data_root='{tmp_path}/'))\n"
        'test_dataloader = dict(dataset=data)\n'
        'model = dict(backbone=dict(weights_package=None))\n'
    )
    tool.main(
        [str(config), '--ann-file', 'annotations/val.json']
        + ['--shots', '1', '2', '--episodes', '2']
    )
    first, *shots = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r'calibration=\(-?\d+\.\d{3}, -?\d+\.\d{3}\)', first)
    assert [line.split(':')[0] for line in shots] == ['1 shots', '2 shots']
