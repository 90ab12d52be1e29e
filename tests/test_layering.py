# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""What may import what, and how long things may be."""

import ast
import re

import pytest

from tests.conftest import REPO_ROOT

# Need the compatibility hook before they are imported.
AFTER_COMPAT = {
    'diffusers',
    'mmcv',
    'mmdet',
    'mmpose',
    'open_clip',
    'timm',
    'torchvision',
    'transformers',
}
# The rooms of projects, and which others each may import.
BELOW = {
    'common': set(),
    'xpose': {'common'},
    'ppm': {'common'},
    'synthkpt': {'common'},
    'unikpt': {'common'},
}
METHODS_AND_DATA = set(BELOW)
ROOMS = {
    **BELOW,
    'benchmarks': METHODS_AND_DATA,
    'app': METHODS_AND_DATA,
    'showcase': METHODS_AND_DATA | {'benchmarks'},
    'doctor': METHODS_AND_DATA,
}
# Circles that are to go: {modules: reason}.
CIRCLES = {
    frozenset(
        {
            'projects.common.apis.coco',
            'projects.common.apis.drawing',
            'projects.common.apis.results',
        }
    ): 'a result writes and draws itself; only annotations point back',
}
MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 80


def python_files(*folders):
    return [
        pytest.param(path, id=str(path.relative_to(REPO_ROOT)))
        for folder in folders
        for path in sorted((REPO_ROOT / folder).rglob('*.py'))
    ]


def imported(tree, path):
    """(line, module) of all imports, relative ones made absolute."""
    package = path.relative_to(REPO_ROOT).parent.parts
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ''
            if node.level:
                above = package[: len(package) - node.level + 1]
                base = '.'.join((*above, base)).rstrip('.')
            for alias in node.names:
                yield node.lineno, f'{base}.{alias.name}'


def module_name(path):
    parts = path.relative_to(REPO_ROOT).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


def inside_functions(tree):
    """The lines of imports that run only when something is called."""
    return {
        node.lineno
        for function in ast.walk(tree)
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
        for node in ast.walk(function)
        if isinstance(node, (ast.Import, ast.ImportFrom))
    }


def module_graph(sources):
    """{module: {module: how}} of {path: source}; how is 'top' or 'function'.

    Imports for annotations alone (TYPE_CHECKING) count like any other. That
    a module's packages are imported before it does not.
    """
    names = {module_name(path): path for path in sources}
    graph = {name: {} for name in names}
    for name, path in names.items():
        tree = ast.parse(sources[path])
        late = inside_functions(tree)
        for line, target in imported(tree, path):
            if target not in names:  # not a module but something in one
                target = target.rpartition('.')[0]
            if target in names and target != name:
                how = 'function' if line in late else 'top'
                if graph[name].get(target) != 'top':
                    graph[name][target] = how
    return graph


def circles(graph):
    """{modules that reach each other: their arrows}."""
    reached = {}
    for start in graph:
        found, todo = set(), [start]
        while todo:
            new = graph[todo.pop()].keys() - found
            found |= new
            todo += new
        reached[start] = found
    return {
        group: [
            f'{a} -> {b} ({how})'
            for a in sorted(group)
            for b, how in graph[a].items()
            if b in group
        ]
        for start in graph
        if start in reached[start]
        for group in [
            frozenset(m for m in reached[start] if start in reached[m])
        ]
    }


def layering_errors(tree, path):
    room = path.relative_to(REPO_ROOT / 'projects').parts[0]
    forbidden = ROOMS.keys() - ROOMS[room] - {room}
    return [
        f'line {line}: {name}'
        for line, name in imported(tree, path)
        for other in forbidden
        if f'{name}.'.startswith(f'projects.{other}.')
    ]


def late_compat(tree, path):
    """Imports that come before the first one of ours, at module level."""
    first = min(
        (
            line
            for line, name in imported(tree, path)
            if name.startswith('projects.')
        ),
        default=10**9,
    )
    return [
        f'line {line}: {name}'
        for line, name in imported(tree, path)
        if line < first and name.split('.')[0] in AFTER_COMPAT
    ]


@pytest.mark.parametrize('path', python_files('projects'))
def test_rooms_import_only_what_they_may(path):
    assert layering_errors(ast.parse(path.read_text()), path) == []


def test_no_modules_import_each_other_in_a_circle():
    paths = (REPO_ROOT / 'projects').rglob('*.py')
    found = circles(module_graph({path: path.read_text() for path in paths}))
    assert {g: arrows for g, arrows in found.items() if g not in CIRCLES} == {}
    assert CIRCLES.keys() <= found.keys(), 'gone: take it out of CIRCLES'


@pytest.mark.parametrize('path', python_files('tools', 'demo'))
def test_scripts_import_ours_first(path):
    assert late_compat(ast.parse(path.read_text()), path) == []


@pytest.mark.parametrize('path', python_files('projects', 'tools', 'demo'))
def test_no_device_literal_and_no_overlong_code(path):
    text = path.read_text()
    assert not re.search(r'\.cuda\(\)', text)
    assert len(text.splitlines()) <= MAX_FILE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            length = node.end_lineno - node.lineno + 1
            assert length <= MAX_FUNCTION_LINES, node.name


@pytest.mark.parametrize(
    'path', python_files('projects', 'tools', 'demo', 'tests')
)
def test_licence_line(path):
    first = path.read_text().split('\n', 1)[0]
    assert 'SPDX-License-Identifier: Apache-2.0' in first


def test_projects_is_a_namespace_package_and_rooms_start_with_common():
    # Importing anything of projects.common installs the hook first.
    assert not (REPO_ROOT / 'projects' / '__init__.py').exists()
    for room in ROOMS:
        init = REPO_ROOT / 'projects' / room / '__init__.py'
        names = imported(ast.parse(init.read_text()), init)
        assert next(names)[1].startswith('projects.common')


def test_common_itself_imports_only_the_hook():
    # Else the doctor could not start in a broken environment.
    init = REPO_ROOT / 'projects' / 'common' / '__init__.py'
    names = [name for _, name in imported(ast.parse(init.read_text()), init)]
    assert names == ['projects.common.compat']


@pytest.mark.parametrize(
    'room, line, wrong',
    [
        ('common', 'import projects.ppm', True),
        ('common', 'from projects import xpose', True),
        ('common', 'from ..xpose.models import XPose', True),
        ('common', 'from . import structures', False),
        ('common', 'import projects.ppmx', False),
        ('xpose', 'import projects.ppm', True),
        ('xpose', 'import projects.synthkpt', True),
        ('ppm', 'from projects import app', True),
        ('synthkpt', 'import projects.unikpt', True),
        ('unikpt', 'import projects.common.datasets', False),
        ('benchmarks', 'import projects.ppm', False),
        ('benchmarks', 'import projects.doctor', True),
        ('showcase', 'import projects.benchmarks', False),
        ('app', 'import projects.showcase', True),
    ],
)
def test_the_layering_check_itself(room, line, wrong):
    path = REPO_ROOT / 'projects' / room / 'some.py'
    assert bool(layering_errors(ast.parse(line), path)) is wrong


@pytest.mark.parametrize(
    'a, b, arrows',
    [
        ('from projects.x.b import y', '', None),
        ('from projects.x import b', 'import projects.x.a', ['top', 'top']),
        (
            'from . import b',
            'def f():\n from .a import y',
            ['top', 'function'],
        ),
        ('from .b import y', 'if T:\n from .a import y', ['top', 'top']),
        ('from projects.x import c', 'from projects.x import a', None),
    ],
)
def test_the_circle_check_itself(a, b, arrows):
    room = REPO_ROOT / 'projects' / 'x'
    sources = {room / '__init__.py': '', room / 'a.py': a, room / 'b.py': b}
    found = circles(module_graph(sources))
    if arrows is None:
        assert found == {}
    else:
        (group,) = found
        assert group == {'projects.x.a', 'projects.x.b'}
        ends = [arrow.split('(')[1][:-1] for arrow in found[group]]
        assert ends == arrows


def test_the_compat_order_check_itself():
    path = REPO_ROOT / 'tools' / 'some.py'
    ours, theirs = 'import projects.common', 'import mmpose.models'
    wrong = ast.parse(f'{theirs}\n{ours}')
    assert late_compat(wrong, path) == ['line 1: mmpose.models']
    assert late_compat(ast.parse(f'{ours}\n{theirs}'), path) == []
