# Objects are aligned with their prompts, keypoints are not (paper, table 9).
_base_ = './xpose_tiny_2xb8_synthkpt.py'

model = dict(bbox_head=dict(keypoint_alignment=None))
