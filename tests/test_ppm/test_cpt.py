# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""PPM with a prompt that all categories share."""

import json
import shutil
from contextlib import nullcontext

import pytest
import torch
from mmengine.runner import load_checkpoint
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from projects.common.structures import KeypointCategory, KeypointPrompt
from projects.common.utils.checkpoints import check_compatible
from projects.ppm.models import CategorySharedPrompt
from projects.ppm.models.prompts import FitError, shared_prompt
from projects.ppm.pictures import normalize
from tests.test_ppm.conftest import (
    CAT,
    SIZE,
    WIDTH,
    make_prompt,
    make_shot,
    save_pipeline,
)
from tests.test_ppm.test_ppm import DOG, collate, config, query
from tests.test_tools.conftest import load_tool


def cpt(**changes):
    return {
        'type': 'CategorySharedPrompt',
        'base_keypoints': {'cat': 3, 'dog': 2},
        'init_std': 0.5,
        **changes,
    }


@pytest.fixture
def cpt_model(model_folder):
    torch.manual_seed(0)
    return MODELS.build(config(model_folder, shared_prompt=cpt()))


def base_item(category=CAT, seed=0, visible=None, slots=5):
    """A training picture; keypoint slots are padded."""
    count = category.num_keypoints
    points = ((6, 8), (24, 7), (15, 26))[:count]
    shot = make_shot(seed, points, visible or (2,) * count)
    sample = PoseDataSample()
    sample.prompts = KeypointPrompt.from_categories([category])
    sample.gt_instances = InstanceData(
        keypoints=torch.zeros(1, slots, 2),
        keypoints_visible=torch.zeros(1, slots),
    )
    sample.gt_instances.keypoints[0, :count] = shot.keypoints
    sample.gt_instances.keypoints_visible[0, :count] = shot.visible
    return {'inputs': shot.image, 'data_samples': sample}


def loss_of(model, items):
    data = model.data_preprocessor(collate(items), training=True)
    torch.manual_seed(5)
    return model(**data, mode='loss')


def test_cpt_gradients_are_those_of_a_plain_backward(cpt_model):
    cpt_model.max_base_keypoints = 10
    items = [base_item(), base_item(DOG, 1, (0, 2))]
    loss = loss_of(cpt_model, items)['loss_prompt']
    (loss * 4).backward()  # as a loss scale does
    ours = {n: p.grad for n, p in cpt_model.named_parameters()}
    assert set(ours) == {
        f'shared_prompt.{name}'
        for name in (
            'shared',
            'base',
            'mlp.0.weight',
            'mlp.0.bias',
            'mlp.2.weight',
            'mlp.2.bias',
        )
    }
    assert all(grad.abs().sum() > 0 for grad in ours.values())
    # Neither the hidden keypoint nor one of another category.
    assert ours['shared_prompt.base'].abs().sum(1).bool().tolist() == [
        True,
        True,
        True,
        False,
        True,
    ]
    for part in (cpt_model.diffusion.unet, cpt_model.diffusion.vae):
        assert all(p.grad is None for p in part.parameters())

    cpt_model.zero_grad()
    torch.manual_seed(5)
    for count in (3, 1):  # the draw of keypoints
        torch.randperm(count)
    seed = int(torch.randint(2**31, ()))
    shared, maps = cpt_model.shared_prompt, cpt_model.maps
    pictures = normalize(torch.stack([item['inputs'] for item in items]))
    noisy, noise = maps.noisy(maps.latents(pictures), seed, 0)
    contexts = shared(shared.base[[0, 1, 2, 4]])
    numbers = torch.tensor([0, 0, 0, 1])
    points = torch.tensor([[6.0, 8], [24, 7], [15, 26], [24, 7]])
    with cpt_model.diffusion.recorder() as recorder:
        prediction = cpt_model.diffusion(noisy[numbers], 10, contexts[:, None])
        term = cpt_model.prompt_loss.map_term(
            recorder.mean_map(SIZE)[:, 0], points
        )
        other = (prediction - noise[numbers]).square().flatten(1).mean(1)
        expected = (term + other).mean()
        (expected * 4).backward()
    torch.testing.assert_close(loss.detach(), expected.detach())
    for name, parameter in cpt_model.named_parameters():
        torch.testing.assert_close(
            ours[name], parameter.grad, atol=1e-5, rtol=1e-3
        )


def test_cpt_training_reduces_the_loss(cpt_model):
    optimizer = torch.optim.Adam(cpt_model.parameters(), lr=0.02)
    items = [base_item(), base_item(DOG, 1)]
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        loss = loss_of(cpt_model, items)['loss_prompt']
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.95 * losses[0]


def test_cpt_draws_keypoints_and_survives_empty_pictures(cpt_model):
    cpt_model.max_base_keypoints = 1
    loss_of(cpt_model, [base_item(), base_item(DOG)])['loss_prompt'].backward()
    used = cpt_model.shared_prompt.base.grad.abs().sum(1).bool()
    assert int(used[:3].sum()) == int(used[3:].sum()) == 1
    cpt_model.zero_grad()
    empty = base_item(visible=(2, 2, 2))
    empty['data_samples'].gt_instances.keypoints_visible[:] = 0
    loss = loss_of(cpt_model, [empty])['loss_prompt']
    loss.backward()
    assert loss.item() == 0
    assert all(
        p.grad is not None and not p.grad.any() for p in cpt_model.parameters()
    )


def test_keypoints_outside_the_crop_and_empty_instances(cpt_model):
    item = base_item()
    item['data_samples'].gt_instances.keypoints[0, 0] = torch.tensor([40, 2])
    cpt_model.max_base_keypoints = 9
    none = base_item(DOG)
    none['data_samples'].gt_instances = InstanceData(
        keypoints=torch.zeros(0, 5, 2), keypoints_visible=torch.zeros(0, 5)
    )
    loss_of(cpt_model, [item, none])['loss_prompt'].backward()
    used = cpt_model.shared_prompt.base.grad.abs().sum(1).bool()
    assert used.tolist() == [False, True, True, False, False]


def test_one_iteration_of_the_ordinary_optimizer(cpt_model):
    from mmengine.optim import build_optim_wrapper

    wrapper = build_optim_wrapper(
        cpt_model,
        dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=5e-4)),
    )
    before = {k: v.clone() for k, v in cpt_model.state_dict().items()}
    logs = cpt_model.train_step(collate([base_item()] * 2), wrapper)
    assert logs['loss'] > 0
    moved = {
        key
        for key, value in cpt_model.state_dict().items()
        if not torch.equal(value, before[key])
    }
    assert moved == {name for name, _ in cpt_model.named_parameters()}


def test_checkpointing_and_autocast_train_alike(model_folder, cpt_model):
    def gradient(model, context=None):
        model.zero_grad()
        with context or nullcontext():
            loss_of(model, [base_item()])['loss_prompt'].backward()
        return model.shared_prompt.shared.grad.clone()

    changed = config(model_folder, shared_prompt=cpt())
    changed['diffusion']['checkpointing'] = True
    other = MODELS.build(changed)
    other.load_state_dict(cpt_model.state_dict())
    expected = gradient(cpt_model)
    torch.testing.assert_close(gradient(other), expected, atol=1e-6, rtol=1e-4)
    half = gradient(cpt_model, torch.autocast('cpu', torch.bfloat16))
    cosine = torch.nn.functional.cosine_similarity(half, expected, dim=0)
    assert cosine > 0.98


def test_episodes_with_cpt_learn_only_their_prompts(cpt_model):
    prompt = make_prompt(make_shot(0))
    before = {k: v.clone() for k, v in cpt_model.state_dict().items()}
    cpt_model.test_step(collate([query(prompt)]))
    assert all(p.grad is None for p in cpt_model.parameters())
    assert all(
        torch.equal(v, before[k]) for k, v in cpt_model.state_dict().items()
    )
    (fitted,) = cpt_model.episodes._fitted.values()
    with torch.no_grad():
        expected = cpt_model.shared_prompt(fitted.prompts)
    torch.testing.assert_close(fitted.contexts, expected)
    assert not torch.allclose(fitted.contexts, fitted.prompts)
    # Training makes fitted episodes stale.
    loss_of(cpt_model, [base_item()])
    assert not cpt_model.episodes._fitted


def test_other_weights_of_cpt_are_another_episode(cpt_model):
    from projects.ppm.models.estimators.episodes import Episode

    episode = Episode.from_prompt(make_prompt(make_shot(0)))
    first = cpt_model._key(episode)
    with torch.no_grad():
        cpt_model.shared_prompt.base += 1
    assert cpt_model._key(episode) == first
    with torch.no_grad():
        cpt_model.shared_prompt.mlp[2].bias += 1
    assert cpt_model._key(episode) != first


def test_checkpoints_hold_what_is_learned(cpt_model, model_folder, tmp_path):
    state = cpt_model.state_dict()
    assert {key.split('.')[0] for key in state} == {
        'shared_prompt',
        'diffusion_identity',
    }
    file = str(tmp_path / 'cpt.pth')
    torch.save({'state_dict': state}, file)
    assert (tmp_path / 'cpt.pth').stat().st_size < 10_000
    # At test there are no base keypoints.
    test = MODELS.build(
        config(model_folder, shared_prompt=cpt(base_keypoints=None))
    )
    check_compatible(test, file)
    prompts = torch.randn(2, WIDTH)
    torch.testing.assert_close(
        test.shared_prompt(prompts), cpt_model.shared_prompt(prompts)
    )
    check_compatible(cpt_model, file)  # resuming


def learned(model):
    """What a test needs of CPT."""
    return {
        name: value.detach().clone()
        for name, value in model.shared_prompt.named_parameters()
        if name != 'base'
    }


def test_published_checkpoints_need_no_base_categories(
    cpt_model, model_folder, tmp_path, monkeypatch
):
    said = []
    monkeypatch.setattr(
        shared_prompt, 'print_log', lambda text, *_: said.append(text)
    )
    source, small = tmp_path / 'iter_2.pth', tmp_path / 'small.pth'
    torch.save({'state_dict': cpt_model.state_dict()}, source)
    load_tool('model_converters/publish_checkpoint.py').publish(source, small)
    weights = torch.load(small, weights_only=True)['state_dict']
    assert weights.keys() == {
        'diffusion_identity',
        *(f'shared_prompt.{name}' for name in learned(cpt_model)),
    }
    # Where the training's annotations are, and where they are not.
    absent = cpt(base_keypoints=str(tmp_path / 'annotations.json'))
    for settings in (cpt(), absent):
        torch.manual_seed(1)
        model = MODELS.build(config(model_folder, shared_prompt=settings))
        base = model.shared_prompt.base
        before = None if base is None else base.detach().clone()
        check_compatible(model, str(small))
        for name, value in learned(cpt_model).items():
            torch.testing.assert_close(
                learned(model)[name], value, atol=1e-3, rtol=1e-3
            )
        if before is not None:
            assert torch.equal(base, before)
    (text,) = said  # of the first
    assert 'a training learns them anew' in text
    found = model.test_step(collate([query(make_prompt(make_shot(0)))]))
    assert found[0].pred_instances.keypoints.isfinite().all()
    # A checkpoint of the training itself will do as well.
    check_compatible(model, str(source))
    with pytest.raises(FileNotFoundError, match='categories of CPT .* exist'):
        loss_of(model, [base_item()])


def test_cpt_of_another_diffusion_model_is_refused(
    cpt_model, model_folder, tmp_path
):
    file = str(tmp_path / 'cpt.pth')
    torch.save({'state_dict': cpt_model.state_dict()}, file)
    other = save_pipeline(tmp_path / 'other', 'sd1', 1)  # as wide
    model = MODELS.build(config(other, shared_prompt=cpt()))
    mine, its = (m.diffusion.identity[:12] for m in (cpt_model, model))
    problem = f'the diffusion model {mine}, but "{other}" is {its}; it means'
    with pytest.raises(ValueError, match=problem):
        check_compatible(model, file)
    with pytest.raises(ValueError, match=problem):  # as mmengine resumes
        load_checkpoint(model, file)
    copy = shutil.copytree(model_folder, tmp_path / 'elsewhere')
    check_compatible(MODELS.build(config(copy, shared_prompt=cpt())), file)


def test_cpt_errors(cpt_model, model_folder):
    plain = MODELS.build(config(model_folder))
    with pytest.raises(ValueError, match='nothing to train: PPM without'):
        loss_of(plain, [base_item()])
    test = MODELS.build(
        config(model_folder, shared_prompt=cpt(base_keypoints=None))
    )
    with pytest.raises(ValueError, match='has no base_keypoints; name'):
        loss_of(test, [base_item()])
    horse = KeypointCategory('horse', ('nose', 'tail'))
    with pytest.raises(ValueError, match="'horse' .* is no base category"):
        loss_of(cpt_model, [base_item(horse)])
    dogs = KeypointCategory('dogs', ('nose', 'tail'))
    with pytest.raises(ValueError, match="did you mean 'dog'"):
        loss_of(cpt_model, [base_item(dogs)])
    short = KeypointCategory('cat', ('nose', 'tail'))
    with pytest.raises(ValueError, match='with 2 keypoints has 3 keypoints'):
        loss_of(cpt_model, [base_item(short)])
    item = base_item()
    item['data_samples'].prompts = KeypointPrompt.from_categories([CAT, DOG])
    with pytest.raises(ValueError, match='a prompt of 2 categories; CPT'):
        loss_of(cpt_model, [item])
    with torch.no_grad():
        cpt_model.shared_prompt.base[4] = torch.nan
    with pytest.raises(FitError, match="'tail' of category 'dog'"):
        loss_of(cpt_model, [base_item(), base_item(DOG)])


def test_prompts_of_cpt_start_as_wide_as_the_config_says():
    def started(**kwargs):
        torch.manual_seed(0)
        prompt = CategorySharedPrompt(600, {'cat': 3}, **kwargs)
        return prompt.shared.detach(), prompt.base.detach()

    for values in started():  # as PromptLearner, of CLIP's tokens
        assert float(values.std()) == pytest.approx(0.02, rel=0.1)
    for values, wide in zip(started(), started(init_std=1.0)):
        torch.testing.assert_close(wide, values * 50)


def test_base_keypoints_of_a_file(tmp_path):
    file = tmp_path / 'train.json'
    records = [
        dict(id=1, name='cat', keypoints=['a', 'b', 'c'], skeleton=[]),
        dict(id=2, name='dog', keypoints=['a', 'b'], skeleton=[]),
    ]
    content = {'categories': records, 'images': [], 'annotations': []}
    file.write_text(json.dumps(content))
    every = CategorySharedPrompt(WIDTH, str(file))
    assert every.base_keypoints == {'cat': 3, 'dog': 2}
    assert every.base.shape == (5, WIDTH)
    some = CategorySharedPrompt(WIDTH, str(file), ['dog'], hidden_dims=7)
    assert some.base_prompts(DOG).shape == (2, WIDTH)
    assert some.mlp[0].weight.shape == (7, 2 * WIDTH)
    with pytest.raises(ValueError, match="'dogs'.*'dog'"):
        CategorySharedPrompt(WIDTH, str(file), ['dogs'])
    with pytest.raises(ValueError, match="'MP101', which is no data set"):
        CategorySharedPrompt(WIDTH, str(file), base_dataset='MP101')
