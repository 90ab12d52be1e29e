_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/datasets/synthkpt_multiscale.py',
    '../../_base_/schedules/xpose_12e.py',
    '../../_base_/models/xpose_clip.py',
]
