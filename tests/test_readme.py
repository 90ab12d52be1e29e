# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What the README tells people to type has to exist."""

import importlib.util
import re
import shlex

import pytest

from tests.conftest import REPO_ROOT

README = (REPO_ROOT / 'README.md').read_text()
BLOCKS = re.findall(r'```bash\n(.*?)```', README, flags=re.S)
COMMANDS = [
    line.split('#')[0].strip()
    for block in BLOCKS
    for line in block.replace('\\\n', ' ').splitlines()
    if line.split('#')[0].strip()
]
TARGETS = set(
    re.findall(r'^([a-z]+):', (REPO_ROOT / 'Makefile').read_text(), re.M)
)
FOLDERS = ('tools/', 'demo/', 'configs/', 'checkpoints/', 'requirements/')


def missing(command):
    """Names in a shell line that do not exist in the repository."""
    words = shlex.split(command)
    absent = []
    if words[0] == 'make':
        goals = [w for w in words[1:] if '=' not in w and w[0] != '-']
        absent += [goal for goal in goals if goal not in TARGETS]
    for before, word in zip(words, words[1:]):
        ours = word.startswith(('projects.', 'tools.'))
        if before == '-m' and ours and not importlib.util.find_spec(word):
            absent.append(word)
    absent += [
        word
        for word in words
        if word.startswith(FOLDERS) and not (REPO_ROOT / word).exists()
    ]
    return absent


@pytest.mark.parametrize('command', COMMANDS)
def test_command_names_what_exists(command):
    assert missing(command) == []


def test_the_first_commands_are_there():
    for command in ('make demo', 'make test', 'make lint'):
        assert command in COMMANDS
    # CI runs the demo that the README shows, in its reduced size.
    assert (
        'make demo DEMO_ARGS=--reduced'
        in (REPO_ROOT / '.ci' / 'run').read_text()
    )


@pytest.mark.parametrize(
    'command, absent',
    [
        ('make paint', ['paint']),
        ('make test TEST_ARGS="-k x"', []),
        ('python tools/no.py configs/no.py', ['tools/no.py', 'configs/no.py']),
        ('python -m projects.common.no', ['projects.common.no']),
        ('python -m pip install torch', []),
    ],
)
def test_the_check_itself(command, absent):
    assert missing(command) == absent


def test_links_to_files_exist():
    for link in re.findall(r'\]\(([^)#:]+)(?:#[^)]*)?\)', README):
        assert (REPO_ROOT / link).exists(), link
