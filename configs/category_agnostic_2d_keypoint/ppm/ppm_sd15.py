# PPM with Stable Diffusion 1.5. The weights come from the hub; fetch them
# once with model.diffusion.allow_download=True, or give a folder as
# model.diffusion.path.
_base_ = '../../_base_/default_runtime.py'

custom_imports = dict(imports=['projects.ppm'], allow_failed_imports=False)

size = 512
model = dict(
    type='PPM',
    diffusion=dict(
        type='LatentDiffusion',
        path='stable-diffusion-v1-5/stable-diffusion-v1-5',
    ),
    maps=dict(type='ExactPromptMaps', size=size, timestep=10, max_batch=8),
    learner=dict(type='PromptLearner', lr=2e-3, steps=300),
    prompt_loss=dict(type='PromptLoss', sigma=size / 32, dm_weight=1.0),
    decoder=dict(type='PeakDecoder'),
    # An evaluation that was killed goes on from here.
    episode_dir='work_dirs/ppm_episodes',
)
