# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Results, prompts and models, with a model whose answers are known."""

import errno
import json
import os
from dataclasses import replace

import jsonschema
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from projects.common.apis import (
    AnyKeypointInferencer,
    AttentionMaps,
    Frame,
    KeypointResult,
    load_model_config,
    model_names,
    results_to_coco,
    set_text_weights,
)
from projects.common.apis import (
    base_backend as backend,
)
from projects.common.apis.outputs import OutputFolder, VideoOutput
from projects.common.datasets import CocoKeypointFile
from projects.common.visualization import keypoint_color, write_image
from tests.conftest import REPO_ROOT
from tests.square_finder import corners, places, square

SCHEMA = json.loads(
    (REPO_ROOT / 'projects/common/apis/result.schema.json').read_text()
)


# Results


def test_what_a_result_holds(red):
    picture = square('red', 7, 12)
    [result] = red(picture)
    assert result.size == (60, 40)
    assert result.picture is None and result.frame is None
    [found] = result.instances
    assert (found.category, found.track_id) == ('red', None)
    assert found.score == pytest.approx(0.9)
    assert found.bbox == (7, 12, 16, 21)
    first, second, _ = found.keypoints
    assert first.name == 'top left' and first.xy == (7, 12)
    assert first.score == pytest.approx(0.8)
    assert second.visibility == pytest.approx(0.1)
    assert found.xy().tolist() == [[7, 12], [16, 12], [16, 21]]
    assert result.data_sample.pred_instances.labels.tolist() == [0]


def test_json_follows_its_schema(finder):
    prompt = finder.prepare('red; green')
    [result] = finder(square('red', 7, 12), prompt)
    content = json.loads(result.to_json())
    jsonschema.validate(content, SCHEMA)
    assert content['instances'][0]['keypoints'][1] == {
        'name': 'top right',
        'x': 16.0,
        'y': 12.0,
        'score': 0.6,
        'visibility': 0.1,
    }
    again = KeypointResult.from_dict(content)
    assert again.to_dict() == content
    assert again.categories[0].skeleton == ((0, 1), (1, 2))
    jsonschema.validate(
        finder(square('blue', 1, 1), prompt)[0].to_dict(), SCHEMA
    )
    with pytest.raises(ValueError, match='This is no result'):
        KeypointResult.from_dict({'picture': 'a.png'})


def test_coco_is_read_by_our_data_sets(finder, tmp_path):
    prompt = finder.prepare('red; green')
    results = finder([square('red', 7, 12), square('green', 20, 5)], prompt)
    path = tmp_path / 'coco.json'
    path.write_text(json.dumps(results_to_coco(results)))
    file = CocoKeypointFile(str(path))
    assert [c.name for c in file.categories] == ['red', 'green']
    assert file.categories[1].skeleton == ((0, 1), (1, 2))
    first, second = (file.instances(image) for image in file.images)
    # The last keypoint's score is too low, the second is hidden.
    assert first['gt_keypoints'].tolist() == [
        [[7, 12, 2], [16, 12, 1], [0, 0, 0]]
    ]
    assert second['gt_labels'].tolist() == [1]
    assert second['gt_bboxes'].tolist() == [[20, 5, 29, 14]]
    assert second['gt_ids'].tolist() == [2]
    all_points = results[0].to_coco(kpt_thr=0)['annotations'][0]
    assert all_points['num_keypoints'] == 3 and all_points['score'] == 0.9
    other = finder(square('red', 7, 12), finder.prepare('red'))
    with pytest.raises(ValueError, match='other categories than those before'):
        results_to_coco([*results, *other])


def test_drawing(red, tmp_path):
    picture = square('red', 20, 10)
    [result] = red(picture)
    drawn = result.draw(min_side=0)
    assert drawn.shape == (40, 60, 3) and drawn.dtype == np.uint8
    # RGB: the square is red.
    assert drawn[15, 25].tolist() == [255, 0, 0]
    assert (drawn[10, 20] != picture[10, 20, ::-1]).any()
    plain = result.draw(boxes=False)
    assert max(plain.shape) == 768
    named = result.draw(boxes=False, show_names=True)
    # Names are written beside the keypoints, on the dark ground.
    assert (named != plain).any(-1).sum() > 300
    crosses = result.draw(boxes=False, kpt_thr=0.95)
    assert (crosses != plain).any()
    path = tmp_path / 'a.png'
    write_image(str(path), picture[..., ::-1])
    [result] = red(path)
    assert result.image is None and result.picture == str(path)
    assert np.array_equal(result.draw(boxes=False), plain)


def test_the_example_beside_the_picture(finder):
    picture = square('red', 20, 10, 20)
    example = (picture, corners(20, 10, 20), [2, 0, 2], ['a', 'b', 'c'])
    [result] = finder(picture, finder.prepare({'red': [example]}))
    alone = result.draw()
    panel = result.draw(panel=True)
    # 60 x 40 becomes 768 x 512; the example is a square of that height.
    assert alone.shape == (512, 768, 3)
    assert panel.shape == (512, 512 + 12 + 768, 3)
    assert np.array_equal(panel[:, -768:], alone)
    left = panel[:, :512]
    assert (left == keypoint_color('a')).all(-1).any()
    assert not (left == keypoint_color('b')).all(-1).any()  # not shown
    [result] = finder(picture, finder.prepare('red'))
    with pytest.raises(ValueError, match='holds no example to show'):
        result.draw(panel=True)


def test_attention_maps_of_a_result(red):
    picture = square('red', 20, 10)
    [result] = red(picture)
    assert result.map_names == () and result.instances[0].maps is None
    with pytest.raises(ValueError, match="map of 'x'; ask a model that has"):
        result.draw(attention='x')
    with pytest.raises(ValueError, match='There are no attention maps'):
        result.draw_maps()
    with pytest.raises(ValueError, match='Identity has no attention maps'):
        red(picture, maps=True)
    values = np.zeros((3, 10, 10), np.float32)
    values[1, 5, 4] = 1  # of the second keypoint, at (24, 13)
    maps = AttentionMaps(values, (20, 8, 30, 18))
    one = replace(result.instances[0], maps=maps)
    result = replace(result, instances=(one,))
    names = ('top left', 'top right', 'bottom right')
    assert result.map_names == names
    with pytest.raises(ValueError, match='there are some of top left, top'):
        result.draw(attention='x')
    drawn = result.draw(attention='top right', boxes=False, min_side=0)
    plain = result.draw(kpt_thr=2, boxes=False, min_side=0)
    changed = (drawn != picture[..., ::-1]).any(-1)
    # The box of the map, and nothing of the other keypoints.
    # A dark rim on a dark ground is no change.
    assert changed[8:18, 20:30].mean() > 0.8 and not changed[19:].any()
    assert not changed[:, :19].any() and (plain != drawn).any()
    red_ness = drawn.astype(int)[..., 0] - drawn[..., 2]
    assert red_ness[13, 24] > 50 and red_ness[8, 22] < 0
    mosaic = result.draw_maps()
    assert mosaic.shape == (2 * (256 + 18), 2 * 384, 3)


def test_second_guesses_are_left_out(finder):
    picture = square('red', 20, 10, 20)
    boxes = [[20, 10, 40, 30], [21, 10, 41, 30], [30, 10, 50, 30]]
    prompt = finder.prepare('red')
    # Boxes that somebody gave all stay.
    [result] = finder(picture, prompt, bboxes=boxes)
    assert len(result.instances) == 3
    frame = Frame(picture)

    def read(labels, nms_thr):
        sample = PoseDataSample()
        sample.pred_instances = InstanceData(
            bboxes=torch.tensor(boxes, dtype=torch.float32),
            scores=torch.tensor([0.5, 0.9, 0.7]),
            labels=torch.tensor(labels),
            # Places of their own, or they were one object.
            keypoints=100.0 * torch.arange(3).view(3, 1, 1).expand(3, 3, 2),
            keypoint_scores=torch.ones(3, 3),
            keypoint_mask=torch.ones(3, 3, dtype=torch.bool),
        )
        two = finder.prepare('red; green')
        result = KeypointResult.of_sample(sample, frame, two, 0.1, nms_thr)
        return [round(one.score, 1) for one in result.instances]

    # The first two overlap by 0.9, the last two by 0.38.
    assert read([0, 0, 0], 0.5) == [0.9, 0.7]
    assert read([0, 0, 0], 0.3) == [0.9]
    assert read([0, 0, 0], 1.0) == [0.9, 0.7, 0.5]
    # One object has one label, until all is asked for.
    assert read([1, 0, 0], 0.5) == [0.9, 0.7]
    assert read([1, 0, 0], 1.0) == [0.9, 0.7, 0.5]
    # Things of two kinds may share a place.
    assert read([0, 0, 1], 0.3) == [0.9, 0.7]
    # What is left out leaves out nothing: the best removes the second, which
    # would have removed the third.
    boxes[:] = [[9, 0, 29, 20], [0, 0, 20, 20], [3, 0, 23, 20]]
    assert read([0, 1, 0], 0.5) == [0.9, 0.5]


def test_thresholds_and_order(finder):
    picture = square('red', 30, 2)
    picture[20:30, 5:15] = (0, 255, 0)
    prompt = finder.prepare('green; red')
    [result] = finder(picture, prompt)
    assert [one.category for one in result.instances] == ['green', 'red']
    [result] = finder(picture, prompt, score_thr=0.7)
    assert [one.category for one in result.instances] == ['green']
    [result] = finder(picture, prompt, score_thr=0.95)
    assert result.instances == ()


# Prompts and models


def test_prompts(finder, tmp_path):
    fresh = AnyKeypointInferencer(finder.backend.cfg, device='cpu')
    picture = square('green', 6, 20)
    with pytest.raises(ValueError, match='call set_prompt'):
        fresh.stream(picture)
    assert fresh.set_prompt('green') is fresh
    assert places(fresh(picture)[0]) == corners(6, 20)
    # Another one for a single call leaves it as it is.
    assert fresh(picture, finder.prepare('red'))[0].instances == ()
    assert fresh(picture)[0].instances[0].category == 'green'
    fresh.set_prompt({'leaf': 'green'})
    assert fresh.prompt.categories[0].name == 'leaf'
    fresh.set_prompt('green; red')
    for suffix in ('json', 'safetensors'):
        path = tmp_path / f'prompt.{suffix}'
        fresh.save_prompt(path)
        other = finder.prepare(str(path))
        assert [c.name for c in other.categories] == ['green', 'red']
    with pytest.raises(ValueError, match='ends in .json or .safetensors'):
        fresh.save_prompt(tmp_path / 'prompt.txt')
    fresh.set_prompt(path)
    with pytest.raises(ValueError, match='was read encoded'):
        fresh.save_prompt(tmp_path / 'prompt.json')


def test_what_no_example_shows(finder):
    picture = square('red', 6, 20)
    example = (picture, corners(6, 20), [2, 0, 2], ['a', 'b', 'c'])
    prompt = finder.prepare({'red': [example]})
    assert prompt.not_shown == {'red': ['b']}
    assert finder(picture, prompt)[0].to_dict()['not_shown'] == {'red': ['b']}
    combined = finder.prepare({'red': [example]}, modality='combined')
    assert combined.not_shown == {}


def test_the_model_index():
    names = model_names()
    config, weights = names['xpose-tiny']
    assert config == REPO_ROOT / (
        'configs/promptable_2d_keypoint/xpose/xpose_tiny_2xb8_synthkpt.py'
    )
    assert weights.endswith('checkpoints/xpose_tiny_synthkpt.pth')
    assert os.path.isfile(weights)
    for name in ('xpose_tiny', 'XPose-Tiny', 'xpose_tiny_2xb8_synthkpt'):
        cfg, found = load_model_config(name)
        assert cfg.model.type == 'mmpose.XPose' and found == weights
    _, own = load_model_config('xpose_tiny', weights)
    assert own == weights
    with pytest.raises(ValueError, match='did you mean xpose_tiny_2xb8|xpose'):
        load_model_config('xpose_tyny')
    with pytest.raises(FileNotFoundError, match='checkpoint "no.pth"'):
        load_model_config('xpose_tiny', 'no.pth')
    with pytest.raises(FileNotFoundError, match='config "no.py" does not'):
        load_model_config('no.py')
    with pytest.raises(ValueError, match='Neither model nor weights'):
        load_model_config(None)


def test_settings_of_the_config():
    cfg, _ = load_model_config(
        'xpose_tiny', cfg_options={'model.test_cfg.max_per_img': 3}
    )
    assert cfg.model.test_cfg.max_per_img == 3
    with pytest.raises(ValueError, match='max_per_image'):
        load_model_config(
            'xpose_tiny', cfg_options={'model.test_cfg.max_per_image': 3}
        )
    set_text_weights(cfg, 'folder')
    assert cfg.model.prompt_encoder.text.tower.path == 'folder'
    clip = {'tower': {'type': 'OpenCLIPTextTower', 'pretrained': 'a'}}
    cfg = Config({'model': {'prompt_encoder': clip}})
    set_text_weights(cfg, 'b')
    assert cfg.model.prompt_encoder.tower.pretrained == 'b'
    with pytest.raises(ValueError, match='has no text encoder'):
        set_text_weights(Config({'model': {'type': 'PPM'}}), 'b')


def test_models_without_a_backend(finder):
    with pytest.raises(ValueError, match="type 'Foo' cannot be asked.*Square"):
        backend.backend_type(Config({'model': {'type': 'mmpose.Foo'}}))
    with pytest.raises(ValueError, match="precision is 'int8'"):
        AnyKeypointInferencer(finder.backend.cfg, precision='int8')
    for name in ('abacus', 'cuda:99'):
        with pytest.raises(ValueError, match=f"device '{name}' cannot be"):
            AnyKeypointInferencer(finder.backend.cfg, device=name)


# Writing


def test_a_full_disk_leaves_nothing_half_written(red, tmp_path, monkeypatch):
    output = OutputFolder(tmp_path / 'out', {}, save_json=True)
    [result] = red(square('red', 5, 5))

    def full(self, data):
        with open(self, 'wb') as file:
            file.write(data[:10])
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr('pathlib.Path.write_bytes', full)
    with pytest.raises(OSError, match='No space left'):
        output.write('a.png', result, image=square('red', 5, 5))
    assert not output.is_done('a.png')
    assert list((tmp_path / 'out/visualizations').iterdir()) == []
    monkeypatch.undo()
    output.write('a.png', result, image=square('red', 5, 5))
    assert output.is_done('a.png')


def test_a_video_that_lacks_frames_is_no_result(red, tmp_path):
    output = OutputFolder(tmp_path, {}, save_json=True)
    [result] = red(square('red', 5, 5))
    drawn = result.draw()
    with (
        pytest.raises(OSError, match='holds 3 of 4 frames; is the disk full'),
        output.video('a.mp4', 10) as out,
    ):
        for _ in range(3):
            out.write(result, drawn)
        out.count += 1  # one that OpenCV has lost
    assert not output.is_done('a.mp4')
    assert list((tmp_path / 'predictions').iterdir()) == []
    with output.video('b.mp4', 10) as out:
        for _ in range(3):
            out.write(result, drawn)
    assert output.is_done('b.mp4')
    with pytest.raises(OSError, match='No video can be written to'):
        VideoOutput(tmp_path / 'no/such/a.mp4', 10).write(result, drawn)
