# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Looks at the environment: ``python -m projects.doctor``.

Shows versions, usable operator back ends and devices, and missing extras, each
with the pip line that mends it. Exits with 1 if a required part is broken.
Only the standard library is imported before the checks, so that it starts in
any environment.
"""

import argparse
import importlib
import importlib.metadata
import importlib.util
import json
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType

from projects.common.compat import startup
from projects.common.version import __version__
from projects.doctor.parts import EXTRAS, REQUIRED, Part

PYTHON_RANGE = ((3, 10), (3, 12))


@dataclass(frozen=True)
class Finding:
    """One row of the report.

    Attributes:
        group (str): 'required', 'back end' or the name of an extra.
        name (str): What was looked at.
        status (str): 'ok', 'warning', 'missing' (an extra) or 'broken'.
        detail (str): Version or state; for a problem, what is wrong.
        remedy (str): What to do about it, '' if nothing.
    """

    group: str
    name: str
    status: str
    detail: str
    remedy: str = ''


def examine() -> list[Finding]:
    """Look at everything.

    Returns:
        list[Finding]: In the order of the report.
    """
    findings = [check_python()]
    findings += [check_required(part) for part in REQUIRED]
    findings.append(check_ours())
    findings += check_back_ends()
    for extra, parts in EXTRAS.items():
        findings += [check_extra(extra, part) for part in parts]
    return findings


def check_python() -> Finding:
    """Whether the interpreter is in the supported range."""
    version = platform.python_version()
    lowest, highest = PYTHON_RANGE
    if lowest <= sys.version_info[:2] <= highest:
        return Finding('required', 'python', 'ok', version)
    return Finding(
        'required',
        'python',
        'broken',
        f'{version}, outside 3.10 to 3.12',
        'make env PYTHON=python3.11',
    )


def check_required(part: Part) -> Finding:
    """Import a required package and compare its version.

    Args:
        part (Part): The package.

    Returns:
        Finding: 'broken' if it is missing or does not import, 'warning' if
        its version was not tested.
    """
    distribution, version = installed(part)
    try:
        importlib.import_module(part.module)
    except Exception as error:  # anything may come out of a broken package
        missing = isinstance(error, ModuleNotFoundError) and not version
        return Finding(
            'required',
            part.name,
            'broken',
            'not installed' if missing else describe_failure(part, error),
            part.pip_line(distribution, force=not missing),
        )
    if not is_tested(version, part.tested):
        return Finding(
            'required',
            distribution or part.name,
            'warning',
            f'{version or "unknown version"}, tested is {part.tested}',
            part.pip_line(distribution),
        )
    return Finding('required', distribution or part.name, 'ok', version)


def check_ours() -> Finding:
    """Whether our own modules register."""
    try:
        importlib.import_module('projects.xpose')
    except Exception as error:
        return Finding(
            'required',
            'anykeypoint',
            'broken',
            f'projects.xpose does not import: {summary(error)}',
            'mend the parts above first',
        )
    return Finding('required', 'anykeypoint', 'ok', __version__)


def check_extra(extra: str, part: Part) -> Finding:
    """Whether an optional package is there.

    Args:
        extra (str): The name of the extra.
        part (Part): The package.

    Returns:
        Finding: 'ok' or 'missing'.
    """
    if importlib.util.find_spec(part.module) is None:
        return Finding(
            extra,
            part.name,
            'missing',
            'not installed',
            part.pip_line(constraints=_constraints()),
        )
    return Finding(extra, part.name, 'ok', installed(part)[1])


def check_back_ends() -> list[Finding]:
    """Which operators, devices and number formats can be used.

    Returns:
        list[Finding]: Empty when torch itself does not import.
    """
    try:
        import torch
    except Exception:  # reported with the required parts
        return []
    checks: tuple[tuple[str, Callable[[], str]], ...] = (
        ('mmcv operators', _mmcv_operators),
        ('torchvision operators', _torchvision_operators),
        ('deformable attention', _deformable_attention),
        ('cpu', _cpu),
    )
    findings = []
    for name, check in checks:
        try:
            findings.append(Finding('back end', name, 'ok', check()))
        except Exception as error:
            findings.append(
                Finding('back end', name, 'warning', summary(error))
            )
    findings += [
        Finding('back end', name, 'ok', detail)
        for name, detail in _accelerators(torch)
    ]
    hook = startup.is_installed(startup.site_packages())
    state = 'installed in this environment' if hook else 'not installed'
    findings.append(Finding('back end', 'start-up hook', 'ok', state))
    return findings


def installed(part: Part) -> tuple[str, str]:
    """Which distribution provides a part.

    Args:
        part (Part): The package.

    Returns:
        tuple[str, str]: Name and version, both '' if there is none.
    """
    for name in part.distributions:
        try:
            return name, importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return '', ''


def is_tested(version: str, tested: str) -> bool:
    """Whether a version lies in the tested range.

    Args:
        version (str): The installed version, '' if unknown.
        tested (str): A version specifier, '' for any.

    Returns:
        bool: True as well if 'packaging' is not there to compare.
    """
    try:
        from packaging.specifiers import SpecifierSet
    except ImportError:
        return True
    if not tested:
        return True
    # 2.13.0+cpu is 2.13.0.
    plain = version.split('+')[0]
    return bool(plain) and SpecifierSet(tested).contains(
        plain, prereleases=True
    )


def describe_failure(part: Part, error: Exception) -> str:
    """Say what failed and from where it was imported.

    Args:
        part (Part): The package.
        error (Exception): What its import raised.

    Returns:
        str: One line.
    """
    top = part.module.split('.')[0]
    try:
        spec = importlib.util.find_spec(top)
        where = getattr(spec, 'origin', None) or 'an unknown place'
    except Exception:
        where = 'an unknown place'
    return f'{part.module} does not import ({summary(error)}); from {where}'


def summary(error: Exception) -> str:
    """The kind of an error and its first line."""
    lines = str(error).strip().splitlines()
    return f'{type(error).__name__}: {lines[0] if lines else "no message"}'


def _constraints() -> str:
    """The constraints file of a checkout, '' where there is none."""
    root = Path(__file__).resolve().parents[2]
    file = root / 'requirements' / 'constraints.txt'
    if not file.is_file():
        return ''
    return str(file.relative_to(root) if Path.cwd() == root else file)


def _mmcv_operators() -> str:
    import mmcv._ext

    if vars(mmcv._ext).get('IS_ANYKEYPOINT_COMPAT'):
        return 'PyTorch (nms, ms_deform_attn, roi_align); the others raise'
    return 'compiled (full mmcv)'


def _torchvision_operators() -> str:
    from torchvision import extension

    return 'compiled' if extension._has_ops() else 'PyTorch (nms)'


def _deformable_attention() -> str:
    import torch
    from mmcv.ops import MultiScaleDeformableAttention

    layer = MultiScaleDeformableAttention(8, 2, 1, 2, batch_first=True)
    out = layer(
        torch.zeros(1, 3, 8),
        value=torch.zeros(1, 4, 8),
        reference_points=torch.full((1, 3, 1, 2), 0.5),
        spatial_shapes=torch.tensor([[2, 2]]),
        level_start_index=torch.tensor([0]),
    )
    return f'works on the CPU, output {tuple(out.shape)}'


def _cpu() -> str:
    import torch

    half = torch.ones(8, 8, dtype=torch.bfloat16)
    product = (half @ half).float().mean().item()
    return (
        f'{torch.get_num_threads()} threads, '
        f'{torch.backends.cpu.get_cpu_capability()}, '
        f'bfloat16 {"works" if product == 8 else "is wrong"}'
    )


def _accelerators(torch: ModuleType) -> list[tuple[str, str]]:
    rows = []
    for i in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(i)
        half = torch.cuda.is_bf16_supported()
        rows.append(
            (
                f'cuda:{i}',
                f'{properties.name}, {properties.total_memory / 2**30:.0f} '
                f'GiB, bfloat16 {"works" if half else "not supported"}',
            )
        )
    if not rows:
        rows.append(('cuda', f'no device (built for {torch.version.cuda})'))
    works = torch.backends.mps.is_available()
    rows.append(('mps', 'usable' if works else 'no device'))
    return rows


def show(findings: list[Finding], quiet: bool = False) -> None:
    """Print the report, with rich if that works.

    Args:
        findings (list[Finding]): What :func:`examine` returned.
        quiet (bool): Only problems of required parts and a closing line.
    """
    if not quiet:
        _show_tables(findings)
    for status in ('broken', 'warning', 'missing'):
        if quiet and status == 'missing':
            continue
        for finding in findings:
            if finding.status == status:
                print(f'{status}: {finding.name}: {finding.detail}')
                if finding.remedy:
                    print(f'    {finding.remedy}')
    count = sum(finding.status == 'broken' for finding in findings)
    if count:
        print(f'{count} required part(s) broken.')
    else:
        print('All required parts work.')


def _show_tables(findings: list[Finding]) -> None:
    try:
        from rich.console import Console
        from rich.markup import escape
        from rich.table import Table
    except Exception:  # the doctor reports that, too
        for finding in findings:
            print(f'{finding.group:10} {finding.name:34} {finding.status}')
        return
    colours = {'ok': 'green', 'broken': 'red'}
    console = Console()
    for group in dict.fromkeys(finding.group for finding in findings):
        table = Table(title=group, title_justify='left', show_header=False)
        for finding in findings:
            if finding.group == group:
                colour = colours.get(finding.status, 'yellow')
                status = f'[{colour}]{finding.status}[/{colour}]'
                table.add_row(finding.name, status, escape(finding.detail))
        console.print(table)


def main(argv: list[str] | None = None) -> int:
    """Run the doctor.

    Args:
        argv (list[str], optional): Arguments, default those of the process.

    Returns:
        int: The exit status, 1 if a required part is broken.
    """
    parser = argparse.ArgumentParser(
        prog='python -m projects.doctor', description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        '--json', action='store_true', help='print a JSON list of findings'
    )
    parser.add_argument(
        '--quiet', action='store_true', help='print problems only'
    )
    args = parser.parse_args(argv)
    findings = examine()
    if args.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        show(findings, args.quiet)
    return int(any(finding.status == 'broken' for finding in findings))


if __name__ == '__main__':
    sys.exit(main())
