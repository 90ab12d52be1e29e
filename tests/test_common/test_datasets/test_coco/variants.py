# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
"""A small COCO file and how annotation tools write it otherwise.

Three pictures, a mouse in each of the first two (twice in the first), and a
crowd in the third.
"""

import copy

MOUSE = {
    'id': 1,
    'name': 'mouse',
    'supercategory': 'animal',
    'keypoints': ['nose', 'left_ear', 'right_ear'],
    'skeleton': [[1, 2], [1, 3]],
}


def annotation(number, image, keypoints, **more):
    """A complete annotation whose box is x 10, y 10, 20 wide, 16 high."""
    return {
        'id': number,
        'image_id': image,
        'category_id': 1,
        'bbox': [10, 10, 20, 16],
        'area': 200,
        'iscrowd': 0,
        'keypoints': keypoints,
        'num_keypoints': sum(v > 0 for v in keypoints[2::3]),
        **more,
    }


CONTENT = {
    'images': [
        {'id': i, 'file_name': f's{i}/p{i}.png', 'width': 64, 'height': 48}
        for i in (1, 2, 3)
    ],
    'categories': [MOUSE],
    'annotations': [
        annotation(11, 1, [12, 14, 2, 20, 12, 1, 0, 0, 0]),
        annotation(12, 1, [15, 15, 2, 20, 20, 2, 25, 15, 2]),
        annotation(13, 2, [20, 15, 2, 12, 12, 2, 28, 12, 2]),
        annotation(14, 3, [0] * 9, iscrowd=1),
    ],
}


def each(part, **values):
    """A change of all records of a part; a callable is given the value."""

    def change(content):
        for record in content[part]:
            for key, value in values.items():
                old = record.get(key)
                record[key] = value(old) if callable(value) else value

    return change


def one(part, index=0, **values):
    """A change of one record; callables as for :func:`each`."""

    def change(content):
        each('x', **values)({'x': [content[part][index]]})

    return change


def without(part, *keys):
    """Take keys out of all records of a part."""

    def change(content):
        for record in content[part]:
            for key in keys:
                record.pop(key, None)

    return change


def more(part, *records):
    """Add records to a part."""

    def change(content):
        content[part].extend(copy.deepcopy(records))

    return change


def text_ids(content):
    """All ids and references as text, as some exporters write them."""
    each('categories', id=str)(content)
    each('images', id=str)(content)
    each('annotations', id=str, image_id=str, category_id=str)(content)


def float_ids(content):
    """As pandas writes a table with gaps."""
    each('images', id=float)(content)
    each('annotations', id=float, image_id=float)(content)


def named_images(content):
    """Image ids that are file names without their ends."""
    each('images', id='p{}'.format)(content)
    each('annotations', image_id='p{}'.format)(content)


def zero_ids(content):
    """Everything counted from 0."""
    each('categories', id=0)(content)
    each('images', id=lambda i: i - 1)(content)
    each(
        'annotations',
        id=lambda i: i - 11,
        image_id=lambda i: i - 1,
        category_id=0,
    )(content)


def visible_is_one(content):
    """Visibility 0 or 1."""
    for record in content['annotations']:
        flat = record['keypoints']
        flat[2::3] = [int(v > 0) for v in flat[2::3]]


def nested(content):
    """Keypoints as triples."""
    for record in content['annotations']:
        flat = record['keypoints']
        record['keypoints'] = [flat[i : i + 3] for i in range(0, 9, 3)]


def boxes_only_category(content):
    """CVAT: a label for boxes beside the skeleton's."""
    content['categories'].append({'id': 2, 'name': 'box', 'keypoints': []})
    content['annotations'].append(
        {'id': 15, 'image_id': 1, 'category_id': 2, 'bbox': [1, 1, 5, 5]}
    )


def roboflow(content):
    """Roboflow: a super-category with id 0 and no keypoints."""
    content['categories'].insert(
        0, {'id': 0, 'name': 'mice-abcd', 'supercategory': 'none'}
    )


def minimal(content):
    """What a script of one's own writes."""
    without('annotations', 'area', 'iscrowd', 'num_keypoints')(content)
    content['annotations'].pop()  # a crowd cannot be told any more


# name: (change, what is mended: (count, beginning of the text), ...)
MENDED = {
    'plain': (lambda content: None, ()),
    'unicode': (one('categories', name='мышь'), ()),
    'run-length masks': (
        one('annotations', 3, segmentation={'counts': [3072], 'size': [48]}),
        (),
    ),
    'ids from 0': (zero_ids, ()),
    'skeleton from 0': (
        one('categories', skeleton=[[0, 1], [0, 2]]),
        (),
    ),
    'text ids': (text_ids, ((12, 'ids written as text'),)),
    'float ids': (float_ids, ((11, 'ids written as text'),)),
    'images named': (
        named_images,
        ((3, 'image ids that are no numbers'), (4, 'ids written as text')),
    ),
    'sizes as text': (
        each('images', width=str, height=str),
        ((6, 'widths or heights'),),
    ),
    'minimal': (
        minimal,
        (
            (3, 'annotations without "area"'),
            (3, 'annotations without "iscrowd"'),
            (3, 'annotations without "num_keypoints"'),
        ),
    ),
    'area null': (
        one('annotations', area=None),
        ((1, 'annotations without'),),
    ),
    'iscrowd as text': (
        each('annotations', iscrowd=str),
        ((4, 'iscrowd as text'),),
    ),
    'wrong num_keypoints': (
        one('annotations', num_keypoints=0),
        ((1, 'annotations without "num_keypoints"'),),
    ),
    'visibility 0 and 1': (visible_is_one, ((3, 'visibilities are 0 and 1'),)),
    'no boxes': (
        without('annotations', 'bbox'),
        (
            (3, 'annotations without a box'),
            (1, 'annotations with neither'),
        ),
    ),
    'backslashes': (
        each('images', file_name=lambda n: n.replace('/', '\\')),
        ((3, 'backslashes'),),
    ),
    'two files joined': (
        each('annotations', id=1),
        ((3, 'annotation ids that are missing'),),
    ),
    'annotations without id': (
        without('annotations', 'id'),
        ((4, 'annotation ids that are missing'),),
    ),
    'wrong skeleton': (
        one('categories', skeleton=[[1, 4], [0, 2]]),
        ((1, 'skeletons that'),),
    ),
    'skeleton of names': (
        one('categories', skeleton=[['nose', 'left_ear']]),
        ((1, 'skeletons that'),),
    ),
    'label without keypoints': (
        boxes_only_category,
        (
            (1, 'categories without keypoints'),
            (1, 'annotations of categories without keypoints'),
        ),
    ),
    'roboflow': (roboflow, ((1, 'categories without keypoints'),)),
    'tracks without keypoints': (
        one('annotations', keypoints=[]),
        (
            (1, 'annotations without keypoints'),
            (1, 'annotations without "num_keypoints"'),
        ),
    ),
    'numbers as names': (
        one('categories', keypoints=[0, 1, 2]),
        ((1, 'keypoint names that are numbers'),),
    ),
    'triples': (nested, ((4, 'keypoints as lists'),)),
    'category twice, alike': (
        more('categories', MOUSE),
        ((1, 'categories listed twice'),),
    ),
    'image twice, alike': (
        more('images', CONTENT['images'][0]),
        ((1, 'images listed twice'),),
    ),
}

INF = float('inf')
# name: (change, the sentence after the name of the file, a part of it)
REFUSED = {
    'null entry': (
        more('annotations', None),
        'entry 5 of "annotations" is None; write a record in braces',
    ),
    'duplicate keypoint names': (
        one('categories', keypoints=['nose', 'ear', 'ear']),
        "Category 'mouse' has duplicate keypoint names: 'ear'",
    ),
    'names as one text': (
        one('categories', keypoints='nose,left_ear'),
        "category 'mouse' has the keypoints 'nose,left_ear', which is no list",
    ),
    'category without id': (
        without('categories', 'id'),
        'entry 1 of the category records has the id None; give it a whole',
    ),
    'category without name': (
        without('categories', 'name'),
        'category 1 has the name None; give it a text such as "cat"',
    ),
    'one category id for two': (
        more('categories', {'id': 1, 'name': 'rat', 'keypoints': ['nose']}),
        "category id 1 belongs to 'mouse' and 'rat'; give each category an id",
    ),
    'one name, other keypoints': (
        more('categories', {'id': 2, 'name': 'Mouse', 'keypoints': ['nose']}),
        "The categories 'mouse' and 'Mouse' (ids 1 and 2) have one name but",
    ),
    'only labels without keypoints': (
        without('categories', 'keypoints'),
        '"categories" holds none with keypoints; write the names',
    ),
    'wrong partners': (
        one('categories', swap_pairs=[['nose', 'left_ear']]),
        "category 'mouse' exchanges 'nose' with 'left ear' in swap_pairs, "
        'which their names contradict',
    ),
    'unknown partner': (
        one('categories', swap_pairs=[['left_ear', 'tail']]),
        "swap_pairs names 'tail', which is none of its keypoints",
    ),
    'infinite sigma': (
        one('categories', sigmas=[0.1, 0.1, INF]),
        "the sigma of 'right ear' is inf; sigmas must be positive",
    ),
    'one image id for two': (
        one('images', 1, id=1),
        "image id 1 belongs to 's1/p1.png' and to 's2/p2.png'; give each",
    ),
    'image without width': (
        one('images', width=None),
        'image 1 lacks width; every image needs id, file_name, width and',
    ),
    'width in words': (
        one('images', width='wide'),
        "image 1 has the width 'wide'; write the whole number of pixels",
    ),
    'image name is a number': (
        one('images', file_name=7),
        'image 1 has the file_name 7; write the path of the picture below',
    ),
    'annotation without image_id': (
        without('annotations', 'image_id'),
        'annotation 11 names the image id None, which is not in "images"; add '
        'the image or remove the annotation. 4 in all: annotation 11, '
        'annotation 12, annotation 13, ....',
    ),
    'annotation without category_id': (
        without('annotations', 'category_id'),
        'annotation 11 has the unknown category id None; the file declares [1',
    ),
    'infinite area': (
        one('annotations', area=INF),
        'annotation 11 has the area inf; it must be a finite number of square',
    ),
    'area as text': (
        one('annotations', area='200'),
        "annotation 11 has the area '200'; it must be a finite number",
    ),
    'box that is no number': (
        one('annotations', bbox=[1, 2, float('nan'), 4]),
        'annotation 11 has the bbox [1, 2, nan, 4]; it must be the four',
    ),
    'box drawn backwards': (
        one('annotations', bbox=[30, 26, -20, -16]),
        'annotation 11 has the bbox [30, 26, -20, -16]; it must be the four',
    ),
    'iscrowd in words': (
        one('annotations', iscrowd='no'),
        "annotation 11 has the iscrowd 'no'; write 0 for one object, 1 for a",
    ),
    'keypoint that is no number': (
        one('annotations', keypoints=[INF, 1, 2] * 3),
        'annotation 11 has a keypoint that is not finite or whose visibility',
    ),
    'visibility 3': (
        one('annotations', keypoints=[1, 1, 3] * 3),
        'annotation 11 has a keypoint that is not finite or whose visibility',
    ),
    'keypoints as text': (
        one('annotations', keypoints='1,1,2'),
        "annotation 11 has the keypoints '1,1,2'; write a list of x, y and",
    ),
    'one keypoint too few': (
        one('annotations', keypoints=[1, 1, 2] * 2),
        "annotation 11 has 2 keypoints, but its category 'mouse' names 3",
    ),
    'keypoints outside, no box': (
        one('annotations', bbox=None, keypoints=[900, 900, 2] * 3),
        'annotation 11 has no bbox, and its keypoints lie outside the picture',
    ),
}
