# Nearest neighbours of the features of PPM's small UNet.
tiny_split = '{{$SYNTHMP_SPLIT:1}}'
tiny_name = tiny_split if 'super' in tiny_split else f'split{tiny_split}'
model = dict(
    type='FeatureMatching',
    data_preprocessor=dict(
        type='mmdet.DetDataPreprocessor',
        mean=[127.5] * 3,
        std=[127.5] * 3,
        bgr_to_rgb=True,
    ),
    backbone=dict(
        type='DiffusionFeatures',
        diffusion=dict(
            type='LatentDiffusion', path=f'checkpoints/ppm_tiny/{tiny_name}'
        ),
    ),
    stride=1,
)
