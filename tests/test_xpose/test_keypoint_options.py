# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The small detector with scores, alignment and keypoints nobody shows."""

import copy

import pytest
import torch

from projects.common.structures import KeypointCategory
from tests.test_xpose.conftest import (
    StubPromptEncoder,
    build_model,
    category,
    make_sample,
)

CATEGORIES = [
    category('cat', 4),
    category('car', 9),
    category('fly', 2),
    category('hand', 12),
]
HIDDEN = {'cat': [1], 'car': [0, 8], 'hand': []}
TERMS = ('loss_align', 'loss_score', 'loss_visibility')


class PartlyShown(StubPromptEncoder):
    """No example shows the keypoints of HIDDEN."""

    def forward(self, prompts):
        encoded = super().forward(prompts)
        for i, prompt in enumerate(prompts):
            for c, asked in enumerate(prompt.categories):
                for k in HIDDEN.get(asked.name, ()):
                    encoded.keypoint_mask[i, c, k] = False
                    encoded.keypoint_embeddings[i, c, k] = self.unshown
        return encoded

    unshown = 0.0


def everything(cfg):
    cfg.bbox_head.update(keypoint_score={}, keypoint_alignment={})
    cfg.test_cfg.rescore = True


def partly(cfg):
    everything(cfg)
    cfg.prompt_encoder.type = PartlyShown


@pytest.fixture(scope='module')
def models():
    return {edit: build_model(edit) for edit in (everything, partly)}


@pytest.fixture
def model(models):
    return copy.deepcopy(models[everything])


@pytest.fixture
def partial_model(models):
    return copy.deepcopy(models[partly])


def batch(counts=(2, 0, 3)):
    lists = [CATEGORIES[:2], CATEGORIES[2:3], CATEGORIES]
    torch.manual_seed(0)
    samples = [
        make_sample(count, categories, seed=i)
        for i, (count, categories) in enumerate(zip(counts, lists))
    ]
    return torch.randn(len(counts), 3, 96, 128), samples


def loss_and_gradients(model, inputs, samples):
    torch.manual_seed(0)
    model.zero_grad()
    losses = model.train().loss(inputs, samples)
    sum(losses.values()).backward()
    return losses, {n: p.grad for n, p in model.named_parameters()}


def predict(model, inputs, categories):
    sample = make_sample(0, categories)
    with torch.no_grad():
        (result,) = model.eval().predict(inputs, [sample])
    return result.pred_instances


@pytest.mark.parametrize('counts', [(2, 0, 3), (0, 0, 0)])
def test_losses_and_gradients(model, counts):
    losses, gradients = loss_and_gradients(model, *batch(counts))
    for layer in range(2):
        for term in TERMS:
            value = losses[f'kpt.{layer}.{term}']
            assert 0 < value < 1000 if any(counts) else value == 0
    learning = [n for n, p in model.named_parameters() if p.requires_grad]
    assert sum('keypoint_score' in name for name in learning) == 4
    assert sum('keypoint_alignment' in name for name in learning) == 1
    for name in learning:
        assert torch.isfinite(gradients[name]).all(), name
        if any(counts):
            assert (gradients[name] != 0).any(), name


def test_each_part_is_a_choice():
    names = {}
    for part in 'keypoint_score', 'keypoint_alignment':
        model = build_model(
            lambda cfg, part=part: cfg.bbox_head.update({part: {}})
        )
        losses, _ = loss_and_gradients(model, *batch())
        names[part] = {
            term for term in TERMS if any(term in key for key in losses)
        }
    assert names == {
        'keypoint_score': {'loss_score', 'loss_visibility'},
        'keypoint_alignment': {'loss_align'},
    }


def test_the_layout_of_the_released_weights_stays():
    def released(cfg, **options):
        cfg.bbox_head.update(
            calibrated=False,
            refiner={'keypoint_frame': 'image', 'max_keypoints': 12},
            **options,
        )

    plain = build_model(released)
    aligned = build_model(lambda cfg: released(cfg, keypoint_alignment={}))
    assert list(plain.state_dict()) == list(aligned.state_dict())
    inputs = batch()[0][:1]
    first = predict(plain, inputs, CATEGORIES[:2])
    second = predict(aligned, inputs, CATEGORIES[:2])
    assert first.keypoint_score_source == 'instance'
    assert second.keypoint_score_source == 'alignment'
    for name in 'bboxes', 'scores', 'labels', 'keypoints', 'keypoint_mask':
        assert torch.equal(first[name], second[name])
    real = second.keypoint_mask
    assert (second.keypoint_scores[real] > 0).all()
    assert (second.keypoint_scores <= 1).all()
    expected = first.scores[:, None].expand(real.shape)[real]
    assert torch.equal(first.keypoint_scores[real], expected)


def test_an_objects_only_ablation_trains():
    model = build_model(
        lambda cfg: cfg.bbox_head.update(object_alignment=False)
    )
    for counts in (2, 0, 3), (0, 0, 0):
        losses, gradients = loss_and_gradients(model, *batch(counts))
        assert all(torch.isfinite(value) for value in losses.values())
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                assert torch.isfinite(gradients[name]).all(), name
                if any(counts):
                    assert (gradients[name] != 0).any(), name
    found = predict(model, batch()[0][:1], CATEGORIES[:1])
    assert len(found) == 6


def test_permuted_keypoints_permute_scores_and_nothing_else(model):
    order = [2, 0, 3, 1]
    names = tuple(CATEGORIES[0].keypoints[i] for i in order)
    inputs = batch()[0][:1]
    first = predict(model, inputs, [CATEGORIES[0], CATEGORIES[2]])
    second = predict(
        model, inputs, [KeypointCategory('cat', names), CATEGORIES[2]]
    )
    assert set(first.labels.tolist()) == {0, 1}
    assert torch.equal(first.labels, second.labels)
    cats = first.labels == 0
    for name in sorted(first.keys()):
        expected = first[name].clone()
        if expected.dim() > 1 and name != 'bboxes':
            expected[cats] = expected[cats][:, order]
        atol = 1e-3 if name in ('bboxes', 'keypoints') else 1e-5  # px
        torch.testing.assert_close(
            second[name], expected, atol=atol, rtol=1e-5
        )
    assert first.keypoint_scores[cats].std(1).max() > 1e-4
    assert first.keypoints_visible[cats].std(1).max() > 1e-4


def test_permuted_categories_permute_labels_and_nothing_else(model):
    inputs, order = batch()[0][:1], [2, 0, 1]
    first = predict(model, inputs, CATEGORIES[:3])
    second = predict(model, inputs, [CATEGORIES[i] for i in order])
    assert len(set(first.labels.tolist())) > 1
    for name in sorted(first.keys()):
        expected, found = first[name], second[name]
        if name == 'labels':
            found = torch.tensor(order)[found]
        atol = 1e-3 if name in ('bboxes', 'keypoints') else 1e-5  # px
        torch.testing.assert_close(found, expected, atol=atol, rtol=1e-5)


def test_a_batch_scores_as_one_by_one(model):
    inputs, samples = batch()
    with torch.no_grad():
        together = model.eval().predict(inputs, copy.deepcopy(samples))
    for i, sample in enumerate(samples):
        alone = predict(model, inputs[i : i + 1], sample.prompts.categories)
        found = together[i].pred_instances
        for name in 'scores', 'keypoint_scores', 'keypoints_visible':
            torch.testing.assert_close(
                found[name], alone[name], atol=1e-4, rtol=1e-4
            )


def test_a_keypoint_nobody_shows_is_as_if_not_asked_for(partial_model):
    inputs = batch()[0][:1]
    whole = predict(partial_model, inputs, CATEGORIES[:1])
    assert whole.unshown_keypoints == {'cat': ['point 1']}
    assert whole.keypoint_mask.tolist() == [[True, False, True, True]] * len(
        whole
    )
    # The reference never heard of it; its prompts are all shown.
    reference = copy.deepcopy(partial_model)
    reference.prompt_encoder.__class__ = StubPromptEncoder
    kept = KeypointCategory('cat', ('point 0', 'point 2', 'point 3'))
    fewer = predict(reference, inputs, [kept])
    assert fewer.unshown_keypoints == {}
    assert len(fewer) == len(whole)
    for name in sorted(whole.keys()):
        found = whole[name]
        if found.dim() > 1 and name != 'bboxes':
            assert (found[:, 1] == 0).all()
            found = found[:, [0, 2, 3]]
        torch.testing.assert_close(found, fewer[name], atol=1e-3, rtol=1e-5)


def test_the_last_keypoint_may_be_the_hidden_one(partial_model):
    found = predict(partial_model, batch()[0][:1], CATEGORIES[1:2])
    assert found.keypoints.shape[1] == 9
    assert found.unshown_keypoints == {'car': ['point 0', 'point 8']}
    expected = [False] + [True] * 7 + [False]
    assert found.keypoint_mask.tolist() == [expected] * len(found)


def test_what_nobody_shows_costs_nothing(partial_model):
    inputs, samples = batch()
    first, _ = loss_and_gradients(partial_model, inputs, samples)
    changed = copy.deepcopy(samples)
    for sample in changed:
        names = sample.prompts.names
        gt = sample.gt_instances
        for row, label in enumerate(gt.labels.tolist()):
            for k in HIDDEN.get(names[label], ()):
                gt.keypoints[row, k] += 50
                gt.keypoints_visible[row, k] = 1
    partial_model.prompt_encoder.unshown = 3.0
    second, _ = loss_and_gradients(partial_model, inputs, changed)
    labels = {
        samples[i].prompts.names[label]
        for i in (0, 2)
        for label in samples[i].gt_instances.labels.tolist()
    }
    assert labels & {'cat', 'car'}  # something was changed
    assert {k: v.item() for k, v in first.items()} == pytest.approx(
        {k: v.item() for k, v in second.items()}, rel=1e-5
    )


@pytest.mark.parametrize('counts', [(2, 0, 3), (0, 0, 0)])
def test_bfloat16(model, counts):
    inputs, samples = batch(counts)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        losses, gradients = loss_and_gradients(model, inputs, samples)
        found = predict(model, inputs[:1], CATEGORIES)
        model.bbox_head.keypoint_score = None
        model.bbox_head.test_cfg.rescore = False
        aligned = predict(model, inputs[:1], CATEGORIES)
    assert all(torch.isfinite(value) for value in losses.values())
    assert all(g.isfinite().all() for g in gradients.values() if g is not None)
    for result in found, aligned:
        assert result.keypoint_scores.isfinite().all()
        assert (result.keypoint_scores[~result.keypoint_mask] == 0).all()
