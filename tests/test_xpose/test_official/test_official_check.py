# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import os
from pathlib import Path

import official_instances as instances
import pytest
import torch

from projects.xpose.official import stages
from projects.xpose.official.check import STAGES, _stage_error, check_file
from projects.xpose.official.fixture import read_fixture
from projects.xpose.official.report import ConversionError
from projects.xpose.official.stages import RecordedXPose


@pytest.fixture(scope='module')
def recorded(tmp_path_factory):
    """Path and content of runs recorded in float64."""
    path = tmp_path_factory.mktemp('instance') / 'instance.pt'
    cases = [
        # Three padded pictures of odd sizes, with 1 to 60 categories.
        instances.make_case(
            [(75, 103), (96, 64), (61, 110)], [(1, 1), (60, 68), (3, 17)]
        ),
        instances.make_case([(64, 96)], [(2, 5)], seed=2),
    ]
    return path, instances.write_instance(path, cases, torch.float64)


@pytest.fixture
def content(recorded):
    """The content, free to be changed."""
    return torch.load(recorded[0], weights_only=True)


@pytest.fixture
def check(tmp_path, content):
    """Save the changed content and check it."""

    def run():
        torch.save(content, tmp_path / 'changed.pt')
        return check_file(tmp_path / 'changed.pt')

    return run


def test_recorded_runs_are_repeated(recorded):
    result = check_file(recorded[0])
    assert result.passed
    assert len(result.cases) == 2
    assert '3 picture(s), 110 x 96; categories [1, 60, 3]' in str(result)
    assert 'keypoints [1, 68, 17]' in str(result)
    for case in result.cases:
        assert list(case.stages) == list(STAGES)
        for name, stage in case.stages.items():
            assert stage.absolute < 5e-5, name
            assert stage.relative < 1e-5, name
    assert result.cases[1].stages['keypoints'].absolute < 1e-5


def test_the_json_holds_the_same(recorded):
    result = check_file(recorded[0])
    plain = result.to_json()
    assert plain['passed'] is True
    assert plain['tolerances'] == {
        'logits': 1e-3,
        'boxes': 1e-4,
        'keypoints': 1e-4,
    }
    first = plain['cases'][0]['stages']
    assert list(first) == list(STAGES)
    assert first['boxes']['absolute'] == (
        result.cases[0].stages['boxes'].absolute
    )


@pytest.mark.parametrize(
    ('key', 'first'),
    [
        ('backbone.0.layers.1.downsample.reduction.weight', 'backbone'),
        ('input_proj.3.0.weight', 'memory'),
        ('transformer.encoder.text_layers.0.linear1.weight', 'enhanced '),
        ('transformer.tgt_embed.weight', 'object queries'),
        ('transformer.decoder.hw_append.weight', 'references'),
        ('transformer.decoder.layers.2.linear1.weight', 'keypoint queries'),
    ],
)
def test_an_error_shows_from_its_stage_on(content, check, key, first):
    content['model'][key] = content['model'][key] * 1.5
    result = check()
    assert not result.passed
    assert 'FAILED' in str(result)
    found = result.cases[0].stages
    errors = {name: found[name].relative for name in STAGES}
    wrong = next(name for name in STAGES if errors[name] > 1e-4)
    assert wrong.startswith(first)


def test_other_recorded_results_fail(content, check):
    content['cases'][1]['expected']['pred_boxes'][0, 3, 1] += 2e-4
    result = check()
    assert [case.passed for case in result.cases] == [True, False]
    failed = [n for n, s in result.cases[1].stages.items() if not s.passed]
    assert failed == ['boxes']
    assert result.cases[1].stages['boxes'].absolute == pytest.approx(
        2e-4, abs=1e-5
    )


def swap_objects(expected):
    for name in ('pred_logits', 'pred_boxes', 'pred_keypoints'):
        expected[name] = expected[name][:, [0, 2, 1, 3, 4, 5, 6, 7]]


def test_another_order_is_a_difference(content, check):
    swap_objects(content['cases'][1]['expected'])
    result = check()
    assert result.cases[1].exchanged == {'proposals': 0, 'objects': 0}
    assert not result.passed


def test_another_order_of_equal_scores_is_none(content, check, monkeypatch):
    # With such a margin all scores are equal.
    monkeypatch.setitem(stages.TOLERANCES, 'logits', 1e3)
    expected = content['cases'][1]['expected']
    for name in ('decoder_refs', 'decoder_hs_last'):
        del expected[name]  # they hold the groups in the old order
    swap_objects(expected)
    result = check()
    assert result.cases[1].exchanged == {'proposals': 0, 'objects': 2}
    assert result.passed
    assert '2 objects put into the recorded order' in str(result)


def test_another_order_of_proposals(content, check, monkeypatch):
    monkeypatch.setitem(stages.TOLERANCES, 'logits', 1e3)
    model = instances.build(RecordedXPose).double()
    case = instances.make_case([(64, 96)], [(2, 5)], seed=2)
    boxes = content['cases'][1]['expected']['decoder_refs'][0].double()
    model.recorded_boxes = boxes[:, [1, 0, *range(2, boxes.shape[1])]]
    other = instances.record(model, case)
    kept = other['expected']['pred_boxes'][:, :8]
    assert not torch.equal(kept, content['cases'][1]['expected']['pred_boxes'])
    content['cases'] = [other]
    result = check()
    assert result.cases[0].exchanged['proposals'] == 2
    assert result.passed
    monkeypatch.undo()
    assert not check().passed


def test_stages_that_were_not_recorded_are_left_out(content, check):
    for case in content['cases']:
        for name in ('backbone', 'memory', 'memory_text'):
            del case['expected'][name]
        for name in ('decoder_hs_box', 'decoder_hs_last', 'decoder_refs'):
            del case['expected'][name]
    result = check()
    assert result.passed
    assert list(result.cases[0].stages) == ['logits', 'boxes', 'keypoints']


def test_a_result_that_is_no_number_fails():
    good = (torch.ones(2), torch.ones(2))
    bad = (torch.tensor([1.0, float('nan')]), torch.ones(2))
    for pairs in ([good, bad, good], [bad, good]):
        error = _stage_error('boxes', pairs)
        assert error.absolute != error.absolute
        assert not error.passed
    assert _stage_error('boxes', [good]).passed


def test_weights_that_do_not_fit_are_refused(content, check):
    del content['model']['transformer.level_embed']
    with pytest.raises(ConversionError, match='level_embed: missing'):
        check()


def test_files_of_another_kind_are_refused(tmp_path, content):
    path = tmp_path / 'changed.pt'
    for change, message in (
        (lambda c: c.pop('cases'), 'holds no recorded runs'),
        (lambda c: c.update(config={'lr': 1}), 'holds no recorded runs'),
        (lambda c: c['cases'][1].pop('images'), 'Case 1 of .* lacks images'),
        (
            lambda c: c['cases'][0]['expected'].pop('pred_boxes'),
            'Case 0 of .* lacks pred_boxes',
        ),
        (
            lambda c: c['cases'][0]['images'].pop(),
            'has 2 images, but prompts for 3 and 3',
        ),
    ):
        torch.save(content, path)
        changed = torch.load(path, weights_only=True)
        change(changed)
        torch.save(changed, path)
        with pytest.raises(ValueError, match=message):
            read_fixture(path)


@pytest.mark.skipif(
    'XPOSE_REFERENCE' not in os.environ,
    reason='XPOSE_REFERENCE names no file or folder of recorded runs',
)
def test_the_released_model_is_repeated():
    path = Path(os.environ['XPOSE_REFERENCE'])
    files = sorted(path.glob('*.pt')) if path.is_dir() else [path]
    assert files
    for file in files:
        result = check_file(file)
        assert result.passed
        for case in result.cases:
            assert case.stages['boxes'].absolute < 1e-5
            assert case.stages['keypoints'].absolute < 1e-5
