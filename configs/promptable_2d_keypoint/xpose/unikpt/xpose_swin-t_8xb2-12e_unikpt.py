# UniKPT whole (paper, table 5 and last row of 11).
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/datasets/unikpt_multiscale.py',
    '../../../_base_/schedules/xpose_12e.py',
    '../../../_base_/models/xpose_clip.py',
]
