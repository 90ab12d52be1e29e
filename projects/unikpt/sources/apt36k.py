# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""APT-36K: animals of 30 kinds in short clips, with tracks."""

from projects.unikpt.coco_reader import CocoSource
from projects.unikpt.records import SourcePicture
from projects.unikpt.source import register_source


@register_source
class APT36K(CocoSource):
    r"""APT-36K; ``track_id`` and ``video_id`` become attributes.

    The release has one annotation file without a split, whose pictures are
    named by paths of its authors' machine ('D:\...'), with spelling
    mistakes that the folders do not share. The frames of a clip go into the
    same split.
    """

    name = 'apt36k'
    title = 'APT-36K'
    licence = 'MIT as its page says; the frames come from YouTube.'
    page = 'https://github.com/pandorgan/APT-36K'
    bibtex = """\
@inproceedings{yang2022apt,
  title={{APT-36K}: A Large-scale Benchmark for Animal Pose Estimation and
    Tracking},
  author={Yang, Yuxiang and Yang, Junjie and Xu, Yufei and Zhang, Jing and
    Lan, Long and Tao, Dacheng},
  booktitle={Advances in Neural Information Processing Systems},
  year={2022}
}"""
    tree = """\
Follow the OneDrive link of the page and unpack:
AP-36k-patr1
|-- apt36k_annotations.json  (or in a folder annotations)
|-- 1deer
|   `-- <clip>/<frame>.jpg ...
`-- 2... (30 folders)
The split files train_annotations_1.json and val_annotations_1.json of
ViTPose are read instead where annotations/ has them."""
    paper = dict(
        keypoints=17,
        categories=30,
        images=36000,
        instances=53006,
        unified_images=36000,
        unified_instances=53006,
    )
    annotations = {
        'train': (
            'annotations/train_annotations_1.json',
            'apt36k_annotations.json',
            'annotations/apt36k_annotations.json',
            'AP-36k-patr1/apt36k_annotations.json',
        ),
        'val': ('annotations/val_annotations_1.json',),
    }
    optional = frozenset({'val'})
    folders = ('', 'AP-36k-patr1', 'data')
    spellings = {
        'howling-monkey': 'howler-monkey',
        'raccon': 'raccoon',
        'hourse': 'horse',
    }
    renames = {'raccon': 'raccoon', 'hourse': 'horse'}
    kept = ('track_id', 'video_id')

    def group(self, picture: SourcePicture) -> str:
        """Its clip; see :meth:`Source.group`."""
        return picture.file.rpartition('/')[0]
