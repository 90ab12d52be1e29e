# Episodes of MP-100's test categories; freeze them first, for example
#   python tools/dataset_converters/freeze_episodes.py \
#       data/mp100/annotations/mp100_split1_test.json --format mp100 \
#       --image-root data/mp100/images --shots 1 \
#       --out data/mp100/episodes/mp100_split1_test_1shot.json
# MP100_SPLIT in the environment chooses: 1 to 5, or super_human_body,
# super_human_face, super_vehicle, super_furniture, whose files are made by
#   python tools/dataset_converters/mp100_super.py data/mp100/annotations
split = '{{$MP100_SPLIT:1}}'
test_name = f'mp100_{split if "super" in split else "split" + split}_test'
episode_list = f'data/mp100/episodes/{test_name}'

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
            type='MP100Dataset',
            data_root='data/mp100/',
            ann_file=f'annotations/{test_name}.json',
            data_prefix=dict(img='images'),
        ),
        episodes=f'{episode_list}_1shot.json',
        frame='crop',
        pipeline=[dict(type='PackPromptInputs')],
    ),
)
test_evaluator = dict(type='CapePCK')
test_cfg = dict()
