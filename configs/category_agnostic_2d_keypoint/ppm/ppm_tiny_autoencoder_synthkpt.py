# First stage of the small diffusion model: pictures to latents and back.
_base_ = [
    '../../_base_/datasets/synthkpt_crops.py',
    '../../_base_/schedules/ppm_tiny.py',
]
custom_imports = dict(imports=['projects.ppm'], allow_failed_imports=False)

model = dict(
    type='LatentAutoencoder',
    vae=dict(
        sample_size=64,
        block_out_channels=(16, 32, 64),
        down_block_types=('DownEncoderBlock2D',) * 3,
        up_block_types=('UpDecoderBlock2D',) * 3,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        mid_block_add_attention=False,
    ),
    data_preprocessor=dict(
        type='mmpose.PoseDataPreprocessor',
        mean=[127.5] * 3,
        std=[127.5] * 3,
        bgr_to_rgb=True,
    ),
)
# Convolutions learn as well from quarters of a picture.
train_dataloader = dict(
    dataset=dict(
        pipeline=[
            dict(type='LoadImage'),
            dict(
                type='RandomChoiceResize',
                scales=[(64, 64), (77, 77), (96, 96)],
                resize_type='ResizeKeypoints',
            ),
            dict(
                type='RandomCropKeypoints',
                size_range=(32, 32),
                min_box_area=0.05,
            ),
            dict(type='SamplePromptCategories', mode='present'),
            dict(type='PackPromptInputs'),
        ]
    )
)
