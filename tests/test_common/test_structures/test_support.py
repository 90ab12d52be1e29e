# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import copy
import pickle

import numpy as np
import pytest
import torch

from projects.common.structures import (
    KeypointCategory,
    KeypointPrompt,
    SupportShot,
    crop_support,
)


def dotted(points, shape=(60, 100)):
    """A black picture with a white 3 x 3 dot around every point."""
    image = np.zeros((*shape, 3), np.uint8)
    for x, y in points:
        image[y - 1 : y + 2, x - 1 : x + 2] = 255
    return image


POINTS = np.array([[20, 30], [60, 40], [90, 10]])


@pytest.fixture
def shot():
    return crop_support(
        dotted(POINTS), POINTS, [2, 1, 0], (10, 20, 70, 50), size=64
    )


def test_keypoints_stay_on_their_dots(shot):
    crop = shot.image.permute(1, 2, 0).numpy()
    for x, y in shot.keypoints[:2].round().int().tolist():
        assert crop[y, x].min() > 150


def test_square_is_the_longer_side_with_context(shot):
    # 60 px * 1.25 = 75 px become 64, centre (40, 35) becomes the middle.
    scale = 64 / 75
    expected = (POINTS[:2] - (40, 35)) * scale + 32
    np.testing.assert_allclose(shot.keypoints[:2], expected, atol=1e-4)


def test_large_reduction_averages():
    stripes = np.zeros((400, 400, 3), np.uint8)
    stripes[:, ::2] = 200
    shot = crop_support(
        stripes, np.array([[200, 200]]), [2], (10, 10, 390, 390), size=40
    )
    middle = shot.image[:, 10:30, 10:30].float()
    torch.testing.assert_close(
        middle, torch.full_like(middle, 100), atol=6, rtol=0
    )


def test_keypoint_cut_off_is_not_shown():
    points = np.array([[20, 30], [90, 10]])
    shot = crop_support(dotted(points), points, [2, 2], (10, 20, 40, 45))
    assert shot.visible.tolist() == [2, 0]


def test_keypoints_in_the_last_pixel_are_shown():
    # 80 px * 1.25 = 100 px become 25; the last quarter pixel is pixel 24.
    points = np.array([[99.9, 50], [100, 100], [0, 0], [100.1, 50]])
    shot = crop_support(
        np.zeros((120, 120, 3), np.uint8),
        points,
        [2] * 4,
        (10, 10, 90, 90),
        25,
    )
    assert shot.visible.tolist() == [2, 2, 2, 0]
    expected = [[24, 12.5], [24, 24], [0, 0]]
    np.testing.assert_allclose(shot.keypoints[:3], expected, atol=1e-6)


def test_box_around_shown_keypoints_by_default():
    shot = crop_support(dotted(POINTS), POINTS, [2, 2, 0], size=50, context=2)
    # The box is 41 x 11 px around (40, 35); the square 82 px.
    np.testing.assert_allclose(
        shot.keypoints[0], (np.array([-20, -5])) * 50 / 82 + 25, atol=1e-4
    )


def test_pickled_without_tensors(shot):
    shot.key  # noqa: B018  computed once, travels along
    state = shot.__getstate__()
    assert not any(isinstance(v, torch.Tensor) for v in state.values())
    again = pickle.loads(pickle.dumps(shot))
    assert again.key == vars(again)['key'] == shot.key
    assert torch.equal(again.image, shot.image)
    assert torch.equal(again.keypoints, shot.keypoints)


def test_what_is_not_shown_has_no_place(shot):
    far = shot.keypoints.clone()
    far[2] = 3e38  # not shown
    same = SupportShot(shot.image, far, shot.visible)
    assert same.keypoints[2].tolist() == [0, 0]
    assert same.key == shot.key


def test_key_tells_contents_apart(shot):
    same = SupportShot(
        shot.image.clone(), shot.keypoints.clone(), shot.visible.clone()
    )
    other = SupportShot(shot.image, shot.keypoints + 0.5, shot.visible)
    assert same.key == shot.key != other.key


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(visible=[0, 0, 0]), 'shows no keypoint'),
        (dict(visible=[2, 2]), 'visibilities of shape'),
        (dict(visible=[[2], [2], [2]]), 'visibilities of shape'),
        (dict(visible=[2, 3, 0]), 'visibilities .0.0, 2.0, 3.0.'),
        (dict(visible=[2, 0, 0]), 'give its box'),
        (dict(size=0), 'size 0'),
        (dict(context=0.0), 'context 0.0'),
        (dict(keypoints=POINTS + (0, 60)), 'outside its picture of 100 x 60'),
        (dict(keypoints=POINTS * np.nan), 'not finite'),
        (dict(image=np.zeros((0, 5, 3), np.uint8)), r'shape .0, 5, 3.'),
        (dict(image=np.zeros((60, 100, 3))), 'type float64'),
        (dict(bbox=(5, 5, 5, 9)), 'no box'),
        (dict(bbox=(5, 5, np.inf, 9)), 'no box'),
        (dict(bbox=(5, 5, 9)), 'no box'),
    ],
)
def test_bad_supports_are_named(change, message):
    arguments = dict(
        image=dotted(POINTS), keypoints=POINTS, visible=[2, 2, 0], bbox=None
    )
    with pytest.raises(ValueError, match=message):
        crop_support(**{**arguments, **change})


def test_rounded_keypoints_at_the_border_are_no_error():
    points = np.array([[-0.4, 10], [100.5, 59.9]])
    shot = crop_support(dotted([]), points, [2, 2], size=32, context=1.5)
    assert shot.visible.tolist() == [2, 2]


@pytest.mark.parametrize(
    ('image', 'message'),
    [
        (torch.zeros(3, 4, 5, dtype=torch.uint8), 'square'),
        (torch.zeros(3, 4, 4), 'torch.float32; give uint8'),
    ],
)
def test_shot_is_a_square_of_bytes(image, message):
    with pytest.raises(ValueError, match=message):
        SupportShot(image, torch.ones(1, 2), torch.ones(1))


CAT = KeypointCategory('cat', ('a', 'b', 'c'))
DOG = KeypointCategory('dog', ('a',))


def test_modalities_follow_the_shots(shot):
    prompt = KeypointPrompt.from_categories([CAT, DOG], supports=[[shot], []])
    assert prompt.modalities == ('visual', 'text')
    assert prompt.select('dog').modalities == ('text',)
    assert prompt.select('cat').supports[0] == (shot,)


def test_copies_share_the_shots(shot):
    prompt = KeypointPrompt.from_categories([CAT], supports=[[shot]])
    assert copy.deepcopy(prompt).supports[0][0] is shot
    assert prompt.clone().to('cpu').supports[0][0] is shot


def test_new_categories_without_shots_are_text():
    prompt = KeypointPrompt.from_categories([CAT])
    prompt.set_metainfo({'categories': [CAT, DOG]})
    assert prompt.modalities == ('text', 'text')


@pytest.mark.parametrize(
    ('supports', 'modalities', 'message'),
    [
        ([[]], None, '2 categories but supports for 1'),
        ([['shot'], ['shot']], None, "'dog' has 3 keypoints.* has 1"),
        (None, ['text'], '1 modalities'),
        (None, ['text', 'visual'], "'dog' is asked for by example"),
        (None, ['text', 'audio'], "modality 'audio'"),
    ],
)
def test_faulty_supports_of_a_prompt(shot, supports, modalities, message):
    if supports is not None:
        supports = [[shot] * len(shots) for shots in supports]
    with pytest.raises(ValueError, match=message):
        KeypointPrompt.from_categories(
            [CAT, DOG], supports=supports, modalities=modalities
        )


def test_shots_do_not_pass_to_other_categories(shot):
    other = KeypointCategory('dog', CAT.keypoints)
    prompt = KeypointPrompt.from_categories([CAT], supports=[[shot]])
    with pytest.raises(ValueError, match="supports for 'cat'; give"):
        prompt.set_metainfo({'categories': [other]})
    prompt.set_metainfo({'categories': [other], 'supports': [[]]})
    assert prompt.supports == ((),)
