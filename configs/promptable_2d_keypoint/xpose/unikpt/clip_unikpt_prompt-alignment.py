# Plain CLIP on cuts around the annotations (paper, table 7), for comparison
# with *_unikpt_prompt-alignment.py. Nothing is trained.
_base_ = [
    '../../../_base_/default_runtime.py',
    '../../../_base_/datasets/unikpt_multiscale.py',
]

# The text and image towers of one CLIP, as in _base_/models/xpose_clip.py.
clip = dict(
    model_name='ViT-B-32-quickgelu',
    pretrained='{{$CLIP_WEIGHTS:openai}}',
    allow_download=True,
)
model = dict(
    type='mmpose.CLIPRegions',
    text=dict(
        type='mmpose.TextPromptEncoder',
        embed_dims=512,
        tower=dict(type='mmpose.OpenCLIPTextTower', **clip),
    ),
    image=dict(type='mmpose.OpenCLIPImageTower', **clip),
    data_preprocessor=dict(
        type='mmdet.DetDataPreprocessor',
        mean=[122.7709383, 116.7460125, 104.09373615],
        std=[68.5005327, 66.6321579, 70.32316305],
        bgr_to_rgb=True,
    ),
)
test_dataloader = dict(
    dataset=dict(
        names='{{$UNIKPT_TEST:ap10k}}',
        benchmarks=dict(
            ap10k=dict(ask='present'), humanart=dict(ask='present')
        ),
    )
)
test_evaluator = dict(_delete_=True, type='PromptAlignment')
test_cfg = dict()

checkpoint_free = True
model_wrapper_cfg = dict(type='Unwrapped')
train_dataloader = val_dataloader = val_evaluator = None
