# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import copy
import json

import numpy as np
import pytest
import torch
from mmengine.config import Config
from torch import nn

from projects.common.models.prompt_encoders import TextTower
from projects.common.structures import KeypointPrompt, crop_support
from projects.common.visualization import write_image
from projects.xpose.apis import predict, read_supports, support_shot
from tests.support_shots import TINY_TOWER
from tests.test_xpose.conftest import build_model, category

CAT, CHAIR = category('cat', 4), category('chair', 7)
# The prompt's transforms lack their arguments: building them would fail.
PIPELINE = [
    {'type': 'LoadImage'},
    {'type': 'ResizeKeypoints', 'scale': (96, 96), 'keep_ratio': True},
    {'type': 'SamplePromptCategories', 'mode': 'all'},
    {'type': 'mmpose.FixedSupports'},
    {'type': 'SampleSupports'},
    {'type': 'PackPromptInputs'},
]


class LengthTower(TextTower):
    """Random embeddings that depend on a text's length."""

    def _load(self):
        return nn.Linear(1, 1)

    def _embed_dims(self, model):
        return 24

    def _encode(self, model, texts):
        table = torch.randn(99, 24, generator=torch.manual_seed(0))
        return table[[len(text) for text in texts]]


def with_examples(cfg):
    text = {'type': 'TextPromptEncoder', 'embed_dims': 24}
    cfg.prompt_encoder = {
        'type': 'mmpose.MultiModalPromptEncoder',
        'text': {**text, 'tower': LengthTower()},
        'visual': {'type': 'VisualPromptEncoder', 'tower': TINY_TOWER},
        'fusion': {'type': 'PromptFusion', 'mode': 'mean'},
    }


@pytest.fixture(scope='module')
def model(repo_root):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(repo_root)
        model = build_model(with_examples).eval()
    pipeline = copy.deepcopy(PIPELINE)
    model.cfg = Config(
        {'test_dataloader': {'dataset': {'pipeline': pipeline}}}
    )
    return model


@pytest.fixture
def image():
    draw = np.random.default_rng(0)
    return draw.integers(0, 256, (60, 120, 3), dtype=np.uint8)


def shot(model, image, count, **kwargs):
    points = np.random.default_rng(count).uniform(5, 55, (count, 2))
    return support_shot(model, image, points, **kwargs)


def test_a_shot_has_the_size_of_the_tower(model, image, tmp_path):
    points = np.array([[20.0, 10], [60, 40]])
    cut = support_shot(model, image, points)
    wanted = crop_support(image, points, np.array([2, 2]), size=32)
    assert cut.image.shape == (3, 32, 32)
    assert cut.key == wanted.key
    file = tmp_path / 'a.png'
    write_image(str(file), image[..., ::-1])
    assert support_shot(model, file, points).key == cut.key
    options = {'visible': [0, 1], 'bbox': [30, 20, 90, 60], 'context': 2.0}
    cut = support_shot(model, image, points, **options)
    # 120 pixels around (60, 40) become 32.
    assert cut.keypoints[1].tolist() == pytest.approx([16, 16])
    assert cut.visible.tolist() == [0, 1]


def test_one_prompt_for_many_pictures_is_encoded_once(model, image):
    passes = []
    tower = model.prompt_encoder.visual.tower
    hook = tower.register_forward_hook(
        lambda module, args, output: passes.append(len(args[0]))
    )
    shots = [shot(model, image, 4), shot(model, image[::-1].copy(), 4)]
    prompt = KeypointPrompt.from_categories(
        [CHAIR, CAT], supports=[[], shots], modalities=['text', 'visual']
    )
    samples = predict(model, [image, image[:, ::-1].copy(), image], prompt)
    [again] = predict(model, image, prompt)
    hook.remove()
    assert passes == [2]
    first, other, third = (s.pred_instances.keypoints for s in samples)
    assert len(first) > 0
    torch.testing.assert_close(first, third)
    torch.testing.assert_close(first, again.pred_instances.keypoints)
    assert first.shape != other.shape or not torch.allclose(first, other)
    assert samples[0].prompts.modalities == ('text', 'visual')


def test_every_modality_predicts_something_else(model, image):
    shots = [[shot(model, image, 4)]]
    found = {}
    for modality in ('text', 'visual', 'combined'):
        prompt = KeypointPrompt.from_categories(
            [CAT], supports=shots, modalities=[modality]
        )
        [sample] = predict(model, image, prompt)
        found[modality] = sample.pred_instances.scores[:3].tolist()
    assert len({tuple(scores) for scores in found.values()}) == 3


def test_keypoints_that_no_shot_shows_are_not_real(model, image):
    visible = [2, 0, 1, 2]
    for modality, shown in (('visual', visible), ('combined', [1] * 4)):
        prompt = KeypointPrompt.from_categories(
            [CAT],
            supports=[[shot(model, image, 4, visible=visible)]],
            modalities=[modality],
        )
        [sample] = predict(model, image, prompt)
        mask = sample.pred_instances.keypoint_mask
        assert mask[0].tolist() == [v > 0 for v in shown]
        warned = sample.pred_instances.unshown_keypoints
        assert warned == ({'cat': ['point 1']} if 0 in shown else {})


def test_a_model_without_image_tower_refuses(image):
    model = build_model()
    with pytest.raises(ValueError, match='StubPromptEncoder and has no image'):
        shot(model, image, 4)
    with pytest.raises(ValueError, match='Ask it in words, or take a model'):
        read_supports(model, 'nothing.json', [])


def annotated(folder, image, objects, file_name='pics/a.png'):
    """Write a picture and the file that annotates it: (json, picture)."""
    write_image(str(folder / file_name), image[..., ::-1])
    content = {
        'images': [
            {'id': 7, 'file_name': 'b.png', 'width': 9, 'height': 9},
            {'id': 8, 'file_name': file_name, 'width': 120, 'height': 60},
        ],
        'categories': [
            {'id': 1, 'name': 'cat', 'keypoints': ['nose', 'tail']},
            {'id': 2, 'name': 'ball', 'keypoints': ['middle']},
            {'id': 3, 'name': 'dog', 'keypoints': ['nose', 'tail']},
        ],
        'annotations': [
            {
                'id': 10 + i,
                'image_id': 8,
                'category_id': label,
                'bbox': [10, 5, 40, 40],
                'keypoints': keypoints,
            }
            for i, (label, keypoints) in enumerate(objects)
        ],
    }
    path = folder / 'annotations.json'
    path.write_text(json.dumps(content))
    return path, folder / file_name


OBJECTS = [
    (1, [30, 25, 2, 0, 0, 0]),
    (2, [50, 5, 1]),
    (1, [20, 15, 1, 40, 35, 2]),
    (3, []),  # a box alone is no example
]


def test_annotated_pictures_become_shots(model, image, tmp_path):
    path, picture = annotated(tmp_path, image, OBJECTS)
    found = read_supports(model, path, [picture])
    assert [category.name for category in found] == ['cat', 'ball']
    cats, balls = found.values()
    assert [cat.annotation_id for cat in cats] == [10, 12]
    assert {s.image_id for s in (*cats, *balls)} == {8}
    assert [cat.visible.tolist() for cat in cats] == [[2, 0], [1, 2]]
    # The box of 40 pixels with context is 50 wide, around (30, 25).
    assert cats[0].keypoints[0].tolist() == pytest.approx([16, 16])
    assert balls[0].image.shape == (3, 32, 32)
    # Pictures add up.
    twice = read_supports(model, path, [picture, picture])
    assert [len(shots) for shots in twice.values()] == [4, 2]


def test_wrong_supports_are_explained(model, image, tmp_path):
    path, picture = annotated(tmp_path, image, OBJECTS)
    (tmp_path / 'other.png').write_bytes(picture.read_bytes())
    with pytest.raises(
        ValueError, match='no picture whose file_name ends the'
    ):
        read_supports(model, path, [tmp_path / 'other.png'])
    with pytest.raises(FileNotFoundError, match='no.png" does not exist'):
        read_supports(model, path, ['no.png'])
    path, picture = annotated(tmp_path, image, OBJECTS[-1:])
    with pytest.raises(ValueError, match='no object with a labelled keypoint'):
        read_supports(model, path, [picture])
    path, picture = annotated(tmp_path, image, [(2, [50, 70, 2])])
    with pytest.raises(ValueError, match='outside its picture of 120 x 60'):
        read_supports(model, path, [picture])
    with pytest.raises(ValueError, match='shows no keypoint'):
        shot(model, image, 2, visible=[0, 0])
    with pytest.raises(ValueError, match='not finite'):
        support_shot(model, image, [[np.nan, 1]])
