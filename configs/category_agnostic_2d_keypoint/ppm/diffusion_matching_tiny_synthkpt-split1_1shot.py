# No prompts: the most similar place of the features of PPM's UNet.
_base_ = [
    '../../_base_/models/diffusion_matching_tiny.py',
    '../../_base_/datasets/cape_synthkpt_splits.py',
    '../../_base_/default_runtime.py',
]
custom_imports = dict(
    imports=['projects.ppm', 'projects.common.models.baselines']
)

checkpoint_free = True
model_wrapper_cfg = dict(type='mmpose.Unwrapped')
test_dataloader = dict(dataset=dict(input_size=64, support_size=64))
