# A few real pictures of mouse (4 keypoints), fly (32) and persons (17), see
# docs/dataset_zoo/realmini.md. Made by
#   python tools/dataset_converters/realmini.py REALDATA --out data/realmini
dataset_type = 'PromptCocoDataset'
data_root = 'data/realmini/'
train_ann_file = 'annotations/train.json'
val_ann_file = 'annotations/val.json'
data_prefix = dict(img='')

train_pipeline = [
    dict(type='LoadImage'),
    dict(type='RandomFlipKeypoints', prob=0.5),
    dict(type='RandomRotateKeypoints', max_degrees=30, prob=0.5),
    dict(
        type='RandomCropKeypoints',
        size_range=(0.6, 1.0),
        prob=0.5,
        min_box_area=0.5,
    ),
    dict(
        type='RandomChoiceResize',
        scales=[(192, 192), (224, 224), (256, 256)],
        resize_type='ResizeKeypoints',
        keep_ratio=True,
    ),
    dict(type='mmdet.PhotoMetricDistortion'),
    dict(type='SamplePromptCategories', mode='train', num_negatives=(0, 2)),
    dict(type='PackPromptInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='ResizeKeypoints', scale=(256, 256), keep_ratio=True),
    dict(type='SamplePromptCategories', mode='all'),
    dict(type='PackPromptInputs'),
]

train_dataloader = dict(
    batch_size=4,
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
    type='PromptKeypointMetric',
    ann_file=data_root + val_ann_file,
    pck_thr=[0.1, 0.2],
)
test_evaluator = val_evaluator
