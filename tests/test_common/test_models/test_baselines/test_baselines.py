# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import nn

from projects.common.datasets import CocoKeypointFile
from projects.common.datasets.episodes import (
    EpisodeQuery,
    EpisodeSource,
    freeze_episodes,
)
from projects.common.models.baselines import (
    CopyLayout,
    FeatureMatching,
    MeanLayout,
)
from projects.common.structures import (
    KeypointCategory,
    KeypointPrompt,
    SupportShot,
)
from tests import episode_files
from tests.conftest import REPO_ROOT

CAT = KeypointCategory('cat', ('nose', 'tail', 'paw'))
FOLDER = REPO_ROOT / 'configs/category_agnostic_2d_keypoint/baselines'


@MODELS.register_module()
class ColourBackbone(nn.Module):
    """Colours and their coarse means; counts what it is asked for."""

    images = 0

    def init_weights(self):
        self.loaded = True

    def forward(self, images):
        type(self).images += len(images)
        images = images - 0.45
        return images, nn.functional.avg_pool2d(images, 4)


def shot(keypoints, visible=(2, 2, 2), size=40, image=None):
    if image is None:
        image = torch.zeros(3, size, size, dtype=torch.uint8)
    return SupportShot(
        image, torch.tensor(keypoints).float(), torch.tensor(visible).float()
    )


def sample(shots, support_bboxes, box, scale=(1.0, 1.0), shape=(40, 40)):
    item = PoseDataSample(metainfo={'scale_factor': scale, 'img_shape': shape})
    item.prompts = KeypointPrompt.from_categories([CAT], supports=[shots])
    item.gt_instances = InstanceData(bboxes=torch.tensor([box]).float())
    item.set_metainfo(
        {
            'episode': EpisodeQuery(
                episode=0,
                query=0,
                annotation_id=1,
                support_annotation_ids=(2,),
                support_visible=np.ones(3, bool),
                support_bboxes=np.array(support_bboxes, float),
                bbox=(0, 0, 1, 1),
                given_bbox=(0, 0, 1, 1),
                keypoints=np.zeros((3, 3)),
                picture_shape=(40, 40),
                frame='crop',
                to_picture=np.eye(2, 3),
            )
        }
    )
    return item


def predict(model, item, images=None):
    images = torch.zeros(1, 3, 40, 40) if images is None else images
    (found,) = model(images, [item], mode='predict')
    return found.pred_instances


def test_layout_is_stretched_to_the_box():
    shots = [shot([[10, 10], [30, 10], [20, 25]])]
    item = sample(shots, [[10, 10, 30, 30]], [0, 0, 40, 8], scale=(2.0, 0.5))
    found = predict(CopyLayout(), item)
    # Corner, corner, and half of the width at 3/4 of the height; resizing
    # of the input is undone.
    assert found.keypoints[0].tolist() == [[0, 0], [20, 0], [10, 12]]
    assert found.bboxes.tolist() == [[0, 0, 20, 16]]
    assert found.keypoint_scores.tolist() == [[1, 1, 1]]
    assert found.keypoint_mask.tolist() == [[True] * 3]
    assert (found.scores.tolist(), found.labels.tolist()) == ([1], [0])


def test_mean_layout_of_the_shots_that_show_a_keypoint():
    shots = [
        shot([[10, 10], [30, 10], [0, 0]], (2, 1, 0)),
        shot([[20, 20], [0, 0], [0, 0]], (2, 0, 0)),
    ]
    boxes = [[10, 10, 30, 30], [0, 0, 40, 40]]
    item = sample(shots, boxes, [0, 0, 40, 40])
    found = predict(MeanLayout(), item)
    # (0 + 1/2) / 2; shown once; never shown: the middle.
    assert found.keypoints[0].tolist() == [[10, 10], [40, 0], [20, 20]]
    assert found.keypoint_scores[0].tolist() == [1, 0.5, 0]
    first = predict(CopyLayout(), item)
    assert first.keypoints[0].tolist() == [[0, 0], [40, 0], [20, 20]]
    assert first.keypoint_scores[0].tolist() == [1, 1, 0]


def colours(places, size=40):
    """A grey picture with a block of 8 x 8 pixels around each place."""
    image = np.full((size, size, 3), 115, np.uint8)
    paint = [(250, 10, 10), (10, 250, 10), (10, 10, 250)]
    for (x, y), colour in zip(places, paint):
        image[y - 4 : y + 4, x - 4 : x + 4] = colour
    return torch.from_numpy(image.transpose(2, 0, 1).copy())


@pytest.fixture
def matching():
    ColourBackbone.images = 0
    return FeatureMatching(
        {'type': 'mmpose.ColourBackbone'},
        stride=2,
        data_preprocessor={
            'type': 'mmdet.DetDataPreprocessor',
            'mean': [0] * 3,
            'std': [255] * 3,
            'bgr_to_rgb': True,
        },
    )


def run(model, pictures, items):
    data = {'inputs': pictures, 'data_samples': items}
    return [s.pred_instances for s in model.test_step(data)]


def test_matching_finds_the_same_colours(matching):
    assert matching.backbone.loaded
    support, query = [(8, 8), (28, 8), (20, 28)], [(28, 28), (8, 20), (28, 8)]
    example = shot(np.array(support) - 0.5, (2, 2, 0), image=colours(support))
    item = sample([example], [[0, 0, 40, 40]], [0, 0, 40, 40])
    (found,) = run(matching, [colours(query)], [item])
    distance = (found.keypoints[0] - torch.tensor(query)).norm(dim=-1)
    assert distance[:2].max() < 5  # inside the block
    assert found.keypoints[0, 2].tolist() == [20, 20]  # not shown: middle
    assert found.keypoint_scores[0, :2].min() > 0.9
    assert found.keypoint_scores[0, 2] == 0


def test_shots_are_averaged_and_encoded_once(matching):
    places = [(8, 8), (28, 8), (20, 28)]
    one = shot(np.array(places) - 0.5, image=colours(places))
    # The other shot shows the nose in the tail's colour and nothing else.
    other = shot([[27.5, 7.5]] * 3, (2, 0, 0), image=colours(places))
    items = [
        sample([one, other], [[0, 0, 40, 40]] * 2, [0, 0, 40, 40])
        for _ in range(3)
    ]
    pictures = [colours(places)] * 3
    found = run(matching, pictures, items)
    assert ColourBackbone.images == 3 + 2
    run(matching, pictures[:1], items[:1])
    assert ColourBackbone.images == 5 + 1
    only_nose = found[0].keypoint_scores[0]
    assert only_nose[0] < only_nose[1]  # between two colours
    assert torch.equal(found[0].keypoints, found[2].keypoints)


def test_batch_does_not_matter_and_padding_is_not_matched(matching):
    places = [(8, 8), (28, 8), (20, 28)]
    example = shot(np.array(places) - 0.5, image=colours(places))

    def item(*shape):
        box = [0, 0, 40, 40]
        return sample([example], [box], box, shape=shape)

    small, whole = colours(places)[:, :36, :36], colours(places)
    (alone,) = run(matching, [small], [item(36, 36)])
    together = run(matching, [small, whole], [item(36, 36), item(40, 40)])
    # Padding changes the coarse level of the last few pixels only.
    assert (alone.keypoints - together[0].keypoints).abs().max() <= 2
    grey = torch.full((3, 20, 40), 115, dtype=torch.uint8)
    (half, _) = run(matching, [grey, whole], [item(20, 40), item(40, 40)])
    assert half.keypoints[0, :, 1].max() < 20


def test_nothing_to_train():
    item = sample([shot([[1, 1]] * 3)], [[0, 0, 9, 9]], [0, 0, 9, 9])
    with pytest.raises(ValueError, match='nothing to train'):
        CopyLayout()(torch.zeros(1, 3, 9, 9), [item], mode='loss')


@pytest.fixture
def planted(tmp_path):
    """Cats whose keypoints are blocks of colour: easy for matching."""
    data = episode_files.content(4)
    data['categories'] = data['categories'][:1]
    data['annotations'] = []
    rng = np.random.default_rng(0)
    cells = np.array([(x, y) for x in (12, 26, 40, 54) for y in (10, 24, 38)])
    for image in data['images']:
        places = rng.permutation(cells)[:3]
        picture = np.full((48, 64, 3), 115, np.uint8)
        paint = [(250, 10, 10), (10, 250, 10), (10, 10, 250)]
        for (x, y), colour in zip(places, paint):
            cv2.rectangle(picture, (x - 4, y - 4), (x + 4, y + 4), colour, -1)
        cv2.imwrite(str(tmp_path / image['file_name']), picture)
        flat = np.column_stack([places, [2, 2, 2]]).ravel().tolist()
        data['annotations'].append(
            {
                'id': 10 + image['id'],
                'image_id': image['id'],
                'category_id': 4,
                'bbox': [0, 0, 64, 48],
                'keypoints': flat,
            }
        )
    path = tmp_path / 'ann.json'
    path.write_text(json.dumps(data))
    source = EpisodeSource(CocoKeypointFile(str(path)))
    freeze_episodes(source, 1, 3, 2).save(tmp_path / 'e.json')
    return tmp_path


def runner(name, folder, frame='crop'):
    cfg = Config.fromfile(FOLDER / f'{name}_synthkpt-split1_1shot.py')
    cfg.work_dir = str(folder / 'work')
    cfg.launcher = 'none'
    cfg.log_level = 'ERROR'
    loader = cfg.test_dataloader
    loader.batch_size, loader.num_workers = 2, 0
    loader.dataset.update(episodes=str(folder / 'e.json'), frame=frame)
    loader.dataset.dataset.update(data_root=str(folder), ann_file='ann.json')
    if name == 'feature_matching':
        cfg.model.backbone = {'type': 'ColourBackbone'}
        cfg.model.stride = 2
    return Runner.from_cfg(cfg)


@pytest.mark.parametrize('frame', ['crop', 'picture'])
def test_through_the_runner(planted, frame):
    import projects.xpose  # noqa: F401  what tools/test.py imports

    scores = {}
    for name in ('copy_layout', 'mean_layout', 'feature_matching'):
        metrics = runner(name, planted, frame).test()
        assert metrics['num_queries'] == metrics['num_queries_total'] == 6
        assert f'frame: {frame}' in metrics['protocol']
        scores[name] = metrics['PCK@0.15']
    assert scores['copy_layout'] == scores['mean_layout'] < 0.7
    assert scores['feature_matching'] == 1


@pytest.mark.parametrize('name', ['copy_layout', 'feature_matching'])
def test_five_shots_differ_in_the_episodes_only(name):
    one, five = (
        Config.fromfile(FOLDER / f'{name}_synthkpt-split1_{n}shot.py')
        for n in (1, 5)
    )
    assert five.model == one.model
    assert five.test_dataloader.dataset.episodes.endswith('test_5shot.json')
    five.test_dataloader.dataset.episodes = (
        one.test_dataloader.dataset.episodes
    )
    assert five.test_dataloader == one.test_dataloader
    assert (REPO_ROOT / one.test_dataloader.dataset.episodes).is_file()
