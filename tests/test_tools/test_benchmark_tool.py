# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json

import official_instances as instances
import pytest
import torch

TOWER = {
    'embed_dim': 512,
    'text_cfg': {
        'context_length': 16,
        'vocab_size': 49408,
        'width': 64,
        'heads': 1,
        'layers': 1,
    },
}


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('analysis_tools/benchmark.py')


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    """A tiny model of the released architecture."""
    folder = tmp_path_factory.mktemp('config')
    cfg = instances.tiny_config().copy()
    cfg.model.prompt_encoder.tower.model_name = TOWER
    cfg.dump(folder / 'one.py')
    cfg.model.test_cfg.score_thr = 0.5
    cfg.dump(folder / 'two.py')
    cfg.model.test_cfg.num_groups = 4
    cfg.dump(folder / 'other.py')
    return folder


def test_stages_make_up_the_total(tool, config, tmp_path, capsys):
    out = tmp_path / 'sub' / 'out.json'
    arguments = [str(config / 'one.py'), '--shape', '64', '96']
    arguments += ['--keypoints', '3', '--repeat', '2', '--out', str(out)]
    tool.main(arguments)
    content = json.loads(out.read_text())
    (result,) = content['results']
    seconds = result['measured']['seconds']
    assert list(seconds) == [*tool.STAGES, 'rest', 'total']
    assert all(value > 0 for value in seconds.values())
    assert seconds['rest'] < 0.5 * seconds['total']
    found = result['complexity']
    parameters = instances.build().parameters()
    assert found['parameters'] == sum(p.numel() for p in parameters)
    assert sum(found['flops_by_part'].values()) == found['flops']
    assert set(found['flops_by_part']) >= {'backbone', 'encoder', 'decoder'}
    printed = capsys.readouterr().out
    assert 'keypoint decoder' in printed
    assert 'multiply-adds' in printed
    assert 'ratio' not in printed


def test_figures_go_into_the_results_store(tool, config, tmp_path):
    results = tmp_path / 'results.json'
    arguments = [str(config / 'one.py'), '--shape', '64', '96', '--repeat']
    arguments += ['1', '--no-flops', '--out', str(tmp_path / 'out.json')]
    content = tool.main([*arguments, '--record', str(results)])
    entries = json.loads(results.read_text())
    found = {entry['metric']: entry['value'] for entry in entries}
    measured = content['results'][0]['measured']
    assert found['seconds, total'] == round(measured['seconds']['total'], 4)
    assert found['peak memory, MB'] == round(measured['peak_memory'] / 1e6, 4)
    assert entries[0]['command'].startswith(
        'python tools/analysis_tools/benchmark.py'
    )
    assert '64 x 96 (h x w), C = 1, K = 17' in entries[0]['claim']


def test_two_configs_are_compared(tool, config, tmp_path, capsys):
    checkpoint = tmp_path / 'model.pth'
    model = tool.build(str(config / 'one.py'), None, 'cpu', {})
    torch.save({'state_dict': model.state_dict()}, checkpoint)
    arguments = [str(config / 'one.py'), str(checkpoint), '--no-flops']
    arguments += ['--shape', '64', '64', '--repeat', '1']
    arguments += ['--out', str(tmp_path / 'out.json'), '--compare']
    content = tool.main([*arguments, str(config / 'two.py')])
    assert content['largest_difference'] == 0
    assert len(content['results']) == 2
    assert 'complexity' not in content['results'][0]
    assert len(content['checkpoint_sha256']) == 64
    assert 'ratio' in capsys.readouterr().out
    # Fewer objects are other outputs.
    content = tool.main([*arguments, str(config / 'other.py')])
    assert content['largest_difference'] is None


def test_differences_of_outputs(tool):
    infinite = torch.tensor([1.0, float('-inf')])
    assert tool.largest_difference((infinite,), (infinite,)) == 0
    other = torch.tensor([1.5, float('-inf')])
    assert tool.largest_difference((infinite,), (other,)) == 0.5
    assert tool.largest_difference((infinite,), (other[:1],)) is None


def test_sensitivity_to_keypoints_and_categories(
    tool, config, tmp_path, capsys
):
    arguments = [str(config / 'one.py'), '--shape', '64', '64', '--repeat']
    arguments += ['1', '--no-flops', '--sensitivity', '--out']
    content = tool.main([*arguments, str(tmp_path / 'out.json')])
    rows = content['results'][0]['sensitivity']
    found = [(row['keypoints'], row['categories']) for row in rows]
    assert found == tool.SENSITIVITY
    assert {k for k, _ in found} == {5, 17, 68}
    assert {c for _, c in found} == {1, 10, 50}
    assert '        50        68' in capsys.readouterr().out


def test_a_config_that_does_not_exist(tool, capsys):
    with pytest.raises(SystemExit) as stopped:
        tool.main(['no_such_config.py'])
    assert stopped.value.code == 2
    assert 'no_such_config.py' in capsys.readouterr().err
