# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""The thirteen data sets that MP-100 takes its pictures from."""

from __future__ import annotations

from dataclasses import dataclass

_AP10K_BODIES = (
    'antelope beaver bison bobcat cat cheetah cow deer dog elephant fox '
    'giraffe gorilla hamster hippo horse leopard lion otter panda panther '
    'pig polar_bear rabbit raccoon rat rhino sheep skunk spider_monkey '
    'squirrel weasel wolf zebra'
)
_CUB_BODIES = 'grebe gull kingfisher sparrow tern warbler woodpecker wren'
_ANIMALWEB_FACES = (
    'alpaca arcticwolf bighornsheep blackbuck bonobo californiansealion '
    'camel capebuffalo capybara chipmunk commonwarthog dassie fallowdeer '
    'fennecfox ferret gentoopenguin gerbil germanshepherddog gibbons '
    'goldenretriever greyseal grizzlybear guanaco klipspringer olivebaboon '
    'onager pademelon proboscismonkey przewalskihorse quokka'
)


@dataclass(frozen=True)
class Part:
    """One of the data sets.

    Attributes:
        name: What ``--source NAME=FOLDER`` calls it.
        title: Its name for people.
        categories: Categories of MP-100 whose pictures are in it.
        page: Where to get it.
        folders: Names that its folder usually has, lower case.
        kind: 'files', 'h5' (frames inside a DeepPoseKit set, named by their
            index) or 'carfusion' (renamed pictures).
        note: What people stumble over.
    """

    name: str
    title: str
    categories: tuple[str, ...]
    page: str
    folders: tuple[str, ...]
    kind: str = 'files'
    note: str = ''


PARTS: tuple[Part, ...] = (
    Part(
        'coco',
        'COCO 2017',
        ('human_body',),
        'https://cocodataset.org/#download',
        ('coco', 'coco2017', 'train2017'),
    ),
    Part(
        '300w',
        '300-W',
        ('human_face',),
        'https://ibug.doc.ic.ac.uk/resources/300-W/',
        ('300w', '300-w'),
    ),
    Part(
        'aflw',
        'AFLW',
        ('amur_tiger_body',),
        'https://www.tugraz.at/institute/icg/research/team-bischof/lrs/'
        'downloads/aflw/',
        ('aflw',),
        note='amur_tiger_body is a misnomer: it holds human faces with 19 '
        'keypoints, so that two definitions of a face are compared',
    ),
    Part(
        'onehand10k',
        'OneHand10K',
        ('human_hand',),
        'https://www.yangangwang.com/papers/WANG-MCC-2018-10.html',
        ('onehand10k',),
    ),
    Part(
        'deepfashion2',
        'DeepFashion2',
        (
            'long_sleeved_dress',
            'long_sleeved_outwear',
            'long_sleeved_shirt',
            'short_sleeved_dress',
            'short_sleeved_outwear',
            'short_sleeved_shirt',
            'shorts',
            'skirt',
            'sling',
            'sling_dress',
            'trousers',
            'vest',
            'vest_dress',
        ),
        'https://github.com/switchablenorms/DeepFashion2',
        ('deepfashion2', 'deepfashion'),
        note='the guide says DeepFashion and means DeepFashion2; its train, '
        'validation and test folders have equal file names, of which the '
        'one with the annotated size is taken, train first',
    ),
    Part(
        'ap10k',
        'AP-10K',
        tuple(f'{name}_body' for name in _AP10K_BODIES.split()),
        'https://github.com/AlexTheBad/AP-10K',
        ('ap-10k', 'ap10k'),
        note='34 categories share its one folder data/',
    ),
    Part(
        'macaque',
        'MacaquePose',
        ('macaque_body',),
        'http://www.pri.kyoto-u.ac.jp/datasets/macaquepose/index.html',
        ('macaque', 'macaquepose', 'macaquepose_v1'),
    ),
    Part(
        'vinegar_fly',
        'Vinegar Fly',
        ('fly_body',),
        'https://github.com/jgraving/DeepPoseKit-Data',
        ('fly', 'vinegar_fly', 'deepposekit_fly'),
        'h5',
        'comes as one h5 file; pictures are named by the index of the frame',
    ),
    Part(
        'desert_locust',
        'Desert Locust',
        ('locust_body',),
        'https://github.com/jgraving/DeepPoseKit-Data',
        ('locust', 'desert_locust'),
        'h5',
        'comes as one h5 file; pictures are named by the index of the frame',
    ),
    Part(
        'cub',
        'CUB-200-2011',
        tuple(f'{name}_body' for name in _CUB_BODIES.split()),
        'http://www.vision.caltech.edu/datasets/cub_200_2011/',
        ('cub', 'cub_200_2011', 'cub-200-2011'),
    ),
    Part(
        'carfusion',
        'CarFusion',
        ('bus', 'car', 'suv'),
        'http://www.cs.cmu.edu/~ILIM/projects/IM/CarFusion/cvpr2018/'
        'index.html',
        ('carfusion', 'carfusion_dataset', 'carfusion_to_coco'),
        'carfusion',
        'MP-100 names its pictures by an image id; convert the annotation '
        'with github.com/dineshreddy91/carfusion_to_coco, whose ids differ '
        'between versions: pictures are found by their annotation first',
    ),
    Part(
        'animalweb',
        'AnimalWeb',
        tuple(f'{name}_face' for name in _ANIMALWEB_FACES.split()),
        'https://fdmaproject.wordpress.com/author/fdmaproject/',
        ('animalweb', 'animal_dataset_v1_clean_check', 'animal_dataset_v1_c'),
    ),
    Part(
        'keypoint5',
        'Keypoint-5',
        ('bed', 'chair', 'sofa', 'swivelchair', 'table'),
        'https://github.com/jiajunwu/3dinn',
        ('keypoint5', 'keypoint-5'),
        note='the link of its page is often dead; all five folders number '
        'their pictures from 1',
    ),
)

#: Category of MP-100 -> the data set it comes from.
PART_OF: dict[str, Part] = {
    category: part for part in PARTS for category in part.categories
}

#: What categories with misleading names hold.
ALIASES: dict[str, str] = {
    'amur_tiger_body': 'human face, 19 keypoints (AFLW)',
    'human_face': 'human face, 68 keypoints (300-W)',
    'fly_body': 'vinegar fly',
    'locust_body': 'desert locust',
}
