# Copyright (c) AnyKeypoint contributors. SPDX-License-Identifier: Apache-2.0
import json
from collections import Counter

import numpy as np
import pytest
from mmengine.registry import init_default_scope

from projects.common.datasets import (
    PromptCocoDataset,
    SamplePromptCategories,
    Selection,
    SourceDatasets,
    UniKPTDataset,
    selection,
)
from tests.unikpt_content import PICTURES, content, write

ANN = 'annotations/unikpt_train.json'


@pytest.fixture
def root(tmp_path):
    init_default_scope('mmpose')
    write(tmp_path)
    return tmp_path


def dataset(root, **kwargs):
    # Serialising collects garbage, which is slow.
    kwargs.setdefault('serialize_data', False)
    return UniKPTDataset(
        ann_file=ANN,
        data_root=str(root),
        data_prefix={'img': 'images'},
        **kwargs,
    )


def counted(part):
    return tuple(
        len(part[key]) for key in ('images', 'annotations', 'categories')
    )


@pytest.mark.parametrize(
    'select, counts',
    [
        ({}, (12, 14, 8)),
        # Three pictures, one of them without an object.
        ({'sources': ['streets']}, (3, 3, 1)),
        ({'sources': ['ZOO', 'farm']}, (6, 8, 4)),
        # The farm's dog is not of the zoo, the zoo's category is the farm's.
        ({'sources': ['farm']}, (2, 2, 2)),
        # Pictures 7, 8 and 10; of the last one only its cat.
        ({'sources': ['zoo'], 'families': ['Felidae']}, (3, 4, 2)),
        ({'sources': ['zoo'], 'families': ['canidae']}, (2, 2, 1)),
        ({'families': ['Felidae', 'Bovidae']}, (5, 6, 4)),
        ({'supercategories': ['clothes']}, (1, 1, 1)),
    ],
)
def test_selected_records_counted_by_hand(select, counts):
    part = Selection(**select).apply(content(), 'x.json')
    assert counted(part) == counts
    ids = {image['id'] for image in part['images']}
    assert {a['image_id'] for a in part['annotations']} <= ids


def test_what_cannot_be_selected_is_said(monkeypatch):
    messages = []
    monkeypatch.setattr(
        selection, 'print_log', lambda text, **_: messages.append(text)
    )
    Selection(sources=['zoo', 'moon']).apply(content(), 'x.json')
    (message,) = messages
    assert message.startswith('partial: x.json has no pictures of moon;')
    with pytest.raises(ValueError, match='has 0 pictures and 0 categories'):
        Selection(sources=['moon']).apply(content(), 'x.json')
    with pytest.raises(ValueError, match='0 pictures and 0 categories'):
        Selection(families=['Ursidae']).apply(content(), 'x.json')
    with pytest.raises(ValueError, match='families of a selection is empty'):
        Selection(families=[])
    plain = content()
    del plain['images'][4]['source']
    with pytest.raises(ValueError, match='images 5 has no "source"'):
        Selection(sources=['zoo']).apply(plain, 'x.json')


def test_bad_references_stay_to_be_refused():
    whole = content()
    bad = [a for a in whole['annotations'] if a['image_id'] == 8]
    bad[0]['category_id'] = 99
    bad[1]['image_id'] = 98
    part = Selection(sources=['zoo']).apply(whole, 'x.json')
    assert all(annotation in part['annotations'] for annotation in bad)


def test_plain_data_set_opens_the_same_file(root):
    ours = dataset(root, serialize_data=True)
    plain = PromptCocoDataset(
        ann_file=ANN, data_root=str(root), data_prefix={'img': 'images'}
    )
    assert ours.categories == plain.categories
    assert len(ours) == len(plain) == len(PICTURES)
    for index, (source, names) in enumerate(PICTURES):
        info = ours.get_data_info(index)
        assert info['source'] == source
        info.pop('never_negative')
        assert [ours.categories[i].name for i in info['gt_labels']] == names
        for key, value in plain.get_data_info(index).items():
            np.testing.assert_array_equal(info[key], value)
    assert ours.picture_sources == tuple(source for source, _ in PICTURES)


def test_vocabulary_is_that_of_the_sources(root):
    part = dataset(root, select={'sources': ['zoo', 'shop']})
    names = [category.name for category in part.categories]
    assert names == ['shirt', 'cat', 'lion', 'dog']
    assert part.picture_sources == ('shop', *['zoo'] * 4)
    assert part.get_data_info(0)['gt_keypoints'].shape == (1, 4, 3)


NEVER = {
    # Persons have faces, which are not labelled; clothes by configuration.
    1: {'human face', 'shirt'},
    3: set(),  # nothing is known to be there
    4: {'person', 'shirt'},
    # Felidae of other sources: a cat is a cat, a lion may be.
    5: {'cat', 'lion'},
    6: {'person', 'human face'},
    # Lions are of the zoo's own vocabulary: it would have labelled one.
    7: {'cat face'},
    8: {'cat face'},
    9: set(),
    11: set(),
    12: set(),
}


def test_possible_categories_are_never_negatives(root):
    whole = dataset(root, inseparable=[['human', 'clothes']])
    names = np.array([category.name for category in whole.categories])
    for number, never in NEVER.items():
        info = whole.get_data_info(number - 1)
        assert set(names[info['never_negative']]) == never, number
    # Only the configuration knows that persons have faces.
    info = dataset(root).get_data_info(0)
    assert set(names[info['never_negative']]) == set()


def test_different_species_of_a_family_are_told_apart(root):
    changed = content()
    face = changed['categories'][-1]
    face.update(object='tiger', taxonomy={'family': 'Felidae'})
    for species, never in (
        ('', {'cat', 'lion'}),
        ('Panthera tigris', set()),
        ('Panthera leo', {'lion'}),
    ):
        face['taxonomy']['species'] = species
        write(root, categories=changed['categories'])
        whole = dataset(root)
        info = whole.get_data_info(4)
        names = [whole.categories[i].name for i in info['never_negative']]
        assert set(names) == never


def test_negatives_come_from_other_sources_but_not_those(root):
    whole = dataset(root, inseparable=[['human', 'clothes']])
    transform = SamplePromptCategories(num_negatives=(2, 2))
    seen = Counter()
    np.random.seed(0)
    for _ in range(200):
        results = transform(whole.get_data_info(0))
        seen.update(results['prompts'].names)
        index = results['gt_labels'][0]
        assert results['prompts'].names[index] == 'person'
    assert seen.pop('person') == 200
    assert set(seen) == {'cat', 'lion', 'dog', 'cow', 'cat face'}
    assert sum(seen.values()) == 400
    assert min(seen.values()) > 400 / 5 * 0.7


def test_examples_are_other_pictures_of_the_same_selection(root):
    steps = [
        {'type': 'LoadImage'},
        {'type': 'SamplePromptCategories', 'num_negatives': (0, 0)},
        {
            'type': 'SampleSupports',
            'modality_probs': {'visual': 1.0},
            'size': 32,
        },
        {'type': 'PackPromptInputs'},
    ]
    part = dataset(
        root,
        select={'sources': ['zoo']},
        pool={'min_visible': 2},
        pipeline=steps,
    )
    pool = part.pipeline.transforms[2].pool
    assert pool.dataset is part
    # Of the farm's and the zoo's dogs only those of the zoo.
    assert pool.counts == {'cat': 3, 'lion': 1, 'dog': 2}
    for index in range(len(part)):
        sample = part[index]['data_samples']
        own = sample.img_id
        for shots, category in zip(
            sample.prompts.supports, sample.prompts.categories
        ):
            assert all(shot.image_id != own for shot in shots)
            assert len(shots) == (0 if category.name == 'lion' else 1)
    assert 'pool' not in steps[2]


def test_a_file_without_sources_is_refused(root):
    plain = content()
    for record in plain['categories']:
        del record['sources']
    write(root, categories=plain['categories'])
    with pytest.raises(ValueError, match='categories 1 has no "sources"'):
        dataset(root)


def benchmark(name, ask='all', **kwargs):
    return {
        'ann_file': f'annotations/{name}_val.json',
        'examples': ANN,
        'ask': ask,
        **kwargs,
    }


STEPS = [
    {'type': 'LoadImage'},
    {'type': 'SamplePromptCategories'},
    {'type': 'PackPromptInputs'},
]


def sources(root, benchmarks, **kwargs):
    common = {
        'type': 'PromptCocoDataset',
        'data_root': str(root),
        'data_prefix': {'img': 'images'},
        'test_mode': True,
        'serialize_data': False,
    }
    return SourceDatasets(benchmarks, common, **{'pipeline': STEPS, **kwargs})


@pytest.fixture
def per_source(root):
    whole = content()
    for name in ('zoo', 'farm'):
        part = Selection(sources=[name]).apply(whole, '')
        path = root / 'annotations' / f'{name}_val.json'
        path.write_text(json.dumps(part))
    return root


def test_every_source_asks_for_its_own(per_source):
    both = sources(
        per_source,
        {
            'zoo': benchmark('zoo'),
            'farm': benchmark('farm', 'present'),
            'big cats': benchmark('zoo', 'present'),  # the same file again
            'not built': benchmark('moon'),
        },
    )
    asked = [both[i]['data_samples'].prompts.names for i in range(len(both))]
    of_zoo = ('cat', 'lion', 'dog')
    assert asked == [of_zoo] * 4 + [('dog',), ('cow',)]


def test_benchmarks_by_name(per_source, monkeypatch):
    messages = []
    monkeypatch.setattr(
        'projects.common.datasets.benchmarks.print_log',
        lambda text, **_: messages.append(text),
    )
    known = {'zoo': benchmark('zoo'), 'moon': benchmark('moon')}
    assert len(sources(per_source, known, names='zoo')) == 4
    assert messages == []
    assert len(sources(per_source, known)) == 4
    assert messages == [
        'partial: SourceDatasets goes without moon, not built.'
    ]
    with pytest.raises(FileNotFoundError, match='none of .*moon_val.json exi'):
        sources(per_source, known, names='moon')
    with pytest.raises(ValueError, match='no benchmark .zo. .*mean zoo'):
        sources(per_source, known, names='zo')


def test_examples_of_a_benchmark(per_source):
    step = {'type': 'FixedSupports', 'size': 32, 'text_instead': True}
    zoo = sources(
        per_source,
        {'zoo': benchmark('zoo', examples='annotations/zoo_val.json')},
        pipeline=[*STEPS[:-1], step, STEPS[-1]],
        pool={'min_visible': 3},
    )
    # The only picture with a lion is no example for itself.
    for index, modalities in enumerate(
        [('visual',) * 3, ('visual', 'text', 'visual')]
    ):
        prompts = zoo[index]['data_samples'].prompts
        assert prompts.names == ('cat', 'lion', 'dog')
        assert prompts.modalities == modalities
