# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from projects.app import (
    Draft,
    Found,
    Handlers,
    Limits,
    Models,
    Thresholds,
    Workspace,
)
from projects.app.canvas import canvas_size, clicked
from projects.app.found import drawn, rows, told
from projects.common.apis import KeypointResult
from projects.common.visualization import keypoint_color
from tests.dot_finder import CONFIG, CONFIG_WITH_MAPS, EXAMPLE, OTHER, dots

ALL = Thresholds(0, 0)


@pytest.fixture(scope='module')
def handlers(tmp_path_factory):
    folder = tmp_path_factory.mktemp('page')
    configs = [folder / 'dots.py', folder / 'other.py']
    for config in configs:
        config.write_text(CONFIG)
    configs.append(folder / 'maps.py')
    configs[-1].write_text(CONFIG_WITH_MAPS)
    models = Models([[str(config)] for config in configs], 'cpu')
    limits = Limits(pictures=3, frames=4, keypoints=8)
    return Handlers(models, Workspace(folder / 'work', limits))


@pytest.fixture(scope='module')
def pictures(handlers):
    """Paths of the example and of another picture."""
    paths = []
    for name, places, size in (
        ('example.png', EXAMPLE, (300, 220)),
        ('other.png', OTHER, (400, 300)),
    ):
        path = handlers.workspace.folder / name
        cv2.imwrite(str(path), dots(places, size))
        paths.append(str(path))
    return paths


@pytest.fixture
def draft(handlers, pictures):
    """The example with a click on each dot."""
    draft = Draft(handlers.workspace.picture(pictures[0]))
    scale = canvas_size(draft)[0] / 300
    for x, y in EXAMPLE:
        draft = draft.add(*clicked(draft, x * scale, y * scale))
    return draft


@pytest.fixture
def asked(handlers, draft):
    return handlers.ask_example('dots', draft, ' five dots ', False)


def places(found):
    [one] = found.results[0].instances
    return [(k.name, *k.xy) for k in one.keypoints]


def test_example_is_found_in_another_picture(handlers, pictures, asked):
    found = handlers.find(asked, pictures[1:], ALL)
    for number, (name, x, y) in enumerate(places(found)):
        assert name == f'point {number + 1}'
        assert (x, y) == pytest.approx(OTHER[number], abs=0.5)
    assert found.results[0].picture == 'other.png'
    assert 'Looking for **five dots**: point 1, point 2' in asked.summary()


def test_prompt_file_asks_for_the_same(handlers, pictures, asked):
    path = handlers.prompt_file(asked)
    assert path.name == 'five_dots.json'
    again = handlers.ask_file('dots', str(path))
    first, second = (
        places(handlers.find(one, pictures[1:], ALL)) for one in (asked, again)
    )
    assert first == second


def test_encoded_prompt_file_asks_for_the_same(handlers, pictures, asked):
    path = handlers.workspace.new_file('dots.safetensors')
    with handlers.models.using('dots') as inferencer:
        inferencer.backend.save(path, asked.prompt)
    again = handlers.ask_file('dots', str(path))
    written = handlers.prompt_file(again)
    assert written.suffix == '.safetensors'
    first, second = (
        places(handlers.find(one, pictures[1:], ALL))
        for one in (asked, handlers.ask_file('dots', str(written)))
    )
    assert first == second
    with pytest.raises(ValueError, match='for one model only'):
        handlers.change_model('other', again)


def test_prompts_of_two_people_do_not_meet(handlers, pictures, asked):
    before = places(handlers.find(asked, pictures[1:], ALL))
    words = handlers.ask_words('dots', 'two: blue, red')
    assert places(handlers.find(words, pictures[1:], ALL)) == [
        ('blue', *map(pytest.approx, OTHER[2])),
        ('red', *map(pytest.approx, OTHER[0])),
    ]
    assert places(handlers.find(asked, pictures[1:], ALL)) == before


def test_another_model_is_asked_the_same(handlers, pictures, asked):
    other = handlers.change_model('other', asked)
    assert (asked.model, other.model) == ('dots', 'other')
    assert handlers.change_model('dots', asked) is asked
    assert handlers.change_model('dots', None) is None
    first, second = (
        places(handlers.find(one, pictures[1:], ALL)) for one in (asked, other)
    )
    assert first == second


def test_lines_are_categories(handlers):
    text = 'a: red, blue\nb: green'
    categories = handlers.ask_words('dots', text).prompt.categories
    found = [(c.name, c.keypoints) for c in categories]
    assert found == [('a', ('red', 'blue')), ('b', ('green',))]


@pytest.mark.parametrize(
    'text, message',
    [
        ('/etc/hosts.json', 'No keypoints are known for'),
        ('prompt.safetensors', 'No keypoints are known for'),
        ('', 'is empty'),
        ('x' * 20001, 'at most 20000'),
        ('a: 1, 2, 3, 4, 5, 6, 7, 8, 9', '9 keypoints; at most 8'),
    ],
)
def test_words_are_never_a_file(handlers, text, message):
    with pytest.raises(ValueError, match=message):
        handlers.ask_words('dots', text)


@pytest.mark.parametrize(
    'act, message',
    [
        (lambda h: h.find(None, ['a.png'], ALL), 'what to look for first'),
        (lambda h: h.ask_example('dots', None, '', False), 'example picture'),
        (lambda h: h.ask_file('dots', None), 'prompt file first'),
        (lambda h: h.ask_file('dots', '/etc/hosts'), 'no uploaded file'),
        (lambda h: h.ask_words('absent', 'a: b'), 'no model .absent. here'),
    ],
)
def test_what_is_missing_is_said(handlers, act, message):
    with pytest.raises(ValueError, match=message):
        act(handlers)


def test_number_of_pictures_is_limited(handlers, pictures, asked):
    with pytest.raises(ValueError, match='4 files; at most 3'):
        handlers.find(asked, pictures[1:] * 4, ALL)
    with pytest.raises(ValueError, match='Choose pictures'):
        handlers.find(asked, [], ALL)


def test_a_broken_picture_is_a_note_and_the_rest_is_done(
    handlers, pictures, asked
):
    broken = handlers.workspace.folder / 'broken.png'
    broken.write_bytes(b'no picture')
    found = handlers.find(asked, [str(broken), pictures[1]], ALL)
    assert len(found.results) == 1
    assert found.notes == (
        '"broken.png" cannot be read as a picture; convert it to JPEG or PNG.',
    )
    assert 'broken.png' in told(found, ALL)
    with pytest.raises(ValueError, match='^"broken.png" cannot be read'):
        handlers.find(asked, [str(broken)], ALL)


def test_video_is_drawn_and_cut_to_its_limit(handlers, asked):
    path = handlers.workspace.folder / 'clip.mp4'
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter_fourcc(*'mp4v'), 10, (300, 220)
    )
    for _ in range(6):
        writer.write(dots(EXAMPLE))
    writer.release()
    steps = []
    found = handlers.find(
        asked, [str(path)], ALL, lambda done, what: steps.append((done, what))
    )
    assert [result.frame for result in found.results] == [0, 1, 2, 3]
    assert found.notes == (
        'Only the first 4 frames of "clip.mp4" were looked at.',
    )
    assert steps[-1] == (1.0, 'frame 4')
    [clip] = found.clips
    assert cv2.VideoCapture(str(clip)).get(cv2.CAP_PROP_FRAME_COUNT) == 4
    assert handlers.draw(found, ALL) == []
    points, coco = handlers.files(found, ALL)
    names = [i['file_name'] for i in json.loads(coco.read_text())['images']]
    assert names[1] == 'clip.mp4/000001'
    assert rows(found, ALL)[5][0] == 'clip.mp4 1'
    for (x, y), row in zip(EXAMPLE, rows(found, ALL)):
        assert row[4:6] == pytest.approx([x, y], abs=1.5)  # of a lossy video


def test_thresholds_decide_what_is_shown_and_written(
    handlers, pictures, asked
):
    found = handlers.find(asked, pictures[1:], ALL)
    strict = Thresholds(0.85, 0.3)
    assert rows(found, strict) == []
    assert told(found, strict) == (
        'Found **0 objects** from score 0.85 on. The best has 0.80; lower '
        'the slider.'
    )
    assert told(found, ALL) == 'Found **1 object** from score 0.00 on.'
    points, coco = handlers.files(found, Thresholds(0.3, 0.95))
    [record] = json.loads(points.read_text())
    assert KeypointResult.from_dict(record).instances[0].score == 0.8
    assert record['picture'] == 'other.png'
    [annotation] = json.loads(coco.read_text())['annotations']
    assert annotation['keypoints'] == [0] * 15
    [[picture, name]] = handlers.draw(found, ALL)
    plain = cv2.imread(pictures[1])[..., ::-1]
    assert name == 'other.png' and picture.shape == (576, 768, 3)
    [[empty, _]] = handlers.draw(found, strict)
    size = (768, 576)
    assert (
        empty == cv2.resize(plain, size, interpolation=cv2.INTER_CUBIC)
    ).all()
    assert (picture != empty).any()


def test_the_example_is_drawn_beside_what_was_found(handlers, pictures, asked):
    found = handlers.find(asked, pictures[1:], ALL)
    assert found.has_examples
    beside = replace(ALL, panel=True)
    [[both, _]] = handlers.draw(found, beside)
    # 400 x 300 becomes 768 x 576; the example is a square of that height.
    assert both.shape == (576, 576 + 12 + 768, 3)
    dots_right = (both[:, -768:] == keypoint_color('point 1')).all(-1)
    y, x = np.argwhere(dots_right).mean(0) * 400 / 768
    assert np.abs(np.array([x, y]) - OTHER[0]).max() < 2
    for number in range(1, 6):
        color = keypoint_color(f'point {number}')
        assert (both[:, :576] == color).all(-1).any()
    # Words have no example, and a clip has no room for one.
    words = handlers.ask_words('dots', 'two: blue, red')
    found = handlers.find(words, pictures[1:], ALL)
    assert not found.has_examples
    [[plain, _]] = handlers.draw(found, beside)
    assert plain.shape == (576, 768, 3)


def test_attention_maps_where_the_model_has_some(handlers, pictures, asked):
    found = handlers.find(asked, pictures[1:], ALL)
    assert found.map_names == ()  # this model has none
    [[plain, _]] = handlers.draw(found, ALL)
    [[same, _]] = handlers.draw(found, replace(ALL, attention='point 1'))
    assert (plain == same).all()
    other = handlers.change_model('maps', asked)
    found = handlers.find(other, pictures[1:], ALL)
    assert found.map_names == tuple(f'point {i}' for i in range(1, 6))
    [one] = found.results[0].instances
    assert one.maps.values.shape == (5, 128, 128)
    assert one.maps.values.dtype == np.float16
    drawn, other = (
        handlers.draw(found, replace(ALL, attention=name))[0][0]
        for name in ('point 3', 'point 2')
    )
    more = drawn.astype(np.float32) - other
    red = cv2.blur(more[..., 0] - more[..., 2], (25, 25))
    y, x = np.unravel_index(red.argmax(), red.shape)
    scale = 768 / 400
    assert np.abs(np.array([x, y]) / scale - OTHER[2]).max() < 20
    # Only the chosen keypoint is drawn.
    assert (drawn == keypoint_color('point 3')).all(-1).any()
    assert not (drawn == keypoint_color('point 2')).all(-1).any()


def test_large_pictures_are_drawn_smaller():
    result = KeypointResult(None, None, (4000, 20), (), ())
    image = np.zeros((20, 4000, 3), np.uint8)
    assert drawn(result, image, ALL).shape == (8, 1600, 3)


def test_nothing_found_is_said():
    assert told(Found(), ALL) == 'Found **0 objects** from score 0.00 on.'


def test_models_need_names_of_their_own():
    with pytest.raises(ValueError, match='each only once'):
        Models([['a/x.py'], ['b/x.py']])
    with pytest.raises(ValueError, match='at least one'):
        Models([])
