# Trained with text prompts only (paper, table 10).
_base_ = './xpose_tiny_2xb8_synthkpt.py'

train_pipeline = [
    *_base_.train_pipeline[:-2],
    dict(_base_.train_pipeline[-2], modality_probs=dict(text=1.0)),
    _base_.train_pipeline[-1],
]
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline)))
