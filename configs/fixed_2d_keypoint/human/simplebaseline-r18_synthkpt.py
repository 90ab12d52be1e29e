# SimpleBaseline with ResNet-18, top-down, from random weights.
_base_ = [
    'mmpose::body_2d_keypoint/topdown_heatmap/coco/'
    'td-hm_res50_8xb64-210e_coco-256x192.py',
    '../../_base_/datasets/fixed_synthkpt.py',
    '../../_base_/schedules/fixed_budget.py',
]

size = _base_.topdown_size
codec = dict(
    _base_.codec,
    input_size=size,
    heatmap_size=(size[0] // 4, size[1] // 4),
    sigma=1.5,
)
model = dict(
    backbone=dict(depth=18, init_cfg=None),
    head=dict(in_channels=512, decoder=codec),
    test_cfg=dict(flip_test=False),
)

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
