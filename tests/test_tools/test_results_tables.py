# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import pytest

from projects.benchmarks.results import record


@pytest.fixture
def main(load_tool):
    return load_tool('misc/results_tables.py').main


def test_write_and_check(main, tmp_path, capsys):
    config = tmp_path / 'a.py'
    config.touch()
    record(
        tmp_path / 'docs' / 'results' / 'main.json',
        claim='a claim',
        metrics={'AP': 0.5},
        config=str(config),
        command='run',
        protocol='OKS',
        root=tmp_path,
    )
    readme, guide = tmp_path / 'README.md', tmp_path / 'docs' / 'guide.md'
    for path in (readme, guide):
        path.write_text('<!-- results:main -->\n<!-- /results -->\n')
    argv = ['--root', str(tmp_path)]
    assert main([*argv, '--check']) == 1
    error = capsys.readouterr().err
    assert 'README.md: tables are out of date' in error
    assert 'guide.md: tables are out of date' in error
    assert main(argv) == 0
    assert '| a claim | AP | 0.500 | 1 |' in readme.read_text()
    assert guide.read_text() == readme.read_text()
    assert main([*argv, '--check']) == 0
    config.unlink()
    guide.write_text('<!-- results:other -->\n<!-- /results -->\n')
    capsys.readouterr()
    assert main([*argv, '--check']) == 1
    error = capsys.readouterr().err
    assert 'the config a.py does not exist' in error
    assert 'guide.md: There is no results file' in error
