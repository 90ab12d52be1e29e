# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from projects.common.structures import KeypointCategory
from projects.ppm.models import (
    CachedPromptMaps,
    ExactPromptMaps,
    LatentDiffusion,
    PeakDecoder,
    PromptLearner,
    PromptLoss,
)
from projects.ppm.models.prompts import FitError, MapRows, chunks
from projects.ppm.models.prompts.chunks import Chunks
from projects.ppm.pictures import normalize, resize_points, to_pictures
from tests.test_ppm.conftest import CAT, SIZE, WIDTH, make_shot

LOSS = PromptLoss(sigma=3.0)


@pytest.fixture
def exact(diffusion):
    return ExactPromptMaps(diffusion, size=SIZE, max_batch=4)


@pytest.fixture
def cached(diffusion):
    return CachedPromptMaps(diffusion, size=SIZE)


def learner(**kwargs):
    return PromptLearner(**{'steps': 3, 'lr': 0.05, **kwargs})


def one_keypoint(number):
    """The category and shot with only one of the keypoints."""
    points = [make_shot().keypoints[number].int().tolist()]
    shot = make_shot()
    return KeypointCategory('cat', (CAT.keypoints[number],)), replace(
        shot,
        keypoints=torch.tensor(points, dtype=torch.float32),
        visible=shot.visible[:1],
    )


@pytest.mark.parametrize('steps', [1, 4])
def test_batched_equals_one_keypoint_at_a_time(exact, steps):
    start = torch.randn(3, WIDTH, generator=torch.manual_seed(0))
    together = learner(steps=steps).fit(
        exact, LOSS, CAT, [make_shot()], start=start, seed=5
    )
    for number in range(3):
        category, shot = one_keypoint(number)
        alone = learner(steps=steps).fit(
            exact,
            LOSS,
            category,
            [shot],
            start=start[number : number + 1],
            seed=5,
        )
        torch.testing.assert_close(
            together.losses[:, number], alone.losses[:, 0], atol=1e-5, rtol=0
        )
        torch.testing.assert_close(
            together.prompts[number], alone.prompts[0], atol=1e-5, rtol=0
        )


def test_the_first_gradient_is_that_of_equation_4(exact, diffusion):
    shots = [make_shot(0), make_shot(1, visible=(2, 0, 1))]
    start = torch.randn(3, WIDTH, generator=torch.manual_seed(1))
    prepared = exact.prepare(to_pictures(shots), 7)
    pairs = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 2)]
    weights = torch.tensor([0.5, 1.0, 0.5, 0.5, 0.5])
    rows = MapRows(
        torch.tensor([s for s, _ in pairs]),
        torch.stack([shots[s].keypoints[n] for s, n in pairs]),
        weights,
    )
    order = [n for _, n in pairs]
    values, gradient = exact.losses(prepared, start[order], rows, LOSS, 2)

    noisy, noise = exact.noisy(prepared.latents, 7, 2)
    for row, (shot, number) in enumerate(pairs):
        prompt = start[number].clone().requires_grad_()
        with diffusion.recorder() as recorder:
            prediction = diffusion(
                noisy[shot : shot + 1], 10, prompt[None, None]
            )
            value = (
                LOSS.map_term(
                    recorder.mean_map(SIZE)[:, 0],
                    shots[shot].keypoints[number : number + 1],
                )
                + (prediction - noise[shot]).square().mean()
            )
            (value.sum() * weights[row]).backward()
        torch.testing.assert_close(values[row], value.detach()[0])
        torch.testing.assert_close(
            gradient[row], prompt.grad, atol=1e-6, rtol=1e-4
        )
    # The fit takes its first step along these.
    fitted = learner(steps=1).fit(exact, LOSS, CAT, shots, seed=7, start=start)
    _, gradient = exact.losses(prepared, start[order], rows, LOSS, 0)
    total = torch.zeros(3, WIDTH).index_add(0, torch.tensor(order), gradient)
    torch.testing.assert_close(
        fitted.prompts, start - 0.05 * total.sign(), atol=2e-3, rtol=0
    )


def test_gradients_reach_only_the_prompts(exact, diffusion):
    learner().fit(exact, LOSS, CAT, [make_shot()])
    for part in (diffusion.unet, diffusion.vae):
        for parameter in part.parameters():
            assert parameter.grad is None and not parameter.requires_grad


@pytest.fixture
def colour_diffusion(model_folder, monkeypatch):
    """Latents that are colours, and a wide random UNet on them."""
    from diffusers import UNet2DConditionModel

    diffusion = LatentDiffusion(str(model_folder))
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        block_out_channels=(32,),
        layers_per_block=1,
        norm_num_groups=4,
        cross_attention_dim=32,
        attention_head_dim=2,
        down_block_types=('CrossAttnDownBlock2D',),
        up_block_types=('CrossAttnUpBlock2D',),
        mid_block_type=None,
    )
    diffusion._add('unet', unet)

    def encode(pictures):
        small = F.avg_pool2d(pictures, 2)
        return 2 * torch.cat([small, small.mean(1, keepdim=True)], 1)

    monkeypatch.setattr(diffusion, 'encode', encode)
    return diffusion


@pytest.mark.parametrize('mode', [ExactPromptMaps, CachedPromptMaps])
def test_a_planted_keypoint_is_found(colour_diffusion, mode):
    """Fit, and find the keypoints in a picture that shows them elsewhere."""
    maps = mode(colour_diffusion, size=SIZE, timestep=0)
    fitted = PromptLearner(lr=0.3, steps=60, plateau_window=None).fit(
        maps, PromptLoss(sigma=3.0, dm_weight=0), CAT, [make_shot(0)]
    )
    assert (fitted.losses[-1] < 0.1 * fitted.losses[0]).all()
    assert fitted.steps.tolist() == [60] * 3
    query = make_shot(1, ((20, 10), (8, 20), (25, 25)))
    found = maps.predict(to_pictures([query]), fitted.contexts)
    located, _ = PeakDecoder()(found)
    distances = (located[0] - query.keypoints).norm(dim=-1)
    assert distances.max() <= 4, distances


def test_same_seed_same_prompts_whatever_the_chunks(diffusion):
    results = []
    for chunk in (1, 4, 100):
        torch.manual_seed(chunk)  # the global state has no influence
        maps = ExactPromptMaps(diffusion, size=SIZE, max_batch=chunk)
        results.append(
            learner().fit(maps, LOSS, CAT, [make_shot(0), make_shot(1)], 3)
        )
    for other in results[1:]:
        torch.testing.assert_close(
            results[0].prompts, other.prompts, atol=1e-5, rtol=0
        )
    seed = learner().fit(maps, LOSS, CAT, [make_shot(0), make_shot(1)], 4)
    assert not torch.allclose(seed.prompts, other.prompts, atol=1e-3)


def test_noise_is_drawn_anew_or_not(diffusion):
    def losses(resample):
        maps = ExactPromptMaps(
            diffusion, size=SIZE, timestep=900, resample_noise=resample
        )
        fitted = learner(steps=4, lr=1e-12).fit(maps, LOSS, CAT, [make_shot()])
        return fitted.losses[:, 0]

    assert float(losses(False).std()) < 1e-5
    assert float(losses(True).std()) > 1e-3


def test_a_shot_that_hides_a_keypoint_says_nothing_of_it(exact):
    shown = make_shot(0)
    hidden = make_shot(1, visible=(2, 0, 2))
    moved = make_shot(1, visible=(2, 0, 2))
    moved.keypoints[1] = torch.tensor([1.0, 1.0])
    first, second = (
        learner().fit(exact, LOSS, CAT, [shown, shot])
        for shot in (hidden, moved)
    )
    assert torch.equal(first.prompts, second.prompts)
    never = make_shot(0, visible=(2, 0, 2))
    fitted = learner().fit(exact, LOSS, CAT, [never])
    start = learner().start(exact, CAT, 0)
    assert fitted.learned.tolist() == [True, False, True]
    assert fitted.steps.tolist() == [3, 0, 3]
    assert torch.equal(fitted.prompts[1], start[1])
    assert not torch.allclose(fitted.prompts[0], start[0])


def test_keypoints_stop_one_by_one_and_stay(exact, monkeypatch):
    slow = torch.tensor([[1.0], [0.5], [0.0]])  # decrease per step

    def losses(prepared, contexts, rows, loss, step):
        keypoint = (rows.points[:, 0] * 0).long()
        for number, point in enumerate(make_shot().keypoints):
            keypoint[(rows.points == point).all(1)] = number
        counts.append(len(contexts))
        return 10.0 - slow[keypoint, 0] * step, torch.ones_like(contexts)

    counts = []
    monkeypatch.setattr(exact, 'losses', losses)
    fitted = learner(steps=12, plateau_window=2, plateau_tolerance=0.12).fit(
        exact, LOSS, CAT, [make_shot()], start=torch.zeros(3, WIDTH)
    )
    # Relative decrease over two steps: 2 of 9.5, 1 of 9.75 and 0 of 10.
    assert fitted.steps[2] == 4 and fitted.steps[1] < 12
    assert counts[0] == 3 and counts[-1] < 3
    # Adam moves 0.05 a step; it must not go on by momentum.
    expected = -0.05 * fitted.steps.float()
    torch.testing.assert_close(
        fitted.prompts[:, 0], expected, atol=1e-4, rtol=0
    )
    assert torch.isnan(fitted.losses[4:, 2]).all()


def test_start_from_random_and_texts(exact, diffusion):
    many = KeypointCategory('x', tuple(map(str, range(400))))
    start = PromptLearner().start(exact, many, 0)
    assert float(start.std()) == pytest.approx(0.02, rel=0.05)
    wide = PromptLearner(init_std=1.0).start(exact, many, 0)
    torch.testing.assert_close(wide, start * 50)
    text = PromptLearner(init='text').start(exact, CAT, 0)
    _, expected = diffusion.encode_texts(['right ear of a cat'])
    torch.testing.assert_close(text[1], expected[0])


def test_bad_losses_name_the_keypoint(exact, monkeypatch):
    def losses(prepared, contexts, rows, loss, step):
        values = torch.ones(len(contexts))
        if step == 1:
            values[1] = math.nan
        return values, torch.zeros_like(contexts)

    monkeypatch.setattr(exact, 'losses', losses)
    with pytest.raises(FitError, match="'right ear' of .*'cat'.* at step 1"):
        learner().fit(exact, LOSS, CAT, [make_shot()])
    monkeypatch.setattr(
        exact,
        'losses',
        lambda p, contexts, r, loss, s: (
            torch.ones(len(contexts)),
            torch.full_like(contexts, math.nan),
        ),
    )
    with pytest.raises(FitError, match="'left ear', 'right ear', 'tail tip'"):
        learner(steps=1).fit(exact, LOSS, CAT, [make_shot()])


def test_fit_works_where_gradients_are_off(exact):
    expected = learner().fit(exact, LOSS, CAT, [make_shot()])
    for mode in (torch.no_grad(), torch.inference_mode()):
        with mode:
            fitted = learner().fit(exact, LOSS, CAT, [make_shot()])
        assert torch.equal(fitted.prompts, expected.prompts)


def test_out_of_memory_halves_the_chunk(diffusion, monkeypatch):
    said = []
    monkeypatch.setattr(
        chunks, 'print_log', lambda text, **_: said.append(text)
    )
    maps = ExactPromptMaps(diffusion, size=SIZE, max_batch=3)
    expected = learner().fit(maps, LOSS, CAT, [make_shot()])
    forward, sizes = diffusion.unet.forward, []

    def limited(sample, *args, **kwargs):
        sizes.append(len(sample))
        if len(sample) > limit:
            raise torch.OutOfMemoryError('CUDA out of memory. Tried ...')
        return forward(sample, *args, **kwargs)

    diffusion.unet.forward = limited
    try:
        limit = 1
        fitted = learner().fit(maps, LOSS, CAT, [make_shot()])
        assert sizes == [3] + [1] * 9
        assert maps.chunks.max_batch == 1
        (text,) = said
        assert 'with 3 keypoints at a time; going on with 1' in text
        limit = 0
        with pytest.raises(MemoryError, match='A single keypoint does not'):
            learner().fit(maps, LOSS, CAT, [make_shot()])
    finally:
        del diffusion.unet.forward
    torch.testing.assert_close(
        fitted.prompts, expected.prompts, atol=1e-5, rtol=0
    )


def test_chunks_let_other_errors_through():
    def work(part):
        raise RuntimeError('something else')

    with pytest.raises(RuntimeError, match='something else'):
        Chunks(2).run(4, work)

    def cpu(part):
        if part.stop - part.start > 1:
            torch.empty(10**15)  # torch's own error
        return part.start

    assert Chunks(3).run(4, cpu) == [0, 1, 2, 3]
    with pytest.raises(ValueError, match='max_batch is 0'):
        Chunks(0)


@pytest.mark.parametrize('average', ['heads', 'head_maps', 'channels'])
def test_cached_maps_are_exact_for_the_prompt_of_the_pass(diffusion, average):
    settings = dict(size=SIZE, average=average, num_noises=2, seed=4)
    exact = ExactPromptMaps(diffusion, **settings)
    cached = CachedPromptMaps(diffusion, max_batch=1, **settings)
    pictures = to_pictures([make_shot(0), make_shot(1)])
    prompt = torch.randn(1, WIDTH, generator=torch.manual_seed(0))
    expected = exact.predict(pictures, prompt)
    prepared = cached.cache(
        cached.latents(pictures), prompt[None], 4, shared_noise=True
    )
    for picture in range(2):
        maps = cached.maps(prepared, picture, prompt)
        torch.testing.assert_close(maps, expected[picture], atol=1e-5, rtol=0)


def test_cached_maps_are_exact_before_the_first_cross_attention(diffusion):
    settings = dict(size=SIZE, layers=['down_blocks.0'], max_batch=2)
    pictures = to_pictures([make_shot(0)])
    prompts = torch.randn(3, WIDTH)
    exact, cached = (
        maps(diffusion, **settings).predict(pictures, prompts)
        for maps in (ExactPromptMaps, CachedPromptMaps)
    )
    torch.testing.assert_close(cached, exact, atol=1e-5, rtol=0)


def test_cached_losses_are_those_of_their_maps(cached):
    shots = [make_shot(0), make_shot(1)]
    prepared = cached.prepare(to_pictures(shots), 7)
    prompts = torch.randn(4, WIDTH)
    rows = MapRows(
        torch.tensor([0, 1, 0, 1]),
        torch.tensor([[4.0, 5], [6, 7], [8, 9], [30, 2]]),
        torch.tensor([1.0, 2.0, 0.5, 1.0]),
    )
    values, gradient = cached.losses(prepared, prompts, rows, LOSS, 0)
    for row in range(4):
        prompt = prompts[row : row + 1].clone().requires_grad_()
        maps = cached.maps(prepared, int(rows.pictures[row]), prompt)
        value = LOSS.map_term(maps, rows.points[row : row + 1])
        (value.sum() * rows.weights[row]).backward()
        torch.testing.assert_close(values[row], value.detach()[0])
        torch.testing.assert_close(gradient[row], prompt.grad[0])


def test_fitting_cached_prompts_runs_the_unet_once(cached, diffusion):
    calls = []
    handle = diffusion.unet.register_forward_pre_hook(
        lambda module, args: calls.append(len(args[0]))
    )
    learner(steps=10).fit(cached, LOSS, CAT, [make_shot(0), make_shot(1)])
    handle.remove()
    assert calls == [2]


def test_neutral_text(diffusion):
    maps = CachedPromptMaps(diffusion, size=SIZE, neutral_text='a cat')
    context = maps.neutral_context()
    assert torch.equal(context, diffusion.encode_texts(['a cat'])[0])
    assert maps.settings()['neutral_text'] == 'a cat'


@pytest.mark.parametrize('mode', [ExactPromptMaps, CachedPromptMaps])
def test_predictions_do_not_depend_on_the_batch(diffusion, mode):
    maps = mode(diffusion, size=SIZE, max_batch=2, num_noises=2)
    pictures = to_pictures([make_shot(0), make_shot(1)])
    prompts = torch.randn(3, WIDTH)
    together = maps.predict(pictures, prompts)
    assert together.shape == (2, 3, SIZE, SIZE)
    alone = maps.predict(pictures[1:], prompts[2:])
    torch.testing.assert_close(together[1:, 2:], alone, atol=1e-5, rtol=0)
    with pytest.raises(ValueError, match='5 wide, .* takes 12'):
        maps.predict(pictures, torch.zeros(1, 5))


def test_pictures_of_another_size_are_resized_with_their_points(diffusion):
    maps = ExactPromptMaps(diffusion, size=16)
    assert maps.latents(torch.zeros(1, 3, 32, 32)).shape[-1] == 8
    points = resize_points(torch.tensor([[0.5, 30.5]]), torch.zeros(32), 16)
    assert points.tolist() == [[0.0, 15.0]]
    with pytest.raises(ValueError, match='16 x 32 .* is not square'):
        maps.latents(torch.zeros(1, 3, 32, 16))


def test_pictures_are_rgb_between_minus_one_and_one():
    image = torch.tensor([255, 127, 0], dtype=torch.uint8)[:, None, None]
    assert normalize(image).flatten().tolist() == pytest.approx(
        [-1, -1 / 255, 1], abs=1e-6
    )
    small = make_shot()
    large = replace(small, image=torch.zeros(3, 64, 64, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r'sides of \[32, 64\] pixels'):
        to_pictures([small, large])


@pytest.mark.parametrize(
    'wrong, message',
    [
        (dict(size=33), 'size is 33; it must be divisible by 2'),
        (dict(timestep=1000), 'time step is 1000'),
        (dict(num_noises=0), 'num_noises is 0'),
        (dict(average='sum'), "average of attention is 'sum'"),
        (dict(layers=['nowhere']), "layer 'nowhere'"),
    ],
)
def test_wrong_settings_of_maps(diffusion, wrong, message):
    with pytest.raises(ValueError, match=message):
        ExactPromptMaps(diffusion, **wrong)


@pytest.mark.parametrize(
    'wrong, message',
    [
        (dict(init='zeros'), "start from 'zeros'"),
        (dict(lr=0), 'lr must be positive'),
        (dict(steps=-1), 'steps=-1'),
        (dict(plateau_window=0), 'plateau_window is 0'),
    ],
)
def test_wrong_settings_of_the_learner(wrong, message):
    with pytest.raises(ValueError, match=message):
        PromptLearner(**wrong)


def test_no_steps(exact):
    fitted = PromptLearner(steps=0).fit(exact, LOSS, CAT, [make_shot()])
    assert fitted.losses.shape == (0, 3)
    assert torch.equal(fitted.prompts, PromptLearner().start(exact, CAT, 0))
