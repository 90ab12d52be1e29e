# X-Pose at the paper's sizes (section 5.1 and the released model); leaves
# choose the backbone.
embed_dims = 256

model = dict(
    type='mmpose.XPose',
    num_queries=900,
    num_feature_levels=4,
    data_preprocessor=dict(
        type='mmdet.DetDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_size_divisor=1,
    ),
    prompt_encoder=dict(
        type='mmpose.TextPromptEncoder',
        embed_dims=512,
        tower=dict(
            type='mmpose.OpenCLIPTextTower', model_name='ViT-B-32-quickgelu'
        ),
    ),
    neck=dict(
        type='mmdet.ChannelMapper',
        in_channels=[192, 384, 768],
        kernel_size=1,
        out_channels=embed_dims,
        act_cfg=None,
        bias=True,
        norm_cfg=dict(type='GN', num_groups=32),
        num_outs=4,
    ),
    positional_encoding=dict(
        num_feats=embed_dims // 2, normalize=True, temperature=20
    ),
    encoder=dict(
        num_layers=6,
        fusion_cfg=dict(
            v_dim=embed_dims,
            l_dim=embed_dims,
            embed_dim=1024,
            num_heads=4,
            drop_path=0.1,
            init_values=1e-4,
        ),
        prompt_layer_cfg=dict(
            self_attn_cfg=dict(embed_dims=embed_dims, num_heads=4),
            ffn_cfg=dict(embed_dims=embed_dims, feedforward_channels=1024),
        ),
        layer_cfg=dict(
            self_attn_cfg=dict(
                embed_dims=embed_dims, num_levels=4, dropout=0.0
            ),
            ffn_cfg=dict(embed_dims=embed_dims, feedforward_channels=2048),
        ),
    ),
    decoder=dict(
        num_object_layers=2,
        num_keypoint_layers=4,
        layer_cfg=dict(
            self_attn_cfg=dict(embed_dims=embed_dims, num_heads=8),
            cross_attn_text_cfg=dict(embed_dims=embed_dims, num_heads=8),
            cross_attn_cfg=dict(
                embed_dims=embed_dims, num_levels=4, dropout=0.0
            ),
            ffn_cfg=dict(embed_dims=embed_dims, feedforward_channels=2048),
        ),
    ),
    dn_cfg=dict(
        label_noise_scale=0.5,
        box_noise_scale=1.0,
        group_cfg=dict(dynamic=True, num_dn_queries=100),
    ),
    bbox_head=dict(
        type='mmpose.XPoseHead',
        embed_dims=embed_dims,
        criterion=dict(
            object_assigner=dict(
                type='mmdet.HungarianAssigner',
                match_costs=[
                    dict(type='mmdet.FocalLossCost', weight=2.0),
                    dict(
                        type='mmdet.BBoxL1Cost', weight=5.0, box_format='xywh'
                    ),
                    dict(type='mmdet.IoUCost', iou_mode='giou', weight=2.0),
                ],
            ),
            keypoint_assigner=dict(
                type='mmdet.HungarianAssigner',
                match_costs=[
                    dict(type='mmdet.FocalLossCost', weight=2.0),
                    dict(
                        type='mmdet.BBoxL1Cost', weight=5.0, box_format='xywh'
                    ),
                    dict(type='mmdet.IoUCost', iou_mode='giou', weight=2.0),
                    dict(type='mmpose.KeypointL1Cost', weight=10.0),
                    dict(type='mmpose.OKSCost', weight=4.0),
                ],
            ),
            loss_cls=dict(
                type='mmdet.FocalLoss',
                use_sigmoid=True,
                gamma=2.0,
                alpha=0.25,
                loss_weight=2.0,
            ),
            loss_bbox=dict(type='mmdet.L1Loss', loss_weight=5.0),
            loss_iou=dict(type='mmdet.GIoULoss', loss_weight=2.0),
            keypoint_weight=50.0,
            oks_weight=4.0,
        ),
    ),
    train_cfg=dict(num_groups=50),
    test_cfg=dict(
        num_groups=50,
        multi_label=True,
        score_thr=0.01,
        nms_iou_thr=0.7,
        class_agnostic_nms=False,
        oks_nms_thr=0.9,
        max_per_img=50,
    ),
)
