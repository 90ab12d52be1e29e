# PPM with the small diffusion model of pictures of 64 x 64; see
# checkpoints/ppm_tiny/README.md. Every split has its own, which has seen no
# category of that split's test; the one of split 1 ships.
tiny_split = '{{$SYNTHMP_SPLIT:1}}'
tiny_name = tiny_split if 'super' in tiny_split else f'split{tiny_split}'
size = 64
model = dict(
    type='PPM',
    diffusion=dict(
        type='LatentDiffusion', path=f'checkpoints/ppm_tiny/{tiny_name}'
    ),
    maps=dict(type='ExactPromptMaps', size=size, timestep=10, max_batch=32),
    # With the paper's lr of 2e-3 the prompts of this small model hardly move.
    # This and sigma, three cells of the finest map, were chosen on the
    # validation part of split 1.
    learner=dict(type='PromptLearner', lr=0.3, steps=500, plateau_window=None),
    prompt_loss=dict(type='PromptLoss', sigma=size * 3 / 16, dm_weight=1.0),
    decoder=dict(type='PeakDecoder'),
    # An evaluation that was killed goes on from here.
    episode_dir='work_dirs/ppm_episodes',
)
