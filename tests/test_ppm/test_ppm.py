# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json
from contextlib import nullcontext

import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from projects.common.checkpoints import check_compatible
from projects.common.structures import KeypointCategory, KeypointPrompt
from projects.ppm.models import PPM, CategorySharedPrompt
from projects.ppm.models.estimators.ppm import to_image
from projects.ppm.models.prompts import FitError
from projects.ppm.pictures import normalize
from projects.ppm.prompt_file import load_prompts
from tests.test_ppm.conftest import CAT, SIZE, WIDTH, make_prompt, make_shot

DOG = KeypointCategory('dog', ('nose', 'tail'))


def config(folder, **changes):
    return {
        'type': 'PPM',
        'diffusion': {'type': 'LatentDiffusion', 'path': str(folder)},
        'maps': {'type': 'ExactPromptMaps', 'size': SIZE},
        'learner': {'type': 'PromptLearner', 'steps': 2, 'lr': 0.05},
        'prompt_loss': {'type': 'PromptLoss', 'sigma': 2.0},
        'decoder': {'type': 'PeakDecoder'},
        **changes,
    }


def cpt(**changes):
    return {
        'type': 'CategorySharedPrompt',
        'base_keypoints': {'cat': 3, 'dog': 2},
        'init_std': 0.5,
        **changes,
    }


@pytest.fixture
def model(model_folder):
    return MODELS.build(config(model_folder))


@pytest.fixture
def cpt_model(model_folder):
    torch.manual_seed(0)
    return MODELS.build(config(model_folder, shared_prompt=cpt()))


def query(prompt, seed=3, **metainfo):
    shot = make_shot(seed)
    sample = PoseDataSample(metainfo=metainfo)
    sample.prompts = prompt
    return {'inputs': shot.image, 'data_samples': sample}


def collate(items):
    return {key: [item[key] for item in items] for key in items[0]}


def count_fits(model):
    fits, put = [], model.episodes.put

    def counting(key, fitted, episode, maps):
        fits.append(episode.category.name)
        put(key, fitted, episode, maps)

    model.episodes.put = counting
    return fits


def test_one_fit_an_episode_and_keypoints_of_its_maps(model):
    fits = count_fits(model)
    cat = make_prompt(make_shot(0))
    dog = make_prompt(make_shot(1, ((5, 5), (20, 20)), (2, 2)), category=DOG)
    batch = [query(cat, 3), query(dog, 4), query(cat, 5)]
    with torch.no_grad():
        results = model.test_step(collate(batch))
        again = model.test_step(collate(batch[2:]))
        maps = model.forward(
            [normalize(item['inputs']) for item in batch],
            [item['data_samples'] for item in batch],
        )
    assert fits == ['cat', 'dog']
    assert [tuple(m.shape) for m in maps] == [
        (k, SIZE, SIZE) for k in (3, 2, 3)
    ]
    for result, heat in zip(results, maps):
        found = result.pred_instances
        number = len(heat)
        assert found.keypoints.shape == (1, number, 2)
        assert found.keypoint_scores.shape == (1, number)
        for n in range(number):
            x, y = found.keypoints[0, n].long().tolist()
            peak = pytest.approx(float(heat[n].max()), abs=1e-6)
            assert float(heat[n, y, x]) == peak
            assert float(found.keypoint_scores[0, n]) == peak
        torch.testing.assert_close(
            found.scores[0], found.keypoint_scores.mean()
        )
        assert found.labels.tolist() == [0] and found.keypoint_mask.all()
    torch.testing.assert_close(
        again[0].pred_instances.keypoints, results[2].pred_instances.keypoints
    )


def test_the_fit_does_not_depend_on_what_ran_before(model, model_folder):
    cat = make_prompt(make_shot(0))
    model.test_step(collate([query(make_prompt(make_shot(7)))]))
    torch.manual_seed(99)
    first = model.test_step(collate([query(cat)]))[0].pred_instances
    other = MODELS.build(config(model_folder))
    second = other.test_step(collate([query(cat)]))[0].pred_instances
    assert torch.equal(first.keypoint_scores, second.keypoint_scores)
    third = MODELS.build(config(model_folder, seed=1))
    third = third.test_step(collate([query(cat)]))[0].pred_instances
    assert not torch.equal(first.keypoint_scores, third.keypoint_scores)


def test_inputs_are_what_the_shots_are(model):
    """A query and a shot with the same bytes give the same latents."""
    item = query(make_prompt(make_shot(0)))
    batch = model.data_preprocessor(collate([item]))
    torch.testing.assert_close(
        batch['inputs'][0], normalize(item['inputs']), atol=1e-6, rtol=0
    )


def test_frames(model):
    prompt = make_prompt(make_shot(0))
    plain = query(prompt)
    cropped = query(
        prompt,
        input_center=(100.0, 60.0),
        input_scale=(64.0, 64.0),
        input_size=(SIZE, SIZE),
    )
    resized = query(prompt, scale_factor=(0.5, 0.25))
    results = model.test_step(collate([plain, cropped, resized]))
    points = [r.pred_instances.keypoints for r in results]
    origin = torch.tensor([100.0 - 32, 60 - 32])
    torch.testing.assert_close(points[1], points[0] * 2 + origin)
    torch.testing.assert_close(points[2], points[0] * torch.tensor([2.0, 4]))
    boxes = [r.pred_instances.bboxes[0].tolist() for r in results]
    assert boxes == [[0, 0, 32, 32], [68, 28, 132, 92], [0, 0, 64, 128]]
    inputs = normalize(torch.stack([plain['inputs']] * 2))
    samples = [plain['data_samples'], cropped['data_samples']]
    model.predict(inputs, samples, rescale=False)
    assert torch.equal(*[s.pred_instances.keypoints for s in samples])
    assert torch.equal(to_image(points[0][0], {}), points[0][0])


def test_queries_of_another_size(model):
    prompt = make_prompt(make_shot(0))
    large = query(prompt)
    image = large['inputs'].repeat_interleave(2, 1).repeat_interleave(2, 2)
    samples = [large['data_samples'], large['data_samples'].clone()]
    model.predict(normalize(large['inputs'])[None], samples[:1])
    model.predict(normalize(image)[None], samples[1:])
    small, large = (s.pred_instances.keypoints for s in samples)
    torch.testing.assert_close(large, (small + 0.5) * 2 - 0.5)


def test_a_keypoint_that_no_shot_shows(model):
    prompt = make_prompt(make_shot(0, visible=(2, 0, 2)))
    found = model.test_step(collate([query(prompt)]))[0].pred_instances
    assert found.keypoint_scores[0, 1] == 0
    assert (found.keypoint_scores[0, [0, 2]] > 0).all()
    assert found.keypoints[0, 1].tolist() == [15.5, 15.5]


def test_prompts_that_are_no_episode(model):
    both = KeypointPrompt.from_categories(
        [CAT, DOG], supports=[[make_shot(0)], []]
    )
    with pytest.raises(ValueError, match='2 categories .cat, dog.; PPM looks'):
        model.test_step(collate([query(both)]))
    text = KeypointPrompt.from_categories([CAT])
    with pytest.raises(ValueError, match="'cat' has no support"):
        model.test_step(collate([query(text)]))


def test_episodes_on_disk_are_found_by_the_next_process(
    model_folder, tmp_path
):
    folder = str(tmp_path / 'episodes')
    prompt = make_prompt(make_shot(0))
    first = MODELS.build(config(model_folder, episode_dir=folder))
    expected = first.test_step(collate([query(prompt)]))[0].pred_instances
    (file,) = (tmp_path / 'episodes').iterdir()
    assert load_prompts(file).category == CAT

    second = MODELS.build(config(model_folder, episode_dir=folder))
    fits = count_fits(second)
    found = second.test_step(collate([query(prompt)]))[0].pred_instances
    assert fits == []
    assert torch.equal(found.keypoint_scores, expected.keypoint_scores)
    # Other settings are another fit.
    changed = config(model_folder, episode_dir=folder)
    changed['learner']['steps'] = 1
    third = MODELS.build(changed)
    fits = count_fits(third)
    third.test_step(collate([query(prompt)]))
    assert fits == ['cat']
    assert len(list((tmp_path / 'episodes').iterdir())) == 2


def test_memory_holds_the_latest_episodes(model_folder):
    model = MODELS.build(config(model_folder, max_episodes=1))
    fits = count_fits(model)
    prompts = [make_prompt(make_shot(seed)) for seed in (0, 1)]
    for number in (0, 0, 1, 0):
        model.test_step(collate([query(prompts[number])]))
    assert len(fits) == 3


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
    for key, value in cpt_model.state_dict().items():
        assert not torch.equal(value, before[key]), key


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


def test_without_cpt_there_is_nothing_to_save_or_load(model, tmp_path):
    # DDP refuses models without a parameter.
    assert [p.numel() for p in model.parameters()] == [1]
    assert model.state_dict() == {}
    assert model.load_state_dict({}, strict=True).missing_keys == []
    with pytest.raises(RuntimeError, match='Unexpected'):
        model.load_state_dict({'a': torch.zeros(1)}, strict=True)


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
    assert {key.split('.')[0] for key in state} == {'shared_prompt'}
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


def test_cpt_errors(model, cpt_model, monkeypatch):
    with pytest.raises(ValueError, match='There is nothing to train'):
        loss_of(model, [base_item()])
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
        dict(id=3, name='box'),
    ]
    file.write_text(json.dumps({'categories': records}))
    every = CategorySharedPrompt(WIDTH, str(file))
    assert every.base_keypoints == {'cat': 3, 'dog': 2}
    assert every.base.shape == (5, WIDTH)
    some = CategorySharedPrompt(WIDTH, str(file), ['dog'], hidden_dims=7)
    assert some.base_prompts(DOG).shape == (2, WIDTH)
    assert some.mlp[0].weight.shape == (7, 2 * WIDTH)
    with pytest.raises(ValueError, match="no category 'box' with keypoints"):
        CategorySharedPrompt(WIDTH, str(file), ['box'])
    with pytest.raises(FileNotFoundError, match='base categories of CPT'):
        CategorySharedPrompt(WIDTH, str(tmp_path / 'none.json'))


def test_the_model_is_registered():
    assert MODELS.get('PPM') is PPM
