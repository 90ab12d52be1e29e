# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""AnyKeypointInferencer with PPM."""

import json

import numpy as np
import pytest

from projects.common.apis import AnyKeypointInferencer
from projects.common.structures import KeypointCategory
from projects.ppm.apis import fit_prompts, locate
from tests.test_ppm.conftest import make_shot
from tests.test_ppm.test_ppm_fit import CONFIG, POINTS

NAMES = ['lid', 'handle', 'spout', 'foot']


@pytest.fixture(scope='module')
def inferencer(tmp_path_factory, model_folder):
    path = tmp_path_factory.mktemp('config') / 'ppm.py'
    imports = "custom_imports = dict(imports=['projects.ppm'])\n"
    path.write_text(imports + CONFIG.format(path=str(model_folder)))
    return AnyKeypointInferencer(str(path), device='cpu')


@pytest.fixture(scope='module')
def wide():
    """A picture with the object on its left."""
    image = make_shot(0, POINTS).image.numpy().transpose(1, 2, 0)
    return np.concatenate([image, np.full_like(image, 100)], 1)


@pytest.fixture(scope='module')
def example(wide):
    points = [*POINTS, (0, 0)]
    return wide, points, [2, 2, 2, 0], NAMES


def test_the_same_as_fit_and_locate(inferencer, example, wide):
    inferencer.set_prompt({'pot': example})
    assert inferencer.prompt.not_shown == {'pot': ['foot']}
    [result] = inferencer(wide, score_thr=0)
    [found] = result.instances
    assert found.bbox == (0, 0, 64, 32)
    assert [k.name for k in found.keypoints] == NAMES[:3]
    model = inferencer.backend.model
    [[shown]] = inferencer.prompt.description.examples
    file = fit_prompts(model, KeypointCategory('pot', NAMES), [shown.shot(32)])
    wanted = locate(file, model.maps, model.decoder, wide)
    np.testing.assert_allclose(found.xy(), wanted.keypoints[:3])
    scores = [k.score for k in found.keypoints]
    np.testing.assert_allclose(scores, wanted.scores[:3], rtol=1e-6)
    assert found.score == pytest.approx(np.mean(scores))
    assert found.keypoints[0].visibility is None


def test_boxes(inferencer, example, wide):
    inferencer.set_prompt({'pot': example})
    boxes = [[0, 0, 32, 32], [20, 0, 64, 32]]
    [result] = inferencer(wide, bboxes=boxes, score_thr=0)
    assert {one.bbox for one in result.instances} == {
        (0, 0, 32, 32),
        (20, 0, 64, 32),
    }
    left = next(one for one in result.instances if one.bbox[0] == 0)
    file, model = inferencer.prompt.state.file, inferencer.backend.model
    wanted = locate(file, model.maps, model.decoder, wide, boxes[0])
    np.testing.assert_allclose(left.xy(), wanted.keypoints[:3])
    [nothing] = inferencer(wide, bboxes=[[]], score_thr=0)
    assert nothing.instances == ()
    with pytest.raises(
        ValueError, match='lies outside the picture of 64 x 32'
    ):
        inferencer(wide, bboxes=[[70, 0, 80, 9]])


def test_attention_maps(inferencer, example, wide):
    inferencer.set_prompt({'pot': example})
    [plain] = inferencer(wide, score_thr=0)
    assert plain.map_names == ()
    assert 'maps' not in plain.data_sample.pred_instances
    # A map covers 1.25 of the box, here beyond the picture.
    box = [0, 0, 32, 32]
    [result] = inferencer(wide, bboxes=[box], score_thr=0, maps=True)
    assert result.map_names == tuple(NAMES[:3])
    assert result.to_dict() == json.loads(result.to_json())
    [found] = result.instances
    assert found.maps.box == (-4, -4, 36, 36)
    file, model = inferencer.prompt.state.file, inferencer.backend.model
    wanted = locate(file, model.maps, model.decoder, wide, box)
    np.testing.assert_allclose(found.maps.values, wanted.maps[:3])
    # Where a map is highest its keypoint is, in pixels of the picture.
    for values, (x, y) in zip(found.maps.values, found.xy()):
        row, column = np.unravel_index(values.argmax(), values.shape)
        assert abs(-4 + column * 40 / 32 - x) < 3
        assert abs(-4 + row * 40 / 32 - y) < 3
    drawn = result.draw(attention='lid', boxes=False, min_side=0)
    changed = (drawn != wide[..., ::-1]).any((0, 2))
    assert changed[:36].all() and not changed[38:].any()


def test_fitted_prompts_are_kept(
    inferencer, example, wide, tmp_path, other_folder
):
    inferencer.set_prompt({'pot': example})
    before = inferencer(wide, score_thr=0)[0].to_dict()
    path = tmp_path / 'pot.safetensors'
    inferencer.save_prompt(path)
    again = inferencer.prepare(path)
    assert again.not_shown == {'pot': ['foot']}
    assert inferencer(wide, again, score_thr=0)[0].to_dict() == before
    config = tmp_path / 'other.py'
    config.write_text(CONFIG.format(path=str(other_folder)))
    other = AnyKeypointInferencer(str(config), device='cpu')
    with pytest.raises(ValueError, match='they mean nothing to it'):
        other.prepare(path)


def test_prompts_that_it_does_not_take(inferencer, example):
    with pytest.raises(ValueError, match='PPM learns keypoints from examples'):
        inferencer.prepare('horse')
    with pytest.raises(ValueError, match='PPM looks for one at a time'):
        inferencer.prepare([{'pot': example}, {'pan': example}])
    with pytest.raises(ValueError, match='PPM learns from at least one shot'):
        inferencer.prepare({'pot': NAMES})
