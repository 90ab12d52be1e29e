# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""300-W: the 68 points of human faces."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from projects.unikpt.coco_reader import CocoSource
from projects.unikpt.reading import as_keypoints, read_pts
from projects.unikpt.records import SourceInstance, SourcePicture
from projects.unikpt.source import Report, SourceFiles, register_source

_COUNT = 68
_TOPS = ('', 'images/')
_PARTS = {
    'train': ('afw', 'helen/trainset', 'lfpw/trainset'),
    'val': ('helen/testset', 'ibug', 'lfpw/testset'),
    'test': (
        *('Test/01_Indoor', 'Test/02_Outdoor'),
        *('300W/01_Indoor', '300W/02_Outdoor'),
    ),
}
_SUFFIXES = ('.jpg', '.png', '.jpeg', '.bmp')


@register_source
class Face300W(CocoSource):
    """300-W, from its own ``.pts`` files or from mmpose's json.

    The split is the customary one: AFW and the training parts of HELEN and
    LFPW train; IBUG and their test parts validate; the 600 pictures of the
    challenge test. ``.pts`` files count pixels from 1 and have no boxes.
    """

    name = '300w'
    title = '300W-Face'
    licence = 'For research only, not for commercial use.'
    page = 'https://ibug.doc.ic.ac.uk/resources/300-W/'
    bibtex = """\
@article{sagonas2016300,
  title={300 Faces In-The-Wild Challenge: Database and Results},
  author={Sagonas, Christos and Antonakos, Epameinondas and Tzimiropoulos,
    Georgios and Zafeiriou, Stefanos and Pantic, Maja},
  journal={Image and Vision Computing},
  volume={47},
  pages={3--18},
  year={2016}
}"""
    tree = """\
Download AFW, HELEN, IBUG, LFPW and the 300-W test set from the page, each
with its .pts files, and unpack into one folder (or into its folder images):
300w
|-- afw
|   `-- 134212_1.jpg, 134212_1.pts ...
|-- helen
|   |-- trainset
|   `-- testset
|-- ibug
|-- lfpw
|   |-- trainset
|   `-- testset
`-- Test  (or 300W)
    |-- 01_Indoor
    `-- 02_Outdoor
mmpose's annotations/face_landmarks_300w_{train,valid,test}.json are read
instead where they are; they have boxes."""
    paper = dict(
        keypoints=68,
        categories=1,
        images=3837,
        instances=4437,
        unified_images=3837,
        unified_instances=4437,
    )
    annotations = {
        'train': ('annotations/face_landmarks_300w_train.json',),
        'val': ('annotations/face_landmarks_300w_valid.json',),
        'test': (
            'annotations/face_landmarks_300w_test.json',
            'test_300w.json',
        ),
    }
    folders = ('images', '')
    visible = 1

    def find(self, root: Path) -> SourceFiles:
        """See :meth:`Source.find`; ``.pts`` where there is no json."""
        files = super().find(root)
        found, missing = dict(files.found), dict(files.missing)
        for split, patterns in files.missing.items():
            globs = [f'{t}{f}/*.pts' for t in _TOPS for f in _PARTS[split]]
            points = [p for g in globs for p in Path(root).glob(g)]
            if points:
                found[split] = tuple(sorted(points))
                del missing[split]
            else:
                missing[split] = (*patterns, *_PARTS[split])
        return SourceFiles(found, missing)

    def read_split(
        self, root: Path, path: Path, split: str, report: Report
    ) -> Iterator[SourcePicture]:
        """See :meth:`CocoSource.read_split`."""
        if path.suffix == '.json':
            yield from super().read_split(root, path, split, report)
            return
        points = read_pts(path, _COUNT, report)
        if points is None:
            return
        where = path.relative_to(root).as_posix()
        # They count from 1, as MATLAB does.
        values = np.column_stack([points - 1, np.full(_COUNT, 2)])
        keypoints = as_keypoints(values, _COUNT, 2, where, report)
        face = SourceInstance(where, 'human face', keypoints, None)
        yield SourcePicture(_picture_of(path, root), split, (face,))


def _picture_of(path: Path, root: Path) -> str:
    """The picture beside a ``.pts`` file, relative to the root."""
    pictures = [path.with_suffix(suffix) for suffix in _SUFFIXES]
    there = [p for p in pictures if p.is_file()]
    return (there or pictures)[0].relative_to(root).as_posix()
