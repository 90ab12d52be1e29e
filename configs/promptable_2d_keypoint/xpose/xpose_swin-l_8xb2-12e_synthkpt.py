_base_ = './xpose_swin-t_8xb2-12e_synthkpt.py'

model = dict(
    backbone=dict(
        pretrain_img_size=384,
        embed_dims=192,
        depths=[2, 2, 18, 2],
        num_heads=[6, 12, 24, 48],
        window_size=12,
        init_cfg=dict(
            checkpoint='https://github.com/SwinTransformer/storage/releases/'
            'download/v1.0.0/swin_large_patch4_window12_384_22k.pth'
        ),
    ),
    neck=dict(in_channels=[384, 768, 1536]),
)
