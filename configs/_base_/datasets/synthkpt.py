# SynthKPT, the procedural data set that ships: pictures of 256 to 480 pixels
# with objects of many categories. Made by
#   python tools/dataset_converters/synthkpt.py --out data/synthkpt
dataset_type = 'PromptCocoDataset'
data_root = 'data/synthkpt/'
train_ann_file = 'annotations/synthkpt_train.json'
val_ann_file = 'annotations/synthkpt_val.json'
data_prefix = dict(img='')
# What mmpose's inferencers ask of a model, and what they prompt it with.
data_mode = 'bottomup'
default_prompt = 'configs/_base_/prompts/synthkpt.json'

# Examples for visual prompts come from the training pictures.
support_size = 96
support_pool = dict(
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file=train_ann_file,
        data_prefix=data_prefix,
    ),
    min_visible=3,
    min_size=24,
)
# To evaluate by example, configs put it in front of PackPromptInputs.
fixed_supports = dict(
    type='FixedSupports',
    pool=support_pool,
    modality='visual',
    shots=1,
    size=support_size,
)

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='RandomFlipKeypoints', prob=0.5),
    dict(
        type='RandomCropKeypoints',
        size_range=(0.6, 1.0),
        prob=0.2,
        min_box_area=0.3,
    ),
    dict(
        type='RandomChoiceResize',
        scales=[(128, 128), (144, 144), (160, 160)],
        resize_type='ResizeKeypoints',
        keep_ratio=True,
    ),
    dict(type='mmdet.PhotoMetricDistortion'),
    dict(
        type='SamplePromptCategories',
        mode='train',
        num_negatives=(4, 20),
        style_prob=0.25,
    ),
    dict(
        type='SampleSupports',
        pool=support_pool,
        modality_probs=dict(text=0.5, visual=0.35, combined=0.15),
        shots=(1, 2),
        size=support_size,
        context=(1.1, 1.5),
        max_negatives=3,
        augment=[
            dict(type='RandomFlipKeypoints', prob=0.5),
            dict(type='RandomRotateKeypoints', max_degrees=20, prob=0.5),
            dict(type='mmdet.PhotoMetricDistortion'),
        ],
    ),
    dict(type='PackPromptInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='ResizeKeypoints', scale=(192, 192), keep_ratio=True),
    dict(type='DefaultPrompt', prompt=default_prompt),
    dict(type='SamplePromptCategories', mode='all'),
    dict(type='PackPromptInputs'),
]

train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='SeededSampler', shuffle=True),
    dataset=dict(
        type='SeededDataset',
        dataset=dict(
            type=dataset_type,
            data_root=data_root,
            ann_file=train_ann_file,
            data_prefix=data_prefix,
            pipeline=train_pipeline,
        ),
    ),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file=val_ann_file,
        data_prefix=data_prefix,
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(
    type='PromptKeypointMetric', ann_file=data_root + val_ann_file
)
test_evaluator = val_evaluator
