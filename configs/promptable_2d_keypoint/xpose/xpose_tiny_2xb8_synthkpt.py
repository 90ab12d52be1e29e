# X-Pose small enough for two CPU cores: one process per core with 8 pictures
# each,  bash tools/dist_train.sh CONFIG 2
_base_ = [
    '../../_base_/default_runtime.py',
    '../../_base_/datasets/synthkpt.py',
    '../../_base_/schedules/xpose_tiny.py',
    '../../_base_/models/xpose_tiny.py',
]
