# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import copy

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from projects.common.structures import KeypointPrompt
from projects.xpose.apis import init_model, predict
from projects.xpose.apis.inference import prediction_pipeline
from tests.test_xpose.conftest import build_model, category

PIPELINE = [
    {'type': 'LoadImage'},
    {'type': 'ResizeKeypoints', 'scale': (96, 96), 'keep_ratio': True},
    {'type': 'SamplePromptCategories', 'mode': 'all'},
    {'type': 'PackPromptInputs'},
]


@pytest.fixture(scope='module')
def trained(tmp_path_factory, repo_root):
    """(config, checkpoint, the model that it was saved from)."""
    built = []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(repo_root)
        model = build_model(edit=lambda cfg: built.append(copy.deepcopy(cfg)))
    path = tmp_path_factory.mktemp('weights') / 'model.pth'
    torch.save({'state_dict': model.state_dict()}, path)
    cfg = Config(
        {
            'model': built[0],
            'default_scope': 'mmpose',
            'test_dataloader': {'dataset': {'pipeline': PIPELINE}},
        }
    )
    return cfg, path, model.eval()


@pytest.fixture
def image():
    draw = np.random.default_rng(0)
    return draw.integers(0, 256, (60, 120, 3), dtype=np.uint8)


def prompt():
    return KeypointPrompt.from_categories(
        [category('cat', 4), category('chair', 7)]
    )


def test_predicts_what_the_model_predicts(trained, image):
    cfg, path, reference = trained
    model = init_model(cfg, path, device='cpu')
    assert not model.training
    [sample] = predict(model, image, prompt())
    packed = prediction_pipeline(cfg)({'img': image, 'prompts': prompt()})
    assert packed['inputs'].shape == (3, 48, 96)
    with torch.inference_mode():
        [expected] = reference.test_step(pseudo_collate([packed]))
    found, wanted = sample.pred_instances, expected.pred_instances
    assert len(found) > 0
    torch.testing.assert_close(found.keypoints, wanted.keypoints)
    torch.testing.assert_close(found.scores, wanted.scores)
    assert sample.prompts.names == ('cat', 'chair')
    # In pixels of the picture that was given.
    assert sample.ori_shape == (60, 120)


def test_paths_and_arrays_give_one_sample_each(trained, image, tmp_path):
    from projects.common.visualization import write_image

    cfg, path, _ = trained
    file = tmp_path / 'a.png'
    write_image(str(file), image[..., ::-1])
    model = init_model(cfg, path, device='cpu')
    first, second = predict(model, [file, image], prompt())
    torch.testing.assert_close(
        first.pred_instances.keypoints, second.pred_instances.keypoints
    )
    assert first.img_path == str(file)


def test_bad_input_is_answered_in_sentences(trained, tmp_path):
    cfg, path, _ = trained
    model = init_model(cfg, path, device='cpu')
    with pytest.raises(FileNotFoundError, match='nothing.jpg" does not exist'):
        predict(model, tmp_path / 'nothing.jpg', prompt())
    text = tmp_path / 'text.jpg'
    text.write_text('no picture')
    with pytest.raises(OSError, match='convert it to JPEG or PNG'):
        predict(model, text, prompt())
    other = tmp_path / 'other.pth'
    torch.save({'state_dict': {'a': torch.zeros(1)}}, other)
    with pytest.raises(ValueError, match='does not fit the model'):
        init_model(cfg, other, device='cpu')
