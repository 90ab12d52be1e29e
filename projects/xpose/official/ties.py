# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Orders that rounding decides.

Object queries and kept objects are sorted by score. Two scores that differ
by less than rounding may come out in either order, and then everything after
them differs, although nothing is wrong. Recorded results say which order
their run took.
"""

import torch
from torch import Tensor

#: How many places below the last kept one rounding may reach.
SPARE = 8


def recorded_order(
    scores: Tensor,
    candidates: Tensor,
    recorded: Tensor,
    score_margin: float,
    tolerance: float,
) -> Tensor:
    """Sort candidates as recorded, where their scores leave that open.

    Args:
        scores (Tensor): (M,) of the candidates, descending.
        candidates (Tensor): (M, F) what is known of each.
        recorded (Tensor): (N, F) the same of the recorded ones, N <= M.
        score_margin (float): Only candidates whose scores differ less may
            take each other's place.
        tolerance (float): A candidate that differs from its recorded one by
            less in every feature stays where it is.

    Returns:
        Tensor: (N,) indices of candidates; 0, 1, ... N - 1 if nothing has
        to be exchanged.
    """
    order = torch.arange(len(recorded), device=scores.device)
    distances = (candidates[: len(recorded)] - recorded).abs().amax(-1)
    for place in (~(distances <= tolerance)).nonzero().flatten().tolist():
        near = (scores - scores[place]).abs() <= score_margin
        rivals = near.nonzero().flatten()
        distance = (candidates[rivals] - recorded[place]).abs().amax(-1)
        best = distance.argmin()
        if distance[best] < distances[place]:
            order[place] = rivals[best]
    return order
