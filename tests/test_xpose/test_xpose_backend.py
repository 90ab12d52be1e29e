# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""AnyKeypointInferencer with X-Pose, and mmpose's own ways to run it."""

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from mmdet.evaluation.functional import bbox_overlaps
from mmengine.config import Config

from projects.common.apis import AnyKeypointInferencer
from projects.common.prompt_files import (
    Example,
    PromptDescription,
    save_prompt,
)
from projects.common.structures import KeypointPrompt
from projects.common.utils.learnt import Learnt
from projects.xpose.apis import predict
from projects.xpose.prompts import predefined_category
from tests.test_xpose.conftest import build_model, category
from tests.test_xpose.test_support_shots import with_examples

PIPELINE = [
    {'type': 'LoadImage'},
    {'type': 'ResizeKeypoints', 'scale': (96, 96), 'keep_ratio': True},
    {'type': 'PackPromptInputs'},
]
SHIPPED = 'configs/promptable_2d_keypoint/xpose/xpose_tiny_2xb8_synthkpt.py'
WEIGHTS = 'checkpoints/xpose_tiny_synthkpt.pth'


@pytest.fixture(scope='module')
def saved(tmp_path_factory, repo_root):
    """(config, checkpoint) of a random model that takes examples too."""
    built = []

    def edit(cfg):
        with_examples(cfg)
        built.append(copy.deepcopy(cfg))

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(repo_root)
        model = build_model(edit)
    folder = tmp_path_factory.mktemp('weights')
    torch.save({'state_dict': model.state_dict()}, folder / 'model.pth')
    known = PromptDescription((category('cat', 3), category('pony', 2)))
    save_prompt(folder / 'known.json', known)
    cfg = Config(
        {
            'model': built[0],
            'default_scope': 'mmpose',
            'default_prompt': str(folder / 'known.json'),
            'test_dataloader': {'dataset': {'pipeline': PIPELINE}},
        }
    )
    return cfg, folder / 'model.pth'


@pytest.fixture(scope='module')
def inferencer(saved):
    return AnyKeypointInferencer(*saved, device='cpu')


@pytest.fixture
def image():
    draw = np.random.default_rng(0)
    return draw.integers(0, 256, (60, 120, 3), dtype=np.uint8)


def flat(result):
    """All numbers of a result."""
    return np.concatenate(
        [[one.score, *one.bbox, *one.xy().ravel()] for one in result.instances]
    )


@pytest.fixture
def own(saved, tmp_path):
    """A model whose checkpoint says what it was trained to find."""
    cfg, weights = saved
    learnt = Learnt((category('mule', 2), category('cat', 3)), 0.02)
    content = torch.load(weights) | {'meta': learnt.to_meta()}
    torch.save(content, tmp_path / 'own.pth')
    return AnyKeypointInferencer(cfg, tmp_path / 'own.pth', device='cpu')


def test_a_checkpoint_knows_what_it_was_trained_to_find(own, image):
    assert own.score_thr == 0.02
    [result] = own(image)  # nothing was asked for
    assert [c.name for c in result.categories] == ['mule', 'cat']
    assert result.categories[0].num_keypoints == 2
    assert all(one.score >= 0.02 for one in result.instances)
    [all_of_it] = own(image, score_thr=0)
    assert len(all_of_it.instances) > len(result.instances)


def test_words_that_two_know_are_told(own, monkeypatch):
    told = []
    monkeypatch.setattr(
        'projects.xpose.apis.xpose_backend.print_log',
        lambda text, **options: told.append(text),
    )
    assert own.prepare('mule').categories[0].num_keypoints == 2
    assert told == []
    assert own.prepare('cat').categories[0].num_keypoints == 3
    count = predefined_category('cat').num_keypoints
    [text] = told
    assert text.startswith('"cat" is taken for the 3 keypoints that this ')
    assert f'not for the {count} predefined ones' in text


def test_the_same_as_predict(inferencer, image):
    shown = (image, [[10, 10], [60, 40]], [2, 2], ['eye', 'tail'])
    prompt = inferencer.prepare(
        [{'teapot': ['lid', 'spout']}, {'mouse': shown}]
    )
    [result] = inferencer(image, prompt, score_thr=0, nms_thr=1)
    wanted = prompt.description.prompt(inferencer.backend.shot_size)
    assert wanted.modalities == ('text', 'visual')
    [sample] = predict(inferencer.backend.model, image, wanted)
    found = sample.pred_instances
    assert len(result.instances) == len(found) > 0
    order = found.scores.argsort(descending=True, stable=True)
    for one, row in zip(result.instances, order.tolist()):
        assert one.category == wanted.names[found.labels[row]]
        assert one.score == pytest.approx(found.scores[row].item())
        np.testing.assert_allclose(
            one.xy(), found.keypoints[row], rtol=1e-5, atol=1e-4
        )


def test_a_batch_is_its_pictures(inferencer, image):
    pictures = [image, image[:, ::-1].copy(), image[::-1].copy()]
    inferencer.set_prompt('cat; pony')
    single = inferencer(pictures, score_thr=0.0)
    batch = inferencer(pictures, score_thr=0.0, batch_size=3)
    for one, other in zip(single, batch, strict=True):
        np.testing.assert_allclose(
            flat(one), flat(other), rtol=1e-3, atol=0.01
        )


def test_known_objects(inferencer):
    # What the model was trained with goes before predefined sets.
    found = inferencer.prepare('Cat; horse; zebra like pony').categories
    assert [c.name for c in found] == ['Cat', 'horse', 'zebra']
    assert found[0].keypoints == ('point 0', 'point 1', 'point 2')
    assert found[1] == predefined_category('horse')
    assert found[2] == replace(category('pony', 2), name='zebra')
    with pytest.raises(ValueError, match="No keypoints are known for 'hrse'"):
        inferencer.prepare('hrse')


def test_encoded_prompts_belong_to_their_model(
    inferencer, saved, image, tmp_path
):
    example = (image, [[10, 10], [60, 40], [0, 0]], [2, 2, 0])
    inferencer.set_prompt([{'cat': None}, {'mouse': [example]}])
    before = inferencer(image, score_thr=0)
    path = tmp_path / 'prompt.safetensors'
    inferencer.save_prompt(path)
    inferencer.set_prompt(path)
    after = inferencer(image, score_thr=0)
    assert [r.to_dict() for r in after] == [r.to_dict() for r in before]
    assert inferencer.prompt.not_shown == {'mouse': ['point 2']}
    cfg, _ = saved
    other = AnyKeypointInferencer(cfg, device='cpu')  # random weights
    with pytest.raises(ValueError, match='encode the prompt again'):
        other.set_prompt(path)


def test_a_lower_precision_is_near(inferencer, saved, image):
    low = AnyKeypointInferencer(*saved, device='cpu', precision='bfloat16')
    prompt = 'cat; pony'
    [exact] = inferencer.set_prompt(prompt)(image, score_thr=0)
    [rough] = low.set_prompt(prompt)(image, score_thr=0)
    best, near = exact.instances[0], rough.instances[0]
    assert near.score == pytest.approx(best.score, abs=0.05)
    assert near.score != best.score


def test_pictures_that_are_no_use(inferencer):
    inferencer.set_prompt('cat')
    with pytest.raises(ValueError, match='12000 x 1 pixels .* is too narrow'):
        inferencer(np.zeros((1, 12_000, 3), np.uint8))
    [result] = inferencer(np.zeros((1, 1, 3), np.uint8))
    assert result.size == (1, 1)
    with pytest.raises(ValueError, match='X-Pose finds the objects itself'):
        inferencer(np.zeros((9, 9, 3), np.uint8), bboxes=[[0, 0, 5, 5]])
    with pytest.raises(ValueError, match='XPose has no attention maps'):
        inferencer(np.zeros((9, 9, 3), np.uint8), maps=True)


@pytest.fixture(scope='module')
def leaf(tmp_path_factory, repo_root):
    """The shipped config with a default prompt of two categories."""
    folder = tmp_path_factory.mktemp('leaf')
    names = ('horse', 'person')
    categories = tuple(predefined_category(name) for name in names)
    save_prompt(folder / 'prompt.json', PromptDescription(categories))
    cfg = Config.fromfile(repo_root / SHIPPED)
    cfg.data_mode = 'bottomup'
    cfg.default_prompt = str(folder / 'prompt.json')
    default = {'type': 'DefaultPrompt', 'prompt': cfg.default_prompt}
    pipeline = [
        t
        for t in cfg.test_dataloader.dataset.pipeline
        if t.type != 'DefaultPrompt'
    ]
    pipeline.insert(2, default)
    cfg.test_dataloader.dataset.pipeline = pipeline
    cfg.dump(folder / 'leaf.py')
    return folder / 'leaf.py'


def best(keypoints, scores):
    return np.asarray(keypoints)[int(np.argmax(scores))]


def test_all_ways_to_ask_the_shipped_model_agree(leaf, repo_root, tmp_path):
    """Python, a prompt file, mmpose's inferencer and its functions."""
    from mmpose.apis import inference_bottomup, init_model
    from mmpose.apis.inferencers import MMPoseInferencer

    from projects.synthkpt.writer import Task, make_picture

    record = make_picture(Task(tmp_path, 0, 'val', 6))
    picture = tmp_path / 'val/000006.jpg'
    weights = str(repo_root / WEIGHTS)
    ours = AnyKeypointInferencer('xpose_tiny', device='cpu')
    ours.set_prompt(str(leaf.with_name('prompt.json')))
    [result] = ours(str(picture), score_thr=0.05)
    wanted = result.instances[0]
    assert wanted.category == 'horse' and wanted.score > 0.2
    # It stands where an animal was drawn.
    boxes = np.array([one['bbox'] for one in record.annotations])
    boxes[:, 2:] += boxes[:, :2]
    assert bbox_overlaps(np.array([wanted.bbox]), boxes).max() > 0.5

    model = init_model(str(leaf), weights, device='cpu')
    [sample] = inference_bottomup(model, str(picture))
    found = sample.pred_instances
    assert sample.prompts.names == ('horse', 'person')
    points = best(found.keypoints, found.scores)
    np.testing.assert_allclose(points, wanted.xy(), atol=1e-2)

    inferencer = MMPoseInferencer(
        pose2d=str(leaf), pose2d_weights=weights, device='cpu'
    )
    [answer] = inferencer(
        str(picture), return_vis=True, out_dir=str(tmp_path / 'out')
    )
    [instances] = answer['predictions']
    same = [
        np.abs(np.array(i['keypoints']) - wanted.xy()).max() for i in instances
    ]
    assert min(same) < 1e-2
    [drawn] = answer['visualization']
    assert (
        drawn.ndim == 3
        and (tmp_path / 'out/visualizations/000006.jpg').is_file()
    )
    stored = json.loads((tmp_path / 'out/predictions/000006.json').read_text())
    assert stored == json.loads(json.dumps(instances))


def test_the_default_prompt(tmp_path, monkeypatch):
    from projects.common.apis import DefaultPrompt

    with pytest.raises(FileNotFoundError, match='make_prompt.py writes one'):
        DefaultPrompt(str(tmp_path / 'no.json'))
    path = tmp_path / 'shown.json'
    picture = np.zeros((40, 40, 3), np.uint8)
    example = Example(picture, [[5, 5], [30, 20]])
    shown = PromptDescription.of_examples({category('cat', 2): [example]})
    save_prompt(path, shown)
    with pytest.raises(ValueError, match='asks by example; give a file'):
        DefaultPrompt(str(path))
    save_prompt(path, PromptDescription((category('cat', 2),)))
    transform = DefaultPrompt(str(path))
    assert transform({'gt_labels': [1]}) == {'gt_labels': [1]}
    mine = KeypointPrompt.from_categories([category('dog', 1)])
    assert transform({'prompts': mine})['prompts'] is mine
    assert transform({'img': picture})['prompts'].names == ('cat',)
    assert 'shown.json' in repr(transform)
    # What ships is found from anywhere.
    monkeypatch.chdir(tmp_path)
    ours = DefaultPrompt('configs/_base_/prompts/synthkpt.json').prompt
    shapes = {c.name: c for c in ours.categories}
    assert len(shapes) == 72 and shapes['floor lamp'].num_keypoints == 4
