# Adapted to real flies and persons, asked in words and by example, and then
# tried on mice, which no training showed: see docs/dataset_zoo/realmini.md.
_base_ = './xpose_tiny_realmini.py'

category_names = ['fly', 'person']
max_epochs = 3

train_pipeline = [
    *_base_.train_pipeline[:-1],
    dict(
        type='SampleSupports',
        pool=dict(
            dataset=dict(
                type=_base_.dataset_type,
                data_root=_base_.data_root,
                ann_file=_base_.train_ann_file,
                data_prefix=_base_.data_prefix,
                category_names=category_names,
            ),
            min_visible=3,
            min_size=24,
        ),
        modality_probs=dict(text=0.3, visual=0.5, combined=0.2),
        shots=(1, 2),
        size=96,
        context=(1.1, 1.5),
        max_negatives=1,
        augment=[
            dict(type='RandomFlipKeypoints', prob=0.5),
            dict(type='RandomRotateKeypoints', max_degrees=20, prob=0.5),
            dict(type='mmdet.PhotoMetricDistortion'),
        ],
    ),
    _base_.train_pipeline[-1],
]
train_dataloader = dict(
    dataset=dict(
        dataset=dict(category_names=category_names, pipeline=train_pipeline)
    )
)
train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], T_max=max_epochs),
]
# It is judged by the episodes of mice, not here.
val_dataloader = val_cfg = val_evaluator = None
test_dataloader = test_cfg = test_evaluator = None
