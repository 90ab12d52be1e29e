# Episodes of categories that training has not seen: the test part of split 1
# of SynthKPT, 1 shot, queries cut out by their boxes. Another split or number
# of shots: another ann_file and episodes, which belong together. The lists
# were written by tools/dataset_converters/freeze_episodes.py.
episode_root = 'configs/_base_/episodes/'

test_dataloader = dict(
    batch_size=15,  # the queries of an episode
    num_workers=2,
    persistent_workers=False,
    drop_last=False,
    sampler=dict(type='EpisodeSampler'),
    dataset=dict(
        type='EpisodeDataset',
        dataset=dict(
            type='PromptCocoDataset',
            data_root='data/synthkpt/',
            ann_file='annotations/synthmp_split1_test.json',
            data_prefix=dict(img=''),
        ),
        episodes=episode_root + 'synthmp_split1_test_1shot.json',
        frame='crop',
        pipeline=[dict(type='PackPromptInputs')],
    ),
)
test_evaluator = dict(type='CapePCK')
test_cfg = dict()
