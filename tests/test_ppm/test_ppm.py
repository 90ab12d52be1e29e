# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest
import torch
from mmengine.config import Config
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from projects.common.structures import KeypointCategory, KeypointPrompt
from projects.ppm.models import PPM
from projects.ppm.models.estimators.episodes import Episode
from projects.ppm.models.estimators.ppm import to_image
from projects.ppm.models.prompts.fitted_prompt_file import load_prompts
from projects.ppm.pictures import normalize
from tests.conftest import REPO_ROOT
from tests.test_ppm.conftest import (
    CAT,
    SIZE,
    make_prompt,
    make_shot,
    save_pipeline,
)

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


@pytest.fixture
def model(model_folder):
    return MODELS.build(config(model_folder))


def query(prompt, seed=3, **metainfo):
    shot = make_shot(seed)
    sample = PoseDataSample(metainfo=metainfo)
    sample.prompts = prompt
    return {'inputs': shot.image, 'data_samples': sample}


def collate(items):
    return {key: [item[key] for item in items] for key in items[0]}


def count_fits(model):
    fits, put = [], model.episodes.put

    def counting(key, fitted, episode, *more):
        fits.append(episode.category.name)
        put(key, fitted, episode, *more)

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
    # As of objects that AnyKeypointInferencer finds.
    shown = found.keypoint_scores[0, [0, 2]].mean()
    torch.testing.assert_close(found.scores[0], shown)
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
    # Whoever asks for a fit has not asked for files.
    third.fit(Episode.from_prompt(make_prompt(make_shot(1))))
    assert fits == ['cat', 'cat']
    assert len(list((tmp_path / 'episodes').iterdir())) == 2


def test_models_that_share_a_folder_fit_for_themselves(model_folder, tmp_path):
    prompt = make_prompt(make_shot(0))

    def contexts(folder, dtype='float32'):
        settings = config(folder, episode_dir=str(tmp_path / 'episodes'))
        settings['diffusion']['dtype'] = dtype
        model = MODELS.build(settings)
        model.test_step(collate([query(prompt)]))
        (fitted,) = model.episodes._fitted.values()
        return fitted.contexts

    first = contexts(model_folder)
    other = contexts(save_pipeline(tmp_path / 'other', 'sd1', 1))
    assert not torch.allclose(first, other)
    assert not torch.equal(first, contexts(model_folder, 'bfloat16'))
    assert torch.equal(first, contexts(model_folder))
    assert len(list((tmp_path / 'episodes').iterdir())) == 3


@pytest.mark.parametrize(
    'name', ['ppm_sd15', 'ppm_sd21', 'ppm_tiny_synthkpt-split1_1shot']
)
def test_configs_keep_the_episodes_of_an_evaluation(name):
    folder = REPO_ROOT / 'configs/category_agnostic_2d_keypoint/ppm'
    model = Config.fromfile(folder / f'{name}.py').model
    assert model.episode_dir == 'work_dirs/ppm_episodes'


def test_memory_holds_the_latest_episodes(model_folder):
    model = MODELS.build(config(model_folder, max_episodes=1))
    fits = count_fits(model)
    prompts = [make_prompt(make_shot(seed)) for seed in (0, 1)]
    for number in (0, 0, 1, 0):
        model.test_step(collate([query(prompts[number])]))
    assert len(fits) == 3


def test_without_cpt_there_is_nothing_to_save_or_load(model, tmp_path):
    # DDP refuses models without a parameter.
    assert [p.numel() for p in model.parameters()] == [1]
    assert model.state_dict() == {}
    assert model.load_state_dict({}, strict=True).missing_keys == []
    with pytest.raises(RuntimeError, match='Unexpected'):
        model.load_state_dict({'a': torch.zeros(1)}, strict=True)


def test_the_model_is_registered():
    assert MODELS.get('PPM') is PPM
