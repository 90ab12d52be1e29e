# mmpose's RTMO-s, one-stage, from random weights, with the pictures' size of
# our small model and the pipeline of its last epochs (no mosaic).
_base_ = [
    'mmpose::body_2d_keypoint/rtmo/coco/rtmo-s_8xb32-600e_coco-640x640.py',
    '../../_base_/datasets/fixed_synthkpt.py',
    '../../_base_/schedules/fixed_budget.py',
]

size = (192, 192)
model = dict(
    data_preprocessor=dict(batch_augments=None),
    backbone=dict(init_cfg=None),
    test_cfg=dict(input_size=size),
)
# 4e-3 is for 256 pictures at a time.
optim_wrapper = dict(optimizer=dict(lr=1e-3))

codec = dict(input_size=size)
train_pipeline = _base_.train_pipeline_stage2
train_pipeline[1].update(input_size=size)
train_pipeline[6].update(encoder=dict(_base_.codec, input_size=size))
val_pipeline = _base_.val_pipeline
val_pipeline[1].update(input_size=size)

custom_imports = dict(imports=['projects.xpose'])
custom_hooks = []
train_cfg = dict(_delete_=True, **_base_.budget_train_cfg)
param_scheduler = _base_.budget_scheduler
default_hooks = dict(checkpoint=_base_.budget_checkpoint)
log_processor = _base_.budget_log_processor
randomness = dict(seed=0)

data = dict(data_root=_base_.fixed_root, data_prefix=_base_.fixed_prefix)
train_dataloader = dict(
    dataset=dict(
        ann_file=_base_.fixed_train_file, pipeline=train_pipeline, **data
    ),
    **_base_.budget_loader,
)
val_dataloader = dict(
    dataset=dict(
        ann_file=_base_.fixed_val_file, pipeline=val_pipeline, **data
    ),
    **_base_.budget_loader,
)
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=_base_.fixed_root + _base_.fixed_val_file)
test_evaluator = val_evaluator
