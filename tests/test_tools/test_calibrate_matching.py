# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""tools/analysis_tools/calibrate_matching.py."""

import pytest
import torch


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
