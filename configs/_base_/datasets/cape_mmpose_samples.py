# Episodes of the few pictures in mmpose's tests/data: person, macaque, fly,
# locust, hand and dress. How to make them: docs/guides/episodes.md.
episode_list = 'data/mmpose_samples/episodes/test'

test_dataloader = dict(
    batch_size=15,  # the queries of an episode
    num_workers=2,
    persistent_workers=False,
    drop_last=False,
    sampler=dict(type='EpisodeSampler'),
    batch_sampler=dict(type='EpisodeBatchSampler'),
    dataset=dict(
        type='EpisodeDataset',
        dataset=dict(
            type='PromptCocoDataset',
            data_root='data/mmpose_samples/',
            ann_file='annotations/test.json',
            data_prefix=dict(img=''),
        ),
        episodes=f'{episode_list}_1shot.json',
        frame='crop',
        pipeline=[dict(type='PackPromptInputs')],
    ),
)
test_evaluator = dict(type='CapePCK')
test_cfg = dict()
