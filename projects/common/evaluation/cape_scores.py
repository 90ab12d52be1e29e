# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""From the keypoint errors of queries to scores with intervals.

query: errors (K,) / longer side of its box, counted (K,)
            |  query_scores: mean over counted keypoints
            v
scores (Q, M) of M measures --mean_of, half_width--> mean and 95 % interval
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_NORMAL_95 = 1.959964


@dataclass(frozen=True, eq=False)
class QueryErrors:
    """How far off the prediction of one query is.

    Attributes:
        episode: Number of the episode.
        query: Number of the query in its episode.
        category: Name of the category.
        supercategory: Name of its group, may be ''.
        names: K keypoint names.
        errors: (K,) distances in units of the longer side of the query's
            box; infinite where nothing was predicted.
        counted: (K,) bool: the keypoints that count.
    """

    episode: int
    query: int
    category: str
    supercategory: str
    names: tuple[str, ...]
    errors: np.ndarray
    counted: np.ndarray

    @property
    def is_empty(self) -> bool:
        """Whether no keypoint counts."""
        return not self.counted.any()


def query_scores(
    query: QueryErrors, thresholds: Sequence[float], auc_range: float
) -> np.ndarray:
    """PCK at T thresholds, their mean, and AUC: (T + 2,), 0 if empty.

    A keypoint is correct if its error is less than (not equal to) the
    threshold. AUC is the exact area under PCK(t) for t from 0 to
    ``auc_range``, divided by ``auc_range``.
    """
    if query.is_empty:
        return np.zeros(len(thresholds) + 2)
    errors = query.errors[query.counted]
    pck = [(errors < threshold).mean() for threshold in thresholds]
    auc = np.clip(1 - errors / auc_range, 0, None).mean()
    return np.array([*pck, np.mean(pck), auc])


def half_width(
    scores: np.ndarray, episodes: np.ndarray, categories: np.ndarray
) -> np.ndarray | None:
    """Half of the 95 % confidence interval of the mean over queries.

    Normal approximation. The episodes of a category are the independent
    draws (queries of one episode share their supports), the categories are
    fixed: the variance is that of a ratio of sums over episodes, added up
    over the categories.

    Args:
        scores: (Q, M) of M measures.
        episodes: (Q,) number of each query's episode.
        categories: (Q,) name of each query's category.

    Returns:
        (M,), or None where a category has a single episode.
    """
    variance = np.zeros(scores.shape[1])
    for category in np.unique(categories):
        rows = categories == category
        residual = scores[rows] - scores[rows].mean(0)
        numbers, where = np.unique(episodes[rows], return_inverse=True)
        count = len(numbers)
        if count < 2:
            return None
        sums = np.zeros((count, scores.shape[1]))
        np.add.at(sums, where, residual)
        variance += count / (count - 1) * (sums**2).sum(0)
    return _NORMAL_95 * np.sqrt(variance) / len(scores)


def keypoint_shares(
    queries: Sequence[QueryErrors], thresholds: Sequence[float]
) -> dict[str, dict[str, dict[str, float | int]]]:
    """PCK of every keypoint of every category over the queries it counts in.

    Returns:
        ``[category][keypoint]`` -> ``PCK@<t>`` of each threshold, ``NME``
        (mean error of those that were predicted, -1 without any) and
        ``count``. Keypoints that never count are left out.
    """
    errors: dict[str, dict[str, list[float]]] = defaultdict(dict)
    for query in queries:
        for index in np.flatnonzero(query.counted):
            found = errors[query.category].setdefault(query.names[index], [])
            found.append(float(query.errors[index]))
    return {
        category: {
            name: _share(np.array(values), thresholds)
            for name, values in keypoints.items()
        }
        for category, keypoints in errors.items()
    }


def _share(
    errors: np.ndarray, thresholds: Sequence[float]
) -> dict[str, float | int]:
    finite = errors[np.isfinite(errors)]
    row: dict[str, float | int] = {
        f'PCK@{t:g}': float((errors < t).mean()) for t in thresholds
    }
    row['NME'] = float(finite.mean()) if len(finite) else -1.0
    row['count'] = len(errors)
    return row


def normalised_mean_error(queries: Sequence[QueryErrors]) -> float:
    """Mean over queries of the mean error of their counted keypoints.

    Empty queries and those without a prediction have no error and are left
    out; -1 if nothing is left.
    """
    means = [
        query.errors[query.counted].mean()
        for query in queries
        if not query.is_empty
    ]
    means = [mean for mean in means if np.isfinite(mean)]
    return float(np.mean(means)) if means else -1.0
