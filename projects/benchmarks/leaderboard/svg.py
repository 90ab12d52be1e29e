# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Line and bar charts as SVG, without any library in the reader's browser.

Colours are classes ``s0`` .. ``s9`` of the page's style sheet.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 440, 270
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 20, 12, 46


@dataclass(frozen=True)
class Series:
    """A line or a set of bars.

    Attributes:
        label: For the legend and the tooltips.
        points: (x, y) of a line; of bars x is the index of the group.
    """

    label: str
    points: tuple[tuple[float, float], ...]


def line_chart(
    series: Sequence[Series],
    x_label: str,
    y_label: str,
    log_x: bool = False,
    from_zero: bool = True,
) -> str:
    """Lines with a marker at each point.

    Args:
        series: At least one, each with at least one point.
        x_label: Name of the horizontal axis.
        y_label: Name of the vertical axis.
        log_x: Logarithmic horizontal axis; all x must be positive.
        from_zero: Whether the vertical axis must include zero.
    """
    xs = [x for line in series for x, _ in line.points]
    ys = [y for line in series for _, y in line.points]
    x_ticks = _log_ticks(min(xs), max(xs)) if log_x else _ticks(xs)
    y_ticks = _ticks([0.0, *ys] if from_zero else ys)
    place_x = _scale(x_ticks, _LEFT, _WIDTH - _RIGHT, log_x)
    place_y = _scale(y_ticks, _HEIGHT - _BOTTOM, _TOP)
    parts = _axes(
        [(place_x(x), f'{x:g}') for x in x_ticks],
        [(place_y(y), f'{y:g}') for y in y_ticks],
        x_label,
        y_label,
    )
    for index, line in enumerate(series):
        places = [(place_x(x), place_y(y)) for x, y in line.points]
        path = ' '.join(f'{x:.1f},{y:.1f}' for x, y in places)
        parts.append(f'<polyline class="line s{index % 10}" points="{path}"/>')
        for (x, y), (cx, cy) in zip(line.points, places):
            parts.append(
                f'<circle class="dot s{index % 10}" cx="{cx:.1f}" '
                f'cy="{cy:.1f}" r="4"><title>{escape(line.label)}: {x:g}, '
                f'{y:g}</title></circle>'
            )
    return _drawing(parts, f'{y_label} against {x_label}')


def bar_chart(
    series: Sequence[Series], groups: Sequence[str], y_label: str
) -> str:
    """Bars from zero, side by side in groups.

    Args:
        series: At least one; x of a point is an index into ``groups``.
        groups: Names below the bars.
        y_label: Name of the vertical axis.
    """
    y_ticks = _ticks([0.0, *(y for bars in series for _, y in bars.points)])
    place_y = _scale(y_ticks, _HEIGHT - _BOTTOM, _TOP)
    step = (_WIDTH - _LEFT - _RIGHT) / len(groups)
    width = 0.8 * step / len(series)
    parts = _axes(
        [(_LEFT + (i + 0.5) * step, g) for i, g in enumerate(groups)],
        [(place_y(y), f'{y:g}') for y in y_ticks],
        '',
        y_label,
        crowded=len(groups) > 4,
    )
    for index, bars in enumerate(series):
        for group, y in bars.points:
            x = _LEFT + group * step + 0.1 * step + index * width
            top, bottom = sorted((place_y(y), place_y(0.0)))
            parts.append(
                f'<rect class="bar s{index % 10}" x="{x:.1f}" y="{top:.1f}" '
                f'width="{width:.1f}" height="{bottom - top:.1f}"><title>'
                f'{escape(bars.label)}, {escape(groups[int(group)])}: {y:g}'
                '</title></rect>'
            )
    return _drawing(parts, y_label)


def _drawing(parts: Sequence[str], title: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(title)}">' + ''.join(parts) + '</svg>'
    )


def _axes(
    x_ticks: Sequence[tuple[float, str]],
    y_ticks: Sequence[tuple[float, str]],
    x_label: str,
    y_label: str,
    crowded: bool = False,
) -> list[str]:
    """Grid, names of ticks and of axes; crowded names are slanted."""
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    parts = []
    for y, text in y_ticks:
        parts.append(
            f'<line class="grid" x1="{_LEFT}" x2="{right}" y1="{y:.1f}" '
            f'y2="{y:.1f}"/><text x="{_LEFT - 5}" y="{y + 4:.1f}" '
            f'text-anchor="end">{escape(text)}</text>'
        )
    for x, text in x_ticks:
        at = f'x="{x:.1f}" y="{bottom + 16}" text-anchor="middle"'
        if crowded:
            at = (
                f'x="{x:.1f}" y="{bottom + 10}" text-anchor="end" '
                f'transform="rotate(-28 {x:.1f} {bottom + 10})"'
            )
        parts.append(f'<text {at}>{escape(text)}</text>')
    middle = (_TOP + bottom) / 2
    parts.append(
        f'<text x="{(_LEFT + right) / 2}" y="{_HEIGHT - 6}" '
        f'text-anchor="middle">{escape(x_label)}</text>'
        f'<text x="12" y="{middle}" text-anchor="middle" '
        f'transform="rotate(-90 12 {middle})">{escape(y_label)}</text>'
    )
    return parts


def _scale(
    ticks: Sequence[float], start: float, stop: float, log: bool = False
) -> Callable[[float], float]:
    """Maps the range of the ticks to start..stop."""
    measure = math.log10 if log else float
    low, high = measure(ticks[0]), measure(ticks[-1])
    return lambda v: start + (measure(v) - low) / (high - low) * (stop - start)


def _ticks(values: Sequence[float]) -> list[float]:
    """About five round numbers around the values."""
    low, high = min(values), max(values)
    span = high - low or abs(high) or 1.0
    raw = span / 4
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= raw)
    first, last = math.floor(low / step), math.ceil(high / step)
    last = max(last, first + 1)
    return [round(i * step, 10) for i in range(first, last + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    """Of 1, 2, 5, 10, 20 .. those around the values."""
    first = math.floor(math.log10(low))
    last = math.ceil(math.log10(high))
    ladder = [
        round(m * 10.0**p, 10)
        for p in range(first, last + 1)
        for m in (1, 2, 5)
    ]
    start = max(t for t in ladder if t <= low)
    stop = min(t for t in ladder if t >= high and t > start)
    return [t for t in ladder if start <= t <= stop]
