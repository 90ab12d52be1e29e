# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""Sets outside UniKPT that come as COCO json in mmpose's layout.

Each is a schema of ``data/more_sets.yml``, which takes the keypoints from
mmpose's metainfo, and a few lines here.
"""

from projects.unikpt.coco_reader import CocoSource
from projects.unikpt.records import SourcePicture
from projects.unikpt.source import register_source

_DEEPPOSEKIT = """\
@article{graving2019deepposekit,
  title={DeepPoseKit, a Software Toolkit for Fast and Robust Animal Pose
    Estimation Using Deep Learning},
  author={Graving, Jacob M and Chae, Daniel and Naik, Hemal and Li, Liang and
    Koger, Benjamin and Costelloe, Blair R and Couzin, Iain D},
  journal={eLife},
  volume={8},
  year={2019}
}"""


@register_source
class Zebra(CocoSource):
    """Grevy's zebras from above."""

    name = 'zebra'
    title = "Grevy's Zebra"
    licence = 'See the page.'
    page = 'https://github.com/jgraving/DeepPoseKit-Data'
    bibtex = _DEEPPOSEKIT
    tree = """\
zebra
|-- annotations
|   |-- zebra_train.json
|   `-- zebra_test.json
`-- images/0.jpg ..."""
    annotations = {
        'train': ('annotations/zebra_train.json',),
        'test': ('annotations/zebra_test.json', 'test_zebra.json'),
    }
    optional = frozenset({'train'})
    folders = ('images', '')


@register_source
class Horse10(CocoSource):
    """Horses from the side."""

    name = 'horse10'
    title = 'Horse-10'
    licence = 'Non-commercial use only.'
    page = 'http://www.mackenziemathislab.org/horse10'
    bibtex = """\
@inproceedings{mathis2021pretraining,
  title={Pretraining Boosts Out-of-Domain Robustness for Pose Estimation},
  author={Mathis, Alexander and Biasi, Thomas and Schneider, Steffen and
    Yuksekgonul, Mert and Rogers, Byron and Bethge, Matthias and Mathis,
    Mackenzie W},
  booktitle={Proceedings of the IEEE/CVF Winter Conference on Applications of
    Computer Vision},
  year={2021}
}"""
    tree = """\
horse10
|-- annotations
|   |-- horse10-train-split1.json
|   `-- horse10-test-split1.json
`-- labeled-data/BrownHorseinShadow/0244.png ..."""
    annotations = {
        'train': ('annotations/horse10-train-split1.json',),
        'test': ('annotations/horse10-test-split1.json', 'test_horse10.json'),
    }
    optional = frozenset({'train'})

    def group(self, picture: SourcePicture) -> str:
        """Its video; see :meth:`Source.group`."""
        return picture.file.rpartition('/')[0]


@register_source
class Aflw(CocoSource):
    """Human faces with nineteen points."""

    name = 'aflw'
    title = 'AFLW'
    licence = 'For research only, on request.'
    page = 'http://lrs.icg.tugraz.at/research/aflw/'
    bibtex = """\
@inproceedings{koestinger2011annotated,
  title={Annotated Facial Landmarks in the Wild: A Large-scale, Real-world
    Database for Facial Landmark Localization},
  author={Koestinger, Martin and Wohlhart, Paul and Roth, Peter M and Bischof,
    Horst},
  booktitle={IEEE International Conference on Computer Vision Workshops},
  year={2011}
}"""
    tree = """\
aflw
|-- annotations
|   |-- face_landmarks_aflw_train.json
|   `-- face_landmarks_aflw_test.json
`-- images/flickr/0/image00002.jpg ..."""
    annotations = {
        'train': ('annotations/face_landmarks_aflw_train.json',),
        'test': (
            'annotations/face_landmarks_aflw_test.json',
            'test_aflw.json',
        ),
    }
    optional = frozenset({'train'})
    folders = ('images', 'images/flickr', '')
    renames = {'face': 'person face'}
    visible = 1


@register_source
class Wflw(CocoSource):
    """Human faces with 98 points."""

    name = 'wflw'
    title = 'WFLW'
    licence = 'For non-commercial research.'
    page = 'https://wywu.github.io/projects/LAB/WFLW.html'
    bibtex = """\
@inproceedings{wu2018look,
  title={Look at Boundary: A Boundary-Aware Face Alignment Algorithm},
  author={Wu, Wayne and Qian, Chen and Yang, Shuo and Wang, Quan and Cai, Yici
    and Zhou, Qiang},
  booktitle={Proceedings of the IEEE/CVF Conference on Computer Vision and
    Pattern Recognition},
  year={2018}
}"""
    tree = """\
wflw
|-- annotations
|   |-- face_landmarks_wflw_train.json
|   `-- face_landmarks_wflw_test.json
`-- images/0--Parade/0_Parade_marchingband_1_1015.jpg ..."""
    annotations = {
        'train': ('annotations/face_landmarks_wflw_train.json',),
        'test': (
            'annotations/face_landmarks_wflw_test.json',
            'test_wflw.json',
        ),
    }
    optional = frozenset({'train'})
    folders = ('images', '')
    renames = {'face': 'dense human face'}
    visible = 1
