# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The layout prior on known numbers, and what matching makes of it."""

import math

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample
from torch import nn

from projects.common.datasets.episodes import EpisodeQuery
from projects.common.models.baselines import FeatureMatching, LayoutPrior
from projects.common.models.baselines.layout_prior import places_in_box
from projects.common.structures import (
    KeypointCategory,
    KeypointPrompt,
    SupportShot,
)

CAT = KeypointCategory('cat', ('nose', 'tail'))


@MODELS.register_module()
class PlainColours(nn.Module):
    """The picture itself as its features, one pixel a cell."""

    def init_weights(self):
        pass

    def forward(self, images):
        return [images]


def matching(**options):
    return FeatureMatching(
        {'type': 'mmpose.PlainColours'},
        stride=1,
        data_preprocessor={'type': 'mmdet.DetDataPreprocessor'},
        **options,
    ).eval()


def dots(*places, size=20):
    """(3, size, size): grey, red dots with a little more blue one by one."""
    image = torch.full((3, size, size), 100, dtype=torch.uint8)
    for number, (x, y) in enumerate(places):
        image[:, y, x] = torch.tensor([10 * number, 0, 200])
    return image


def shot(image, *keypoints, visible=(2, 2)):
    return SupportShot(
        image, torch.tensor(keypoints).float(), torch.tensor(visible).float()
    )


def query(shots, boxes, bbox, shape=(20, 20)):
    item = PoseDataSample(
        metainfo={'scale_factor': (1.0, 1.0), 'img_shape': shape}
    )
    item.prompts = KeypointPrompt.from_categories([CAT], supports=[shots])
    item.gt_instances = InstanceData(bboxes=torch.tensor([bbox]).float())
    record = EpisodeQuery(
        episode=0,
        query=0,
        annotation_id=1,
        support_annotation_ids=(2,),
        support_visible=np.ones(2, bool),
        support_bboxes=np.array(boxes, float),
        bbox=(0, 0, 1, 1),
        given_bbox=(0, 0, 1, 1),
        keypoints=np.zeros((2, 3)),
        picture_shape=(20, 20),
        frame='crop',
        to_picture=np.eye(2, 3),
    )
    item.set_metainfo({'episode': record})
    return item


def find(model, image, item):
    [sample] = model.test_step({'inputs': [image], 'data_samples': [item]})
    return sample.pred_instances


def test_places_are_in_units_of_each_box():
    keypoints = torch.tensor([[[4.0, 5.0]], [[4.0, 5.0]]])
    boxes = torch.tensor([[0.0, 0, 8, 20], [4, 0, 6, 10]])
    assert places_in_box(keypoints, boxes).tolist() == [
        [[0.5, 0.25]],
        [[0.0, 0.5]],
    ]


def test_a_fixed_width():
    places = torch.tensor([[[0.2, 0.5], [1.0, 1.0]], [[0.4, 0.5], [0, 0]]])
    shown = torch.tensor([[1.0, 1.0], [1.0, 0.0]])
    points = torch.tensor([[[0.3, 0.5], [0.3, 0.7]]])
    log = LayoutPrior(0.1)(places, shown, points)
    assert log.shape == (2, 1, 2)
    # The means are (.3, .5) and, shown once, (1, 1): squared distances of 0
    # and .04, and of .49 + .25 and .49 + .09, over 2 * .01.
    torch.testing.assert_close(
        log, torch.tensor([[[0.0, -2.0]], [[-37.0, -29.0]]])
    )


def test_the_width_of_the_supports():
    places = torch.tensor([[[0.2, 0.5]], [[0.4, 0.5]]])
    point = torch.tensor([[0.3, 0.6]])
    log = LayoutPrior('spread')(places, torch.ones(2, 1), point)
    # Squares per axis: 2 shots * (.1^2 + 0) / 2 = .01.
    variance = (0.15**2 + 0.01) / 2
    assert log.item() == pytest.approx(-(0.1**2) / (2 * variance))
    one = LayoutPrior('spread')(places[:1], torch.ones(1, 1), point)
    same = LayoutPrior(0.15)(places[:1], torch.ones(1, 1), point)
    assert torch.equal(one, same)
    never = LayoutPrior('spread')(places, torch.zeros(2, 1), point)
    assert torch.isfinite(never).all()


@pytest.mark.parametrize('width', [0, -0.1, math.nan, 'wide', True])
def test_widths_that_are_none(width):
    with pytest.raises(ValueError, match=f'prior is {width!r}; give a pos'):
        matching(layout_prior=width)


def test_the_prior_chooses_between_places_that_look_alike():
    # The nose is at 1/4 of the box's width and 1/2 of its height.
    example = shot(dots((5, 10)), (5, 10), (10, 10), visible=(2, 0))
    boxes = [[0, 0, 20, 20]]
    places = [(2, 10), (12, 10)]
    for box, wanted in (
        ([0, 0, 9, 20], places[0]),
        ([10, 0, 19, 20], places[1]),
    ):
        found = find(
            matching(layout_prior=0.2),
            dots(*places)[:, :, :20],
            query([example], boxes, box),
        )
        assert found.keypoints[0, 0].tolist() == list(wanted)
        # No shot shows the tail: the middle, score 0.
        assert found.keypoints[0, 1].tolist() == [10, 10]
        assert found.keypoint_scores[0, 1] == 0


def test_similarity_and_prior_are_weighed():
    """The query's own dot, of another colour, against the layout's place."""
    example = shot(dots((5, 10)), (5, 10), (5, 10))
    item = query([example], [[0, 0, 20, 20]], [0, 0, 20, 20])
    red, grey = torch.tensor([0.0, 0, 200]), torch.tensor([100.0] * 3)
    loss = 1 - torch.cosine_similarity(red, grey, dim=0).item()
    # The dot is .5 of the box away: 20 * loss = .5^2 / (2 * width^2).
    balance = 0.5 / (40 * loss) ** 0.5
    image = dots((15, 10))
    near = find(matching(layout_prior=balance * 0.98), image, item)
    far = find(matching(layout_prior=balance * 1.02), image, item)
    assert far.keypoints[0, 0].tolist() == [15, 10]
    assert far.keypoint_scores[0, 0] == pytest.approx(1)
    # Grey is everywhere: the cell that the layout names, with its score.
    assert near.keypoints[0, 0].tolist() == [5, 10]
    assert near.keypoint_scores[0, 0] == pytest.approx(1 - loss)


def test_an_endless_width_is_no_prior():
    torch.manual_seed(0)
    image = torch.randint(0, 255, (3, 20, 20), dtype=torch.uint8)
    example = shot(image, (3, 4), (11, 15))
    item = query([example], [[0, 0, 20, 20]], [2, 2, 9, 18])
    other = torch.randint(0, 255, (3, 20, 20), dtype=torch.uint8)
    without = find(matching(), other, item)
    endless = find(matching(layout_prior=math.inf), other, item)
    narrow = find(matching(layout_prior=0.01), other, item)
    assert torch.equal(endless.keypoints, without.keypoints)
    assert torch.equal(endless.keypoint_scores, without.keypoint_scores)
    assert not torch.equal(narrow.keypoints, without.keypoints)


def test_padding_is_not_matched_with_a_prior():
    # The layout asks for a place below the query's last row.
    example = shot(dots((5, 19)), (5, 19), (5, 5))
    item = query([example], [[0, 0, 20, 10]], [0, 0, 20, 10], (10, 20))
    found = find(matching(layout_prior=0.05), dots((5, 19)), item)
    assert found.keypoints[0, 0].tolist() == [5, 9]


def test_calibrated_scores_are_shares_of_the_likelihood():
    def picture(*places):
        image = torch.zeros(3, 20, 20, dtype=torch.uint8)
        image[0] = 200  # at a right angle to the dots: exp(-20) each
        for x, y in places:
            image[:, y, x] = torch.tensor([0, 0, 200])
        return image

    example = shot(picture((5, 10)), (5, 10), (5, 10))
    item = query([example], [[0, 0, 20, 20]], [0, 0, 20, 20])
    model = matching(layout_prior=math.inf, calibration=(0.5, -0.7))

    def score(*places):
        return find(model, picture(*places), item).keypoint_scores[0, 0].item()

    def sigmoid(x):
        return 1 / (1 + math.exp(-x))

    # Half of it, two thirds (one is 1.4 pixels away, which is near: the
    # radius is 2), and all of it.
    assert score((5, 10), (15, 10)) == pytest.approx(sigmoid(-0.7), abs=1e-5)
    assert score((5, 10), (15, 10), (6, 11)) == pytest.approx(
        sigmoid(0.5 * math.log(2) - 0.7), abs=1e-5
    )
    assert score((5, 10)) > sigmoid(0.5 * math.log(1e5) - 0.7)
    # A box, a tenth of which is half a pixel.
    item = query([example], [[0, 0, 20, 20]], [0, 0, 5, 5])
    assert score((5, 10), (6, 11)) == pytest.approx(sigmoid(-0.7), abs=1e-5)
