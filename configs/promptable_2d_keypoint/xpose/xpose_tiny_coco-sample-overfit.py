# A check, not a model: the four COCO pictures among mmpose's test data, seen
# again and again without augmentation, must be learnt by heart.
#   MMPOSE_TESTS_DATA=MMPOSE/tests/data bash tools/dist_train.sh CONFIG 2 --amp
_base_ = './xpose_tiny_realmini.py'

data_root = '{{$MMPOSE_TESTS_DATA:data/mmpose_tests_data}}/coco/'
ann_file = 'test_coco.json'

pipeline = [
    dict(type='LoadImage'),
    dict(type='ResizeKeypoints', scale=(256, 256), keep_ratio=True),
    dict(type='SamplePromptCategories', mode='all'),
    dict(type='PackPromptInputs'),
]
sample = dict(
    type='PromptCocoDataset',
    data_root=data_root,
    ann_file=ann_file,
    pipeline=pipeline,
)

# Each process sees two of the pictures per iteration, 50 iterations an epoch.
train_dataloader = dict(
    batch_size=2,
    num_workers=1,
    dataset=dict(
        dataset=dict(
            _delete_=True, type='RepeatDataset', times=50, dataset=sample
        )
    ),
)
val_dataloader = dict(
    batch_size=4,
    num_workers=1,
    dataset=dict(data_root=data_root, ann_file=ann_file, pipeline=pipeline),
)
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=data_root + ann_file)
test_evaluator = val_evaluator

max_epochs = 14
train_cfg = dict(max_epochs=max_epochs, val_interval=7)
optim_wrapper = dict(optimizer=dict(lr=4e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, end=30),
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        convert_to_iter_based=True,
        T_max=max_epochs,
        eta_min=1e-6,
    ),
]
default_hooks = dict(logger=dict(interval=25))
auto_scale_lr = dict(base_batch_size=4)
