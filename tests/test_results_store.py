# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The figures that the docs of this repository show."""

import re

from projects.common.results import (
    load_entries,
    render_document,
    verify_entries,
)


def results_files(root):
    return sorted((root / 'docs' / 'results').glob('*.json'))


def test_configs_and_checkpoints_exist(repo_root):
    for path in results_files(repo_root):
        assert verify_entries(load_entries(path), repo_root) == []


def test_no_figure_depends_on_this_machine(repo_root):
    for path in results_files(repo_root):
        for entry in load_entries(path):
            text = (
                f'{entry.command} {entry.data} {entry.config} '
                f'{entry.checkpoint}'
            )
            assert not re.search(r'(^|[\s=])/', text), (path, text)


def test_tables_are_up_to_date(repo_root):
    documents = [*repo_root.glob('*.md'), *repo_root.glob('docs/**/*.md')]
    for path in documents:
        text = path.read_text(encoding='utf-8')
        assert render_document(text, repo_root / 'docs/results') == text, path
