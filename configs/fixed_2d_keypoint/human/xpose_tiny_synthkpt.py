# Our small model, by text, on one category and the budget of the others.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/datasets/synthkpt.py',
    '../../_base_/schedules/xpose_tiny.py',
    '../../_base_/models/xpose_tiny.py',
    '../../_base_/datasets/fixed_synthkpt.py',
    '../../_base_/schedules/fixed_budget.py',
]

# The text part alone: no pictures of examples.
model = dict(
    prompt_encoder=dict(_delete_=True, **_base_.model.prompt_encoder.text)
)

train_cfg = dict(_delete_=True, **_base_.budget_train_cfg)
param_scheduler = _base_.budget_scheduler
default_hooks = dict(checkpoint=_base_.budget_checkpoint)
log_processor = _base_.budget_log_processor

train_pipeline = [*_base_.train_pipeline[:-2], _base_.train_pipeline[-1]]
train_pipeline[-2].update(num_negatives=(0, 0))
train_dataloader = dict(
    dataset=dict(
        dataset=dict(ann_file=_base_.fixed_train_file, pipeline=train_pipeline)
    ),
    **_base_.budget_loader,
)
val_dataloader = dict(
    dataset=dict(ann_file=_base_.fixed_val_file), **_base_.budget_loader
)
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=_base_.fixed_root + _base_.fixed_val_file)
test_evaluator = val_evaluator
