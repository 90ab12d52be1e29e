# Second stage of the small diffusion model: latents of 16 x 16 from noise and
# a caption. It starts from the VAE that tools/model_converters/
# export_diffusion.py has written after the first stage.
_base_ = [
    '../../_base_/datasets/synthkpt_crops.py',
    '../../_base_/schedules/ppm_tiny.py',
]
custom_imports = dict(imports=['projects.ppm'], allow_failed_imports=False)

vae = f'work_dirs/ppm_tiny_autoencoder/{_base_.crops_name}'
model = dict(
    type='TextToImageDiffusion',
    vae=vae,
    unet=dict(
        sample_size=16,
        block_out_channels=(64, 64, 128),
        layers_per_block=1,
        norm_num_groups=8,
        attention_head_dim=4,  # heads
        down_block_types=('CrossAttnDownBlock2D',) * 3,
        up_block_types=('CrossAttnUpBlock2D',) * 3,
    ),
    # Contexts that are wider than any layer's queries, as in Stable
    # Diffusion: what a prompt can say is limited by its width.
    text_encoder=dict(
        hidden_size=384,
        intermediate_size=768,
        num_hidden_layers=2,
        num_attention_heads=6,
    ),
    # Those of Stable Diffusion.
    scheduler=dict(
        beta_schedule='scaled_linear',
        beta_start=0.00085,
        beta_end=0.012,
        clip_sample=False,
        steps_offset=1,
    ),
    words=_base_.crops_root + 'annotations.json',
)
train_dataloader = dict(
    batch_size=16,
    num_workers=0,  # latents are in memory
    persistent_workers=False,
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        _delete_=True,
        type='LatentDataset',
        dataset=dict(
            type='PromptCocoDataset',
            data_root=_base_.crops_root,
            ann_file='annotations.json',
            data_prefix=dict(img=''),
            pipeline=_base_.crops_pipeline,
        ),
        vae=vae,
        file=f'{vae}/latents.safetensors',
        views=2,
    ),
)
# Of a schedule of 4000: on validation categories, PPM was best with the model
# of this iteration, though later ones paint better.
train_cfg = dict(max_iters=1000)
param_scheduler = [
    _base_.param_scheduler[0],
    dict(_base_.param_scheduler[1], end=4000),
]
custom_hooks = [
    dict(
        type='EMAHook',
        ema_type='ExpMomentumEMA',
        momentum=2e-3,
        gamma=100,
        priority=49,
    )
]
