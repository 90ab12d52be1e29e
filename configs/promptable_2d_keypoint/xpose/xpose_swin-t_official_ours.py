# The architecture of the released X-Pose checkpoint with our thresholds:
# NMS inside each category, OKS-NMS, other scores. Its weights come from
# tools/model_converters/xpose_official.py, see
# docs/guides/official_checkpoint.md.
_base_ = './xpose_swin-t_8xb2-12e_synthkpt.py'

model = dict(
    prompt_encoder=dict(template='flat'),
    backbone=dict(init_cfg=None),
    encoder=dict(prompt_self_attention='isolated'),
    bbox_head=dict(
        calibrated=False,
        refiner=dict(keypoint_frame='image', max_keypoints=68),
    ),
)
