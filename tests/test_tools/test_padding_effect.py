# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json

import pytest
import torch
from mmengine.structures import InstanceData


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('analysis_tools/padding_effect.py')


def detections(boxes, scores, labels, shift=0.0, slots=2):
    """Objects of two keypoints at their upper left corner plus a shift."""
    boxes = torch.tensor(boxes, dtype=torch.float32)
    corner = boxes[:, None, :2].expand(-1, slots, 2) + shift
    mask = torch.zeros(len(boxes), slots, dtype=torch.bool)
    mask[:, :2] = True
    return InstanceData(
        bboxes=boxes,
        scores=torch.tensor(scores),
        labels=torch.tensor(labels),
        keypoints=corner,
        keypoint_mask=mask,
    )


BOXES = [[0, 0, 10, 20], [50, 50, 60, 60], [80, 0, 90, 10]]


def test_pairs_have_the_same_category_and_overlap(tool):
    moved = tool.Moved()
    alone = detections(BOXES, [0.9, 0.8, 0.1], [0, 1, 0])
    # The first moved by (3, 4) pixels; the second has another category.
    batched = detections(
        BOXES[1::-1], [0.5, 0.6], [0, 0], torch.tensor([3.0, 4.0]), slots=5
    )
    tool.compare(alone, batched, 0.3, moved)
    assert moved.lost == 1
    assert moved.scores == pytest.approx([0.3])
    assert moved.keypoints == pytest.approx([5 / 20])


def test_nothing_found_in_the_batch(tool):
    moved = tool.Moved()
    alone = detections(BOXES, [0.9, 0.8, 0.1], [0, 1, 0])
    tool.compare(alone, alone[:0], 0.3, moved)
    assert (moved.lost, moved.scores) == (2, [])


@pytest.fixture
def files(tmp_path):
    config, checkpoint = tmp_path / 'config.py', tmp_path / 'weights.pth'
    config.write_text('')
    checkpoint.write_bytes(b'weights')
    return [str(config), str(checkpoint)]


def test_figures_are_printed_and_recorded(
    tool, files, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(tool, 'measure', lambda args: {'not found again': 3})
    out = tmp_path / 'results.json'
    tool.main([*files, '--pictures', '4', '--record', str(out)])
    (entry,) = json.loads(out.read_text())
    assert (entry['metric'], entry['value']) == ('not found again', 3)
    assert '4 pictures, detections above 0.3' in entry['protocol']
    assert 'not found again' in capsys.readouterr().out
