# Features of CLIP ViT-B/16. CLIP_WEIGHTS in the environment names a file of
# its weights; by default open_clip downloads OpenAI's.
_base_ = './episode_baseline.py'

model = dict(
    type='FeatureMatching',
    data_preprocessor=dict(
        mean=[122.771, 116.746, 104.094],
        std=[68.501, 66.632, 70.323],
        bgr_to_rgb=True,
    ),
    backbone=dict(
        type='OpenCLIPBackbone',
        model_name='ViT-B-16-quickgelu',
        pretrained='{{$CLIP_WEIGHTS:openai}}',
        allow_download=True,
    ),
)
