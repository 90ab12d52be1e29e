# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""From the released layout to ours, and back.

Both directions account for every tensor: what has no place is an error.
"""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from .key_map import UNUSED, Entry, Layout, key_map
from .report import ConversionReport


def to_ours(
    weights: Mapping[str, Tensor], model: nn.Module, layout: Layout
) -> tuple[dict[str, Tensor], ConversionReport]:
    """Rename and reorder the released tensors for our model.

    Args:
        weights (Mapping): Released names (without CLIP's) to tensors.
        model (nn.Module): Ours, of the same sizes.
        layout (Layout): Its depths.

    Returns:
        tuple[dict, ConversionReport]: Our state dict, complete but for the
        prompt encoder's vocabulary if the report has no problems.
    """
    report, state = ConversionReport(), {}
    own = model.state_dict()
    entries = key_map(own, layout)
    for entry in entries:
        target = own[entry.ours]
        problems = _problems(entry, weights, tuple(target.shape))
        if not problems:
            try:
                state[entry.ours] = entry.decode(
                    [weights[name].to(target.dtype) for name in entry.official]
                )
            except ValueError as error:
                problems = [f'{entry.official[0]} (and more): {error}']
        if problems:
            report.problems += problems
        else:
            report.mapped[entry.ours] = entry.official
    known = {name for entry in entries for name in entry.official}
    report.ignored, unknown = _leftover(set(weights) - known)
    report.problems += [
        f'{name}: not known, shape {tuple(weights[name].shape)}'
        for name in unknown
    ]
    return state, report


def to_official(
    state: Mapping[str, Tensor],
    layout: Layout,
    unused: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Write our tensors in the released layout; inverse of :func:`to_ours`.

    Args:
        state (Mapping): Our state dict.
        layout (Layout): The model's depths.
        unused (Mapping, optional): Released tensors without a place in
            ours, to be put back.

    Returns:
        dict[str, Tensor]: Released names to tensors that share no memory.

    Raises:
        ValueError: If the released model has nothing like one of ours.
    """
    official = dict(unused or {})
    for entry in key_map(state, layout):
        pieces = entry.encode(state[entry.ours])
        official.update(zip(entry.official, pieces, strict=True))
    return {name: t.detach().clone() for name, t in official.items()}


def unused_tensors(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Released tensors that inference does not need."""
    return {
        name: torch.clone(tensor)
        for name, tensor in weights.items()
        if name.startswith(tuple(UNUSED))
    }


def _problems(
    entry: Entry, weights: Mapping[str, Tensor], shape: tuple[int, ...]
) -> list[str]:
    problems = []
    for name, expected in zip(
        entry.official, entry.official_shapes(shape), strict=True
    ):
        if name not in weights:
            problems.append(f'{name}: missing, shape {expected} needed')
        elif tuple(weights[name].shape) != expected:
            problems.append(
                f'{name}: has shape {tuple(weights[name].shape)}, this '
                f'architecture {expected}'
            )
    return problems


def _leftover(names: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """Names that may be left out, with the reason, and those that not."""
    ignored, unknown = {}, []
    for name in sorted(names):
        reasons = [why for k, why in UNUSED.items() if name.startswith(k)]
        if reasons:
            ignored[name] = reasons[0]
        else:
            unknown.append(name)
    return ignored, unknown
