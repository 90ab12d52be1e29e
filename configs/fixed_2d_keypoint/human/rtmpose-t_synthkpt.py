# mmpose's RTMPose-t, top-down, from random weights (its own are a download).
_base_ = [
    'mmpose::body_2d_keypoint/rtmpose/coco/'
    'rtmpose-t_8xb256-420e_coco-256x192.py',
    '../../_base_/datasets/fixed_synthkpt.py',
    '../../_base_/schedules/fixed_budget.py',
]

size = _base_.topdown_size
codec = dict(_base_.codec, input_size=size, sigma=(3.46, 4.0))
model = dict(
    backbone=dict(init_cfg=None, norm_cfg=dict(type='BN')),
    head=dict(
        input_size=size,
        in_featuremap_size=(size[0] // 32, size[1] // 32),
        decoder=codec,
    ),
    test_cfg=dict(flip_test=False),
)
# 4e-3 is for 1024 objects at a time.
optim_wrapper = dict(optimizer=dict(lr=1e-3))

train_pipeline = [
    *_base_.topdown_train_pipeline,
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackPoseInputs'),
]

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
        ann_file=_base_.fixed_val_file,
        bbox_file=None,  # ground-truth boxes
        pipeline=_base_.topdown_val_pipeline,
        **data,
    ),
    **_base_.budget_loader,
)
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=_base_.fixed_root + _base_.fixed_val_file)
test_evaluator = val_evaluator
