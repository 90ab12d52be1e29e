# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json

import pytest


@pytest.fixture(scope='module')
def tool(load_tool):
    return load_tool('analysis_tools/benchmark_attention.py')


def test_back_ends_agree_and_are_timed(tool, tmp_path, capsys):
    out = tmp_path / 'attention.json'
    tool.main(
        ['--shape', '40', '64', '--batch', '2', '--embed-dims', '16']
        + ['--repeat', '2', '--out', str(out)]
    )
    results = json.loads(out.read_text())['results']
    assert list(results) == ['grid_sample', 'embedding_bag']
    assert results['grid_sample']['output_difference'] == 0
    assert results['embedding_bag']['output_difference'] < 1e-5
    assert results['embedding_bag']['gradient_difference'] < 1e-5
    assert all(row['forward'] > 0 for row in results.values())
    assert 'embedding_bag' in capsys.readouterr().out


def test_the_tokens_look_around_themselves(tool):
    args = tool.parse_args(['--shape', '16', '32', '--batch', '1'])
    inputs = tool.make_inputs(args)
    # Second token of the first level, 2 x 4 tokens: x = 1.5 / 4, y = 0.5 / 2.
    assert inputs['reference_points'][0, 1, 0].tolist() == [0.375, 0.25]
    assert inputs['level_start_index'].tolist() == [0, 8, 10]
