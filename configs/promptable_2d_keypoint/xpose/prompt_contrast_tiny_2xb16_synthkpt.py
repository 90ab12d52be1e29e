# The small image tower learns the text tower's embeddings, before a detector
# is trained on both. The pictures themselves are not looked at.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/datasets/synthkpt.py',
    '../../_base_/schedules/xpose_tiny.py',
    '../../_base_/models/xpose_tiny.py',
]

model = dict(
    _delete_=True,
    type='PromptContrast',
    prompt_encoder=_base_.model.prompt_encoder,
    data_preprocessor=dict(type='BaseDataPreprocessor'),
)
train_pipeline = [
    dict(type='LoadImage'),
    dict(type='ResizeKeypoints', scale=(32, 32), keep_ratio=True),
    dict(
        type='SamplePromptCategories',
        mode='train',
        num_negatives=(4, 4),
        style_prob=0.0,
    ),
    dict(
        _base_.train_pipeline[-2],
        modality_probs=dict(visual=1.0),
        shots=(1, 1),
        max_negatives=4,
    ),
    dict(type='PackPromptInputs'),
]
train_dataloader = dict(
    batch_size=16, dataset=dict(dataset=dict(pipeline=train_pipeline))
)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
default_hooks = dict(checkpoint=dict(save_best=None))
# Nothing is validated here but by training a detector.
val_dataloader = val_cfg = val_evaluator = None
test_dataloader = test_cfg = test_evaluator = None
