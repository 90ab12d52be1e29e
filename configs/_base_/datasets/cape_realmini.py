# Episodes of real pictures: mouse, fly and person of the small real set, see
# docs/dataset_zoo/realmini.md. Made by
#   python tools/dataset_converters/realmini.py REALDATA --out data/realmini
episode_list = 'configs/_base_/episodes/realmini_val'

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
            data_root='data/realmini/',
            ann_file='annotations/val.json',
            data_prefix=dict(img=''),
        ),
        episodes=f'{episode_list}_1shot.json',
        frame='crop',
        pipeline=[dict(type='PackPromptInputs')],
    ),
)
test_evaluator = dict(type='CapePCK')
test_cfg = dict()
