# Real pictures; the small diffusion model has seen drawn ones only.
_base_ = [
    '../../_base_/models/ppm_tiny.py',
    '../../_base_/datasets/cape_realmini.py',
    '../../_base_/default_runtime.py',
]
custom_imports = dict(imports=['projects.ppm'], allow_failed_imports=False)

checkpoint_free = True
test_dataloader = dict(dataset=dict(input_size=64, support_size=64))
