# The architecture of the released X-Pose checkpoint with our thresholds:
# NMS inside each category, OKS-NMS, other scores. Its weights come from
# tools/model_converters/xpose_official.py, see
# docs/guides/official_checkpoint.md.
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/datasets/synthkpt_multiscale.py',
    '../../_base_/schedules/xpose_12e.py',
    '../../_base_/models/xpose_swin-t.py',
]

model = dict(
    prompt_encoder=dict(template='flat'),
    backbone=dict(init_cfg=None),
    encoder=dict(prompt_self_attention='isolated'),
    bbox_head=dict(
        calibrated=False,
        # No parameter; keypoint scores come from it.
        keypoint_alignment=dict(),
        refiner=dict(keypoint_frame='image', max_keypoints=68),
    ),
)

# Only the text encoder was released, so training asks by text.
train_pipeline = [*_base_.train_pipeline[:-2], _base_.train_pipeline[-1]]
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline)))
