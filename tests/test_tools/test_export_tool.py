# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The export tool, and the same picture asked in all ways there are."""

import json
import zipfile

import cv2
import numpy as np
import pytest
import torch

from projects.common.apis import AnyKeypointInferencer
from projects.xpose.deployment import OnnxModel
from tests.conftest import REPO_ROOT
from tests.test_xpose.test_xpose_backend import (  # noqa: F401  fixtures
    SHIPPED,
    WEIGHTS,
    leaf,
    saved,
)

onnx = pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')

POINTS_TOLERANCE = 0.05  # pixels of the picture
SCORE_TOLERANCE = 1e-3


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('deployment/export.py')


@pytest.fixture(scope='module')
def standalone(load_tool):
    return load_tool('../demo/onnx_inference.py')


@pytest.fixture(scope='module')
def small(saved, tmp_path_factory):  # noqa: F811
    """Arguments of the tool for a random model of a few thousand weights."""
    cfg, weights = saved
    path = tmp_path_factory.mktemp('small') / 'small.pth'
    state = torch.load(weights, weights_only=True)['state_dict']
    torch.save({'state_dict': state}, path)
    return cfg, path


def test_export_and_check(tool, small, tmp_path, monkeypatch, capsys):
    cfg, weights = small
    inferencer = AnyKeypointInferencer(cfg, weights, 'cpu')
    monkeypatch.setattr(
        tool, 'AnyKeypointInferencer', lambda *a, **k: inferencer
    )
    out = tmp_path / 'small.onnx'
    arguments = ['--weights', str(weights), '--out', str(out), '--check']
    assert tool.main(arguments) == 0
    assert 'the same as PyTorch (tolerance 0.001)' in capsys.readouterr().out

    model = onnx.load(out)
    assert [(o.domain, o.version) for o in model.opset_import] == [('', 17)]
    assert {node.domain for node in model.graph.node} == {''}
    notes = {entry.key: entry.value for entry in model.metadata_props}
    assert notes['scale'] == '[96, 96]' and notes['divisor'] == '32'
    shapes = {i.name: i.shape for i in OnnxModel(out).session.get_inputs()}
    assert shapes['image'] == ['height', 'width', 3]
    assert shapes['keypoint_embeddings'] == ['categories', 'keypoints', 24]

    # A file that computes something else is told.
    monkeypatch.setattr(
        tool, 'compare', lambda *models: {'boxes': 2e-3, 'scores': 1e-5}
    )
    assert tool.main(arguments) == 1
    assert 'NOT the same as PyTorch' in capsys.readouterr().out


@pytest.mark.slow
def test_a_torch_export_program(tool, small, tmp_path, monkeypatch):
    inferencer = AnyKeypointInferencer(*small, 'cpu')
    monkeypatch.setattr(
        tool, 'AnyKeypointInferencer', lambda *a, **k: inferencer
    )
    out = tmp_path / 'small.pt2'
    arguments = ['--weights', str(small[1]), '--out', str(out), '--check']
    assert tool.main(arguments) == 0
    with zipfile.ZipFile(out) as file:  # loading it takes long
        notes = {
            name.rpartition('/')[2]: file.read(name).decode()
            for name in file.namelist()
            if '/extra/' in name
        }
    assert notes['scale'] == '[96, 96]' and len(notes['identity']) == 64


def test_wrong_arguments(tool, tmp_path, capsys):
    for arguments, message in (
        (['--model', 'xpose_tiny', '--out', 'a.bin'], 'end in .onnx or .pt2'),
        (['--out', 'a.onnx'], 'give --model or --weights'),
        (['--model', 'no.py', '--out', 'a.onnx'], 'no.py'),
    ):
        with pytest.raises(SystemExit) as stopped:
            tool.main(arguments)
        assert stopped.value.code == 2
        assert message in capsys.readouterr().err


def best(found, category):
    return max(
        (one for one in found if one['category'] == category),
        key=lambda one: one['score'],
    )


def points(found):
    """(K, 2) of an entry of the command line's json."""
    return [[k['x'], k['y']] for k in found['keypoints']]


@pytest.mark.slow
def test_all_four_ways_agree(
    tool,
    standalone,
    load_tool,
    leaf,  # noqa: F811
    tmp_path,
    capsys,
):
    """Python, command line, MMPoseInferencer and ONNX, the shipped model."""
    from mmpose.apis.inferencers import MMPoseInferencer

    from projects.synthkpt.writer import Task, make_picture

    make_picture(Task(tmp_path, 0, 'val', 6))
    picture = str(tmp_path / 'val/000006.jpg')
    weights = str(REPO_ROOT / WEIGHTS)
    model = ['--model', str(REPO_ROOT / SHIPPED), '--weights', weights]
    prompt = str(tmp_path / 'prompt.safetensors')

    python = AnyKeypointInferencer(leaf, weights, 'cpu')
    python.set_prompt(str(leaf.with_name('prompt.json'))).save_prompt(prompt)
    # What is exported leaves no second guess out.
    [result] = python(picture, score_thr=0.05, nms_thr=1.0)
    wanted = result.instances[0]
    assert wanted.category == 'horse' and wanted.score > 0.2

    demo = load_tool('../demo/anykeypoint_demo.py')
    options = ['--prompt', prompt, '--save-json', '--device', 'cpu']
    options += ['--out', str(tmp_path / 'out'), '--score-thr', '0.05']
    assert demo.main([picture, *model, *options]) == 0
    [written] = (tmp_path / 'out/predictions').iterdir()
    found = json.loads(written.read_text())['instances']
    found = best(found, 'horse')
    assert found['score'] == pytest.approx(wanted.score, abs=1e-3)
    np.testing.assert_allclose(points(found), wanted.xy(), atol=0.02)

    mmpose = MMPoseInferencer(
        pose2d=str(leaf), pose2d_weights=weights, device='cpu'
    )
    [answer] = mmpose(picture)
    [instances] = answer['predictions']
    same = [
        np.abs(np.array(one['keypoints']) - wanted.xy()).max()
        for one in instances
    ]
    assert min(same) < 0.02

    out = tmp_path / 'shipped.onnx'
    assert tool.main([*model, '--out', str(out), '--check']) == 0
    session = OnnxModel(out).session
    every = standalone.find(session, prompt, cv2.imread(picture))
    found = best(every, 'horse')
    assert found['score'] == pytest.approx(wanted.score, abs=SCORE_TOLERANCE)
    assert list(found['keypoints']) == [k.name for k in wanted.keypoints]
    values = np.array(list(found['keypoints'].values()))
    np.testing.assert_allclose(
        values[:, :2], wanted.xy(), atol=POINTS_TOLERANCE
    )
    np.testing.assert_allclose(
        values[:, 2],
        [k.score for k in wanted.keypoints],
        atol=SCORE_TOLERANCE,
    )
    above = [one for one in every if one['score'] > 0.05]
    assert len(above) == len(result.instances)

    # A prompt of another model is refused.
    with pytest.raises(SystemExit, match='encoded for another model'):
        standalone.load_prompt(prompt, 'another')
    capsys.readouterr()


def test_the_standalone_script_needs_nothing_of_ours(run_python):
    code = """
import sys
for name in ('torch', 'mmengine', 'mmpose', 'mmcv', 'mmdet', 'projects'):
    sys.modules[name] = None  # importing it raises
import importlib.util
spec = importlib.util.spec_from_file_location('script', sys.argv[1])
spec.loader.exec_module(importlib.util.module_from_spec(spec))
"""
    script = REPO_ROOT / 'demo/onnx_inference.py'
    result = run_python('-c', code, str(script), path=())
    assert result.returncode == 0, result.stderr
