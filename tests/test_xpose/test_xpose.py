# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The whole detector, small: one layer of each kind on 96 x 128 px."""

import copy
from functools import partial

import pytest
import torch
from torch import nn

from projects.common.models.prompt_encoders import TextPromptEncoder, TextTower
from projects.common.structures import KeypointCategory, KeypointPrompt
from projects.xpose.models.groups import spread_matches
from projects.xpose.models.heads import xpose_head
from projects.xpose.models.layers.projection import prompt_projection
from tests.test_xpose.conftest import build_model, category, make_sample

CATEGORIES = [
    category('cat', 4),
    category('car', 9),
    category('fly', 2),
    category('hand', 12),
    category('chair', 7),
]


@pytest.fixture(scope='module')
def shared_model():
    return build_model()


@pytest.fixture
def model(shared_model):
    """A copy, so that a test may change it."""
    return copy.deepcopy(shared_model)


def batch(counts=(2, 0, 3), seed=0):
    """Pictures with different category lists and numbers of objects."""
    lists = [CATEGORIES[:2], CATEGORIES[2:3], CATEGORIES]
    torch.manual_seed(seed)
    samples = [
        make_sample(count, categories, seed=seed + i)
        for i, (count, categories) in enumerate(zip(counts, lists))
    ]
    return torch.randn(len(counts), 3, 96, 128), samples


def loss_and_gradients(model, inputs, samples, seed=0):
    torch.manual_seed(seed)
    model.zero_grad()
    losses = model.train().loss(inputs, samples)
    sum(losses.values()).backward()
    return losses, {n: p.grad for n, p in model.named_parameters()}


def predict(model, inputs, samples):
    with torch.no_grad():
        samples = copy.deepcopy(samples)
        results = model.eval().predict(inputs, samples)
    return [result.pred_instances for result in results]


def raw(model, inputs, samples):
    """(B, G, C), (B, G, 4), (B, G, K, 2) of the last layer."""
    with torch.no_grad():
        return model.eval()(inputs, samples, mode='tensor')


def test_loss_names_and_values(model):
    losses, _ = loss_and_gradients(model, *batch())
    box, pose = ['bbox', 'cls', 'iou'], ['keypoint', 'oks']
    expected = [f'kpt.start.loss_{name}' for name in pose]
    for stage in 'enc', 'dn.0', 'obj.0', 'kpt.0', 'kpt.1':
        expected += [f'{stage}.loss_{name}' for name in box]
    for stage in 'kpt.0', 'kpt.1':
        expected += [f'{stage}.loss_{name}' for name in pose]
    assert sorted(losses) == sorted(expected)
    for value in losses.values():
        assert value.dim() == 0
        assert 0 < value.item() < 1000


@pytest.mark.parametrize('counts', [(2, 0, 3), (0, 0, 0)])
def test_every_trainable_parameter_takes_part(model, counts):
    # Parameters that take no part break DistributedDataParallel without
    # find_unused_parameters, also in a batch without any object.
    _, gradients = loss_and_gradients(model, *batch(counts))
    frozen = [n for n, p in model.named_parameters() if not p.requires_grad]
    assert frozen
    assert all(name.startswith('backbone.') for name in frozen)
    without = [n for n, gradient in gradients.items() if gradient is None]
    assert sorted(without) == sorted(frozen)
    for name in gradients.keys() - set(frozen):
        assert torch.isfinite(gradients[name]).all(), name


def test_every_trainable_parameter_learns(model):
    _, gradients = loss_and_gradients(model, *batch())
    learning = [n for n, p in model.named_parameters() if p.requires_grad]
    still = [n for n in learning if (gradients[n] == 0).all()]
    assert not still


def test_only_their_own_loss_moves_the_proposals(model):
    losses = model.train().loss(*batch())
    branch = list(model.bbox_head.refiner.proposal_branch.parameters())
    for used in True, False:
        chosen = [
            value
            for name, value in losses.items()
            if name.startswith('enc') is used
        ]
        gradients = torch.autograd.grad(
            sum(chosen), branch, retain_graph=True, allow_unused=True
        )
        assert [g is not None for g in gradients] == [used] * len(branch)


def test_no_object_means_only_alignment_losses(model):
    losses, _ = loss_and_gradients(model, *batch((0, 0, 0)))
    assert not any(name.startswith('dn.') for name in losses)
    for name, value in losses.items():
        if name.endswith('loss_cls'):
            assert value.item() > 0, name
        else:
            assert value.item() == 0, name


def test_loss_decreases_when_trained(model):
    inputs, samples = batch()
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3)
    history = []
    for _ in range(8):
        losses, _ = loss_and_gradients(model, inputs, samples)
        optimizer.step()
        history.append(sum(losses.values()).item())
    assert history[-1] < 0.9 * history[0]


def test_fixed_seed_is_deterministic(model):
    first, gradients = loss_and_gradients(model, *batch())
    gradients = {k: v.clone() for k, v in gradients.items() if v is not None}
    second, again = loss_and_gradients(model, *batch())
    assert {k: v.item() for k, v in first.items()} == {
        k: v.item() for k, v in second.items()
    }
    assert all(torch.equal(v, again[k]) for k, v in gradients.items())
    other, _ = loss_and_gradients(model, *batch(), seed=1)  # other noise
    assert other['dn.0.loss_bbox'] != first['dn.0.loss_bbox']
    before, after = (predict(model, *batch()) for _ in range(2))
    for a, b in zip(before, after, strict=True):
        assert torch.equal(a.keypoints, b.keypoints)
        assert torch.equal(a.scores, b.scores)


def test_padding_of_denoising_queries_does_not_count(model):
    # Alone, or beside a picture with more objects: the same positive
    # queries per group, whatever is padded.
    inputs, samples = batch((1, 0, 3))
    seen = {}
    criterion = model.bbox_head.criterion
    forward = criterion.forward

    def record(logits, boxes, matched, *args, **kwargs):
        if kwargs.get('query_mask') is not None:
            seen['mask'], seen['matched'] = kwargs['query_mask'], matched
            seen['average'] = args[2]
        return forward(logits, boxes, matched, *args, **kwargs)

    criterion.forward = record
    loss_and_gradients(model, inputs, samples)
    groups = 8 // 3
    assert seen['mask'].sum(1).tolist() == [2 * groups, 0, 6 * groups]
    assert (seen['matched'] >= 0).sum(1).tolist() == [groups, 0, 3 * groups]
    assert seen['average'] == 4 * groups  # all positive queries


def assert_same_predictions(together, alone, count):
    for name in ('scores', 'labels', 'bboxes', 'keypoint_mask'):
        ours, theirs = together[name], alone[name]
        if name == 'keypoint_mask':
            assert not ours[:, count:].any()
            ours, theirs = ours[:, :count], theirs[:, :count]
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(
        together.keypoints[:, :count], alone.keypoints, atol=1e-3, rtol=1e-4
    )


def test_a_batch_predicts_as_one_by_one(model):
    inputs, samples = batch()
    together = predict(model, inputs, samples)
    sizes = []
    for i, sample in enumerate(samples):
        (alone,) = predict(model, inputs[i : i + 1], [sample])
        count = alone.keypoints.shape[1]
        sizes.append(count)
        assert len(alone) > 0
        assert_same_predictions(together[i], alone, count)
    assert len(set(sizes)) > 1  # the pictures do differ in K


def test_normalised_outputs_of_a_batch_equal_one_by_one(model):
    inputs, samples = batch()
    together = raw(model, inputs, samples)
    for i, sample in enumerate(samples):
        logits, boxes, keypoints = raw(model, inputs[i : i + 1], [sample])
        num, slots = logits.shape[2], keypoints.shape[2]
        assert torch.isneginf(together[0][i, :, num:]).all()
        for ours, alone in (
            (together[0][i, :, :num], logits[0]),
            (together[1][i], boxes[0]),
        ):
            torch.testing.assert_close(ours, alone, atol=1e-4, rtol=1e-4)
        # A group has its own K; slots behind it are padding.
        names = sample.prompts.categories
        fewest = min(category.num_keypoints for category in names)
        torch.testing.assert_close(
            together[2][i, :, : min(fewest, slots)],
            keypoints[0, :, :fewest],
            atol=1e-4,
            rtol=1e-4,
        )


def test_permuted_keypoints_permute_the_output(model):
    order = [2, 0, 3, 1]
    names = tuple(CATEGORIES[0].keypoints[i] for i in order)
    permuted = KeypointCategory('cat', names)
    inputs = batch()[0][:1]
    logits, boxes, keypoints = raw(
        model, inputs, [make_sample(0, CATEGORIES[:1])]
    )
    other = raw(model, inputs, [make_sample(0, [permuted])])
    torch.testing.assert_close(other[0], logits, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(other[1], boxes, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(
        other[2], keypoints[:, :, order], atol=1e-5, rtol=1e-4
    )
    spread = keypoints.std(2).mean()
    assert spread > 1e-4  # keypoints are told apart


def test_the_class_does_not_depend_on_the_keypoints_an_object_is_given():
    model = build_model(
        lambda config: config.decoder.update(isolated_boxes=True)
    )
    inputs, samples = batch()[0][:1], [make_sample(0, CATEGORIES)]
    keep, logits = model.bbox_head.keep_objects, []

    def keep_as(label):
        def kept(*args):
            groups = keep(*args)
            groups.labels = torch.full_like(groups.labels, label)
            shape = (*groups.labels.shape, CATEGORIES[label].num_keypoints)
            groups.keypoint_mask = torch.ones(shape, dtype=torch.bool)
            return groups

        return kept

    for label in range(len(CATEGORIES)):
        model.bbox_head.keep_objects = keep_as(label)
        logits.append(raw(model, inputs, samples)[0])
    for other in logits[1:]:
        torch.testing.assert_close(other, logits[0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize('average', ['object', 'keypoint'])
def test_several_queries_of_an_object_learn_its_keypoints(
    average, monkeypatch
):
    def edit(config):
        config.train_cfg.queries_per_object = 3
        config.bbox_head.criterion.keypoint_average = average

    model = build_model(edit)
    inputs, samples = batch()
    outputs, run = {}, model.bbox_head.loss

    def loss(**kwargs):
        outputs.update(kwargs)
        return run(**kwargs)

    model.bbox_head.loss = loss
    # Nothing is where it should be before training: take the nearest.
    near = partial(spread_matches, min_iou=0.0)
    monkeypatch.setattr(xpose_head, 'spread_matches', near)
    losses, gradients = loss_and_gradients(model, inputs, samples)
    groups = outputs['groups']
    # Class and box: one group of each object; keypoints: several.
    assert sorted(groups.matched[0].tolist())[-2:] == [0, 1]
    assert (groups.matched[0] == 0).sum() == 1
    assert (groups.objects[0] == 0).sum() > 1
    assert (groups.objects[groups.matched >= 0] >= 0).all()
    assert groups.objects[1].max() == -1
    assert gradients['decoder.norm.weight'].abs().sum() > 0
    last = outputs['keypoint_states']
    keypoints = model.bbox_head.refiner.refine_keypoints(
        last.references[-1][:, :, 1:],
        last.hidden[-1][:, :, 1:],
        last.references[-1][:, :, :1],
    )
    means, weights = [], []
    for i, sample in enumerate(samples):
        truth = sample.gt_instances
        for j, number in enumerate(groups.objects[i].tolist()):
            if number < 0:
                continue
            seen = truth.keypoints_visible[number] > 0
            xy = truth.keypoints[number][seen] / torch.tensor([128, 96])
            found = keypoints[i, j, : len(seen)][seen[: len(seen)]]
            means.append((found - xy).abs().sum(-1))
            weights.append(seen.sum())
    if average == 'object':
        expected = torch.stack([m.mean() for m in means]).mean()
    else:
        expected = torch.cat(means).mean()
    weight = model.bbox_head.criterion.keypoint_weight
    torch.testing.assert_close(
        losses['kpt.1.loss_keypoint'], weight * expected
    )


def test_permuted_categories_permute_the_output(model):
    inputs = batch()[0][:1]
    first = raw(model, inputs, [make_sample(0, CATEGORIES[:3])])
    order = [2, 0, 1]
    permuted = [CATEGORIES[i] for i in order]
    second = raw(model, inputs, [make_sample(0, permuted)])
    torch.testing.assert_close(
        second[0], first[0][..., order], atol=1e-5, rtol=1e-4
    )
    torch.testing.assert_close(second[1], first[1], atol=1e-5, rtol=1e-4)


def test_small_pictures_have_fewer_proposals_than_queries(model):
    # 32 x 32 px have 16 + 4 + 1 tokens; the model asks for more queries.
    model.num_queries = model.dn_query_generator.num_matching_queries = 40
    model.query_embedding = nn.Embedding(40, 32)
    samples = [
        make_sample(2, CATEGORIES[:2], shape=(32, 32), seed=i)
        for i in range(2)
    ]
    inputs = torch.randn(2, 3, 32, 32)
    losses, _ = loss_and_gradients(model, inputs, samples)
    assert all(torch.isfinite(value) for value in losses.values())
    logits = raw(model, inputs, samples)[0]
    assert logits.shape == (2, 6, 2)


def test_more_objects_than_queries_still_train(model):
    samples = [make_sample(25, CATEGORIES, seed=3)]
    assert len(samples[0].gt_instances) > model.num_queries
    losses, _ = loss_and_gradients(model, torch.randn(1, 3, 96, 128), samples)
    assert all(torch.isfinite(value) for value in losses.values())


def test_padded_pictures(model):
    inputs, samples = batch()
    samples[1] = make_sample(1, CATEGORIES[:2], shape=(64, 96))
    samples[1].set_metainfo({'batch_input_shape': (96, 128)})
    inputs[1, :, 64:] = inputs[1, :, :, 96:] = 0
    losses, gradients = loss_and_gradients(model, inputs, samples)
    assert all(torch.isfinite(value) for value in losses.values())
    assert all(
        torch.isfinite(gradient).all()
        for gradient in gradients.values()
        if gradient is not None
    )
    assert torch.isfinite(predict(model, inputs, samples)[1].keypoints).all()


def test_modes_of_forward(model):
    inputs, samples = batch()
    logits, boxes, keypoints = raw(model, inputs, samples)
    assert logits.shape == (3, 6, 5)
    assert boxes.shape == (3, 6, 4)
    assert keypoints.shape[:2] == (3, 6)
    results = model(inputs, copy.deepcopy(samples), mode='predict')
    expected = predict(model, inputs, samples)
    for result, other in zip(results, expected, strict=True):
        assert torch.equal(result.pred_instances.bboxes, other.bboxes)


def test_bfloat16_trains(model):
    inputs, samples = batch()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        losses, _ = loss_and_gradients(model, inputs, samples)
        full = model.eval().predict(inputs, copy.deepcopy(samples))
    assert all(torch.isfinite(value) for value in losses.values())
    assert torch.isfinite(full[0].pred_instances.keypoints).all()


class Tower(TextTower):
    """Embeds a text as its letters' frequencies."""

    def _load(self):
        return nn.Linear(1, 1)

    def _embed_dims(self, model):
        return 16

    def _encode(self, model, texts):
        rows = torch.zeros(len(texts), 16)
        for row, text in zip(rows, texts):
            for letter in text:
                row[ord(letter) % 16] += 1
        return rows


def test_with_the_real_text_prompt_encoder():
    def use_text(cfg):
        cfg.prompt_encoder = {
            'type': TextPromptEncoder,
            'tower': Tower(),
            'embed_dims': 16,
        }

    model = build_model(use_text)
    inputs, samples = batch()
    samples[0].prompts = KeypointPrompt.from_categories(
        CATEGORIES[:2], style='sketch'
    )
    losses, gradients = loss_and_gradients(model, inputs, samples)
    assert all(torch.isfinite(value) for value in losses.values())
    assert not any('prompt_encoder' in name for name in gradients)
    plain = raw(model, inputs, batch()[1])[0]
    assert not torch.allclose(plain[0], raw(model, inputs, samples)[0][0])


def all_options(config):
    config.decoder.isolated_boxes = True
    config.name_separation = {}
    config.train_cfg.queries_per_object = 2
    config.bbox_head.criterion.keypoint_average = 'keypoint'


def test_extremes_with_all_options():
    model = build_model(all_options)
    lists = [
        [category('dot', 1)],  # K = 1
        [category('many', 200), CATEGORIES[0]],  # K = 200
    ]
    inputs, samples = torch.randn(2, 3, 96, 128), []
    for number, categories in enumerate(lists):
        sample = make_sample(2, categories, slots=200, seed=number)
        # An object of two pixels, and one that leaves the image.
        sample.gt_instances.bboxes[:] = torch.tensor(
            [[40.0, 40, 42, 42], [-20, 50, 60, 120]]
        )
        samples.append(sample)
    losses, gradients = loss_and_gradients(model, inputs, samples)
    assert all(value.isfinite() for value in losses.values())
    assert all(g.isfinite().all() for g in gradients.values() if g is not None)
    together = predict(model, inputs, samples)
    for i, sample in enumerate(samples):
        [alone] = predict(model, inputs[i : i + 1], [sample])
        assert_same_predictions(together[i], alone, alone.keypoints.shape[1])


def test_the_released_options_train_too():
    def released(cfg):
        cfg.bbox_head.update(
            calibrated=False,
            refiner={'keypoint_frame': 'image', 'max_keypoints': 12},
        )

    model = build_model(released)
    losses, gradients = loss_and_gradients(model, *batch())
    assert all(torch.isfinite(value) for value in losses.values())
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert (gradients[name] != 0).any(), name


def test_too_many_keypoints_for_the_released_options():
    def released(cfg):
        cfg.bbox_head.refiner = {'max_keypoints': 8}

    model = build_model(released)
    with pytest.raises(ValueError, match='has 12 keypoints.* for 8'):
        loss_and_gradients(model, *batch((0, 0, 5)))


@pytest.mark.parametrize('selected', [False, True])
def test_content_of_object_queries(selected):
    def edit(cfg):
        cfg.selected_content = selected

    model = build_model(edit).eval()
    seen = {}
    objects = model.decoder.forward_objects
    model.decoder.forward_objects = lambda query, *args, **kwargs: (
        seen.update(query=query) or objects(query, *args, **kwargs)
    )
    proposals = model.gen_encoder_output_proposals

    def record(*args):
        seen['tokens'], anchors = proposals(*args)
        return seen['tokens'], anchors

    model.gen_encoder_output_proposals = record
    raw(model, *batch())
    content = seen['query'] - model.query_embedding.weight
    if selected:  # every query has one of the picture's tokens
        distance = content[:, :, None] - seen['tokens'][:, None]
        assert distance.abs().amax(-1).amin(-1).max() < 1e-5
        assert content.std(1).min() > 0.1
    else:
        assert (content == 0).all()


def test_normalized_prompts_do_not_depend_on_the_scale_of_the_encoder():
    embeddings = torch.randn(3, 5, 16)
    torch.manual_seed(0)
    projection = prompt_projection(16, 32, normalized=True)
    projected = projection(embeddings)
    torch.testing.assert_close(
        projection(embeddings * 7), projected, atol=1e-3, rtol=1e-3
    )
    torch.testing.assert_close(projected.mean(-1), torch.zeros(3, 5))
    plain = prompt_projection(16, 32, normalized=False)
    assert not torch.allclose(plain(embeddings * 7), plain(embeddings))
    model = build_model()  # the small configs ask for it
    assert [type(part) for part in model.object_projection] == [
        type(part) for part in projection
    ]
