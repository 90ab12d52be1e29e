# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""OneHand10K: hands in photographs."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from projects.unikpt.coco_reader import CocoSource
from projects.unikpt.reading import as_keypoints, as_size, read_text
from projects.unikpt.records import SourceInstance, SourcePicture
from projects.unikpt.source import Fault, Report, register_source

_COUNT = 21


@register_source
class OneHand10K(CocoSource):
    """OneHand10K, from its own text files or from mmpose's json.

    A line of ``label_joint.txt`` is name, width, height, number of hands
    and x, y of 21 joints a hand, -1 for a joint that is not seen; it has no
    boxes.
    """

    name = 'onehand10k'
    title = 'OneHand10K'
    licence = 'For non-commercial research, on request.'
    page = 'https://www.yangangwang.com/papers/WANG-MCC-2018-10.html'
    bibtex = """\
@article{wang2018mask,
  title={Mask-pose Cascaded CNN for 2D Hand Pose Estimation from Single Color
    Image},
  author={Wang, Yangang and Peng, Cong and Liu, Yebin},
  journal={IEEE Transactions on Circuits and Systems for Video Technology},
  volume={29},
  number={11},
  pages={3258--3268},
  year={2018}
}"""
    tree = """\
Ask for the set as the page says and unpack:
OneHand10K
|-- Train
|   |-- label_joint.txt
|   `-- source/0.jpg ...
`-- Test
    |-- label_joint.txt
    `-- source/0.jpg ...
mmpose's annotations/onehand10k_{train,test}.json are read instead where they
are; they have boxes."""
    paper = dict(
        keypoints=21,
        categories=1,
        images=11703,
        instances=11289,
        unified_images=2000,
        unified_instances=2000,
    )
    annotations = {
        'train': (
            'annotations/onehand10k_train.json',
            'Train/label_joint.txt',
        ),
        'test': (
            'annotations/onehand10k_test.json',
            'test_onehand10k.json',
            'Test/label_joint.txt',
        ),
    }
    folders = ('', 'Train/source', 'Test/source')
    visible = 1

    def read_split(
        self, root: Path, path: Path, split: str, report: Report
    ) -> Iterator[SourcePicture]:
        """See :meth:`CocoSource.read_split`."""
        if path.suffix == '.json':
            yield from super().read_split(root, path, split, report)
            return
        folder = f'{path.parent.name}/source'
        lines = (read_text(path, report) or '').splitlines()
        for number, line in enumerate(lines, 1):
            if line.strip():
                where = f'{path.parent.name}/{path.name}:{number}'
                yield from _picture(line, folder, split, where, report)


def _picture(
    line: str, folder: str, split: str, where: str, report: Report
) -> Iterator[SourcePicture]:
    name, *texts = line.split(',')
    try:
        width, height, hands, *values = map(float, texts)
        points = np.reshape(values, (int(hands), _COUNT, 2))
    except ValueError as error:
        report(Fault('unreadable record', where, str(error)))
        return
    instances = []
    for i, xy in enumerate(points):
        seen = (xy != -1).all(axis=1, keepdims=True)
        keypoints = as_keypoints(
            np.concatenate([xy, seen], axis=1), _COUNT, 1, where, report
        )
        instances.append(
            SourceInstance(f'{folder}/{name}#{i}', 'hand', keypoints, None)
        )
    yield SourcePicture(
        file=f'{folder}/{name}',
        split=split,
        instances=tuple(instances),
        width=as_size(width),
        height=as_size(height),
    )
