# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
from dataclasses import asdict

import pytest
import torch

from projects.common.structures import KeypointCategory
from projects.common.utils.learnt import Learnt

MOUSE = KeypointCategory(
    'mouse',
    ('snout', 'left ear', 'right ear'),
    skeleton=((0, 1), (0, 2)),
    swap_pairs=((1, 2),),
    sigmas=(0.1, 0.2, 0.2),
    mirror_safe=False,
)


def test_what_a_checkpoint_says_comes_back(tmp_path):
    learnt = Learnt((MOUSE,), 0.25)
    path = tmp_path / 'model.pth'
    torch.save({'state_dict': {}, 'meta': learnt.to_meta()}, path)
    assert Learnt.of_file(path) == learnt
    torch.save({'weight': torch.ones(1)}, path)  # bare weights
    assert Learnt.of_file(path) == Learnt()


def test_checkpoints_of_earlier_versions():
    other = KeypointCategory('Mouse', ('wheel',))
    meta = {'dataset_meta': {'categories': (asdict(MOUSE), asdict(other))}}
    # The two cannot be asked for together: the first counts.
    assert Learnt.of_meta(meta) == Learnt((MOUSE,))
    assert Learnt.of_meta({'dataset_meta': None}) == Learnt()
    assert Learnt().to_meta() == {}


@pytest.mark.parametrize(
    'meta, message',
    [
        ({'categories': [{'name': 'a'}]}, "missing 1 required .* 'keypoints'"),
        ({'categories': [3]}, 'must be a mapping'),
        ({'score_thr': 2}, 'score_thr is 2, not 0 to 1'),
    ],
)
def test_damaged(meta, message):
    with pytest.raises(ValueError, match=f'is damaged: .*{message}'):
        Learnt.of_meta(meta)
