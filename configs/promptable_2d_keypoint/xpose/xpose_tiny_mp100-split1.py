# Trained on the training categories of an MP-100 split alone, chosen as in
# _base_/datasets/cape_mp100.py by MP100_SPLIT, and not validated: the episodes
# of configs/category_agnostic_2d_keypoint/xpose/xpose_tiny_mp100-split1_*.py
# measure it on the test categories. test_dataloader stays SynthKPT's.
_base_ = './xpose_tiny_2xb8_synthkpt.py'

split = '{{$MP100_SPLIT:1}}'
split = split if 'super' in split else f'split{split}'
mp100 = dict(
    type='MP100Dataset',
    data_root='data/mp100/',
    ann_file=f'annotations/mp100_{split}_train.json',
    data_prefix=dict(img='images'),
)
support_pool = dict(_base_.support_pool, dataset=mp100)

train_pipeline = [
    *_base_.train_pipeline[:-2],
    dict(_base_.train_pipeline[-2], pool=support_pool),
    _base_.train_pipeline[-1],
]
train_dataloader = dict(
    dataset=dict(dataset=dict(**mp100, pipeline=train_pipeline))
)
val_dataloader = None
val_evaluator = None
val_cfg = None
