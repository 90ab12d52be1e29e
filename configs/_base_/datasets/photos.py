# Real photos of seven categories, see docs/dataset_zoo/photos.md, and
# SynthKPT, so that drawings are not forgotten. Made by
#   python tools/dataset_converters/photos.py PHOTOS REALDATA --out data/photos
#   python tools/dataset_converters/synthkpt.py --out data/synthkpt
_base_ = './realmini.py'
data_root = 'data/photos/'
photos = dict(data_root=data_root)
# What mmpose's inferencers ask of a model, and what they prompt it with.
data_mode = 'bottomup'
default_prompt = 'configs/_base_/prompts/photos.json'

# Images of each source in an epoch of 2,400: a fifth are drawings; images of
# small sets are seen more often than those of large ones.
weights = dict(
    synthkpt_train=500,
    mouse=180,
    fly=220,
    person=220,
    cattle=400,
    horse=380,
    sheep=380,
    tube=120,
)
train_pipeline = [
    *_base_.train_pipeline[:4],  # load, flip, rotate, crop
    dict(
        type='RandomChoiceResize',
        scales=[(160, 160), (192, 192), (224, 224)],
        resize_type='ResizeKeypoints',
        keep_ratio=True,
    ),
    dict(type='mmdet.PhotoMetricDistortion'),
    dict(type='SamplePromptCategories', mode='train', num_negatives=(0, 6)),
    dict(type='PackPromptInputs'),
]
test_pipeline = [
    dict(type='LoadImage'),
    dict(type='ResizeKeypoints', scale=(224, 224), keep_ratio=True),
    dict(type='DefaultPrompt', prompt=default_prompt),
    dict(type='SamplePromptCategories', mode='all'),
    dict(type='PackPromptInputs'),
]
train_dataloader = dict(
    batch_size=8,
    sampler=dict(
        _delete_=True,
        type='BalancedSourceSampler',
        weights=weights,
        epoch_size=sum(weights.values()),
    ),
    dataset=dict(
        dataset=dict(
            _delete_=True,
            type='ConcatPromptDataset',
            datasets=[
                dict(
                    type='PromptCocoDataset',
                    data_root=data_root,
                    ann_file='annotations/train.json',
                    data_prefix=dict(img=''),
                    pipeline=train_pipeline,
                ),
                dict(
                    type='PromptCocoDataset',
                    data_root='data/synthkpt/',
                    ann_file='annotations/synthkpt_train.json',
                    data_prefix=dict(img=''),
                    pipeline=train_pipeline,
                ),
            ],
        )
    ),
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline, **photos))
test_dataloader = val_dataloader
val_evaluator = dict(
    ann_file=data_root + 'annotations/val.json',
    pck_thr=[0.05, 0.1, 0.2],
    views=['one_label', 'given_class', 'given_box'],
)
test_evaluator = val_evaluator
