# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import base64
import json
from dataclasses import asdict

import cv2
import jsonschema
import numpy as np
import pytest
import torch
from torch import nn

from projects.common import prompt_files
from projects.common.models.prompt_encoders import EncodedPrompts
from projects.common.prompt_files import (
    EncodedPromptFile,
    Example,
    PromptDescription,
    describe,
    describe_coco,
    is_prompt_file,
    load_encoded,
    load_prompt,
    model_hash,
    parse_prompt_text,
    save_encoded,
    save_prompt,
)
from projects.common.structures import KeypointCategory
from tests.conftest import REPO_ROOT

SCHEMA = json.loads(
    (REPO_ROOT / 'projects/common/prompt_files/prompt.schema.json').read_text()
)
TEAPOT = KeypointCategory('teapot', ('lid', 'spout'), skeleton=((0, 1),))
POINTS = [[40.0, 30.0], [70.0, 55.0]]


def lookup(name, like=None):
    if (like or name) != 'horse':
        raise ValueError(f'unknown {like or name}')
    return KeypointCategory(name, ('eye', 'hoof'))


@pytest.fixture
def picture():
    draw = np.random.default_rng(0)
    return draw.integers(0, 256, (90, 120, 3), dtype=np.uint8)


@pytest.fixture
def description(picture):
    box = [30, 20, 90, 80]
    examples = [
        Example(picture, POINTS, [2, 1], box),
        Example(picture[::-1].copy(), POINTS, [0, 2], box),
    ]
    return PromptDescription(
        (TEAPOT, lookup('horse')),
        (examples, ()),
        ('combined', 'text'),
        'sketch',
    )


# Text


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('horse', [('horse', None)]),
        (
            'cat: left eye, right eye; dog',
            [('cat', ['left eye', 'right eye']), ('dog', None)],
        ),
        (' tapir like horse ;', [('tapir', 'horse')]),
    ],
)
def test_text(text, expected):
    assert parse_prompt_text(text) == expected


@pytest.mark.parametrize('text', ['', ' ; ', ': eye', 'cat:', 'cat: eye,,ear'])
def test_text_with_a_missing_name(text):
    with pytest.raises(ValueError, match='write "horse", "tapir like horse"'):
        parse_prompt_text(text)


# Whatever a caller gives


def test_words_in_all_forms():
    own = {'teapot': ['lid', 'spout'], 'horse': None, 'tapir': 'horse'}
    for prompt in (
        own,
        'teapot: lid, spout; horse; tapir like horse',
        [{'teapot': ('lid', 'spout')}, 'horse; tapir like horse'],
    ):
        found = describe(prompt, lookup)
        assert found.names == ('teapot', 'horse', 'tapir')
        assert found.categories[0].keypoints == ('lid', 'spout')
        assert found.categories[2].keypoints == ('eye', 'hoof')
        assert found.modalities == ('text',) * 3
        assert not found.has_examples
    assert describe(TEAPOT, lookup).categories == (TEAPOT,)
    assert describe(found, lookup) is found
    # "left" and "right" are swapped by a mirror.
    [eyes] = describe('cat: left eye, right eye', lookup).categories
    assert eyes.swap_pairs == ((0, 1),)


def test_examples_in_all_forms(picture, tmp_path):
    path = tmp_path / 'a.png'
    cv2.imwrite(str(path), picture)
    found = describe((picture, POINTS), lookup)
    assert found.names == ('object',)
    assert found.categories[0].keypoints == ('point 0', 'point 1')
    assert found.modalities == ('visual',)
    [[example]] = found.examples
    assert example.visible.tolist() == [2, 2]
    named = (path, POINTS, [2, 1], ['lid', 'spout'])
    prompt = {'teapot': [named, Example(picture, POINTS)]}
    found = describe(prompt, lookup, 'combined')
    assert found.categories[0].keypoints == ('lid', 'spout')
    assert found.modalities == ('combined',)
    first, second = found.examples[0]
    assert np.array_equal(first.picture, picture)
    assert first.visible.tolist() == [2, 1]
    assert describe([named, (picture, POINTS)], lookup).names == (
        'object 1',
        'object 2',
    )
    mixed = describe([{'teapot': named}, 'horse'], lookup)
    assert mixed.modalities == ('visual', 'text')


@pytest.mark.parametrize(
    ('prompt', 'error', 'match'),
    [
        (3, TypeError, 'The prompt is a int; give a category name'),
        ({'cat': [3]}, TypeError, "Category 'cat' of the prompt is asked"),
        ({'cat': []}, TypeError, "Category 'cat'"),
        ('cat', ValueError, 'unknown cat'),
        ('horse; Horse: eye', ValueError, 'duplicate category names'),
        ('cat: eye, eye', ValueError, 'duplicate keypoint names'),
        ([], ValueError, 'The prompt is empty'),
        ('no_such.json', FileNotFoundError, 'make_prompt.py writes one'),
        (('no.png', [[1, 2]]), FileNotFoundError, 'no.png" does not exist'),
    ],
)
def test_prompts_that_cannot_be(prompt, error, match):
    with pytest.raises(error, match=match):
        describe(prompt, lookup)


def test_contradictory_examples(picture):
    def refused(*items):
        with pytest.raises(ValueError) as error:
            describe({'teapot': list(items)}, lookup)
        return str(error.value)

    one = (picture, POINTS, [2, 2], ['lid', 'spout'])
    other = (picture, POINTS, [2, 2], ['spout', 'lid'])
    assert 'give all the same names, in the same order' in refused(one, other)
    three = (picture, [*POINTS, [50, 50]])
    assert 'has 3 keypoints, but the category has 2' in refused(one, three)
    assert 'visibilities of shape (1,)' in refused((picture, POINTS, [2]))
    outside = (picture, [[5, 5], [500, 5]])
    assert 'outside its picture of 120 x 90' in refused(outside)
    assert "Category 'teapot': " in refused(outside)
    assert 'shows no keypoint' in refused((picture, POINTS, [0, 0]))
    with pytest.raises(ValueError, match='give \\(height, width, 3\\)'):
        describe((picture.astype(float), POINTS), lookup)


# Files


def test_a_file_keeps_everything(description, tmp_path):
    path = tmp_path / 'new' / 'prompt.json'
    save_prompt(path, description)
    jsonschema.validate(json.loads(path.read_text()), SCHEMA)
    again = load_prompt(path)
    assert again.categories == description.categories
    assert again.modalities == description.modalities
    assert again.style == 'sketch'
    # What models see of the examples is the same, pixel by pixel.
    for size in (32, 96):
        before, after = description.prompt(size), again.prompt(size)
        for old, new in zip(before.supports[0], after.supports[0]):
            assert torch.equal(old.image, new.image)
            torch.testing.assert_close(old.keypoints, new.keypoints)
            assert torch.equal(old.visible, new.visible)
    assert is_prompt_file(path)
    assert not is_prompt_file(tmp_path / 'no.json')
    assert (
        description.digest()
        == description.digest()
        != (PromptDescription((TEAPOT,)).digest())
    )


def test_large_pictures_become_smaller(picture, tmp_path):
    large = cv2.resize(picture, (2400, 1800), interpolation=cv2.INTER_NEAREST)
    points = np.array(POINTS) * 20 + 9.5
    box = [600, 400, 1800, 1600]
    path = tmp_path / 'prompt.json'
    example = Example(large, points, None, box)
    save_prompt(path, PromptDescription.of_examples({TEAPOT: [example]}))
    [[read]] = load_prompt(path).examples
    assert max(read.picture.shape) == 512
    old, new = example.shot(96), read.shot(96)
    # Half a pixel of the shot.
    torch.testing.assert_close(old.keypoints, new.keypoints, atol=0.5, rtol=0)
    difference = (old.image.float() - new.image.float()).abs().mean()
    assert difference < 12


def test_examples_by_path_and_written_by_hand(picture, tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), picture)
    content = {
        'format': 'anykeypoint.prompt.v1',
        'categories': [
            {
                'name': 'teapot',
                'keypoints': ['lid', 'spout'],
                'examples': [
                    {
                        'picture': 'a.png',
                        'keypoints': [[40, 30, 2], [0, 0, 0]],
                        'bbox': [30, 20, 90, 80],
                    }
                ],
            }
        ],
    }
    jsonschema.validate(content, SCHEMA)
    path = tmp_path / 'p.json'
    path.write_text(json.dumps(content))
    found = load_prompt(path)
    assert found.modalities == ('visual',)
    assert np.array_equal(found.examples[0][0].picture, picture)
    assert found.examples[0][0].visible.tolist() == [2, 0]

    def refused(error=ValueError):
        path.write_text(json.dumps(content))
        with pytest.raises(error) as raised:
            load_prompt(path)
        return str(raised.value)

    [record] = content['categories']
    [example] = record['examples']
    example['picture'] = 'b.png'
    assert 'looked for from the folder' in refused(FileNotFoundError)
    example['picture'] = (
        'data:image/png;base64,' + base64.b64encode(b'no picture').decode()
    )
    assert 'cut short or damaged' in refused()
    example['picture'] = 'a.png'
    example['keypoints'] = [[40, 30], [0, 0]]
    assert 'rows [x, y, visibility]' in refused()
    example['keypoint'] = 1
    assert 'an example has the unknown entries keypoint' in refused()
    record['examples'] = []
    record['modality'] = 'visual'
    assert 'asked for by example' in refused()
    record.pop('keypoints')
    assert 'is not complete' in refused()
    content.pop('format')
    assert 'is no prompt file' in refused()
    path.write_text('{')
    with pytest.raises(ValueError, match='is no json file'):
        load_prompt(path)


@pytest.fixture
def annotated(picture, tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), picture)
    cv2.imwrite(str(tmp_path / 'b.png'), picture[::-1])
    names = ['lid', 'spout']
    box = {'category_id': 1, 'bbox': [30, 20, 60, 60]}
    content = {
        'images': [
            {'id': i, 'file_name': name, 'width': 120, 'height': 90}
            for i, name in enumerate(('a.png', 'b.png'))
        ],
        'categories': [
            {'id': 1, 'name': 'teapot', 'keypoints': names},
            {'id': 2, 'name': 'cup', 'keypoints': ['handle']},
        ],
        'annotations': [
            {**box, 'id': 7, 'image_id': 0, 'keypoints': [40, 30, 2, 0, 0, 0]},
            {
                **box,
                'id': 8,
                'image_id': 1,
                'keypoints': [40, 30, 2, 70, 55, 1],
            },
        ],
    }
    path = tmp_path / 'coco.json'
    path.write_text(json.dumps(content))
    return path


def test_annotations_become_prompts(annotated, picture):
    names = describe_coco(annotated)
    assert names.names == ('teapot', 'cup') and not names.has_examples
    assert describe_coco(annotated, category_names=['cup']).names == ('cup',)
    # The object that shows the most comes first.
    best = describe_coco(annotated, category_names=['teapot'], shots=1)
    [[example]] = best.examples
    assert example.annotation_id == 8 and example.image_id == 1
    assert example.visible.tolist() == [2, 1]
    assert np.array_equal(example.picture, picture[::-1])
    assert example.shot(16).annotation_id == 8
    shown = describe_coco(
        annotated, [annotated.with_name('a.png')], modality='combined'
    )
    assert shown.names == ('teapot',) and shown.modalities == ('combined',)
    assert shown.examples[0][0].keypoints[0].tolist() == [40, 30]
    with pytest.raises(ValueError, match='has 0 objects of category .cup.'):
        describe_coco(annotated, shots=1)
    with pytest.raises(ValueError, match='no picture whose file_name ends'):
        other = annotated.with_name('c.png')
        cv2.imwrite(str(other), picture)
        describe_coco(annotated, [other])


def test_a_picture_of_a_url_is_found_by_its_name(annotated, picture):
    content = json.loads(annotated.read_text())
    for image in content['images']:
        image['file_name'] = f'https://host.org/x/{image["file_name"]}?t=1'
    annotated.write_text(json.dumps(content))
    shown = describe_coco(annotated, [annotated.with_name('a.png')])
    assert shown.names == ('teapot',)
    best = describe_coco(annotated, category_names=['teapot'], shots=1)
    assert np.array_equal(best.examples[0][0].picture, picture[::-1])


@pytest.mark.parametrize('way', ['pictures', 'shots'])
def test_a_picture_of_another_size_is_named(annotated, picture, way):
    path = annotated.with_name('b.png')
    cv2.imwrite(str(path), np.rot90(picture))
    options = {'pictures': [path]} if way == 'pictures' else {'shots': 1}
    message = {
        'pictures': r'b.png" is 90 x 120 pixels .*says 120 x 90, so its',
        'shots': r'is 120 x 90 in the file, but .*b.png is 90 x 120 pixels',
    }[way]
    with pytest.raises(ValueError, match=message):
        describe_coco(annotated, category_names=['teapot'], **options)


@pytest.fixture
def encoded():
    mask = torch.tensor([[[True, False]]])
    tensors = EncodedPrompts(
        torch.randn(1, 1, 4), torch.randn(1, 1, 2, 4), mask[..., 0], mask
    )
    return EncodedPromptFile((TEAPOT,), tensors, 'a' * 64, 'XPose')


def test_encoded_files(encoded, tmp_path):
    path = tmp_path / 'p.safetensors'
    save_encoded(path, encoded)
    again = load_encoded(path)
    assert again.categories == (TEAPOT,)
    for name, tensor in asdict(encoded.encoded).items():
        assert torch.equal(getattr(again.encoded, name), tensor)
    again.check_model('a' * 64)
    with pytest.raises(ValueError, match='aaaaaaaaaaaa .*this one is bbbb'):
        again.check_model('b' * 64)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ValueError, match='cut short or damaged'):
        load_encoded(path)
    with pytest.raises(FileNotFoundError, match='--encode writes one'):
        load_encoded(tmp_path / 'q.safetensors')


def test_encoded_files_are_checked(encoded, tmp_path, monkeypatch):
    path = tmp_path / 'p.safetensors'
    encoded.encoded.object_embeddings = torch.zeros(1, 2, 4)
    save_encoded(path, encoded)
    with pytest.raises(ValueError, match='1 categories with up to 2'):
        load_encoded(path)
    monkeypatch.setattr(prompt_files.encoded, 'FORMAT', 'other')
    with pytest.raises(ValueError, match='holds no encoded prompt'):
        load_encoded(path)


def test_the_hash_of_a_model_is_that_of_its_weights():
    torch.manual_seed(0)
    model = nn.ModuleDict({'a': nn.Linear(2, 2), 'text': nn.Module()})
    model.half()
    model['text'].register_buffer('vocabulary_texts', torch.zeros(3))
    before = model_hash(model)
    model['text'].vocabulary_texts = torch.zeros(9)
    assert model_hash(model) == before
    with torch.no_grad():
        model['a'].bias[0] += 1
    assert model_hash(model) != before
