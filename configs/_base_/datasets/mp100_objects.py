# Objects of MP-100's training categories for CPT, each cut out as a query is.
# MP100_SPLIT in the environment chooses the split, as in cape_mp100.py. Two
# processes make the paper's batch of 8.
base_split = '{{$MP100_SPLIT:1}}'
base_name = base_split if 'super' in base_split else f'split{base_split}'
base_file = f'annotations/mp100_{base_name}_train.json'

train_dataloader = dict(
    batch_size=4,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='EpisodeDataset',
        dataset=dict(
            type='MP100Dataset',
            data_root='data/mp100/',
            ann_file=base_file,
            data_prefix=dict(img='images'),
        ),
        episodes=dict(shots=1, queries=1, num_episodes=20000),
        frame='crop',
        input_size=512,
        pipeline=[dict(type='PackPromptInputs')],
    ),
)
