# Neither objects nor keypoints are aligned with prompts (paper, table 9). All
# categories of a prompt tie then, so only those of the picture are asked for.
_base_ = './xpose_tiny_synthkpt_ablation-object-alignment.py'

model = dict(bbox_head=dict(object_alignment=False))

test_pipeline = [
    *_base_.test_pipeline[:-2],
    dict(_base_.test_pipeline[-2], mode='present'),
    _base_.test_pipeline[-1],
]
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
