# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest
import torch
from mmengine.config import Config

from projects.common.structures import KeypointCategory, KeypointPrompt
from projects.xpose.models.groups import KeypointGroups, spread_matches
from projects.xpose.models.heads.alignment import PromptAlignment
from projects.xpose.models.heads.detections import same_keypoints
from projects.xpose.models.heads.keypoint_alignment import KeypointAlignment
from projects.xpose.models.heads.keypoint_score import KeypointScore
from projects.xpose.models.heads.xpose_head import XPoseHead
from projects.xpose.models.layers.decoder import DecoderStates
from tests.test_xpose.conftest import make_sample, perturb, prompt_mask

INF, DIMS = float('inf'), 8
CAT = KeypointCategory('cat', ('left eye', 'tail'))
DOG = KeypointCategory('dog', ('left eye', 'tail'))
FLY = KeypointCategory('fly', ('head', 'wing', 'tail'))


@pytest.fixture
def head():
    torch.manual_seed(0)
    cfg = Config.fromfile('configs/_base_/models/xpose.py').model
    module = XPoseHead(
        DIMS,
        cfg.bbox_head.criterion,
        train_cfg={'num_groups': 1},
        test_cfg={
            'multi_label': False,
            'num_groups': 5,
            'score_thr': 0.1,
            'nms_iou_thr': 1.0,
            'class_agnostic_nms': False,
            'oks_nms_thr': None,
            'max_per_img': 10,
        },
    )
    perturb(module)
    return module.eval()


def states(*shape, layers=2):
    references = [torch.rand(*shape, 4) for _ in range(layers)]
    hidden = [torch.randn(*shape, DIMS) for _ in range(layers)]
    return DecoderStates(hidden, references, hidden[-1], references[-1])


def test_alignment_by_hand():
    queries = torch.tensor([[[1.0, 2, 0, 0]]])
    prompts = torch.tensor([[[3.0, 1, 5, 5], [1, 1, 1, 1], [9, 9, 9, 9]]])
    mask = torch.tensor([[True, True, False]])
    plain = PromptAlignment(4, calibrated=False)
    assert plain(queries, prompts, mask).tolist() == [[[5, 3, -INF]]]
    assert not list(plain.parameters())
    calibrated = PromptAlignment(4)
    logits = calibrated(torch.zeros(1, 1, 4), prompts, mask)
    assert logits[0, 0, :2].sigmoid().tolist() == pytest.approx([0.01] * 2)
    difference = calibrated(queries, prompts, mask) - logits
    assert difference[0, 0, :2].tolist() == pytest.approx([2.5, 1.5])


def test_predictions_refine_the_reference_that_entered_the_layer(head):
    prompts, mask = torch.randn(2, 3, DIMS), torch.ones(2, 3).bool()
    given = states(2, 5)
    layers = head.forward_objects(given, prompts, mask)
    for i, (logits, boxes) in enumerate(layers):
        hidden, reference = given.hidden[i], given.references[i]
        expected = head.alignment(hidden, prompts, mask)
        torch.testing.assert_close(logits, expected)
        expected = head.refiner.refine_boxes(reference, hidden)
        torch.testing.assert_close(boxes, expected)
    given = states(2, 4, 3)
    layers = head.forward_groups(given, prompts, mask)
    for i, (logits, boxes, keypoints) in enumerate(layers):
        hidden, reference = given.hidden[i], given.references[i]
        moved = head.refiner.refine_groups(reference, hidden)
        torch.testing.assert_close(boxes, moved[:, :, 0])
        torch.testing.assert_close(keypoints, moved[:, :, 1:, :2])
        expected = head.alignment(hidden[:, :, 0], prompts, mask)
        torch.testing.assert_close(logits, expected)


def test_matched_objects_and_their_categories(head):
    samples = [make_sample(2, [CAT, FLY], seed=3), make_sample(0, [CAT])]
    gt = samples[0].gt_instances
    gt.labels[:] = torch.tensor([1, 0])
    size = torch.tensor([128.0, 96])
    boxes = torch.full((2, 4, 4), 0.02)
    corners = gt.bboxes / size.repeat(2)
    boxes[0, [3, 1], :2] = (corners[:, 2:] + corners[:, :2]) / 2
    boxes[0, [3, 1], 2:] = corners[:, 2:] - corners[:, :2]
    logits = torch.zeros(2, 4, 2)
    logits[1, :, 1] = -INF
    matched, objects, labels = head._matched_objects(
        logits, boxes, prompt_mask(samples), samples
    )
    assert matched.tolist() == objects.tolist() == [[-1, 1, -1, 0], [-1] * 4]
    assert labels.tolist() == [[-1, 0, -1, 1], [-1] * 4]


def test_the_queries_that_overlap_an_object_most_learn_its_keypoints():
    gt = torch.tensor([[0.3, 0.5, 0.2, 0.4], [0.7, 0.5, 0.2, 0.4]])
    shift = torch.tensor([0.03, 0, 0, 0])
    boxes = torch.stack(
        [
            gt[0],  # matched to object 0
            gt[1] + 2 * shift,  # overlaps object 1 by half
            gt[1],  # matched to object 1
            gt[0] + shift,  # nearest to object 0
            gt[1] + 3 * shift,  # too far from object 1
            gt[0] - 1.5 * shift,  # second nearest to object 0
        ]
    )[None]
    matched = torch.tensor([[0, -1, 1, -1, -1, -1]])
    spread = spread_matches(matched, boxes, [gt], 2)
    assert spread.tolist() == [[0, 1, 1, 0, -1, -1]]
    spread = spread_matches(matched, boxes, [gt], 3)
    assert spread.tolist() == [[0, 1, 1, 0, -1, 0]]
    assert torch.equal(spread_matches(matched, boxes, [gt], 1), matched)
    none = torch.full((1, 6), -1)
    spread = spread_matches(none, boxes, [gt[:0]], 3)
    assert torch.equal(spread, none)


def test_same_keypoints():
    sample = make_sample(0, [CAT, FLY, DOG])
    shown = prompt_mask([sample])[0]
    assert same_keypoints(sample.prompts, shown).tolist() == [
        [True, False, True],
        [False, True, False],
        [True, False, True],
    ]
    shown[2, 0] = False  # no example of a dog shows its eye
    same = same_keypoints(sample.prompts, shown)
    assert torch.equal(same, torch.eye(3).bool())


class Prediction:
    """What the last layer found; the head only has to report it."""

    def __init__(self, scores, labels, categories, boxes=None):
        self.sample = make_sample(0, categories, shape=(100, 200))
        count = len(scores)
        counts = torch.tensor([c.num_keypoints for c in categories])[labels]
        mask = torch.arange(3) < counts[:, None]
        self.groups = KeypointGroups(
            torch.arange(count)[None], torch.tensor([labels]), mask[None]
        )
        self.logits = torch.tensor([scores]).logit()
        if boxes is None:  # in different places
            x = (torch.arange(count) + 1) / (count + 1)
            boxes = torch.full((count, 4), 0.1)
            boxes[:, 0] = x
        self.boxes = torch.as_tensor(boxes)[None]
        self.keypoints = torch.rand(1, count, 3, 2)
        self.states = states(1, count, 4)
        self.content = torch.randn(1, count, 3, DIMS)
        self.shown = None

    def report(self, head, rescale=True, **test_cfg):
        head.test_cfg = head.test_cfg | test_cfg
        found = (self.logits, self.boxes, self.keypoints)
        head.forward_groups = lambda *unused: [None, found]
        (result,) = head.predict(
            self.states,
            self.groups,
            self.content,
            None,
            None,
            prompt_mask([self.sample]) if self.shown is None else self.shown,
            [self.sample],
            rescale,
        )
        return result


def test_pixels_of_the_original_picture(head):
    given = Prediction([[0.9]], [0], [FLY], [[0.5, 0.5, 0.2, 0.4]])
    given.keypoints[0, 0] = torch.tensor([[0.1, 0.2], [0.5, 0.5], [1, 1]])
    # 400 x 250 px were made 200 x 100 px.
    given.sample.set_metainfo(
        {'ori_shape': (250, 400), 'scale_factor': (0.5, 0.4)}
    )
    result = given.report(head)
    torch.testing.assert_close(
        result.bboxes, torch.tensor([[160.0, 75, 240, 175]])
    )
    torch.testing.assert_close(
        result.keypoints, torch.tensor([[[40.0, 50], [200, 125], [400, 250]]])
    )
    result = given.report(head, rescale=False)
    torch.testing.assert_close(
        result.bboxes, torch.tensor([[80.0, 30, 120, 70]])
    )
    torch.testing.assert_close(
        result.keypoints, torch.tensor([[[20.0, 20], [100, 50], [200, 100]]])
    )


def test_slots_without_keypoint_are_zero(head):
    result = Prediction([[0.2, 0.9], [0.8, 0.1]], [1, 0], [CAT, FLY]).report(
        head
    )
    assert result.labels.tolist() == [1, 0]
    assert result.keypoint_mask.tolist() == [[True] * 3, [True, True, False]]
    assert (result.keypoints[1, 2] == 0).all()
    expected = [0.9, 0.9, 0.9, 0.8, 0.8, 0.0]
    assert result.keypoint_scores.flatten().tolist() == pytest.approx(expected)


def test_a_category_with_the_same_keypoints_may_take_over(head):
    # Three objects with the keypoints of cat, cat and fly.
    scores = [[0.3, 0.9, 0.6], [0.3, 0.95, 0.2], [0.8, 0.7, 0.4]]
    result = Prediction(scores, [0, 0, 2], [CAT, DOG, FLY]).report(head)
    assert result.labels.tolist() == [1, 1, 2]
    assert result.scores.tolist() == pytest.approx([0.95, 0.9, 0.4])
    result = Prediction(scores, [0, 0, 2], [CAT, FLY, DOG]).report(head)
    # Now the second column is fly, which has other keypoints.
    assert result.labels.tolist() == [0, 2, 0]
    assert result.scores.tolist() == pytest.approx([0.8, 0.6, 0.3])


def test_each_group_keeps_its_own_category_when_kept_in_pairs(head):
    scores = [[0.3, 0.9, 0.6], [0.3, 0.95, 0.2]]
    given = Prediction(scores, [0, 1], [CAT, DOG, FLY])
    result = given.report(head, multi_label=True)
    assert result.labels.tolist() == [1, 0]
    assert result.scores.tolist() == pytest.approx([0.95, 0.3])


def test_padded_pairs_are_not_reported(head):
    given = Prediction([[0.6, 0.0], [0.5, 0.0]], [0, 1], [CAT, FLY])
    given.logits[..., 1] = -INF  # the prompt has the cat alone
    given.sample.prompts = KeypointPrompt.from_categories([CAT])
    result = given.report(head, multi_label=True, score_thr=0.0)
    assert result.labels.tolist() == [0]


def test_only_categories_of_the_own_prompt_are_reported(head):
    given = Prediction([[0.6]], [0], [CAT])
    given.logits = torch.tensor([[[0.5, -INF, -INF]]])  # padded for the batch
    result = given.report(head)
    assert result.labels.tolist() == [0]


def test_score_threshold_and_top_k(head):
    given = Prediction([[0.3], [0.9], [0.05], [0.6]], [0] * 4, [CAT])
    found = given.report(head).scores.tolist()
    assert found == pytest.approx([0.9, 0.6, 0.3])
    found = given.report(head, score_thr=0.5).scores.tolist()
    assert found == pytest.approx([0.9, 0.6])
    found = given.report(head, score_thr=0.0, max_per_img=1).scores.tolist()
    assert found == pytest.approx([0.9])
    assert len(given.report(head, score_thr=0.95)) == 0


def test_nms_options_reach_the_post_processing(head):
    box = [0.5, 0.5, 0.2, 0.2]
    given = Prediction([[0.9, 0.1], [0.2, 0.8]], [0, 1], [CAT, FLY], [box] * 2)
    assert len(given.report(head, nms_iou_thr=0.5)) == 2
    assert len(given.report(head, class_agnostic_nms=True)) == 1
    given = Prediction([[0.9], [0.8]], [0, 0], [CAT])
    given.keypoints[0, 1] = given.keypoints[0, 0]
    assert len(given.report(head)) == 2
    assert len(given.report(head, oks_nms_thr=0.9)) == 1


def given_with_scores(head):
    """A cat and a fly; the head says given logits."""
    head.keypoint_score = KeypointScore(DIMS)
    logits = torch.tensor(
        [
            [[2.0, -1.0], [0.0, 3.0], [9.0, 9.0]],
            [[1.0, 0.0], [-4.0, -2.0], [0.5, 1.0]],
        ]
    )
    head.keypoint_score.forward = lambda queries: logits[None]
    return Prediction([[0.9, 0.1], [0.2, 0.8]], [0, 1], [CAT, FLY]), logits


def test_scores_and_visibilities_of_the_head(head):
    given, logits = given_with_scores(head)
    result = given.report(head)
    expected = logits.sigmoid()
    expected[0, 2] = 0  # the cat has two keypoints
    torch.testing.assert_close(result.keypoint_scores, expected[..., 0])
    torch.testing.assert_close(result.keypoints_visible, expected[..., 1])
    assert result.scores.tolist() == pytest.approx([0.9, 0.8])
    assert result.keypoint_score_source == 'head'


def test_rescoring_multiplies_by_the_mean_keypoint_score(head):
    given, logits = given_with_scores(head)
    result = given.report(head, rescore=True)
    cat, fly = logits[0, :2, 0].sigmoid(), logits[1, :, 0].sigmoid()
    expected = [0.9 * cat.mean().item(), 0.8 * fly.mean().item()]
    assert result.scores.tolist() == pytest.approx(expected)
    # The threshold is for what is reported.
    assert len(given.report(head, rescore=True, score_thr=0.5)) == 1
    # The keypoint with the low score is not shown by any example.
    given.shown = torch.tensor([[[True, True, False], [True, False, True]]])
    given.groups.keypoint_mask[0, 1, 1] = False
    result = given.report(head, rescore=True, score_thr=0.0)
    expected[1] = 0.8 * fly[[0, 2]].mean().item()
    assert result.scores.tolist() == pytest.approx(expected)


def test_scores_without_the_head_say_where_they_come_from(head):
    given = Prediction([[0.9, 0.1], [0.2, 0.8]], [0, 1], [CAT, FLY])
    result = given.report(head)
    assert result.keypoint_score_source == 'instance'
    assert 'keypoints_visible' not in result
    head.keypoint_alignment = KeypointAlignment(DIMS)
    result = given.report(head)
    assert result.keypoint_score_source == 'alignment'
    assert 'keypoints_visible' not in result
    expected = head.keypoint_alignment.score(
        given.states.hidden[-1][:, :, 1:],
        given.content,
        given.groups.keypoint_mask,
    )[0]
    expected[0, 2] = 0
    torch.testing.assert_close(result.keypoint_scores, expected)


def test_rescoring_needs_the_head():
    cfg = Config.fromfile('configs/_base_/models/xpose.py').model
    with pytest.raises(ValueError, match='keypoint_score=dict'):
        XPoseHead(DIMS, cfg.bbox_head.criterion, test_cfg={'rescore': True})


def test_keypoints_that_no_example_shows(head):
    given = Prediction([[0.9, 0.1], [0.2, 0.8]], [0, 1], [CAT, FLY])
    assert given.report(head).unshown_keypoints == {}
    # The groups are cut after the last slot that is shown.
    given.shown = torch.tensor([[[True, True, False], [False, True, False]]])
    given.groups.keypoint_mask = torch.tensor([[[True] * 2, [False, True]]])
    given.keypoints = given.keypoints[:, :, :2]
    result = given.report(head)
    assert result.unshown_keypoints == {'fly': ['head', 'tail']}
    assert result.keypoint_mask.tolist() == [
        [True, True, False],
        [False, True, False],
    ]
    hidden = ~result.keypoint_mask
    assert result.keypoints.shape == (2, 3, 2)
    assert (result.keypoints[hidden] == 0).all()
    assert (result.keypoints[~hidden] != 0).all()
    assert (result.keypoint_scores[hidden] == 0).all()
    expected = [0.9, 0.9, 0.8]
    found = result.keypoint_scores[~hidden].tolist()
    assert found == pytest.approx(expected)
    assert len(result[:1].unshown_keypoints) == 1  # slices keep the warning


def test_a_batch_with_larger_categories_adds_no_slots(head):
    given = Prediction([[0.9]], [0], [CAT])
    result = given.report(head)
    assert result.keypoints.shape == (1, 2, 2)


def test_one_prompt_for_all_objects():
    queries, prompts = torch.randn(2, 5, DIMS), torch.randn(2, 3, DIMS)
    mask = torch.tensor([[True] * 3, [True, True, False]])
    alignment = PromptAlignment(DIMS, class_agnostic=True)
    logits = alignment(queries, prompts, mask)
    assert torch.equal(logits[..., 0], logits[..., 1])
    assert torch.equal(logits, alignment(queries, -prompts, mask))
    assert torch.isneginf(logits[1, :, 2]).all()
    expected = queries @ alignment.objectness * DIMS**-0.5 + alignment.bias
    torch.testing.assert_close(logits[..., 0], expected)
