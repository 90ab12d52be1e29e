# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Does our model compute what the released one did?"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from mmpose.registry import MODELS
from torch import Tensor

from projects.common.version import __version__

from .conversion import to_ours
from .fixture import Case, read_fixture
from .key_map import Layout
from .report import ConversionReport
from .sizes import layout_of, official_config
from .stages import TOLERANCES, RecordedXPose, run_case
from .ties import SPARE

STAGES = (
    'backbone',
    'memory',
    'enhanced prompts',
    'object queries',
    'references',
    'keypoint queries',
    'logits',
    'boxes',
    'keypoints',
)


@dataclass(frozen=True)
class StageError:
    """Largest difference of a stage.

    Attributes:
        absolute (float): Largest |ours - recorded|.
        relative (float): That divided by the largest |recorded|.
        tolerance (float, optional): Largest absolute difference allowed.
    """

    absolute: float
    relative: float
    tolerance: float | None

    @property
    def passed(self) -> bool:
        """Whether the difference is allowed; never if it is not a number."""
        return self.tolerance is None or self.absolute <= self.tolerance


@dataclass(frozen=True)
class CaseResult:
    """Differences of one recorded run.

    Attributes:
        description (str): Its pictures and prompts.
        stages (dict): Stage -> difference; what was not recorded is absent.
        exchanged (dict): How many ``proposals`` and ``objects`` came in
            another order than recorded because their scores are equal but
            for rounding. They were put into the recorded order.
    """

    description: str
    stages: dict[str, StageError]
    exchanged: dict[str, int]

    @property
    def passed(self) -> bool:
        """Whether all differences are allowed."""
        return all(stage.passed for stage in self.stages.values())


@dataclass(frozen=True)
class CheckResult:
    """Result of :func:`check_file`."""

    fixture: str
    sha256: str
    report: ConversionReport
    cases: list[CaseResult]

    @property
    def passed(self) -> bool:
        """Whether every case passed."""
        return all(case.passed for case in self.cases)

    def to_json(self) -> dict[str, Any]:
        """Plain values, for a json file."""
        return dict(
            fixture=self.fixture,
            sha256=self.sha256,
            passed=self.passed,
            tolerances=TOLERANCES,
            versions=dict(anykeypoint=__version__, torch=torch.__version__),
            mapped=sum(map(len, self.report.mapped.values())),
            ignored=self.report.ignored,
            cases=[dict(asdict(c), passed=c.passed) for c in self.cases],
        )

    def __str__(self) -> str:
        """A table for each case."""
        mapped = self.report.mapped
        lines = [
            f'{sum(map(len, mapped.values()))} tensors mapped to '
            f'{len(mapped)} of ours, {len(self.report.ignored)} not needed'
        ]
        for index, case in enumerate(self.cases):
            lines.append(f'case {index}: {case.description}')
            lines.append(
                f'  {"stage":18s}{"max abs":>10s}{"max rel":>10s}'
                f'{"allowed":>10s}'
            )
            for name, stage in case.stages.items():
                allowed = 'FAILED' * (not stage.passed)
                if stage.tolerance is not None:
                    allowed = f'{stage.tolerance:.0e}  {allowed}'
                lines.append(
                    f'  {name:18s}{stage.absolute:10.1e}'
                    f'{stage.relative:10.1e}{allowed:>10s}'.rstrip()
                )
            lines += [
                f'  {count} {what} put into the recorded order: their scores '
                f'differ by less than {TOLERANCES["logits"]:.0e}'
                for what, count in case.exchanged.items()
                if count
            ]
        verdict = 'passed' if self.passed else 'FAILED'
        return '\n'.join([*lines, f'{self.fixture}: {verdict}'])


def check_file(path: str | Path) -> CheckResult:
    """Build the model of a file of recorded runs and repeat them.

    Args:
        path (str | Path): See :mod:`projects.xpose.official.fixture`.

    Returns:
        CheckResult: The differences of every stage.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is not of this format, or its weights do not fit
            its sizes.
    """
    file, cases = read_fixture(path)
    cfg = official_config(file.others['config']).model
    layout: Layout = layout_of(cfg)
    cfg.test_cfg.num_groups += SPARE
    model = MODELS.build({**cfg, 'type': RecordedXPose}).eval()
    state, report = to_ours(file.weights, model, layout)
    report.check(path)
    model.load_state_dict(state, strict=False)
    return CheckResult(
        str(path),
        file.sha256,
        report,
        [_check_case(model, case) for case in cases],
    )


def _check_case(model: RecordedXPose, case: Case) -> CaseResult:
    pairs, exchanged = run_case(model, case)
    height, width = case.input_shape
    description = (
        f'{len(case.images)} picture(s), {width} x {height}; categories '
        f'{[len(o) for o in case.objects]}, keypoints '
        f'{[len(k) for k in case.keypoints]}'
    )
    stages = {
        name: _stage_error(name, [p[1:] for p in pairs if p[0] == name])
        for name in STAGES
        if any(p[0] == name for p in pairs)
    }
    return CaseResult(description, stages, exchanged)


def _stage_error(name: str, pairs: list[tuple[Tensor, Tensor]]) -> StageError:
    absolute, largest = 0.0, 0.0
    for ours, recorded in pairs:
        recorded = recorded.float()
        difference = (ours - recorded).abs().max().item()
        # A NaN must not get lost among numbers.
        absolute = max(absolute, difference, key=lambda x: (x != x, x))
        largest = max(largest, recorded.abs().max().item())
    relative = absolute / largest if largest else absolute
    return StageError(absolute, relative, TOLERANCES.get(name))
