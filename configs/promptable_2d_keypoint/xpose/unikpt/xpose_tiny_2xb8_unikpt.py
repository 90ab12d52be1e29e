# UniKPT whole, with the small model.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/datasets/unikpt.py',
    '../../../_base_/schedules/xpose_tiny.py',
    '../../../_base_/models/xpose_tiny.py',
]
